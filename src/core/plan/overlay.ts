// Facts as they will be after planned changes: with the promises of modules, without boot facts
// after a reboot, with the chosen remedy.
import { derive, lifetimeOf } from '../../facts/index.ts';
import { type Facts, known } from '../../model/fact.ts';
import type { Remedy } from '../../model/facts/values.ts';
import { present } from '../../model/present.ts';
import type { Change } from '../../model/run/change.ts';
import { unknown, type Value } from '../../model/value.ts';

export interface ChosenRemedy {
  readonly remedy: Remedy;
  readonly why: string;
}

/**
 * Adds `more` and derived facts to raw ones, in a copy. The remedy is chosen once per host: `kmem.remedy` keeps
 * that value until the walk ends, and `kmem.now.*` follows from the current facts. A drain or a new
 * argument changes what the facts call for, but must not switch off the rest of the walk.
 */
export function withDerived(raw: Facts, chosen: ChosenRemedy | undefined, more: Facts = {}): Facts {
  const facts = derive(raw, more);
  const now = present({
    'kmem.now.verdict': facts['kmem.verdict'],
    'kmem.now.evidence': facts['kmem.evidence'],
    'kmem.now.remedy': facts['kmem.remedy'],
    'kmem.now.remedy_why': facts['kmem.remedy_why'],
  });
  return Object.assign(facts, now, chosen === undefined ? {} : remedyFacts(chosen));
}

/** Derived facts with this remedy instead of theirs. */
export const withRemedy = (derived: Facts, chosen: ChosenRemedy): Facts => ({
  ...derived,
  ...remedyFacts(chosen),
});

const remedyFacts = ({ remedy, why }: ChosenRemedy): Facts => ({
  'kmem.remedy': remedy,
  'kmem.remedy_why': why,
});

/** The remedy that the facts call for. */
export const chooseRemedy = (facts: Facts): ChosenRemedy => ({
  remedy: known(facts, 'kmem.remedy', 'unknown'),
  why: known(facts, 'kmem.remedy_why', 'the facts that decide it could not be read'),
});

/**
 * The remedy of a host whose walk begins. What this run has since found about the kernel that boots
 * next decides again whether that kernel is replaced. A host that was touched before (`--retry`)
 * must reach its uncordon: its remedy may only change from a new kernel to the argument alone.
 */
export function chooseAnew(planned: ChosenRemedy, raw: Facts, touched: boolean): ChosenRemedy {
  const [next, seen] = [known(raw, 'kernel.next', ''), known(raw, 'kernel.seen', {})];
  const obeys = Object.hasOwn(seen, next) ? seen[next] : undefined;
  if (obeys === undefined || !['kernel_arg', 'kernel_and_arg', 'reboot'].includes(planned.remedy))
    return planned;
  const anew = chooseRemedy(withDerived(raw, undefined));
  if (!touched) return anew;
  return obeys === 'yes' && planned.remedy === 'kernel_and_arg'
    ? { remedy: 'kernel_arg', why: anew.why }
    : planned;
}

/**
 * The facts after these changes, as far as the module promises them. A planned reboot makes all
 * other boot facts unknown.
 */
export function foresee(
  facts: Facts,
  changes: readonly Change[],
  promises: Facts,
  chosen: ChosenRemedy | undefined,
): Facts {
  const reboots = changes.some((change) =>
    change.effects.some((effect) => effect.kind === 'reboot'),
  );
  if (!reboots)
    return Object.keys(promises).length === 0 ? facts : withDerived(facts, chosen, promises);
  const why = unknown('known only after the reboot');
  const ended: Record<string, Value> = {};
  for (const name of Object.keys(facts)) if (lifetimeOf(name) === 'boot') ended[name] = why;
  return withDerived(facts, chosen, Object.assign(ended as Facts, promises));
}
