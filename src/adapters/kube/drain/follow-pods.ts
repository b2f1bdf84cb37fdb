// Follows the pods of one node: a list says what is there, a watch of names rings when it changes;
// a new list after 410, a cut or a name that two pods have; a list every few seconds where no watch
// is allowed.
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
  /** Ends the following. */
  readonly signal: AbortSignal;
  readonly first: Listed;
  readonly onChange: () => void;
}

/**
 * A list of so many comes compressed: one more costs less than being told of each, when they end
 * soon.
 */
const many = 64;
const restOfMany = 1_500;
const pollEvery = 2_000;
const firstPause = 250;
const longestPause = 3_000;

/** The pods of the node as lists and events show them, by uid. */
class ShownPods {
  #pods = new Map<string, PresentPod>();
  /** The pod that first had each name. */
  readonly #firstUid = new Map<string, string>();
  /**
   * Names that more than one pod has, or has had: an event of such a name may be of any of them.
   */
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

  /** False = it is not there, or ends already. */
  end(uid: string, deletionTimestamp: string): boolean {
    const pod = this.#pods.get(uid);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return false;
    this.#pods.set(uid, { metadata: { ...pod.metadata, deletionTimestamp } });
    return true;
  }

  /** False = the event does not say enough, and only a list can. */
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

  /**
   * One that came is not known by its uid: the next list has it. False = of which pod this is
   * cannot be told.
   */
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
  #trouble: Failure | undefined;
  #listed = true;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#take(options.first);
  }

  /**
   * By uid: only what the API server showed last. A pod is gone when it is not in here, and by
   * nothing else.
   */
  present(): ReadonlyMap<string, PresentPod> {
    return this.#pods.all;
  }

  /**
   * What is present was read from the store by the last list; since then neither a watch (whose
   * cache may run behind) nor `asked` has changed it.
   */
  isListed(): boolean {
    return this.#listed;
  }

  /** The last trouble, while it lasts: for the message of a drain that ran out of time. */
  trouble(): Failure | undefined {
    return this.#trouble;
  }

  /**
   * The API server took the wish that this pod go: it ends after these seconds, unless a list tells
   * more.
   */
  asked(uid: string, graceSeconds: number): void {
    const ends = new Date(this.#options.api.serverNow() + graceSeconds * 1000).toISOString();
    if (this.#pods.end(uid, ends)) this.#listed = false;
  }

  /** Takes a fresh list of these pods (from the store, not a cache) for what is present. */
  async relist<T extends Listed>(read: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const list = await read();
    this.#trouble = list.ok ? undefined : list.failure;
    if (list.ok) this.#take(list.value);
    return list;
  }

  /**
   * Lists once more and watches from there, until the signal. Before the evictions are asked for it
   * would tell of little else: three events a pod.
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
      // It may have come up just now: then it will have read our rights.
      if (outcome === 'forbidden') watchFrom = clock.now() + rightsReadAfter;
      if (signal.aborted) return;
      // A watch that lived for a while was a good one: the next trouble starts from a short pause
      // again.
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
   * False = list again: the version is too old (410 comes as an event inside a 200, measured), or
   * the event is not enough.
   */
  #apply(event: WatchEvent): boolean {
    if (event.type === 'ERROR') return false;
    if (event.type === 'BOOKMARK') return true;
    this.#listed = false;
    const isEnough = this.#pods.apply(event);
    if (isEnough) this.#options.onChange();
    return isEnough;
  }

  async #watchOnce(): Promise<'ended' | 'forbidden' | 'trouble'> {
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
    if (!watched.ok) return 'trouble';
    const { status, body } = watched.value;
    if (status === 200 || status === 410) return 'ended';
    this.#trouble = refusal(status, body, { verb: 'watch', resource: 'pods' }, api.who);
    return isRightsRefusal(status, body) ? 'forbidden' : 'trouble';
  }
}
