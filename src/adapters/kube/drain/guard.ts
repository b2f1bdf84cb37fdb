// Watches that a node stays ours while it is drained: read again before a batch of evictions and at
// least every few seconds.

import type { NodeState, Outage, Owner } from '../../../engine/ports/cluster.ts';
import type { Clock } from '../../../engine/ports/local.ts';
import type { Failure } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import { holdFailure, nodeState } from '../node/ownership.ts';
import type { NodeObject } from '../objects/objects.ts';
import { retryPause } from './evict.ts';

export interface GuardOptions {
  readonly api: Api;
  readonly node: string;
  readonly owner: Owner;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Absent = the drain's own deadline ends it. */
  readonly outage: Outage | undefined;
}

/** A reading older than this is read again; with a call's time it stays below the promised 5 s. */
const youngFor = 3_000;

export class Guard {
  readonly #options: GuardOptions;
  #readAt = Number.NEGATIVE_INFINITY;
  #node: NodeObject | undefined;
  #lost: Failure | undefined;
  #deadSince: number | undefined;
  #reading: Promise<Failure | undefined> | undefined;
  #away: { readonly since: number; readonly why: Failure } | undefined;
  #awayBefore = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** The last good reading. */
  last(): NodeState | undefined {
    return this.#node === undefined ? undefined : nodeState(this.#node);
  }

  /** What its kubelet has mounted, by the last good reading. */
  volumes(): readonly string[] {
    return this.#node?.status?.volumesInUse ?? [];
  }

  /** Since when (milliseconds since 1970) the node was NotReady without a break. */
  deadSince(): number | undefined {
    return this.#deadSince;
  }

  /** Why the API server gives no answer now. */
  away(): Failure | undefined {
    return this.#away?.why;
  }

  /** Milliseconds without an answer, until now. */
  awayFor(): number {
    return (
      this.#awayBefore +
      (this.#away === undefined ? 0 : this.#options.clock.now() - this.#away.since)
    );
  }

  /**
   * Resolves when the last good reading is young enough to evict by; undefined when it is ours,
   * else why not.
   */
  async fresh(): Promise<Failure | undefined> {
    if (this.#lost !== undefined) return this.#lost;
    if (this.#options.clock.now() - this.#readAt < youngFor) return undefined;
    // Twenty evictions at once are one reading.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<Failure | undefined> {
    const { api, node, clock, signal, outage } = this.#options;
    for (let tries = 0; ; tries += 1) {
      const began = clock.now();
      const found = await api.node(node, signal);
      if (found.ok || found.failure.transport !== true) await this.#answered();
      if (found.ok) return this.#take(found.value, began);
      if (found.failure.kind === 'refused') {
        this.#lost = { kind: 'blocked', message: `node ${node} is not in the cluster any more` };
        return this.#lost;
      }
      // Only trouble on the way is waited out; a missing right or an expired credential is told at
      // once.
      if (found.failure.transport !== true || signal.aborted) return found.failure;
      this.#away ??= { since: began, why: found.failure };
      await outage?.away(found.failure);
      // The caller knows the whole outage, and says what becomes of the host.
      if (clock.now() - this.#away.since > (outage?.limit ?? Number.POSITIVE_INFINITY) * 1000)
        return found.failure;
      await clock.sleep(retryPause(tries, clock.random()), signal);
      if (signal.aborted) return found.failure;
    }
  }

  #take(node: NodeObject, began: number): Failure | undefined {
    this.#node = node;
    this.#deadSince = nodeState(node).ready ? undefined : (this.#deadSince ?? began);
    this.#readAt = began;
    this.#lost = holdFailure(node, this.#options.owner);
    return this.#lost;
  }

  async #answered(): Promise<void> {
    this.#awayBefore = this.awayFor();
    this.#away = undefined;
    await this.#options.outage?.back();
  }
}
