// What a running drain knows, what is still to go, and what it comes to in the end.
import type { Clock, DrainResult, Owner } from '../engine/ports.ts';
import type { DrainOptions } from '../model/effect.ts';
import { type Failure, failed, type Outcome, ok } from '../model/failure.ts';
import type { Api, EvictionApi } from './api.ts';
import type { EvictContext } from './evict.ts';
import { overdue } from './filters.ts';
import type { PodFollower } from './follow-pods.ts';
import type { Guard } from './guard.ts';
import { describeProgress, type Held, whyStillThere } from './holding.ts';
import { controllerOf, isCrashing, isMirror, type PodObject, podName, workloadName } from './objects.ts';
import type { PdbApi } from './pdb.ts';
import type { Chosen } from './select.ts';

export interface DrainContext {
  readonly api: Api;
  readonly clock: Clock;
  readonly node: string;
  readonly options: DrainOptions;
  readonly owner: Owner;
  readonly progress: (text: string) => void;
  readonly place: EvictContext['place'];
  readonly evictionApi: EvictionApi;
  readonly pdbApi: () => Promise<Outcome<PdbApi>>;
  /** The caller's: an interrupted drain is not undone, so that a resumed run finds what it left. */
  readonly signal: AbortSignal | undefined;
}

/** What a running drain knows; only drain.ts changes it. */
export interface Work {
  readonly chosen: Chosen;
  readonly follower: PodFollower;
  readonly guard: Guard;
  readonly held: Map<string, Held>;
  readonly failures: Map<string, string>;
  readonly limit: AbortController;
  /** Why the drain had to end early: the node is not ours any more, or dead. */
  stop: Failure | undefined;
}

export const uidOf = (pod: PodObject): string => pod.metadata?.uid ?? '';

const isDead = (work: Work): boolean => work.guard.last()?.ready === false;

/** A pod that counts as left behind by an option: long overdue, on a dead node or by kubectl's flag. */
function isSkipped(work: Work, { options, api }: DrainContext, uid: string): boolean {
  const pod = work.follower.present().get(uid);
  const late = pod === undefined ? undefined : overdue(pod, api.serverNow());
  if (late === undefined) return false;
  const flag = options.skipWaitForDeleteTimeout ?? 0;
  const dead = isDead(work) ? options.deadNodeSkipWaitAfter : undefined;
  return (flag > 0 && late > flag) || (dead !== undefined && late > dead);
}

/** Chosen pods that the API server still shows. */
export const stillThere = (work: Work): readonly PodObject[] => work.chosen.evict.filter((pod) => work.follower.present().has(uidOf(pod)));

export const isDone = (work: Work, context: DrainContext): boolean =>
  stillThere(work).every((pod) => work.failures.has(uidOf(pod)) || isSkipped(work, context, uidOf(pod)));

export function describeStill(work: Work, { api }: DrainContext): readonly { name: string; why: string }[] {
  return stillThere(work).map((pod) => {
    const failure = work.failures.get(uidOf(pod));
    const held: Held | undefined = failure === undefined ? work.held.get(uidOf(pod)) : { by: 'failed', why: failure };
    const metadata = work.follower.present().get(uidOf(pod))?.metadata ?? {};
    return { name: podName(pod), why: failure ?? whyStillThere(metadata, held, api.serverNow()) };
  });
}

/** Pods that came after the first list although the node is cordoned; DaemonSet and mirror pods always do. */
function arrivals(work: Work): readonly string[] {
  const known = new Set(work.chosen.all.map(uidOf));
  return [...work.follower.present().values()]
    .filter((pod) => !known.has(pod.metadata.uid ?? '') && controllerOf(pod)?.kind !== 'DaemonSet' && !isMirror(pod))
    .map(podName);
}

/** The words and numbers of the end. */
export function conclude(work: Work, context: DrainContext, confirmed: boolean, seconds: number): Outcome<DrainResult> {
  const { node, options, signal } = context;
  const still = describeStill(work, context);
  const total = work.chosen.evict.length;
  const text = describeProgress(total, still);
  if (work.stop !== undefined) return { ok: false, failure: { ...work.stop, detail: text } };
  if (!confirmed && signal?.aborted) return failed('interrupted', `drain of ${node} was interrupted: ${text}`);
  if (!confirmed) {
    const trouble = work.follower.trouble();
    return failed('timeout', `drain of ${node} not done within ${options.timeout} s: ${text}`, {
      hint: timeoutHint(work),
      ...(trouble === undefined ? {} : { detail: trouble.message }),
    });
  }
  const failures = work.chosen.evict.filter((pod) => work.failures.has(uidOf(pod)) && work.follower.present().has(uidOf(pod)));
  if (failures.length > 0) {
    const named = failures.map((pod) => `${podName(pod)}: ${work.failures.get(uidOf(pod))}`).join('; ');
    return failed('blocked', `drain of ${node}: ${failures.length} of ${total} pods did not go: ${named}`);
  }
  const skipped = stillThere(work);
  const gone = work.chosen.evict.filter((pod) => !skipped.includes(pod));
  const left = [...skipped, ...work.chosen.ending.filter((pod) => work.follower.present().has(uidOf(pod)))];
  return ok({
    evicted: gone.map(podName),
    left: left.map(podName),
    arrived: arrivals(work),
    crashing: [...new Set(work.chosen.all.filter(isCrashing).map(workloadName))],
    seconds: Math.round(seconds * 10) / 10,
  });
}

function timeoutHint(work: Work): string {
  const held = stillThere(work).map((pod) => work.held.get(uidOf(pod)));
  if (held.some((entry) => entry?.why.includes('can never allow'))) {
    return 'a PDB can never allow an eviction: give its workload one more replica, or change the PDB';
  }
  if (held.some((entry) => entry?.by === 'budget')) return 'a PDB is busy: are the pods that replace the evicted ones becoming ready?';
  if (isDead(work)) return 'the kubelet of the node does not report: its pods never end by themselves';
  return 'look at the pods named, or give the drain more time';
}
