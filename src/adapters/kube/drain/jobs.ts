// `jobs: wait`: pods of running Jobs are evicted only when they have finished, so that no work of
// theirs is lost.
import type { DrainOptions } from '../../../model/run/effect.ts';
import type { Outcome } from '../../../model/run/failure.ts';
import { ok } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import { controllerOf, isFinished, type PodObject } from '../objects/objects.ts';
import { uidOf } from './drain-work.ts';
import type { EvictContext, PodEnd } from './evict.ts';

/**
 * The pod is on its way out already where somebody deleted it: there is no work of its to wait for.
 */
export const isAwaited = (pod: PodObject, { jobs }: Pick<DrainOptions, 'jobs'>): boolean =>
  jobs === 'wait' &&
  controllerOf(pod)?.kind === 'Job' &&
  !isFinished(pod) &&
  pod.metadata?.deletionTimestamp === undefined;

/** A list of one node's pods costs the API server a look at all pods. */
const pollEvery = 5_000;

/** One list for all pods that are waited for. */
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

  /** Undefined = it has finished, or is gone. */
  return async (pod: PodObject): Promise<PodEnd | undefined> => {
    const uid = uidOf(pod);
    note(uid, {
      by: 'workload',
      why: `Job ${controllerOf(pod)?.name} runs: it is waited for (jobs: wait)`,
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
