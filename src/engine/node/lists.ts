// Reads of the cluster that many hosts share, and patience with an API server that is away for a
// moment.
import { type Outcome, ok } from '../../model/run/failure.ts';
import type { Cluster, NodeState } from '../ports/cluster.ts';
import type { Clock } from '../ports/local.ts';

/**
 * Milliseconds that a list of all nodes is good for where only names and labels matter; and in a
 * plan, whose hosts are looked at again before their start.
 */
const sharedFor = 10_000;
const planSharedFor = 60_000;
/** An API server that restarts is away for so long; a host is not given up for that. */
const patience = 30_000;
const pause = 2_000;

interface Kept {
  readonly at: number;
  readonly nodes: Promise<Outcome<readonly NodeState[]>>;
}
const kept = new WeakMap<Cluster, Kept>();

/**
 * All nodes, as they were a few seconds ago; for a plan as they were at any time since it began
 * (`since`), but not more than a minute ago.
 */
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

/** One node: of a plan as in the list of all, otherwise as it is now. */
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

/**
 * Asks again while the way to the API server is the trouble; what the server itself refuses is told
 * at once.
 */
export async function retryFor<T>(
  ask: () => Promise<Outcome<T>>,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Outcome<T>> {
  const began = clock.now();
  for (;;) {
    const answer = await ask();
    // A run has waited out the whole outage by itself.
    const isFinal =
      answer.ok || answer.failure.transport !== true || answer.failure.resumable === true;
    if (isFinal || signal?.aborted === true || clock.now() - began > patience) return answer;
    await clock.sleep(pause, signal);
  }
}
