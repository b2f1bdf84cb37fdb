// Reads of the cluster that many hosts share, and retries while the API server restarts.
import { type Outcome, ok } from '../../model/run/failure.ts';
import type { Cluster, NodeState } from '../ports/cluster.ts';
import type { Clock } from '../ports/local.ts';

/** Milliseconds for which a list of nodes is used again, where only names and labels matter. */
const sharedFor = 10_000;
/** The same for a plan: its hosts are read again before they start. */
const planSharedFor = 60_000;
/** Milliseconds that an API server may need to restart. */
const retryTime = 30_000;
const pause = 2_000;

interface Kept {
  readonly at: number;
  readonly nodes: Promise<Outcome<readonly NodeState[]>>;
}
const kept = new WeakMap<Cluster, Kept>();

/** All nodes, at most 10 s old. For a plan that began at `since`: read since then, at most 60 s old. */
export async function sharedNodes(
  cluster: Cluster,
  clock: Clock,
  since?: number,
): Promise<Outcome<readonly NodeState[]>> {
  const now = clock.now();
  const last = kept.get(cluster);
  const isFresh = (at: number): boolean =>
    since === undefined ? now - at < sharedFor : at >= since && now - at < planSharedFor;
  if (last !== undefined && isFresh(last.at)) return last.nodes;
  const nodes = retryFor(() => cluster.nodes(), clock);
  kept.set(cluster, { at: now, nodes });
  const read = await nodes;
  if (!read.ok) kept.delete(cluster);
  return read;
}

/** One node: for a plan from the list of all nodes, otherwise as it is now. */
export async function nodeSince(
  name: string,
  {
    cluster,
    clock,
    since,
    signal,
  }: {
    readonly cluster: Cluster;
    readonly clock: Clock;
    readonly since?: number;
    readonly signal: AbortSignal;
  },
): Promise<Outcome<NodeState>> {
  const nodes =
    since === undefined ? ok<readonly NodeState[]>([]) : await sharedNodes(cluster, clock, since);
  if (!nodes.ok) return nodes;
  const listed = nodes.value.find((node) => node.name === name);
  return listed === undefined
    ? retryFor(() => cluster.node(name, signal), clock, signal)
    : ok(listed);
}

/** Asks again while the API server cannot be reached. A refusal of the server is returned at once. */
export async function retryFor<T>(
  ask: () => Promise<Outcome<T>>,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Outcome<T>> {
  const began = clock.now();
  for (;;) {
    const answer = await ask();
    // `resumable`: the run has waited for the end of the outage already.
    const isFinal =
      answer.ok || answer.failure.transport !== true || answer.failure.resumable === true;
    if (isFinal || signal?.aborted === true || clock.now() - began > retryTime) return answer;
    await clock.sleep(pause, signal);
  }
}
