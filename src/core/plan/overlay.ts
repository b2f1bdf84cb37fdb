// Facts as they will be after planned changes: with the promises of modules, without boot facts
// after a reboot, with the chosen remedy.
import { derive, deriveLazily, lifetimeOf } from '../../facts/index.ts';
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
 * Adds derived facts to raw ones, in a copy. The remedy is chosen once per host: `kmem.remedy` keeps
 * that value until the walk ends, and `kmem.now.*` follows from the current facts. A drain or a new
 * argument changes what the facts call for, but must not switch off the rest of the walk.
 */
export function withDerived(raw: Facts, chosen: ChosenRemedy | undefined): Facts {
  const facts = derive(raw);
  const now = present({
    'kmem.now.verdict': facts['kmem.verdict'],
    'kmem.now.evidence': facts['kmem.evidence'],
    'kmem.now.remedy': facts['kmem.remedy'],
    'kmem.now.remedy_why': facts['kmem.remedy_why'],
  });
  return Object.assign(facts, now, chosen === undefined ? {} : remedyFacts(chosen));
}

/** `withDerived`, with the remedy that these facts call for where none was chosen. */
export function settled(
  raw: Facts,
  chosen: ChosenRemedy | undefined,
): { readonly facts: Facts; readonly chosen: ChosenRemedy } {
  const facts = withDerived(raw, chosen);
  if (chosen !== undefined) return { facts, chosen };
  const called = chooseRemedy(facts);
  return { facts: Object.assign(facts, remedyFacts(called)), chosen: called };
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

export const reboots = (changes: readonly Change[]): boolean =>
  changes.some((change) => change.effects.some((effect) => effect.kind === 'reboot'));

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
  if (!reboots(changes))
    return Object.keys(promises).length === 0 ? facts : foreseen(facts, promises, chosen);
  const why = unknown('known only after the reboot');
  const ended: Record<string, Value> = {};
  for (const name of Object.keys(facts)) if (lifetimeOf(name) === 'boot') ended[name] = why;
  return foreseen(facts, Object.assign(ended as Facts, promises), chosen);
}

/** What `withDerived` gives for facts and promises, derived when it is read. */
function foreseen(facts: Facts, promises: Facts, chosen: ChosenRemedy | undefined): Facts {
  const after = deriveLazily(facts, promises);
  for (const word of ['verdict', 'evidence', 'remedy', 'remedy_why'])
    define(after, `kmem.now.${word}`, Object.getOwnPropertyDescriptor(after, `kmem.${word}`));
  for (const [name, value] of Object.entries(chosen === undefined ? {} : remedyFacts(chosen)))
    define(after, name, { value, enumerable: true, configurable: true });
  return after;
}

const define = (facts: Facts, name: string, as: PropertyDescriptor = {}): Facts =>
  Object.defineProperty(facts, name, as);
