// The verdict: what the reads say about kernel-memory accounting on this host, with the evidence in one line. By counting, never by /proc/cmdline.
import type { Verdict } from '../../model/plan.ts';
import { groupIds } from './ids.ts';
import { healthOf, shortRelease } from './kernels.ts';
import { readingOf } from './reads.ts';
import { mayAccount, type Samples, type Situation } from './situation.ts';
import { isCritical, symptomName } from './symptoms.ts';

export interface Judgement {
  readonly verdict: Verdict;
  readonly evidence: string;
}

export type Proof = 'samples' | 'active_probe' | 'none';

/** Groups that read on and off. On el7 the counts are over all groups; elsewhere over the groups that the facts carry. */
export interface Tally {
  readonly on: number;
  readonly off: number;
  readonly limitedOff: number;
  /**
   * Of those, the ones that tell: containers, because a limit on /kubepods says nothing about the runc beside it. Where the kernel refuses
   * everybody, each limited group tells.
   */
  readonly tellingOff: number;
}

export function tallyOf(situation: Situation): Tally {
  const { now, memory, samples, groups } = situation;
  if (now.generation === 'el7')
    return {
      on: samples.read,
      off: samples.eio,
      limitedOff: samples.limitedOff,
      tellingOff: now.inForce ? samples.limitedOff : samples.containersOff,
    };
  const readings = groups.map((group) => ({ group, reading: readingOf(group, now.generation, memory, now.inForce) }));
  const limitedOff = readings.filter(({ group, reading }) => reading === 'off' && group.limit > 0).length;
  return {
    on: readings.filter(({ reading }) => reading === 'on').length,
    off: readings.filter(({ reading }) => reading === 'off').length,
    limitedOff,
    tellingOff: limitedOff,
  };
}

/** Is this a host on which accounting can hurt at all? Otherwise why not. */
export function notApplicable(situation: Situation): string | undefined {
  const { now, memory, controllerOff, samples } = situation;
  // The tree decides, not the command line: with the controller off there is none.
  if (controllerOff && samples.total === 0) return 'the memory controller is switched off (cgroup_disable=memory)';
  if (memory === 'absent') return 'no memory controller is mounted';
  const kernel = `kernel ${shortRelease(now.release)}`;
  if (now.generation === 'older') return `${kernel} has no kernel-memory controller`;
  if (healthOf(now.generation) === 'healthy') return `${kernel}: accounting is healthy`;
  return memory === 'v2' ? 'cgroup v2: accounting is healthy' : undefined;
}

/** A healthy kernel that an update, or a fallback, gives up again at the next boot. */
function fallsBack({ now, next }: Situation): string {
  if (healthOf(now.generation) !== 'healthy' || next === undefined || next.inForce || healthOf(next.generation) !== 'affected') return '';
  return `; but ${next.release} boots next, which leaks`;
}

export function judge(situation: Situation): Judgement {
  const { samples, now } = situation;
  if (now.generation === 'unknown') return { verdict: 'unknown', evidence: `kernel release "${now.release}" is not understood` };
  const without = notApplicable(situation);
  if (without !== undefined) return { verdict: 'not_applicable', evidence: without + fallsBack(situation) };
  const tally = tallyOf(situation);
  if (tally.on > 0) return judgeOn(situation, tally);
  const unread = unreadText(situation);
  if (unread !== '') return { verdict: 'unknown', evidence: unread };
  if (samples.capped)
    return { verdict: 'unknown', evidence: `more cgroups than could be read (${samples.total} were): needs a closer look` };
  if (situation.activeProbe === 'on' && now.inForce)
    return { verdict: 'unknown', evidence: 'the active probe was accounted, although nokmem is in force' };
  return judgeOff(situation, tally);
}

/** Why nothing can be said by the groups; empty when all of them gave an answer. */
function unreadText(situation: Situation): string {
  const { samples } = situation;
  if (samples.denied > 0)
    return `${samples.denied} of ${samples.total} non-root cgroups refused the read: needs root${signText(situation)}`;
  if (samples.failed > 0)
    return `${samples.failed} of ${samples.total} non-root cgroups could not be read (${samples.failedWhy || 'an error that is not known'})${signText(situation)}`;
  if (samples.total === 0 && samples.absent > 0)
    return `none of ${samples.absent} memory cgroups has a memory.kmem.slabinfo: nothing to judge by`;
  return '';
}

const signText = (situation: Situation): string => {
  const accounted = pastAccounting(situation);
  return accounted === '' ? '' : `; accounting was on in this boot (${accounted})`;
};

function judgeOn(situation: Situation, tally: Tally): Judgement {
  const symptoms = damage(situation);
  const { total } = situation.samples;
  if (symptoms.length === 0) return { verdict: 'on', evidence: `${tally.on} of ${total} non-root cgroups readable${deadText(situation)}` };
  return { verdict: 'leaking', evidence: [`${tally.on} cgroups read on`, ...symptoms].join('; ') + deadText(situation) };
}

/** From here on the next container may already find no id: both kernels that were driven there stopped at about 65,534. */
export const idsAreUp = (used: number): boolean => used >= groupIds - 500;

/** What the leak has done to this host, by its kernel log and its table of ids. */
function damage({ symptoms, idsUsed }: Situation): readonly string[] {
  const critical = symptoms.filter(({ kind }) => isCritical(kind));
  return [
    ...critical.map(({ kind, count }) => `${symptomName(kind)} (${count} ${count === 1 ? 'line' : 'lines'})`),
    ...(idsAreUp(idsUsed) ? [`${idsUsed} of ${groupIds} cgroup ids in use`] : []),
  ];
}

const deadText = ({ deadGroups }: Situation): string => (deadGroups === 0 ? '' : `; about ${deadGroups} dead groups`);

/** No group reads on. Whether that is "off" depends on what could be read, and on whether anybody here would switch it on. */
function judgeOff(situation: Situation, tally: Tally): Judgement {
  const accounted = pastAccounting(situation);
  const risk = riskOf(situation);
  const sampled = tally.tellingOff > 0 && hasFullSample(situation, tally);
  // Slab entries and root usage speak of this boot as a whole: with every sample off and no cause left they are what a repair leaves behind.
  if (accounted !== '' && !(sampled && risk === '')) {
    const symptoms = damage(situation);
    return { verdict: symptoms.length === 0 ? 'on' : 'leaking', evidence: [accounted, ...symptoms].join('; ') };
  }
  if (risk !== '') return { verdict: 'at_risk', evidence: `${offText(situation.samples, tally)}; ${risk}` };
  if (sampled) return { verdict: 'off', evidence: offText(situation.samples, tally) };
  if (situation.activeProbe === 'off') return { verdict: 'off', evidence: 'active probe: nokmem is in force' };
  return { verdict: 'unknown', evidence: `${offText(situation.samples, tally)}: no sample` };
}

/** Every non-root group says off. */
const hasFullSample = ({ samples }: Situation, tally: Tally): boolean => tally.off === samples.total && samples.total > 0;

function offText(samples: Samples, tally: Tally): string {
  if (samples.total === 0) return 'no non-root memory cgroup';
  const limited = tally.limitedOff === 0 ? 'none memory-limited' : `${tally.limitedOff} memory-limited`;
  const container = tally.limitedOff > 0 && tally.tellingOff === 0 ? ', no container among them' : '';
  return `EIO on ${samples.eio} of ${samples.total}, ${limited}${container}`;
}

/** Proofs that accounting was on in this boot, which need no memory-limited group. */
function pastAccounting({ slabEntries, rootUsage, deadGroups }: Situation): string {
  if (slabEntries > 0) return `${slabEntries} slab caches of accounted groups, about ${deadGroups} of the groups dead`;
  return rootUsage > 0 ? `root kmem.usage_in_bytes is ${rootUsage}` : '';
}

/** Who will switch accounting on, or what the next boot loses; empty when nothing does. */
function riskOf({ now, next, runc, kubelet }: Situation): string {
  if (now.inForce) return next === undefined || next.inForce ? '' : lossOf(next.asks, next.release);
  const parts = [kubelet, runc]
    .filter(mayAccount)
    .map((part) => `${part.name} ${part.accounts === 'yes' ? 'will account' : 'may account'}`);
  return parts.join(', ');
}

const lossOf = (asks: boolean, release: string): string =>
  asks ? `the next kernel (${shortRelease(release)}) is not known to parse nokmem` : 'the next boot loses cgroup.memory=nokmem';

/** What proves that accounting is off. Samples: every non-root group says so, and a memory-limited container is among them. */
export function proofOf(situation: Situation): Proof {
  const { samples, activeProbe, now } = situation;
  if (now.generation === 'unknown' || samples.denied > 0 || samples.failed > 0 || samples.capped) return 'none';
  const tally = tallyOf(situation);
  if (tally.on > 0) return 'none';
  if (tally.tellingOff > 0 && provesBySamples(situation, tally)) return 'samples';
  return activeProbe === 'off' ? 'active_probe' : 'none';
}

/** On kernels that read 0 in idle groups, these are no evidence against: every group that works must say off. */
function provesBySamples(situation: Situation, tally: Tally): boolean {
  if (healthOf(situation.now.generation) !== 'healthy') return hasFullSample(situation, tally);
  return situation.groups.every(
    (group) => group.procs === 0 || readingOf(group, situation.now.generation, situation.memory, situation.now.inForce) === 'off',
  );
}
