// Learns secrets from files, variables and templates of the operator.

import { type IsSecretName, isTemplate, secretTexts } from '../../core/plan/secrets.ts';
import { render } from '../../core/plan/task/condition.ts';
import type { Scope } from '../../expression/index.ts';
import type { Value } from '../../model/value.ts';
import type { World } from './world.ts';

/** Learns secret values that are written in an inventory, a playbook or `-e`. */
export const learnWritten = (data: unknown, isSecret: IsSecretName, world: World): void =>
  world.secrets.learn(secretTexts(data, isSecret).filter((text) => !isTemplate(text)));

/** Texts under secret names that are templates. */
export const secretTemplates = (data: unknown, isSecret: IsSecretName): readonly string[] =>
  secretTexts(data, isSecret).filter(isTemplate);

/** Learns secrets that are templates, rendered for one host. Those with facts are learned later. */
export function learnRendered(templates: Iterable<string>, scope: Scope, world: World): void {
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
