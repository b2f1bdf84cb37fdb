// Taking a node, keeping it, giving it back: the steps around the Cluster port that must not come
// apart.
import { present } from '../../model/present.ts';
import { type Failure, failed, keptOut, type Outcome } from '../../model/run/failure.ts';
import { readSystemPods } from '../node/forecast.ts';
import { whyKept } from '../node/guard.ts';
import { cordonedByOthers } from '../node/missing.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { FenceToken } from '../ports/fence.ts';
import type { Clock } from '../ports/local.ts';

export interface HoldContext {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly token: FenceToken;
  readonly byName: boolean;
  /** May a node be taken that somebody else has cordoned? */
  readonly takesCordoned: boolean;
  readonly signal: AbortSignal;
}

/**
 * Of two hosts of one run that are cordoned at the same moment, the second must see the first as
 * out of service.
 */
const turns = new WeakMap<Cluster, Promise<unknown>>();

function inTurn<T>(cluster: Cluster, act: () => Promise<T>): Promise<T> {
  const mine = (turns.get(cluster) ?? Promise.resolve()).then(act, act);
  turns.set(
    cluster,
    mine.catch(() => undefined),
  );
  return mine;
}

const cordonedMeanwhile = (node: string): Failure => ({
  kind: 'kept_out',
  message: `node ${node} was cordoned by somebody else since the plan was made`,
  hint: 'a new plan names the cordon; with --yes, or `rollout: {cordoned: first}`, such a node is taken all the same',
  resumable: true,
});

/**
 * Nothing is begun on a host whose node a person holds. An API server that does not answer says
 * nothing: what needs it fails by itself.
 */
export async function heldNode({
  cluster,
  node,
  signal,
}: {
  readonly cluster?: Cluster;
  readonly node?: string;
  readonly signal: AbortSignal;
}) {
  if (cluster === undefined || node === undefined) return undefined;
  const state = await cluster.node(node, signal);
  return state.ok && state.value.hold !== undefined ? keptOut(node, state.value.hold) : undefined;
}

/**
 * Cordons, unless quorum or the last ready node of a pool would be lost: judged on the nodes as
 * they are in this moment.
 */
export function cordonOwned(
  node: string,
  context: HoldContext,
): Promise<Outcome<{ readonly wasUnschedulable: boolean }>> {
  const { cluster, clock, token, byName, takesCordoned, signal } = context;
  return inTurn(cluster, async () => {
    const nodes = await cluster.nodes(signal);
    if (!nodes.ok) return nodes;
    const state = nodes.value.find(({ name }) => name === node);
    if (state !== undefined && cordonedByOthers(state) && !takesCordoned)
      return { ok: false, failure: cordonedMeanwhile(node) };
    const pods = await readSystemPods(cluster, clock, signal);
    if (!pods.ok) return pods;
    const why = whyKept(node, {
      nodes: nodes.value,
      byName,
      ...present({ systemPods: pods.value }),
    });
    if (why !== undefined) return failed('blocked', `not cordoned: ${why}`);
    return cluster.cordon(node, token, signal);
  });
}

/**
 * Still cordoned and ours? A resumed run first writes its own number over the one of the controller
 * that died. When the API server does not say, the answer is no: what may be in service is not
 * rebooted.
 */
export async function checkOwnership(
  node: string,
  context: HoldContext,
): Promise<Failure | undefined> {
  const { cluster, token, signal } = context;
  const state = await cluster.node(node, signal);
  if (state.ok && state.value.owner?.run === token.run && state.value.owner.number < token.number) {
    const raised = await cluster.cordon(node, token, signal);
    if (!raised.ok) return raised.failure;
  }
  const held = state.ok ? await cluster.holds(node, token, signal) : state;
  if (held.ok) return undefined;
  if (
    held.failure.resumable === true ||
    ['blocked', 'fenced', 'kept_out'].includes(held.failure.kind)
  )
    return held.failure;
  return {
    ...held.failure,
    kind: 'blocked',
    message: `whether node ${node} is still cordoned by this run is not known: ${held.failure.message}`,
  };
}

/**
 * Restarts of the pods on a node, by name, for a later look at what crashes; nothing when they
 * cannot be read.
 */
export async function restartsOn(
  node: string,
  { cluster, signal }: HoldContext,
): Promise<Readonly<Record<string, number>> | undefined> {
  const pods = await cluster.pods(node, signal);
  return pods.ok
    ? Object.fromEntries(pods.value.map((pod) => [pod.name, pod.restarts]))
    : undefined;
}
