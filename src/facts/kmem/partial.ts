// Partial proof: a play accepted that some programs go on asking for accounting. All other programs
// and their groups must prove that they do not.
import { type Facts, known } from '../../model/fact.ts';
import type { Accepted, Partial } from '../../model/facts/values.ts';
import { plural } from '../../model/text/plural.ts';
import { type CreatorRow, isBelowKubepods } from './creators.ts';
import { healthOf } from './kernels.ts';
import { isShown, mayAsk, type Part } from './parts.ts';
import { mayObey, readSituation, readsWhole, type Situation } from './situation.ts';
import { caseOf, notApplicable, offText, proofOf, unshownRuntimes } from './verdict.ts';
import { witnessRules } from './witnesses.ts';

export interface PartProof {
  /**
   * `samples`: everything that is not accepted is proven. `none`: no proof yet. `refuted`:
   * something that is not accepted accounts, or will. Empty: nothing is accepted here.
   */
  readonly state: Partial;
  readonly evidence: string;
  /** Keys of the runtimes without a proof that they do not ask. */
  readonly unshown: readonly string[];
}

const nothing: PartProof = { state: '', evidence: '', unshown: [] };

const mayLeak = ({ generation }: Situation['now']): boolean =>
  ['affected', 'suspect'].includes(healthOf(generation));

/**
 * Below /kubepods every group inherits from the kubelet's, whichever program made it. Other
 * programs own only their own groups.
 */
const madeBy = (part: Part, row: CreatorRow): boolean =>
  part.part === 'kubelet' ? isBelowKubepods(row) : part.owns(row);

/**
 * Judges the host by the usual rules, but without the accepted programs and the groups that they
 * explain. `whole` is the situation with them.
 */
export function partProofOf(facts: Facts, whole: Situation): PartProof {
  const accepted = known(facts, 'kmem.accepted', []);
  if (accepted.length === 0) return nothing;
  if (notApplicable(whole) !== undefined || !mayLeak(whole.now)) return nothing;
  const isAccepted = (part: Part): boolean =>
    accepted.some(({ key, name }) => part.key === key && part.name === name);
  const open = whole.parts.filter((part) => isAccepted(part) && mayAsk(part));
  const rest = readSituation(facts, witnessRules, {
    part: isAccepted,
    groups: (row) => open.some((part) => madeBy(part, row)),
  });
  const { state, evidence } = judged(whole, rest);
  const left = open.map(
    (part) =>
      `${part.name} ${part.accounts === 'yes' ? 'still accounts' : 'may account'}: accepted`,
  );
  return {
    state,
    evidence: [evidence, ...left].join('; ') + readOn(whole, rest),
    unshown: unshownRuntimes(rest).map(({ key }) => key),
  };
}

/** What the rest of the host proves. */
function judged(
  whole: Situation,
  rest: Situation,
): { readonly state: PartProof['state']; readonly evidence: string } {
  const host = caseOf(rest);
  if (!readsWhole(whole.samples))
    return { state: 'none', evidence: 'not every group could be read' };
  // Groups may read off because of the argument.
  if (mayObey(whole.now))
    return { state: 'none', evidence: 'cgroup.memory=nokmem is set, and the kernel may obey it' };
  if (host.tally.on > 0)
    return {
      state: 'refuted',
      evidence: `${host.tally.on} of ${rest.samples.total} groups that are not accepted read on`,
    };
  const asking = host.open.map(
    ({ name, accounts }) => `${name} ${accounts === 'yes' ? 'accounts' : 'may account'}`,
  );
  if (asking.length > 0)
    return { state: 'refuted', evidence: `${[...new Set(asking)].join(', ')}: not accepted` };
  if (proofOf(rest) === 'samples')
    return { state: 'samples', evidence: `${shownText(rest)} (${offText(host)})` };
  const unshown = unshownRuntimes(rest).map(({ key }) => key);
  return {
    state: 'none',
    evidence: unshown.length === 0 ? 'no sample' : `no sample of ${unshown.join(', ')}`,
  };
}

/** How many groups of the accepted programs read on. */
function readOn(whole: Situation, rest: Situation): string {
  const count = whole.samples.read - rest.samples.read;
  return count === 0 ? '' : ` (${plural(count, 'group reads', 'groups read')} on)`;
}

/** `docker's containers: off`. */
function shownText({ parts }: Situation): string {
  const shown = parts
    .filter((part) => part.part !== 'kubelet' && !part.never && isShown(part))
    .map(({ key }) => `${key}'s containers: off`);
  return shown.length === 0 ? 'all other groups: off' : [...new Set(shown)].join(', ');
}

/**
 * What a play with `partial: accept` leaves open, by the facts after its tasks: programs that still
 * ask at the next boot. Empty where the argument or a healthy kernel will prevent it.
 */
export function leftOpen(facts: Facts): readonly Accepted[] {
  const { now, next, parts } = readSituation(facts);
  const kernel = next ?? now;
  if (!mayLeak(kernel) || kernel.inForce) return [];
  return parts.filter(mayAsk).map(({ key, name }) => ({ key, name }));
}
