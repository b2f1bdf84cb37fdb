// Checks that the node stays ours during a drain: before a batch of evictions and every few
// seconds.

import type { NodeState, Outage, Owner } from '../../../engine/ports/cluster.ts';
import type { Clock } from '../../../engine/ports/local.ts';
import type { Failure } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import { nodeState, ownershipFailure } from '../node/ownership.ts';
import type { NodeObject } from '../objects/objects.ts';
import { retryPause } from './evict.ts';

export interface GuardOptions {
  readonly api: Api;
  readonly node: string;
  readonly owner: Owner;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Absent: the deadline of the drain ends the outage. */
  readonly outage: Outage | undefined;
}

/**
 * Milliseconds for which a check is valid. Together with the time of a call it stays below the
 * promised 5 s.
 */
const youngFor = 3_000;

export class Guard {
  readonly #options: GuardOptions;
  #readAt = Number.NEGATIVE_INFINITY;
  #node: NodeObject | undefined;
  #lost: Failure | undefined;
  #deadSince: number | undefined;
  #reading: Promise<Failure | undefined> | undefined;
  #outage: { readonly since: number; readonly why: Failure } | undefined;
  #earlierOutages = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** The state from the last successful check. */
  last(): NodeState | undefined {
    return this.#node === undefined ? undefined : nodeState(this.#node);
  }

  /** Volumes that the kubelet has mounted, from the last successful check. */
  volumes(): readonly string[] {
    return this.#node?.status?.volumesInUse ?? [];
  }

  /** Since when the node has been NotReady without a break, milliseconds since 1970. */
  deadSince(): number | undefined {
    return this.#deadSince;
  }

  /** Why the API server does not answer now. */
  outage(): Failure | undefined {
    return this.#outage?.why;
  }

  /** Milliseconds without an answer until now. */
  outageTime(): number {
    return (
      this.#earlierOutages +
      (this.#outage === undefined ? 0 : this.#options.clock.now() - this.#outage.since)
    );
  }

  /**
   * Makes sure that the last successful check is recent. Returns undefined if the node is ours,
   * else why not.
   */
  async fresh(): Promise<Failure | undefined> {
    if (this.#lost !== undefined) return this.#lost;
    if (this.#options.clock.now() - this.#readAt < youngFor) return undefined;
    // Twenty concurrent evictions share one check.
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
      // Wait only for errors of the network. A missing right or an expired credential fails at
      // once.
      if (found.failure.transport !== true || signal.aborted) return found.failure;
      this.#outage ??= { since: began, why: found.failure };
      await outage?.away(found.failure);
      // The caller knows the whole outage and reports it for the host.
      if (clock.now() - this.#outage.since > (outage?.limit ?? Number.POSITIVE_INFINITY) * 1000)
        return found.failure;
      await clock.sleep(retryPause(tries, clock.random()), signal);
      if (signal.aborted) return found.failure;
    }
  }

  #take(node: NodeObject, began: number): Failure | undefined {
    this.#node = node;
    this.#deadSince = nodeState(node).ready ? undefined : (this.#deadSince ?? began);
    this.#readAt = began;
    this.#lost = ownershipFailure(node, this.#options.owner);
    return this.#lost;
  }

  async #answered(): Promise<void> {
    this.#earlierOutages = this.outageTime();
    this.#outage = undefined;
    await this.#options.outage?.back();
  }
}
