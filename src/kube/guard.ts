// Watches that a node stays ours while it is drained: read again before a batch of evictions and at least every few seconds.
import type { Clock, NodeState, Owner } from '../engine/ports.ts';
import type { Failure } from '../model/failure.ts';
import type { Api } from './api.ts';
import { holdFailure, nodeState } from './ownership.ts';

export interface Guard {
  /** Resolves when the last good reading is young enough to evict by; undefined when it is ours, else why not. */
  readonly fresh: () => Promise<Failure | undefined>;
  readonly last: () => NodeState | undefined;
  /** What its kubelet has mounted, by the last good reading. */
  readonly volumes: () => readonly string[];
  /** Since when (milliseconds since 1970) the node was NotReady without a break. */
  readonly deadSince: () => number | undefined;
}

export interface GuardOptions {
  readonly api: Api;
  readonly node: string;
  readonly owner: Owner;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A reading older than this is read again; with a call's time it stays below the promised 5 s. */
const youngFor = 3_000;
const pause = 1_000;

export function guardNode({ api, node, owner, clock, signal }: GuardOptions): Guard {
  let readAt = Number.NEGATIVE_INFINITY;
  let state: NodeState | undefined;
  let volumes: readonly string[] = [];
  let lost: Failure | undefined;
  let deadSince: number | undefined;
  let reading: Promise<Failure | undefined> | undefined;

  async function read(): Promise<Failure | undefined> {
    for (;;) {
      const began = clock.now();
      const found = await api.node(node, signal);
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
      await clock.sleep(pause, signal);
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
  };
}
