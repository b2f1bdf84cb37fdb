// Implements `jobs: wait`: a pod of a running Job is evicted only after it has finished.
import type { DrainOptions } from '../../../model/run/effect.ts';
import type { Outcome } from '../../../model/run/failure.ts';
import { ok } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import { controllerOf, isFinished, type PodObject } from '../objects/objects.ts';
import { uidOf } from './drain-work.ts';
import type { EvictContext, PodEnd } from './evict.ts';

/** False for a pod that is being deleted: its work is lost already. */
export const isAwaited = (pod: PodObject, { jobs }: Pick<DrainOptions, 'jobs'>): boolean =>
  jobs === 'wait' &&
  controllerOf(pod)?.kind === 'Job' &&
  !isFinished(pod) &&
  pod.metadata?.deletionTimestamp === undefined;

/** Milliseconds. Even a list of one node's pods makes the API server read all pods. */
const pollEvery = 5_000;

/** All waiting pods share one list. */
export function createJobWait(
  api: Api,
  node: string,
  { clock, signal, note, isGone }: EvictContext,
) {
  let kept:
    | { readonly at: number; readonly read: Promise<Outcome<ReadonlySet<string>>> }
    | undefined;

  async function read(): Promise<Outcome<ReadonlySet<string>>> {
    const listed = await api.unfinishedPodsOf(node, signal);
    return listed.ok
      ? ok(new Set(listed.value.items.map(({ metadata }) => metadata?.uid ?? '')))
      : listed;
  }

  /** Returns undefined once the pod has finished or is gone. */
  return async (pod: PodObject): Promise<PodEnd | undefined> => {
    const uid = uidOf(pod);
    note(uid, {
      by: 'workload',
      why: `waits for Job ${controllerOf(pod)?.name} to finish (jobs: wait)`,
    });
    while (!signal.aborted) {
      if (kept === undefined || clock.now() - kept.at >= pollEvery)
        kept = { at: clock.now(), read: read() };
      const unfinished = await kept.read;
      if (!unfinished.ok && unfinished.failure.transport !== true)
        return { kind: 'failed', why: unfinished.failure.message };
      if ((unfinished.ok && !unfinished.value.has(uid)) || isGone(uid)) return undefined;
      await clock.sleep(pollEvery, signal);
    }
    return { kind: 'stopped' };
  };
}
