// Facts as they will be once planned changes are done: promises laid over, boot facts forgotten at a reboot, the chosen remedy kept.
import { derive, lifetimeOf } from '../facts/index.ts';
import type { Change } from '../model/change.ts';
import type { Facts } from '../model/fact.ts';
import type { Remedy } from '../model/plan.ts';
import { unknown, type Value } from '../model/value.ts';

export interface ChosenRemedy {
  readonly remedy: Remedy;
  readonly why: string;
}

/**
 * Derived facts on top of raw ones. The remedy is chosen once per host: `kmem.remedy` keeps that value until the walk ends
 * (a drain removes accounted containers, an argument takes effect: neither may switch off the rest of the walk), `kmem.now.*` is fresh.
 */
export function settle(raw: Facts, chosen: ChosenRemedy | undefined): Facts {
  const facts = derive(raw);
  const now: Record<string, Value> = {};
  for (const name of ['verdict', 'evidence', 'remedy', 'remedy_why']) {
    const value = facts[`kmem.${name}`];
    if (value !== undefined) now[`kmem.now.${name}`] = value;
  }
  return chosen === undefined ? { ...facts, ...now } : { ...facts, ...now, 'kmem.remedy': chosen.remedy, 'kmem.remedy_why': chosen.why };
}

/** The facts after these changes, as far as the module promises them. A planned reboot makes every other boot fact unknown. */
export function foresee(facts: Facts, changes: readonly Change[], promises: Facts, chosen: ChosenRemedy | undefined): Facts {
  const reboots = changes.some((change) => change.effects.some((effect) => effect.kind === 'reboot'));
  if (!reboots) return settle({ ...facts, ...promises }, chosen);
  const after: Record<string, Value> = {};
  for (const [name, value] of Object.entries(facts)) {
    after[name] = lifetimeOf(name) === 'boot' ? unknown('known only after the reboot') : value;
  }
  return settle({ ...after, ...promises }, chosen);
}
