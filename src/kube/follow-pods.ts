// Follows the pods of one node: one list, then one watch; a new list after 410 or a cut, a list every few seconds where no watch is allowed.
import type { Clock } from '../engine/ports.ts';
import type { Failure, Outcome } from '../model/failure.ts';
import type { Api, WatchEvent } from './api.ts';
import { isRightsRefusal, refusal } from './errors.ts';
import type { Meta } from './objects.ts';

/** A pod that is on the node now. */
export interface PresentPod {
  readonly metadata: Meta;
}

export interface PodFollower {
  /** Lists once more and watches from there, until the signal. Before the evictions are asked for it would tell of little else: three events a pod. */
  readonly watch: () => void;
  /** By uid: only what the API server showed last. A pod is gone when it is not in here, and by nothing else. */
  readonly present: () => ReadonlyMap<string, PresentPod>;
  /** What is present was read from the store by the last list, and no watch (whose cache may run behind) has spoken since. */
  readonly isListed: () => boolean;
  /** A fresh list (from the store, not a cache), now. */
  readonly relist: () => Promise<Outcome<unknown>>;
  /** The last trouble, while it lasts: for the message of a drain that ran out of time. */
  readonly trouble: () => Failure | undefined;
}

export interface FollowOptions {
  readonly api: Api;
  readonly node: string;
  readonly clock: Clock;
  /** Ends the following. */
  readonly signal: AbortSignal;
  readonly first: { readonly items: readonly { readonly metadata?: Meta }[]; readonly version: string };
  readonly onChange: () => void;
}

const pollEvery = 2_000;
const firstPause = 250;
const longestPause = 3_000;

export function followPods({ api, node, clock, signal, first, onChange }: FollowOptions): PodFollower {
  let pods = new Map<string, PresentPod>();
  let version = first.version;
  let trouble: Failure | undefined;
  let listed = true;

  function take(items: FollowOptions['first']['items'], at: string): void {
    pods = new Map(items.map((pod) => [pod.metadata?.uid ?? '', { metadata: pod.metadata ?? {} }]));
    version = at;
    listed = true;
    onChange();
  }

  async function relist(): Promise<Outcome<unknown>> {
    const read = await api.podNamesOf(node, signal);
    trouble = read.ok ? undefined : read.failure;
    if (read.ok) take(read.value.items, read.value.version);
    return read;
  }

  /** False = the version is too old: list again. A 410 comes as an event inside a 200 (measured). */
  function apply({ type, object }: WatchEvent): boolean {
    const uid = object.metadata?.uid;
    if (type === 'ERROR') return false;
    if (type === 'BOOKMARK' || uid === undefined) return true;
    if (type === 'DELETED') pods.delete(uid);
    else pods.set(uid, { metadata: object.metadata ?? {} });
    listed = false;
    onChange();
    return true;
  }

  async function watchOnce(): Promise<'ended' | 'forbidden' | 'trouble'> {
    const stop = new AbortController();
    const end = (): void => stop.abort();
    signal.addEventListener('abort', end, { once: true });
    const watched = await api.watchPods(node, version, (event) => (apply(event) ? undefined : stop.abort()), stop.signal);
    signal.removeEventListener('abort', end);
    if (!watched.ok) return 'trouble';
    const { status, body } = watched.value;
    if (status === 200 || status === 410) return 'ended';
    trouble = refusal(status, body, { verb: 'watch', resource: 'pods' }, api.who);
    return isRightsRefusal(status, body) ? 'forbidden' : 'trouble';
  }

  async function follow(): Promise<void> {
    let pause = firstPause;
    let watching = true;
    if (!signal.aborted) await relist();
    while (!signal.aborted) {
      const started = clock.now();
      const outcome = watching ? await watchOnce() : 'forbidden';
      if (outcome === 'forbidden') watching = false;
      if (signal.aborted) return;
      // A watch that lived for a while was a good one: the next trouble starts from a short pause again.
      pause = clock.now() - started > longestPause ? firstPause : Math.min(pause * 2, longestPause);
      await clock.sleep(watching ? (outcome === 'ended' && pause <= 2 * firstPause ? 0 : pause) : pollEvery, signal);
      if (!signal.aborted) await relist();
    }
  }

  take(first.items, first.version);
  return { present: () => pods, isListed: () => listed, watch: () => void follow(), relist, trouble: () => trouble };
}
