// The state of a running drain, its progress text and its result.

import type { DrainResult, Outage, Owner } from '../../../engine/ports/cluster.ts';
import type { Clock } from '../../../engine/ports/local.ts';
import type { DrainOptions } from '../../../model/run/effect.ts';
import { type Failure, failed, type Outcome, ok } from '../../../model/run/failure.ts';
import type { Api, EvictionApi } from '../client/api.ts';
import { overdue } from '../objects/filters.ts';
import { type PodObject, podName } from '../objects/objects.ts';
import type { PdbApi } from '../objects/pdb.ts';
import { type Delay, describeProgress, type Reason, whyStillThere } from '../objects/pod-status.ts';
import type { EvictContext } from './evict.ts';
import type { PodFollower } from './follow-pods.ts';
import type { Guard } from './guard.ts';

export interface DrainContext {
  readonly api: Api;
  readonly clock: Clock;
  readonly node: string;
  readonly options: DrainOptions;
  readonly owner: Owner;
  readonly progress: (text: string) => void;
  readonly inSlot: EvictContext['inSlot'];
  readonly evictionApi: EvictionApi;
  readonly pdbApi: () => Promise<Outcome<PdbApi>>;
  readonly outage?: Outage | undefined;
  /** The caller's signal. An interrupted drain is not undone: a resumed run continues it. */
  readonly signal: AbortSignal | undefined;
}

/** A pod that keeps the node from being empty and is not evicted. */
export interface Stay {
  readonly uid: string;
  readonly name: string;
  readonly why: string;
  /** It came after the first list, so that no option of the play left it on the node. */
  readonly came: boolean;
}

/** State of a running drain. Only drain.ts and empty.ts change it. */
export interface Work {
  /** Pods to evict, by uid: those of the first list and later ones. */
  readonly asked: Map<string, PodObject>;
  /** Workloads whose late pods were evicted: once each. */
  readonly chased: Set<string>;
  /** Whole pods by uid, from the last list that had them. */
  known: ReadonlyMap<string, PodObject>;
  listedAt: number;
  stays: readonly Stay[];
  volumes: readonly Reason[];
  readonly crashing: readonly string[];
  readonly follower: PodFollower;
  readonly guard: Guard;
  readonly delays: Map<string, Delay>;
  readonly failures: Map<string, string>;
  readonly limit: AbortController;
  /** Why the drain ended early: the node is no longer ours, or dead. */
  stop: Failure | undefined;
}

export const uidOf = (pod: PodObject): string => pod.metadata?.uid ?? '';

export const isDead = (work: Work): boolean => work.guard.last()?.ready === false;

export function end(work: Work, why: Failure | undefined): void {
  work.stop ??= why;
  work.limit.abort();
}

/** True: do not wait for this pod. It is long overdue, and the play allows to leave it behind. */
function isSkipped(work: Work, { options, api }: DrainContext, uid: string): boolean {
  const pod = work.follower.present().get(uid);
  const late = pod === undefined ? undefined : overdue(pod, api.serverNow());
  if (late === undefined || options.leftBehind !== 'accept') return false;
  const flag = options.skipWaitForDeleteTimeout ?? 0;
  const dead = isDead(work) ? options.deadNodeSkipWaitAfter : undefined;
  return (flag > 0 && late > flag) || (dead !== undefined && late > dead);
}

/** Evicted pods that the API server still shows. */
const stillThere = ({ asked, follower }: Work): readonly PodObject[] =>
  [...asked.values()].filter((pod) => follower.present().has(uidOf(pod)));

export const failedPods = (work: Work): readonly PodObject[] =>
  stillThere(work).filter((pod) => work.failures.has(uidOf(pod)));

export const staying = ({ stays, follower }: Work): readonly Stay[] =>
  stays.filter(({ uid }) => follower.present().has(uid));

export const isDone = (work: Work, context: DrainContext): boolean =>
  stillThere(work).every(
    (pod) => work.failures.has(uidOf(pod)) || isSkipped(work, context, uidOf(pod)),
  );

/** Progress as text. It stays the same while nothing changes. */
export function describeWork(work: Work, { api }: DrainContext): string {
  const still = stillThere(work).map((pod) => {
    const failure = work.failures.get(uidOf(pod));
    const delay: Delay | undefined =
      failure === undefined ? work.delays.get(uidOf(pod)) : { by: 'failed', why: failure };
    const metadata = work.follower.present().get(uidOf(pod))?.metadata ?? {};
    return { name: podName(pod), why: failure ?? whyStillThere(metadata, delay, api.serverNow()) };
  });
  return describeProgress(work.asked.size, still, [...staying(work), ...work.volumes]);
}

/** The result of the drain. */
export function conclude(
  work: Work,
  context: DrainContext,
  confirmed: boolean,
  seconds: number,
): Outcome<DrainResult> {
  const { node, options, signal } = context;
  const text = describeWork(work, context);
  if (work.stop !== undefined) return { ok: false, failure: { ...work.stop, detail: text } };
  if (!confirmed && signal?.aborted)
    return failed('interrupted', `drain of ${node} was interrupted: ${text}`);
  const accepted =
    options.leftBehind === 'accept' && isDone(work, context) && work.volumes.length > 0;
  if (!confirmed && !accepted) {
    const error = work.follower.error();
    return failed('timeout', `drain of ${node} not done within ${options.timeout} s: ${text}`, {
      hint: timeoutHint(work, options),
      ...(error === undefined ? {} : { detail: error.message }),
    });
  }
  const failures = failedPods(work);
  if (failures.length > 0) {
    const named = failures
      .map((pod) => `${podName(pod)}: ${work.failures.get(uidOf(pod))}`)
      .join('; ');
    return failed(
      'blocked',
      `drain of ${node}: ${failures.length} of ${work.asked.size} pods did not go: ${named}`,
    );
  }
  const skipped = stillThere(work);
  const gone = [...work.asked.values()].filter((pod) => !skipped.includes(pod));
  const [came, left] = [
    staying(work).filter((stay) => stay.came),
    staying(work).filter((stay) => !stay.came),
  ];
  return ok({
    evicted: gone.map(podName),
    left: [
      ...skipped.map(podName),
      ...left.map(({ name }) => name),
      ...work.volumes.map(({ name }) => name),
    ],
    arrived: came.map(({ name }) => name),
    crashing: work.crashing,
    seconds: Math.round(seconds * 10) / 10,
  });
}

function timeoutHint(work: Work, { singleReplica }: DrainOptions): string {
  const delay = stillThere(work).map((pod) => work.delays.get(uidOf(pod)));
  if (delay.some((entry) => entry?.why.includes('can never allow'))) {
    const moved =
      singleReplica === undefined
        ? '; `drain: {single_replica: restart}` moves a single replica of a Deployment'
        : '';
    return `a PDB can never allow an eviction: give its workload one more replica, or change the PDB${moved}`;
  }
  if (delay.some((entry) => entry?.by === 'budget'))
    return 'a PDB is busy: are the pods that replace the evicted ones becoming ready?';
  if (delay.length === 0 && staying(work).length + work.volumes.length > 0)
    return 'end or unmount the named pods and volumes by hand, or leave them there: `drain: {left_behind: accept}`';
  if (isDead(work))
    return 'the kubelet of the node does not report: its pods never end by themselves';
  return 'check the named pods, or raise the timeout of the drain';
}
