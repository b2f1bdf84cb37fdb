// Reads of the cluster that many hosts share, and patience with an API server that is away for a moment.
import type { Outcome } from '../model/failure.ts';
import type { Clock, Cluster, NodeState } from './ports.ts';

/** Milliseconds that a list of all nodes is good for where only names and labels matter. */
const sharedFor = 10_000;
/** An API server that restarts is away for so long; a host is not given up for that. */
const patience = 30_000;
const pause = 2_000;

interface Kept {
  readonly at: number;
  readonly nodes: Promise<Outcome<readonly NodeState[]>>;
}
const kept = new WeakMap<Cluster, Kept>();

/** All nodes, as they were a few seconds ago: a plan asks for hundreds of hosts at once. */
export async function sharedNodes(cluster: Cluster, clock: Clock): Promise<Outcome<readonly NodeState[]>> {
  const now = clock.now();
  const last = kept.get(cluster);
  if (last !== undefined && now - last.at < sharedFor) return last.nodes;
  const nodes = patiently(() => cluster.nodes(), clock);
  kept.set(cluster, { at: now, nodes });
  const read = await nodes;
  if (!read.ok) kept.delete(cluster);
  return read;
}

/** Asks again while the way to the API server is the trouble; what the server itself refuses is told at once. */
export async function patiently<T>(ask: () => Promise<Outcome<T>>, clock: Clock, signal?: AbortSignal): Promise<Outcome<T>> {
  const began = clock.now();
  for (;;) {
    const answer = await ask();
    // A run has waited out the whole outage by itself.
    const isFinal = answer.ok || answer.failure.transport !== true || answer.failure.resumable === true;
    if (isFinal || signal?.aborted === true || clock.now() - began > patience) return answer;
    await clock.sleep(pause, signal);
  }
}
