// The verdict: what the reads prove about kernel-memory accounting on this host, with the evidence
// in one line. It counts groups and never trusts /proc/cmdline.
import type { ProofBy, Verdict } from '../../model/facts/values.ts';
import { plural } from '../../model/text/plural.ts';
import { groupIds } from './ids.ts';
import { healthOf, shortRelease } from './kernels.ts';
import { isContradicted, isRefused, isShown, mayAsk, type Part } from './parts.ts';
import { readingOf } from './reads.ts';
import { mayObey, readsWhole, type Situation } from './situation.ts';
import { isCritical, symptomName } from './symptoms.ts';
import { countOf, type Witnesses } from './witnesses.ts';

export interface Judgement {
  readonly verdict: Verdict;
  readonly evidence: string;
}

/** Non-root groups by the meaning of their answer. */
export interface Tally {
  readonly on: number;
  readonly off: number;
  /** Of the groups that read on: those with a kernel-memory limit of their own. */
  readonly explicit: number;
  /** Limited since they were made, by a kubelet or a runtime, and off. */
  readonly limitedOff: number;
  /** Of those, containers. */
  readonly containersOff: number;
}

const readingIn = (situation: Situation, group: Witnesses): 'on' | 'off' | 'none' =>
  readingOf(group, situation.now.generation, situation.memory, situation.now.inForce);

export function tallyOf(situation: Situation): Tally {
  const { witnesses } = situation;
  const off = witnesses.filter((group) => readingIn(situation, group) === 'off');
  // On healthy kernels every group is accounted, so each limited one counts. On others only those
  // of programs that could have asked.
  const proves = isHealthy(situation)
    ? () => true
    : ({ row }: Witnesses): boolean => row.level === 'container' || row.creator === 'kubelet';
  const limited = off.filter((group) => group.limited === 'yes' && proves(group));
  return {
    on: countOf(witnesses, (group) => readingIn(situation, group) === 'on'),
    off: countOf(off),
    explicit: countOf(witnesses, (group) => group.explicit && readingIn(situation, group) === 'on'),
    limitedOff: countOf(limited),
    containersOff: countOf(limited, ({ row }) => isHealthy(situation) || row.level === 'container'),
  };
}

const isHealthy = ({ now }: Situation): boolean => healthOf(now.generation) === 'healthy';

/** Why accounting cannot hurt on this host; `undefined` where it can. */
export function notApplicable(situation: Situation): string | undefined {
  const { now, memory, controllerOff, samples, kmemFiles } = situation;
  // The tree decides, not the command line: with the controller off it is empty.
  if (controllerOff && samples.total === 0)
    return 'the memory controller is switched off (cgroup_disable=memory)';
  if (memory === 'absent') return 'no memory controller is mounted';
  const kernel = `kernel ${shortRelease(now.release)}`;
  if (now.generation === 'older') return `${kernel} has no kernel-memory controller`;
  if (isHealthy(situation)) return `${kernel}: accounting is healthy`;
  if (memory === 'v2') return 'cgroup v2: accounting is healthy';
  return kmemFiles
    ? undefined
    : `${kernel} was built without kernel-memory accounting: its groups have no memory.kmem files`;
}

/** A healthy kernel runs, and a leaking one boots next, after an update or a fallback. */
export const fallsBack = (situation: Situation): boolean => {
  const { next } = situation;
  return (
    isHealthy(situation) &&
    next !== undefined &&
    !next.inForce &&
    healthOf(next.generation) === 'affected'
  );
};

/** The situation, with derived answers for the rules. */
interface Case extends Situation {
  readonly tally: Tally;
  /** Programs that may ask, and that their groups do not contradict. */
  readonly open: readonly Part[];
  /** Programs with a disputed or declared "no" that no container of their own has confirmed. */
  readonly unconfirmed: readonly Part[];
  /** Signs of this boot that groups were accounted; empty where there are none. */
  readonly signs: string;
  /** Every group answered, and reads off. */
  readonly wholeOff: boolean;
  /** A program was replaced in this boot: accounted groups may be those of its predecessor. */
  readonly wasReplaced: boolean;
}

const cases = new WeakMap<Situation, Case>();

/** The same case for the same situation: verdict, proof and remedy ask for it. */
export function caseOf(situation: Situation): Case {
  const host = cases.get(situation) ?? madeCase(situation);
  cases.set(situation, host);
  return host;
}

function madeCase(situation: Situation): Case {
  const tally = tallyOf(situation);
  const { samples, parts } = situation;
  return {
    ...situation,
    tally,
    open: parts.filter((part) => mayAsk(part) && !isContradicted(part)),
    unconfirmed: parts.filter((part) => part.unsure && !isContradicted(part)),
    signs: signsOf(situation),
    wholeOff: readsWhole(samples) && tally.off === samples.total && samples.total > 0,
    wasReplaced: parts.some(({ replaced }) => replaced),
  };
}

interface Rule {
  /** For the docs and the tests. */
  readonly name: string;
  readonly when: (host: Case) => boolean;
  readonly verdict: Verdict;
  readonly evidence: (host: Case) => string;
}

/** First match wins. */
export const verdictRules: readonly Rule[] = [
  {
    name: 'a kernel release that is not understood',
    when: ({ now }) => now.generation === 'unknown',
    verdict: 'unknown',
    evidence: ({ now }) => `kernel release "${now.release}" is not understood`,
  },
  {
    name: 'a healthy kernel now, an affected one at the next boot',
    when: fallsBack,
    verdict: 'at_risk',
    evidence: (host) => `${notApplicable(host)}; but ${host.next?.release} boots next, which leaks`,
  },
  {
    name: 'accounting cannot hurt here',
    when: (host) => notApplicable(host) !== undefined,
    verdict: 'not_applicable',
    evidence: (host) => notApplicable(host) ?? '',
  },
  {
    name: 'a group reads on, and the host shows damage',
    when: (host) => host.tally.on > 0 && damageOf(host).length > 0,
    verdict: 'leaking',
    evidence: (host) =>
      [`${host.tally.on} cgroups read on${explicitText(host)}`, ...damageOf(host)].join('; ') +
      deadText(host),
  },
  {
    name: 'a group reads on',
    when: (host) => host.tally.on > 0,
    verdict: 'on',
    evidence: (host) =>
      `${host.tally.on} of ${host.samples.total} non-root cgroups readable${explicitText(host)}${deadText(host)}`,
  },
  {
    name: 'groups were accounted in this boot, the cause is in place, and the host shows damage',
    when: (host) => wasAccounted(host) && damageOf(host).length > 0,
    verdict: 'leaking',
    evidence: (host) => [host.signs, ...damageOf(host)].join('; '),
  },
  {
    name: 'groups were accounted in this boot, and the cause is in place',
    when: (host) => wasAccounted(host),
    verdict: 'on',
    evidence: (host) => host.signs,
  },
  {
    name: 'reads were refused, failed, or did not come to an end',
    when: (host) => unreadText(host) !== '',
    verdict: 'unknown',
    evidence: (host) =>
      unreadText(host) +
      (host.signs === '' ? '' : `; accounting was on in this boot (${host.signs})`),
  },
  {
    name: 'the argument is in force, and yet a new group was accounted',
    when: (host) => host.now.inForce && accountedAnyway(host) !== '',
    verdict: 'unknown',
    evidence: (host) => `${accountedAnyway(host)} was accounted, although nokmem is in force`,
  },
  {
    name: 'the argument is in force, and the next boot loses it',
    when: (host) => loses(host),
    verdict: 'at_risk',
    evidence: (host) => `${offText(host)}; ${lossText(host)}`,
  },
  {
    name: 'the argument is in force, and was seen to be',
    when: (host) => host.now.inForce && proofOf(host) !== 'none',
    verdict: 'off',
    evidence: (host) =>
      proofOf(host) === 'samples'
        ? `${offText(host)}${refusedText(host)}`
        : 'active probe: nokmem is in force',
  },
  {
    name: 'the argument is set, and no program asks',
    when: (host) => host.now.inForce && nobodyAsks(host),
    verdict: 'off',
    evidence: (host) =>
      `${offText(host)}, no program is known to ask; the argument is set, not proven: \`--active\` proves it`,
  },
  {
    name: 'the argument is set, and nothing proves it',
    when: (host) => host.now.inForce,
    verdict: 'unknown',
    evidence: (host) => `${offText(host)}; the argument is set, not proven: \`--active\` proves it`,
  },
  {
    name: 'a program here will ask',
    when: (host) => host.open.length > 0,
    verdict: 'at_risk',
    evidence: (host) =>
      `${offText(host)}; ${[...new Set(host.open.map((part) => `${part.name} ${part.accounts === 'yes' ? 'will account' : 'may account'}`))].join(', ')}`,
  },
  {
    name: 'a "no" that is disputed or declared, and no container of its own confirms it',
    when: (host) => host.unconfirmed.length > 0,
    verdict: 'unknown',
    evidence: (host) =>
      `${offText(host)}; ${host.unconfirmed.map((part) => `${part.name} (${part.note}) has no limited container`).join(', ')}`,
  },
  {
    name: 'no program asks, and a limited container shows it',
    when: (host) => nobodyAsks(host),
    verdict: 'off',
    evidence: (host) => offText(host) + shownText(host),
  },
  {
    name: 'nothing here makes containers',
    when: (host) => host.parts.length === 0,
    verdict: 'unknown',
    evidence: (host) => `${offText(host)}: no container runtime and no kubelet was found`,
  },
  {
    name: 'no sample',
    when: () => true,
    verdict: 'unknown',
    evidence: (host) => `${offText(host)}: no sample`,
  },
];

export function judge(situation: Situation, rules: readonly Rule[] = verdictRules): Judgement {
  const host = caseOf(situation);
  const rule = rules.find(({ when }) => when(host));
  return { verdict: rule?.verdict ?? 'unknown', evidence: rule?.evidence(host) ?? '' };
}

/**
 * Signs are of the whole boot. Where every sample reads off and no cause is left, they are from
 * before a repair without a reboot.
 */
function wasAccounted(host: Case): boolean {
  if (host.signs === '') return false;
  const cause = !host.now.inForce && (host.open.length > 0 || host.unconfirmed.length > 0);
  if (unreadText(host) !== '') return cause;
  if (cause || !host.wholeOff) return true;
  const refused = host.now.inForce && host.parts.some(isRefused);
  return !(refused || nobodyAsks(host) || (host.wasReplaced && damageOf(host).length === 0));
}

/** Nothing reads on, but groups of this boot were accounted. */
export const isOnBySigns = (host: Case): boolean => host.tally.on === 0 && wasAccounted(host);

/**
 * Each program that may ask is contradicted by its own groups, and a limited container proves it.
 */
const nobodyAsks = (host: Case): boolean =>
  host.open.length === 0 &&
  host.unconfirmed.length === 0 &&
  host.wholeOff &&
  (host.tally.containersOff > 0 || host.parts.some(isShown));

/** A test group of kmend in this boot that the kernel accounted. */
export const accountedAnyway = ({ activeProbe, parts }: Situation): string =>
  activeProbe === 'on'
    ? 'the active probe'
    : parts.some(({ sample }) => sample === 'on')
      ? 'a sample container'
      : '';

/**
 * Accounting may be off because of the argument, and the next boot does not have it. There is no
 * risk where no program would ask. On a kernel whose source was not read, the argument counts only
 * where groups read off because of it.
 */
export const loses = ({ now, next, parts }: Situation): boolean =>
  isHeld(now, parts) &&
  next !== undefined &&
  !next.inForce &&
  !(now.parses === 'unknown' && next.asks && next.release === now.release) &&
  healthOf(next.generation) !== 'healthy' &&
  parts.some((part) => mayAsk(part) || part.unsure);

const isHeld = (now: Situation['now'], parts: Situation['parts']): boolean =>
  now.inForce || (mayObey(now) && parts.every((part) => !mayAsk(part) || isContradicted(part)));

const lossText = ({ next }: Case): string =>
  next?.asks === true
    ? `the next kernel (${shortRelease(next.release)}) is not known to parse nokmem`
    : 'the next boot loses cgroup.memory=nokmem';

/** Why the groups prove nothing; empty when all of them answered. */
function unreadText({ samples }: Case): string {
  if (samples.denied > 0)
    return `${samples.denied} of ${samples.total} non-root cgroups refused the read: needs root`;
  if (samples.failed > 0)
    return `${samples.failed} of ${samples.total} non-root cgroups could not be read (${samples.failedWhy || 'an error that is not known'})`;
  if (samples.capped)
    return `the host did not come to the end of its cgroups in time (${samples.total} were read)`;
  if (samples.total === 0 && samples.absent > 0)
    return `none of ${samples.absent} memory cgroups has a memory.kmem.slabinfo: nothing to judge by`;
  return '';
}

/** The next container may get no id: both measured kernels stopped at about 65,534. */
export const idsAreUp = (used: number): boolean => used >= groupIds - 500;

/**
 * A number of dead groups that is damage by itself: a quarter of the ids. Our own figure: no other
 * is published.
 */
const manyDead = Math.floor(groupIds / 4);

/** A number of dead groups that is damage while it grows: a tenth of the ids. */
const manyGrowing = Math.floor(groupIds / 10);

/** The damage of the leak on this host, by its logs, its dead groups and its table of ids. */
function damageOf({ symptoms, idsUsed, deadGroups, deadGrowth }: Case): readonly string[] {
  const critical = symptoms.filter(({ kind }) => isCritical(kind));
  const many = deadGroups >= manyDead || (deadGroups >= manyGrowing && deadGrowth > 0);
  return [
    ...critical.map(({ kind, count }) => `${symptomName(kind)} (${plural(count, 'line')})`),
    ...(idsAreUp(idsUsed) ? [`${idsUsed} of ${groupIds} cgroup ids in use`] : []),
    ...(many && !idsAreUp(idsUsed)
      ? [`dead groups hold ${Math.round((deadGroups / groupIds) * 100)} % of the cgroup ids`]
      : []),
  ];
}

/** `; with a kernel-memory limit of its own: container redis (8aff71103b35)`. */
const explicitText = ({ explicit, tally }: Case): string =>
  tally.explicit === 0 ? '' : `; with a kernel-memory limit of its own: ${explicit.join(', ')}`;

const deadText = ({ deadGroups }: Case): string =>
  deadGroups === 0 ? '' : `; about ${deadGroups} dead groups`;

export function offText(host: Case): string {
  const { samples, tally, unknownLimited } = host;
  if (samples.total === 0) return 'no non-root memory cgroup';
  const limited =
    tally.limitedOff === 0 ? 'none memory-limited' : `${tally.limitedOff} memory-limited`;
  const container =
    tally.limitedOff > 0 && tally.containersOff === 0 ? ', no container among them' : '';
  const others =
    unknownLimited.length === 0
      ? ''
      : ` (limited by an unknown creator, no sample: ${unknownLimited[0]}${unknownLimited.length > 1 ? ', ...' : ''})`;
  return `EIO on ${samples.eio} of ${samples.total}, ${limited}${container}${others}`;
}

/**
 * The programs whose limited containers read off. A program with the systemd manager never asks.
 */
const shownText = ({ parts }: Case): string =>
  askedText(parts.filter((part) => part.part !== 'kubelet' && !part.never && isShown(part)));

/** `; asked by kubelet 1.12.3 and docker 18.06.1-ce, answered EIO`. */
const askedText = (parts: readonly Part[]): string =>
  parts.length === 0
    ? ''
    : `; asked by ${[...new Set(parts.map(({ name }) => name))].join(' and ')}, answered EIO`;

/** The programs that the kernel refused. */
const refusedText = (host: Case): string =>
  askedText(host.parts.filter(isRefused)) +
  (host.now.by === 'groups'
    ? `: kernel ${shortRelease(host.now.release)} obeys (seen); \`--active\` confirms it`
    : '');

/** Proofs that accounting was on in this boot. They need no memory-limited group. */
function signsOf({ slabEntries, rootUsage, deadGroups }: Situation): string {
  if (slabEntries > 0)
    return `${slabEntries} slab caches of accounted groups, about ${deadGroups} of the groups dead`;
  return rootUsage > 0 ? `root kmem.usage_in_bytes is ${rootUsage}` : '';
}

/**
 * What proves that accounting is off: only a test that could have failed. With the argument set,
 * this is a group whose creator is known to ask, or the active probe. Without it, each program that
 * may ask needs a limited container of its own.
 */
export function proofOf(situation: Situation): ProofBy {
  const host = caseOf(situation);
  if (host.now.generation === 'unknown' || host.tally.on > 0 || !readsWhole(host.samples))
    return 'none';
  if (provesBySamples(host)) return 'samples';
  return host.activeProbe === 'off' ? 'active_probe' : 'none';
}

function provesBySamples(host: Case): boolean {
  // These kernels read 0 in idle groups, which proves nothing. So every group with processes must
  // read off.
  if (isHealthy(host))
    return (
      host.tally.containersOff > 0 &&
      host.witnesses.every((group) => !group.procs || readingIn(host, group) === 'off')
    );
  if (!host.wholeOff) return false;
  // Also on a kernel whose source was not read: groups may read off because of the argument, and
  // prove nothing about programs that never ask.
  if (mayObey(host.now)) return host.parts.some(isRefused);
  const suspected = [...host.open, ...host.unconfirmed].some(({ part }) => part !== 'kubelet');
  return (
    !suspected &&
    host.tally.containersOff + host.parts.filter(isShown).length > 0 &&
    unshownRuntimes(host).length === 0
  );
}

/**
 * Runtimes whose manager could ask, without a limited container. Without the argument there is no
 * proof that they do not ask.
 */
export const unshownRuntimes = ({ parts }: Situation): readonly Part[] =>
  parts.filter((part) => part.part !== 'kubelet' && !part.never && !isShown(part));
