// Learns secrets from files, variables and templates of the operator.
import { render } from '../../core/plan/condition.ts';
import { type IsSecretName, isTemplate, secretTexts } from '../../core/plan/secrets.ts';
import type { Scope } from '../../expression/index.ts';
import type { Play } from '../../model/playbook.ts';
import type { Mapping, Value } from '../../model/value.ts';
import type { World } from './world.ts';

/** Learns secret values that are written in an inventory, a playbook or `-e`. */
export const learnWritten = (data: unknown, isSecret: IsSecretName, world: World): void =>
  world.secrets.learn(secretTexts(data, isSecret).filter((text) => !isTemplate(text)));

/** Learns secrets that are templates, rendered for one host. Those with facts are learned later. */
export function learnRendered(
  play: Play,
  vars: readonly Mapping[],
  scope: Scope,
  isSecret: IsSecretName,
  world: World,
): void {
  const templates = secretTexts([play, ...vars], isSecret).filter(isTemplate);
  for (const template of new Set(templates)) {
    const result = render(template, scope);
    if (result.kind === 'value')
      world.secrets.learn(secretTexts({ secret: result.value }, () => true));
  }
}

/** The value with its secrets masked, for digests: a digest must not help to guess a secret. */
export function withoutSecretValues(value: Value, isSecret: IsSecretName): Value {
  if (Array.isArray(value)) return value.map((item: Value) => withoutSecretValues(item, isSecret));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      isSecret(name) ? '***' : withoutSecretValues(item as Value, isSecret),
    ]),
  );
}
