// Facts as they will be once planned changes are done: promises laid over, boot facts forgotten at a reboot, the chosen remedy kept.
import { derive, lifetimeOf } from '../../facts/index.ts';
import type { Facts } from '../../model/fact.ts';
import type { Change } from '../../model/run/change.ts';
import type { Remedy } from '../../model/run/plan.ts';
import { isMapping, unknown, type Value } from '../../model/value.ts';

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

/** The remedy that the facts call for. */
export function chooseRemedy(facts: Facts): ChosenRemedy {
  const word = (name: string, otherwise: string): string => (typeof facts[name] === 'string' ? facts[name] : otherwise);
  // `derive` sets one of the values of the type.
  return { remedy: word('kmem.remedy', 'unknown') as Remedy, why: word('kmem.remedy_why', 'the facts that decide it could not be read') };
}

/**
 * The remedy of a host whose walk begins. What the run saw since of the kernel that boots next decides again whether that kernel is replaced. A host
 * that was touched before (`--retry`) must reach its uncordon, so its remedy changes only from a new kernel to the argument alone.
 */
export function chooseAnew(planned: ChosenRemedy, raw: Facts, touched: boolean): ChosenRemedy {
  const { 'kernel.next': next, 'kernel.seen': seen } = raw;
  const obeys = typeof next === 'string' && isMapping(seen) && Object.hasOwn(seen, next) ? seen[next] : undefined;
  if (obeys === undefined || !['kernel_arg', 'kernel_and_arg', 'reboot'].includes(planned.remedy)) return planned;
  const anew = chooseRemedy(settle(raw, undefined));
  if (!touched) return anew;
  return obeys === 'yes' && planned.remedy === 'kernel_and_arg' ? { remedy: 'kernel_arg', why: anew.why } : planned;
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
