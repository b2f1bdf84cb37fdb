// Empties a node: chooses pods, evicts them in parallel and waits until the API server shows none
// of them, or the deadline.

import { setMaxListeners } from 'node:events';
import type { DrainResult } from '../../../engine/ports/cluster.ts';
import { present } from '../../../model/present.ts';
import type { DrainOptions } from '../../../model/run/effect.ts';
import { type Failure, failed, type Outcome, ok } from '../../../model/run/failure.ts';
import { plural } from '../../../model/text/plural.ts';
import { retryTransient } from '../client/retry-transient.ts';
import { graceOf } from '../objects/filters.ts';
import {
  controllerOf,
  isCrashing,
  isPodReady,
  type PodObject,
  podName,
  workloadName,
} from '../objects/objects.ts';
import { createBudgetTurns } from './budget-turns.ts';
import {
  conclude,
  type DrainContext,
  describeWork,
  end,
  isDone,
  uidOf,
  type Work,
} from './drain-work.ts';
import { isEmpty, sortOut } from './empty.ts';
import { type EvictContext, evictPod, noEviction, type PodEnd, wayOf } from './evict.ts';
import { createBudgetReader } from './explain-budget.ts';
import { PodFollower } from './follow-pods.ts';
import { Guard } from './guard.ts';
import { createJobWait, isAwaited } from './jobs.ts';
import { scaleBackAfter } from './scale-back.ts';
import { type Chosen, choosePods } from './select.ts';
import type { Ways } from './single-replica.ts';
import { move, waysOf } from './surge.ts';
import { createWakeup, type Wakeup } from './wakeup.ts';

const guardEvery = 4_000;
const tick = 1_000;
const progressEvery = 2_000;
/**
 * Latest start of the watch, in milliseconds. Later is cheaper: a watch sends three events for each
 * pod that ends.
 */
const latestWatch = 2_000;
/**
 * Pause before the watch: short for few pods. For many it is as long as kubectl's poll interval.
 */
const restBeforeWatch = (pods: number): number => Math.min(pods * 50, 1_000);
/** Milliseconds of NotReady after which the drain gives up on the kubelet. */
const deadAfter = 60_000;

function evictContext(
  work: Work,
  context: DrainContext,
  way: EvictContext['way'],
  notify: () => void,
): EvictContext {
  const { api, clock, inSlot } = context;
  const explain = createBudgetReader(context);
  return {
    api,
    clock,
    signal: work.limit.signal,
    inSlot,
    turns: createBudgetTurns(clock),
    way,
    mayGo: async () => {
      const lost = await work.guard.fresh();
      if (lost === undefined) return true;
      end(work, lost);
      return false;
    },
    isGone: (uid) => work.follower.isListed() && !work.follower.present().has(uid),
    isEnding: (uid) => work.follower.present().get(uid)?.metadata.deletionTimestamp !== undefined,
    note: (uid, delay) => {
      const before = work.delays.get(uid);
      if (delay === undefined) work.delays.delete(uid);
      // Keep the explained text until a new one is read: the same refusal is not a change.
      else
        work.delays.set(
          uid,
          delay.by === 'budget' && before?.by === 'budget' ? { ...delay, why: before.why } : delay,
        );
      const pod = work.asked.get(uid);
      if (delay?.by === 'budget' && pod !== undefined) {
        void explain(pod, delay.why).then((why) => {
          if (work.delays.get(uid)?.by === 'budget') work.delays.set(uid, { by: 'budget', why });
          notify();
        });
      }
      notify();
    },
  };
}

/** Checks the node regularly: do we still own it, and is its kubelet alive? */
async function keepWatch(work: Work, context: DrainContext): Promise<void> {
  const { clock, options, node } = context;
  while (!work.limit.signal.aborted) {
    await clock.sleep(guardEvery, work.limit.signal);
    if (work.limit.signal.aborted) return;
    const lost = await work.guard.fresh();
    if (work.limit.signal.aborted) return;
    if (lost !== undefined) return end(work, lost);
    const since = work.guard.deadSince();
    if (
      since !== undefined &&
      options.deadNodeSkipWaitAfter === undefined &&
      clock.now() - since > deadAfter
    ) {
      return end(work, deadNode(node, 'became NotReady during the drain and stayed so'));
    }
  }
}

const deadNode = (node: string, how: string): Failure => ({
  kind: 'blocked',
  message: `node ${node} ${how}: its kubelet ends no pods`,
  hint: 'repair the node by hand, or leave its pods behind: `drain: {dead_node_skip_wait_after: 60s, left_behind: accept}`',
});

/** Pods that are not ready may pass a budget that blocks ready ones, so they do not share turns. */
const workloadOf = (pod: PodObject): string =>
  `${controllerOf(pod)?.uid ?? uidOf(pod)} ${isPodReady(pod)}`;

const goRequest = (pod: PodObject, options: DrainOptions) => ({
  namespace: pod.metadata?.namespace ?? 'default',
  name: pod.metadata?.name ?? '',
  uid: uidOf(pod),
  ...present({ gracePeriod: options.gracePeriod }),
});

/** Waits until no pod is left to wait for. True: a list of the API server confirmed it. */
async function waitForEnd(
  work: Work,
  context: DrainContext,
  wakeup: Wakeup,
  evict: (pods: readonly PodObject[]) => void,
): Promise<boolean> {
  const { clock, progress } = context;
  let shownAt = clock.now();
  let shown = '';
  while (!work.limit.signal.aborted) {
    if (isDone(work, context) && (await isEmpty(work, context, evict))) return true;
    const outage = work.guard.outage();
    const text =
      outage === undefined
        ? describeWork(work, context)
        : `the API server does not answer: ${outage.message}`;
    if (text !== shown && clock.now() - shownAt >= progressEvery) {
      [shown, shownAt] = [text, clock.now()];
      progress(text);
    }
    await wakeup.wait(tick, work.limit.signal);
  }
  return false;
}

function refusedFailure(node: string, refused: readonly string[]): Outcome<never> {
  return failed('blocked', `node ${node} cannot be drained: ${refused.join('; ')}`, {
    hint: 'nothing was evicted',
  });
}

/** Drains the node. The caller uncordons it after a failure. */
export async function drainNode(context: DrainContext): Promise<Outcome<DrainResult>> {
  const { api, clock, node, options, owner, signal } = context;
  const started = clock.now();
  const deadline = started + options.timeout * 1000;
  const limit = new AbortController();
  // Each waiting pod adds a listener. Hundreds are not a leak.
  setMaxListeners(0, limit.signal);
  const stopAll = (): void => limit.abort();
  if (signal?.aborted)
    return failed('interrupted', `drain of ${node}: interrupted before it began`);
  signal?.addEventListener('abort', stopAll, { once: true });
  const guard = new Guard({
    api,
    node,
    owner,
    clock,
    signal: limit.signal,
    outage: context.outage,
  });
  void expire(context, guard, limit.signal).then(stopAll);
  try {
    const lost = await guard.fresh();
    if (lost !== undefined) return ended(context, lost, limit);
    if (guard.last()?.ready === false && options.deadNodeSkipWaitAfter === undefined)
      return { ok: false, failure: deadNode(node, 'is NotReady') };
    // With an outage port, the caller waits for the server and asks again.
    const limits = {
      clock,
      until: context.outage === undefined ? deadline : started,
      signal: limit.signal,
    };
    const chosen = await retryTransient(() => choosePods(api, node, options, limit.signal), limits);
    if (!chosen.ok) return ended(context, chosen.failure, limit);
    if (chosen.value.refused.length > 0) return refusedFailure(node, chosen.value.refused);
    const asked = wayOf(options, context.evictionApi);
    if (asked === undefined && chosen.value.evict.length > 0)
      return failed('blocked', noEviction, { hint: 'nothing was evicted' });
    const ways = await retryTransient(() => waysOf(context, chosen.value, limit.signal), limits);
    if (!ways.ok) return ended(context, ways.failure, limit);
    const impossible = chosen.value.evict.flatMap((pod) => {
      const way = ways.value.get(uidOf(pod));
      return way?.kind === 'refused' ? [`${podName(pod)}: ${way.why}`] : [];
    });
    if (impossible.length > 0) return refusedFailure(node, impossible);
    return await run(
      context,
      chosen.value,
      { way: asked?.way ?? 'delete', ways: ways.value },
      { guard, limit, started },
    );
  } finally {
    limit.abort();
    signal?.removeEventListener('abort', stopAll);
  }
}

/** Resolves when the time is up. In a run, time without the API server does not count. */
async function expire(
  { clock, options, outage }: DrainContext,
  guard: Guard,
  signal: AbortSignal,
): Promise<void> {
  const deadline = clock.now() + options.timeout * 1000;
  for (;;) {
    const left = deadline - clock.now() + (outage === undefined ? 0 : guard.outageTime());
    if (signal.aborted || left <= 0) return;
    await clock.sleep(left, signal);
  }
}

/** Reports a call that the deadline or the caller ended as such, not as "interrupted". */
function ended(
  { node, options, signal }: DrainContext,
  failure: Failure,
  limit: AbortController,
): Outcome<never> {
  if (signal?.aborted) return failed('interrupted', `drain of ${node} was interrupted`);
  if (!limit.signal.aborted) return { ok: false, failure };
  return failed('timeout', `drain of ${node} not done within ${options.timeout} s`, {
    detail: failure.message,
  });
}

function workOf(
  chosen: Chosen,
  parts: Pick<Work, 'follower' | 'guard' | 'limit'>,
  listedAt: number,
): Work {
  const asked = new Map(chosen.evict.map((pod) => [uidOf(pod), pod]));
  const known = new Map(chosen.items.map((pod) => [uidOf(pod), pod]));
  const { stays } = sortOut(chosen.items, chosen.context, { asked, chased: new Set() });
  const crashing = [...new Set(chosen.items.filter(isCrashing).map(workloadName))];
  const none = {
    chased: new Set<string>(),
    volumes: [],
    delays: new Map(),
    failures: new Map(),
    stop: undefined,
  };
  return { ...parts, ...none, asked, known, stays, listedAt, crashing };
}

/** A drain whose clock runs. */
interface Begun {
  readonly guard: Guard;
  readonly limit: AbortController;
  readonly started: number;
}

async function run(
  context: DrainContext,
  chosen: Chosen,
  { way, ways }: { readonly way: EvictContext['way']; readonly ways: Ways },
  { guard, limit, started }: Begun,
): Promise<Outcome<DrainResult>> {
  const { api, clock, node, options } = context;
  for (const warning of chosen.warnings) context.progress(`warning: ${warning}`);
  const wakeup = createWakeup(clock);
  const follower = new PodFollower({
    api,
    node,
    clock,
    signal: limit.signal,
    first: chosen,
    onChange: wakeup.notify,
  });
  const work = workOf(chosen, { follower, guard, limit }, started);
  void keepWatch(work, context);
  const evicting = evictContext(work, context, way, wakeup.notify);
  const awaitJob = createJobWait(api, node, evicting);
  const before = async (pod: PodObject): Promise<PodEnd | undefined> => {
    const other = ways.get(uidOf(pod));
    if (other !== undefined && other.kind !== 'refused')
      return move(pod, other, { drain: context, evicting });
    return isAwaited(pod, options) ? awaitJob(pod) : undefined;
  };
  const evictOne = async (pod: PodObject): Promise<void> => {
    const podEnd =
      (await before(pod)) ?? (await evictPod(goRequest(pod, options), workloadOf(pod), evicting));
    if (podEnd.kind === 'failed') work.failures.set(uidOf(pod), podEnd.why);
    if (podEnd.kind === 'going') follower.asked(uidOf(pod), graceOf(pod, options));
    wakeup.notify();
  };
  const ends: Promise<void>[] = [];
  const evict = (pods: readonly PodObject[]): void => {
    for (const pod of pods) work.asked.set(uidOf(pod), pod);
    ends.push(...pods.map(evictOne));
  };
  const count = chosen.evict.length;
  context.progress(`evicting ${plural(count, 'pod')} from ${node}, leaving ${chosen.leave.length}`);
  evict(chosen.evict);
  const soon = clock.sleep(Math.min(latestWatch, options.timeout * 250), limit.signal);
  const asked = Promise.allSettled(ends).then(() =>
    clock.sleep(restBeforeWatch(ends.length), limit.signal),
  );
  void Promise.race([asked, soon]).then(() => follower.watch());
  const confirmed = await waitForEnd(work, context, wakeup, evict);
  const result = conclude(work, context, confirmed, (clock.now() - started) / 1000);
  limit.abort();
  await Promise.allSettled(ends);
  // A resumed run continues an interrupted drain. A failed drain keeps its own reason.
  const scaledBack =
    options.singleReplica === 'surge' && context.signal?.aborted !== true
      ? await scaleBackAfter(context)
      : ok(true);
  return result.ok && !scaledBack.ok ? scaledBack : result;
}
