// Follows the pods of one node: a list says what is there, a watch of names rings when it changes; a new list after 410, a cut or a name that
// two pods have; a list every few seconds where no watch is allowed.
import type { Clock } from '../../../engine/ports/local.ts';
import type { Failure, Outcome } from '../../../model/run/failure.ts';
import type { Api, WatchEvent } from '../client/api.ts';
import { rightsReadAfter } from '../client/caller.ts';
import { isRightsRefusal, refusal } from '../client/errors.ts';
import type { Meta } from '../objects/objects.ts';

/** A pod that is on the node now. */
export interface PresentPod {
  readonly metadata: Meta;
}

export interface Listed {
  readonly items: readonly { readonly metadata?: Meta }[];
  readonly version: string;
}

export interface PodFollower {
  /** Lists once more and watches from there, until the signal. Before the evictions are asked for it would tell of little else: three events a pod. */
  readonly watch: () => void;
  /** The API server took the wish that this pod go: it ends after these seconds, unless a list tells more. */
  readonly asked: (uid: string, graceSeconds: number) => void;
  /** By uid: only what the API server showed last. A pod is gone when it is not in here, and by nothing else. */
  readonly present: () => ReadonlyMap<string, PresentPod>;
  /** What is present was read from the store by the last list; since then neither a watch (whose cache may run behind) nor `asked` has changed it. */
  readonly isListed: () => boolean;
  /** Takes a fresh list of these pods (from the store, not a cache) for what is present. */
  readonly relist: <T extends Listed>(read: () => Promise<Outcome<T>>) => Promise<Outcome<T>>;
  /** The last trouble, while it lasts: for the message of a drain that ran out of time. */
  readonly trouble: () => Failure | undefined;
}

export interface FollowOptions {
  readonly api: Api;
  readonly node: string;
  readonly clock: Clock;
  /** Ends the following. */
  readonly signal: AbortSignal;
  readonly first: Listed;
  readonly onChange: () => void;
}

/** A list of so many comes compressed: one more costs less than being told of each, when they end soon. */
const many = 64;
const restOfMany = 1_500;
const pollEvery = 2_000;
const firstPause = 250;
const longestPause = 3_000;

export function followPods({ api, node, clock, signal, first, onChange }: FollowOptions): PodFollower {
  let pods = new Map<string, PresentPod>();
  let version = first.version;
  let trouble: Failure | undefined;
  let listed = true;
  /** Whose a name was first. */
  const bearers = new Map<string, string>();
  /** Names that more than one pod has, or has had: an event of such a name may be of any of them. */
  const shared = new Set<string>();

  function take(list: Listed): void {
    pods = new Map(list.items.map((pod) => [pod.metadata?.uid ?? '', { metadata: pod.metadata ?? {} }]));
    version = list.version;
    listed = true;
    for (const [uid, { metadata }] of pods) {
      const name = metadata.name ?? '';
      if ((bearers.get(name) ?? uid) !== uid) shared.add(name);
      bearers.set(name, uid);
    }
    onChange();
  }

  function asked(uid: string, graceSeconds: number): void {
    const pod = pods.get(uid);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    const deletionTimestamp = new Date(api.serverNow() + graceSeconds * 1000).toISOString();
    pods.set(uid, { metadata: { ...pod.metadata, deletionTimestamp } });
    listed = false;
  }

  async function relist<T extends Listed>(read: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const list = await read();
    trouble = list.ok ? undefined : list.failure;
    if (list.ok) take(list.value);
    return list;
  }

  const names = () => relist(() => api.podNamesOf(node, signal));

  /** One that came is not known by its uid: the next list has it. False = of which pod this is cannot be told. */
  function applyName(type: string, name: string): boolean {
    const known = [...pods].find(([, pod]) => pod.metadata.name === name)?.[0];
    if (type === 'ADDED' && known !== undefined) shared.add(name);
    if (type !== 'DELETED' || known === undefined) return true;
    if (shared.has(name)) return false;
    pods.delete(known);
    return true;
  }

  function applyPod(type: string, metadata: Meta): void {
    if (metadata.uid === undefined) return;
    if (type === 'DELETED') pods.delete(metadata.uid);
    else pods.set(metadata.uid, { metadata });
  }

  /** False = list again: the version is too old (410 comes as an event inside a 200, measured), or the event is not enough. */
  function apply({ type, object }: WatchEvent): boolean {
    if (type === 'ERROR') return false;
    if (type === 'BOOKMARK') return true;
    listed = false;
    if (object.kind === 'Table') {
      const name = object.rows?.[0]?.cells?.[0];
      if (typeof name !== 'string' || !applyName(type, name)) return false;
    } else applyPod(type, object.metadata ?? {});
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
    let watchFrom = Number.NEGATIVE_INFINITY;
    if (!signal.aborted) await names();
    if (pods.size >= many) await clock.sleep(restOfMany, signal);
    if (pods.size >= many && !signal.aborted) await names();
    while (!signal.aborted) {
      const started = clock.now();
      const outcome = started < watchFrom ? 'waiting' : await watchOnce();
      // It may have come up just now: then it will have read our rights.
      if (outcome === 'forbidden') watchFrom = clock.now() + rightsReadAfter;
      if (signal.aborted) return;
      // A watch that lived for a while was a good one: the next trouble starts from a short pause again.
      pause = clock.now() - started > longestPause ? firstPause : Math.min(pause * 2, longestPause);
      const rest = outcome === 'ended' && pause <= 2 * firstPause ? 0 : pause;
      await clock.sleep(clock.now() < watchFrom ? pollEvery : rest, signal);
      if (!signal.aborted) await names();
    }
  }

  take(first);
  return { present: () => pods, isListed: () => listed, watch: () => void follow(), asked, relist, trouble: () => trouble };
}
