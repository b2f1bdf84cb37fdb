// What expressions of a task see: layers of variables, the first that has a name wins; templates in variables are rendered when they are read.
import { renderDeep, type Scope } from '../expression/index.ts';
import type { Facts } from '../model/fact.ts';
import { isMapping, type Mapping, type Value } from '../model/value.ts';

/** Thrown out of a lookup when a variable's own template cannot be rendered; caught where an expression is evaluated. */
export class VariableError extends Error {}

/** Layers from the strongest to the weakest. Rendered values are kept, so a scope must not outlive a change of its layers. */
export function layeredScope(layers: readonly Mapping[]): Scope {
  const rendered = new Map<string, Value>();
  const inProgress: string[] = [];
  const scope: Scope = {
    lookup: (name) => {
      const kept = rendered.get(name);
      if (kept !== undefined) return kept;
      const layer = layers.find((candidate) => Object.hasOwn(candidate, name));
      const raw = layer?.[name];
      if (raw === undefined) return undefined;
      if (inProgress.includes(name)) throw new VariableError(`variable ${name} refers to itself: ${[...inProgress, name].join(' -> ')}`);
      inProgress.push(name);
      try {
        const value = renderVariable(name, raw, scope);
        rendered.set(name, value);
        return value;
      } finally {
        inProgress.pop();
      }
    },
  };
  return scope;
}

function renderVariable(name: string, raw: Value, scope: Scope): Value {
  const result = renderDeep(raw, scope);
  if (result.kind === 'value') return result.value;
  if (result.kind === 'unknown') return { $unknown: result.why };
  throw new VariableError(`variable ${name}: ${result.message}`);
}

/** Facts as the nested names that expressions use: `kernel.release` is found under `kernel`. Facts with arguments are not shown. */
export function nestFacts(facts: Facts): Mapping {
  const tree: Record<string, Value> = {};
  for (const [name, value] of Object.entries(facts)) {
    if (/^(package|service|path)\./.test(name)) continue;
    const words = name.split('.');
    const leaf = words.pop();
    let branch = tree;
    for (const word of words) {
      const next = branch[word];
      const copy: Record<string, Value> = isMapping(next) ? { ...next } : {};
      branch[word] = copy;
      branch = copy;
    }
    if (leaf !== undefined) branch[leaf] = value;
  }
  return tree;
}
