// Watches that a node stays ours while it is drained: read again before a batch of evictions and at least every few seconds.

import type { NodeState, Outage, Owner } from '../../../engine/ports/cluster.ts';
import type { Clock } from '../../../engine/ports/local.ts';
import type { Failure } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import { holdFailure, nodeState } from '../node/ownership.ts';
import { retryPause } from './evict.ts';

export interface Guard {
  /** Resolves when the last good reading is young enough to evict by; undefined when it is ours, else why not. */
  readonly fresh: () => Promise<Failure | undefined>;
  readonly last: () => NodeState | undefined;
  /** What its kubelet has mounted, by the last good reading. */
  readonly volumes: () => readonly string[];
  /** Since when (milliseconds since 1970) the node was NotReady without a break. */
  readonly deadSince: () => number | undefined;
  /** Why the API server gives no answer now. */
  readonly away: () => Failure | undefined;
  /** Milliseconds without an answer, until now. */
  readonly awayFor: () => number;
}

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

export function guardNode({ api, node, owner, clock, signal, outage }: GuardOptions): Guard {
  let readAt = Number.NEGATIVE_INFINITY;
  let state: NodeState | undefined;
  let volumes: readonly string[] = [];
  let lost: Failure | undefined;
  let deadSince: number | undefined;
  let reading: Promise<Failure | undefined> | undefined;
  let away: { readonly since: number; readonly why: Failure } | undefined;
  let earlier = 0;

  const awayFor = (): number => earlier + (away === undefined ? 0 : clock.now() - away.since);

  async function answered(): Promise<void> {
    earlier = awayFor();
    away = undefined;
    await outage?.back();
  }

  async function read(): Promise<Failure | undefined> {
    for (let tries = 0; ; tries += 1) {
      const began = clock.now();
      const found = await api.node(node, signal);
      if (found.ok || found.failure.transport !== true) await answered();
      if (found.ok) {
        state = nodeState(found.value);
        volumes = found.value.status?.volumesInUse ?? [];
        deadSince = state.ready ? undefined : (deadSince ?? began);
        readAt = began;
        lost = holdFailure(found.value, owner);
        return lost;
      }
      if (found.failure.kind === 'refused') {
        lost = { kind: 'blocked', message: `node ${node} is not in the cluster any more` };
        return lost;
      }
      // Only trouble on the way is waited out; a missing right or an expired credential is told at once.
      if (found.failure.transport !== true || signal.aborted) return found.failure;
      away ??= { since: began, why: found.failure };
      await outage?.away(found.failure);
      // The caller knows the whole outage, and says what becomes of the host.
      if (clock.now() - away.since > (outage?.limit ?? Number.POSITIVE_INFINITY) * 1000) return found.failure;
      await clock.sleep(retryPause(tries, clock.random()), signal);
      if (signal.aborted) return found.failure;
    }
  }

  return {
    async fresh() {
      if (lost !== undefined) return lost;
      if (clock.now() - readAt < youngFor) return undefined;
      // Twenty evictions at once are one reading.
      reading ??= read().finally(() => {
        reading = undefined;
      });
      return reading;
    },
    last: () => state,
    volumes: () => volumes,
    deadSince: () => deadSince,
    away: () => away?.why,
    awayFor,
  };
}
