// Proof in part: a play accepted that some programs go on asking for accounting. All others, and their groups, must prove that they do not.
import type { Facts } from '../../model/fact.ts';
import type { Accepted } from '../../model/plan.ts';
import { type CreatorRow, isBelowKubepods } from './creators.ts';
import { healthOf } from './kernels.ts';
import { isShown, mappingsOf, mayAsk, type Part, textOf } from './parts.ts';
import { type Left, mayObey, readSituation, readsWhole, type Situation } from './situation.ts';
import { caseOf, notApplicable, offText, proofOf, unshownRuntimes } from './verdict.ts';
import { type WitnessRules, witnessRules } from './witnesses.ts';

export interface Partial {
  /**
   * `samples`: all that is not accepted is proven. `none`: nothing shows it yet. `refuted`: something accounts, or will, that nobody accepted.
   * Empty: nothing is accepted here.
   */
  readonly state: '' | 'samples' | 'none' | 'refuted';
  readonly evidence: string;
  /** Keys of the runtimes that have yet to show that they do not ask. */
  readonly unshown: readonly string[];
}

const nothing: Partial = { state: '', evidence: '', unshown: [] };

const mayLeak = ({ generation }: Situation['now']): boolean => ['affected', 'suspect'].includes(healthOf(generation));

/** The fact `kmem.accepted`. */
const acceptedIn = (facts: Facts): readonly Accepted[] =>
  mappingsOf(facts['kmem.accepted']).map((row) => ({ key: textOf(row, 'key'), name: textOf(row, 'name') }));

/** Below /kubepods every group inherits from the kubelet's, whoever made it; another program's groups are its own. */
const madeBy = (part: Part, row: CreatorRow): boolean => (part.part === 'kubelet' ? isBelowKubepods(row) : part.owns(row));

/** The host without the accepted programs and without the groups that they explain is judged by the same rules as any other. */
export function partialOf(facts: Facts, rules: WitnessRules = witnessRules): Partial {
  const accepted = acceptedIn(facts);
  if (accepted.length === 0) return nothing;
  const whole = readSituation(facts, rules);
  if (notApplicable(whole) !== undefined || !mayLeak(whole.now)) return nothing;
  const isAccepted = (part: Part): boolean => accepted.some(({ key, name }) => part.key === key && part.name === name);
  const open = whole.parts.filter((part) => isAccepted(part) && mayAsk(part));
  const left: Left = { part: isAccepted, groups: (row) => open.some((part) => madeBy(part, row)) };
  return judged(whole, readSituation(facts, rules, left), open);
}

function judged(whole: Situation, rest: Situation, open: readonly Part[]): Partial {
  const host = caseOf(rest);
  const unshown = unshownRuntimes(rest).map(({ key }) => key);
  const say = (state: Partial['state'], evidence: string): Partial => ({ state, evidence, unshown });
  const leftText = open
    .map(({ name, accounts }) => `${name} ${accounts === 'yes' ? 'still accounts' : 'may account'}: accepted`)
    .join('; ');
  if (!readsWhole(whole.samples)) return say('none', `not every group could be read; ${leftText}`);
  // Groups that read off may do so because of the argument.
  if (mayObey(whole.now)) return say('none', `cgroup.memory=nokmem is set, and the kernel may obey it; ${leftText}`);
  if (host.tally.on > 0)
    return say('refuted', `${host.tally.on} of ${rest.samples.total} groups that nobody accepted read on; ${leftText}`);
  const asking = [...new Set(host.open.map(({ name, accounts }) => `${name} ${accounts === 'yes' ? 'accounts' : 'may account'}`))];
  if (asking.length > 0) return say('refuted', [`${asking.join(', ')}: not accepted`, leftText].filter(Boolean).join('; '));
  if (proofOf(rest) !== 'samples')
    return say('none', [unshown.length === 0 ? 'no sample' : `no sample of ${unshown.join(', ')}`, leftText].join('; '));
  const on = whole.samples.read - rest.samples.read;
  const inherited = on === 0 ? '' : ` (${on} ${on === 1 ? 'group reads' : 'groups read'} on)`;
  return say('samples', `${shownText(rest)} (${offText(host)}); ${leftText}${inherited}`);
}

/** `docker's containers: off`. */
function shownText({ parts }: Situation): string {
  const shown = parts
    .filter((part) => part.part !== 'kubelet' && !part.never && isShown(part))
    .map(({ key }) => `${key}'s containers: off`);
  return shown.length === 0 ? 'all other groups: off' : [...new Set(shown)].join(', ');
}

/**
 * What a play with `partial: accept` leaves open, by facts as its tasks will leave them: programs that still ask at the next boot.
 * Nothing where the argument or a healthy kernel will forbid it.
 */
export function leftOpen(facts: Facts): readonly Accepted[] {
  const { now, next, parts } = readSituation(facts);
  const kernel = next ?? now;
  if (!mayLeak(kernel) || kernel.inForce) return [];
  return parts.filter(mayAsk).map(({ key, name }) => ({ key, name }));
}
