// Decides whether the node is empty once the evicted pods are gone: late pods, pods that an option
// leaves, and volumes.

import { tolerates } from '../node/placement.ts';
import { decidePod, type FilterContext, leftWhy } from '../objects/filters.ts';
import {
  isFinished,
  type PodObject,
  podName,
  type Taint,
  workloadName,
} from '../objects/objects.ts';
import {
  type DrainContext,
  end,
  failedPods,
  isDead,
  isDone,
  type Stay,
  staying,
  uidOf,
  type Work,
} from './drain-work.ts';
import { choosePods } from './select.ts';
import { strayVolumes } from './volumes.ts';

/**
 * Milliseconds between lists of whole pods while some stay. Only such a list shows a pod that
 * completes or loses its DaemonSet.
 */
const listEvery = 5_000;
const cordonTaint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

const toleratesCordon = (pod: PodObject): boolean =>
  (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, cordonTaint));

/** Why a late pod is not evicted: it would only come again. */
function isNotChased(pod: PodObject, chased: ReadonlySet<string>): string | undefined {
  if (toleratesCordon(pod))
    return 'came after the cordon, which it tolerates: not evicted again and again';
  return chased.has(workloadName(pod))
    ? 'came again although the node is cordoned: bound to it by its own specification'
    : undefined;
}

/** Splits all pods of a node into those to evict and those that stay although they should not. */
export function sortOut(
  items: readonly PodObject[],
  context: FilterContext,
  before: Pick<Work, 'asked' | 'chased'>,
): { readonly late: readonly PodObject[]; readonly stays: readonly Stay[] } {
  const late: PodObject[] = [];
  const stays: Stay[] = [];
  for (const pod of items) {
    if (before.asked.has(uidOf(pod)) || isFinished(pod)) continue;
    const decision = decidePod(pod, context);
    const left = leftWhy(pod, decision);
    const why =
      decision.kind === 'refuse'
        ? decision.why
        : decision.kind === 'evict'
          ? isNotChased(pod, before.chased)
          : left;
    if (why !== undefined)
      stays.push({ uid: uidOf(pod), name: podName(pod), why, came: left === undefined });
    else if (decision.kind === 'evict') late.push(pod);
  }
  return { late, stays };
}

/** False: the last list came from the store and shows nothing new. */
function isListDue({ follower, known, ...work }: Work, now: number): boolean {
  if ([...follower.present().keys()].some((uid) => !known.has(uid))) return true;
  return work.stays.length > 0 && now - work.listedAt >= listEvery;
}

/**
 * Called when each evicted pod is gone, failed or left behind. True: there is nothing left to wait
 * for. The proof is a list from the store; the cache of a watch may lag behind.
 */
export async function isEmpty(
  work: Work,
  context: DrainContext,
  evict: (pods: readonly PodObject[]) => void,
): Promise<boolean> {
  const { api, node, options, clock } = context;
  const { follower, limit } = work;
  if (!follower.isListed() && !(await follower.relist(() => api.podNamesOf(node, limit.signal))).ok)
    return false;
  if (!isDone(work, context)) return false;
  if (failedPods(work).length > 0) return true;
  if (isListDue(work, clock.now())) {
    const chosen = await follower.relist(() => choosePods(api, node, options, limit.signal));
    if (!chosen.ok) return false;
    work.known = new Map(chosen.value.items.map((pod) => [uidOf(pod), pod]));
    work.listedAt = clock.now();
    const { late, stays } = sortOut(chosen.value.items, chosen.value.context, work);
    work.stays = stays;
    if (late.length > 0) evict(late);
    for (const pod of late) work.chased.add(workloadName(pod));
    if (!isDone(work, context)) return false;
  }
  if (options.leftBehind !== 'accept' && staying(work).length > 0) return false;
  return isUnmounted(work, context);
}

async function isUnmounted(work: Work, { api, options }: DrainContext): Promise<boolean> {
  const { guard, follower, limit, known } = work;
  const lost = await guard.fresh();
  if (lost !== undefined) {
    end(work, lost);
    return false;
  }
  const there = [...known].filter(([uid]) => follower.present().has(uid)).map(([, pod]) => pod);
  work.volumes = await strayVolumes(api, guard.volumes(), there, limit.signal);
  // A dead kubelet unmounts no volume.
  return work.volumes.length === 0 || (options.leftBehind === 'accept' && isDead(work));
}
