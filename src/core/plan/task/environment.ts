// The `environment` of a task: its layers merged as Ansible merges them, and what becomes of it where
// kmend chooses the programs itself.
import type { Result } from '../../../expression/index.ts';
import type { ModuleTask } from '../../../model/playbook.ts';
import type { AnyModule, Environment, ModulePlan } from '../../../model/run/change.ts';
import { isEnvironmentName } from '../../../model/text/environment-name.ts';
import { quote } from '../../../model/text/quote.ts';
import { isList, isMapping, type Mapping, type Value } from '../../../model/value.ts';

export type EnvironmentOf =
  | { readonly kind: 'environment'; readonly environment: Environment }
  | { readonly kind: 'later'; readonly why: string }
  | { readonly kind: 'wrong'; readonly message: string };

/** From the outside in: a name of a later layer replaces that of an earlier one. */
export function environmentOf(
  { environment = [] }: ModuleTask,
  render: (layer: Value) => Result,
): EnvironmentOf {
  let merged: Mapping = {};
  for (const layer of environment) {
    const result = render(layer);
    if (result.kind === 'unknown') return { kind: 'later', why: result.why };
    if (result.kind === 'error') return wrong(result.message);
    if (!isMapping(result.value)) return wrong('it should be a mapping of names to values');
    merged = { ...merged, ...result.value };
  }
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(merged)) {
    if (!isEnvironmentName(name)) return wrong(`\`${name}\` cannot be the name of a variable`);
    const text = textOf(value);
    if (text === undefined || text.includes('\0')) return wrong(`${name} should be a text`);
    texts[name] = text;
  }
  return { kind: 'environment', environment: texts };
}

const wrong = (why: string): EnvironmentOf => ({ kind: 'wrong', message: `environment: ${why}` });

/** As Python writes it. */
function textOf(value: Value): string | undefined {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value === null) return 'None';
  return isList(value) || isMapping(value) ? undefined : String(value);
}

const proxyName = /^(?:https?|ftp|no|all)_proxy$/i;

/** Kmend sets these itself: its scripts ask nothing, and read messages in English. */
const ownName = /^(?:DEBIAN_FRONTEND|APT_LISTCHANGES_FRONTEND|LANG|LANGUAGE|LC_[A-Z]+)$/;

/** Exports the proxies in front of each script of a plan; other variables refuse it. */
export function withProxies(
  plan: ModulePlan,
  { name, takesProxies }: AnyModule,
  environment: Environment,
): ModulePlan {
  const given = Object.entries(environment).filter(([key]) => !ownName.test(key));
  if (takesProxies !== true || given.length === 0 || plan.changes.length === 0) return plan;
  const other = given.find(([key]) => !proxyName.test(key));
  if (other !== undefined)
    return {
      changes: [],
      refuse: {
        why: `${name} runs its programs in an environment of its own, and this task sets ${other[0]}`,
        hint: 'it takes the variables of proxies; for others use `shell`',
      },
    };
  const exports = given.map(([key, value]) => `export ${key}=${quote(value)}\n`).join('');
  return {
    ...plan,
    changes: plan.changes.map((change) => ({
      ...change,
      effects: change.effects.map((effect) =>
        effect.kind === 'run' ? { ...effect, script: exports + effect.script } : effect,
      ),
    })),
  };
}
