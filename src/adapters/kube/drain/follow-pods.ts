// Follows the pods of one node by a list and a watch of names. It lists again after a 410, a lost
// connection or an ambiguous name, and polls where the account may not watch.
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

export interface FollowOptions {
  readonly api: Api;
  readonly node: string;
  readonly clock: Clock;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  readonly first: Listed;
  readonly onChange: () => void;
}

/**
 * From this number of pods on, the watch starts after a second list: a long list is compressed and
 * costs less than an event for each pod that ends soon.
 */
const many = 64;
const restOfMany = 1_500;
const pollEvery = 2_000;
const firstPause = 250;
const longestPause = 3_000;

/** The pods of the node by uid, as lists and events show them. */
class ShownPods {
  #pods = new Map<string, PresentPod>();
  /** The uid of the first pod with each name. */
  readonly #firstUid = new Map<string, string>();
  /** Names that several pods have or had. An event with such a name is ambiguous. */
  readonly #shared = new Set<string>();

  get all(): ReadonlyMap<string, PresentPod> {
    return this.#pods;
  }

  take(items: Listed['items']): void {
    this.#pods = new Map(
      items.map((pod) => [pod.metadata?.uid ?? '', { metadata: pod.metadata ?? {} }]),
    );
    for (const [uid, { metadata }] of this.#pods) {
      const name = metadata.name ?? '';
      if ((this.#firstUid.get(name) ?? uid) !== uid) this.#shared.add(name);
      this.#firstUid.set(name, uid);
    }
  }

  /** False: it is not present, or already ends. */
  end(uid: string, deletionTimestamp: string): boolean {
    const pod = this.#pods.get(uid);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return false;
    this.#pods.set(uid, { metadata: { ...pod.metadata, deletionTimestamp } });
    return true;
  }

  /** False: the event is not enough, and a new list is needed. */
  apply({ type, object }: WatchEvent): boolean {
    if (object.kind === 'Table') {
      const name = object.rows?.[0]?.cells?.[0];
      return typeof name === 'string' && this.#applyName(type, name);
    }
    const metadata = object.metadata ?? {};
    if (metadata.uid === undefined) return true;
    if (type === 'DELETED') this.#pods.delete(metadata.uid);
    else this.#pods.set(metadata.uid, { metadata });
    return true;
  }

  /** The uid of a new pod comes with the next list. False: the event is ambiguous. */
  #applyName(type: string, name: string): boolean {
    const known = [...this.#pods].find(([, pod]) => pod.metadata.name === name)?.[0];
    if (type === 'ADDED' && known !== undefined) this.#shared.add(name);
    if (type !== 'DELETED' || known === undefined) return true;
    if (this.#shared.has(name)) return false;
    this.#pods.delete(known);
    return true;
  }
}

export class PodFollower {
  readonly #options: FollowOptions;
  readonly #pods = new ShownPods();
  #version = '';
  #error: Failure | undefined;
  #listed = true;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#take(options.first);
  }

  /**
   * Pods by uid, as the API server showed them last. A pod is gone only when it is not in this map.
   */
  present(): ReadonlyMap<string, PresentPod> {
    return this.#pods.all;
  }

  /**
   * True: the last list came from the store, and neither a watch (its cache may lag behind) nor
   * `asked` has changed it since.
   */
  isListed(): boolean {
    return this.#listed;
  }

  /** The current error of the watch or list, for the message of a drain that timed out. */
  error(): Failure | undefined {
    return this.#error;
  }

  /**
   * Call it when the API server accepted an eviction: the pod ends after the grace period, unless a
   * list shows otherwise.
   */
  asked(uid: string, graceSeconds: number): void {
    const ends = new Date(this.#options.api.serverNow() + graceSeconds * 1000).toISOString();
    if (this.#pods.end(uid, ends)) this.#listed = false;
  }

  /** Replaces the present pods by a list from the store, not from a cache. */
  async relist<T extends Listed>(read: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const list = await read();
    this.#error = list.ok ? undefined : list.failure;
    if (list.ok) this.#take(list.value);
    return list;
  }

  /**
   * Lists once more and watches from there until the signal. Start it after the evictions, which
   * cause three events a pod.
   */
  async watch(): Promise<void> {
    const { clock, signal } = this.#options;
    let pause = firstPause;
    let watchFrom = Number.NEGATIVE_INFINITY;
    if (!signal.aborted) await this.#listNames();
    if (this.present().size >= many) await clock.sleep(restOfMany, signal);
    if (this.present().size >= many && !signal.aborted) await this.#listNames();
    while (!signal.aborted) {
      const started = clock.now();
      const outcome = started < watchFrom ? 'waiting' : await this.#watchOnce();
      // The server may have just started and not yet have read our rights.
      if (outcome === 'forbidden') watchFrom = clock.now() + rightsReadAfter;
      if (signal.aborted) return;
      // After a watch that lasted, the next retry starts with a short pause again.
      pause = clock.now() - started > longestPause ? firstPause : Math.min(pause * 2, longestPause);
      const rest = outcome === 'ended' && pause <= 2 * firstPause ? 0 : pause;
      await clock.sleep(clock.now() < watchFrom ? pollEvery : rest, signal);
      if (!signal.aborted) await this.#listNames();
    }
  }

  #take({ items, version }: Listed): void {
    this.#pods.take(items);
    this.#version = version;
    this.#listed = true;
    this.#options.onChange();
  }

  #listNames(): Promise<Outcome<Listed>> {
    const { api, node, signal } = this.#options;
    return this.relist<Listed>(() => api.podNamesOf(node, signal));
  }

  /**
   * False: list again, because the version expired (410 comes as an event within a 200, measured)
   * or the event is not enough.
   */
  #apply(event: WatchEvent): boolean {
    if (event.type === 'ERROR') return false;
    if (event.type === 'BOOKMARK') return true;
    this.#listed = false;
    const isEnough = this.#pods.apply(event);
    if (isEnough) this.#options.onChange();
    return isEnough;
  }

  async #watchOnce(): Promise<'ended' | 'forbidden' | 'failed'> {
    const { api, node, signal } = this.#options;
    const stop = new AbortController();
    const end = (): void => stop.abort();
    signal.addEventListener('abort', end, { once: true });
    const watched = await api.watchPods(
      node,
      this.#version,
      (event) => (this.#apply(event) ? undefined : stop.abort()),
      stop.signal,
    );
    signal.removeEventListener('abort', end);
    if (!watched.ok) return 'failed';
    const { status, body } = watched.value;
    if (status === 200 || status === 410) return 'ended';
    this.#error = refusal(status, body, { verb: 'watch', resource: 'pods' }, api.account);
    return isRightsRefusal(status, body) ? 'forbidden' : 'failed';
  }
}
