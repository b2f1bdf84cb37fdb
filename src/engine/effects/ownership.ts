// Ownership of nodes: steps at the Cluster port that must stay together.
import { present } from '../../model/present.ts';
import { type Failure, failed, keptOut, type Outcome } from '../../model/run/failure.ts';
import { readSystemPods } from '../node/forecast.ts';
import { whyKept } from '../node/guard.ts';
import { cordonedElsewhere } from '../node/missing.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { FenceToken } from '../ports/fence.ts';
import type { Clock } from '../ports/local.ts';

export interface OwnershipContext {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly token: FenceToken;
  readonly byName: boolean;
  /** The run may cordon a node that somebody else has cordoned. */
  readonly takesCordoned: boolean;
  readonly signal: AbortSignal;
}

/**
 * Cordons of one cluster run one after the other: the second must see the first node as out of
 * service.
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

const cordonedSince = (node: string): Failure => ({
  kind: 'kept_out',
  message: `node ${node} was cordoned by somebody else since the plan was made`,
  hint: 'a new plan names the cordon; with --yes, or `rollout: {cordoned: first}`, such a node is taken all the same',
  resumable: true,
});

/**
 * The failure of a host whose node an operator holds. If the API server does not answer, the effects
 * that need it fail themselves.
 */
export async function onHold({
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

/** Cordons the node, unless quorum or the last ready node of its pool would be lost. */
export function cordonOwned(
  node: string,
  context: OwnershipContext,
): Promise<Outcome<{ readonly wasUnschedulable: boolean }>> {
  const { cluster, clock, token, byName, takesCordoned, signal } = context;
  return inTurn(cluster, async () => {
    const nodes = await cluster.nodes(signal);
    if (!nodes.ok) return nodes;
    const state = nodes.value.find(({ name }) => name === node);
    if (state !== undefined && cordonedElsewhere(state) && !takesCordoned)
      return { ok: false, failure: cordonedSince(node) };
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
 * The failure if the node is not cordoned by this run any more. A resumed run first replaces the
 * number of the dead controller. No answer of the API server is a failure too: a node that may be in
 * service is not rebooted.
 */
export async function checkOwnership(
  node: string,
  context: OwnershipContext,
): Promise<Failure | undefined> {
  const { cluster, token, signal } = context;
  const state = await cluster.node(node, signal);
  if (state.ok && state.value.owner?.run === token.run && state.value.owner.number < token.number) {
    const raised = await cluster.cordon(node, token, signal);
    if (!raised.ok) return raised.failure;
  }
  const held = state.ok ? await cluster.owns(node, token, signal) : state;
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

/** Restarts of the pods on a node, by name; undefined if they cannot be read. */
export async function restartsOn(
  node: string,
  { cluster, signal }: OwnershipContext,
): Promise<Readonly<Record<string, number>> | undefined> {
  const pods = await cluster.pods(node, signal);
  return pods.ok
    ? Object.fromEntries(pods.value.map((pod) => [pod.name, pod.restarts]))
    : undefined;
}
