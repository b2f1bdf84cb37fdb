// Restores the number of replicas of the Deployments that a drain scaled up: at its end, or before
// the uncordon.
import type { Failure, Outcome } from '../../../model/run/failure.ts';
import { ok } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import { retryTransient } from '../client/retry-transient.ts';
import { ofDeployment, ofNode, readNode, rewrite } from '../client/rewrite.ts';
import { holdFailure } from '../node/ownership.ts';
import type { NodeObject } from '../objects/objects.ts';
import type { DrainContext } from './drain-work.ts';
import { decideSettle, surgedOf, surgedPatch } from './single-replica.ts';

type Say = (text: string) => void;

/** Skips a Deployment that is gone. The node's annotation goes only when all are done. */
async function settle(
  api: Api,
  node: NodeObject,
  say: Say,
  signal: AbortSignal | undefined,
): Promise<Outcome<true>> {
  const name = node.metadata?.name ?? '';
  for (const deployment of surgedOf(node)) {
    const done = await rewrite(ofDeployment(api, deployment, signal), (object) =>
      decideSettle(object, name),
    );
    if (!done.ok && done.failure.kind !== 'refused') return done;
    if (!done.ok || done.value.kind === 'nothing') continue;
    const { replicas } = done.value;
    if (replicas === undefined)
      say(`left Deployment ${deployment} as it is: somebody else has changed its replicas`);
    else say(`scaled Deployment ${deployment} back to ${replicas}`);
  }
  const forgotten = await rewrite(ofNode(api, name, signal), (object) =>
    surgedOf(object).length === 0 ? {} : { patch: surgedPatch(object, null) },
  );
  return forgotten.ok ? ok(true) : forgotten;
}

/**
 * Milliseconds that the end of a drain waits for the API server. The rest is done before the
 * uncordon.
 */
const settleWithin = 60_000;

/** Runs at the end of a drain. Skips what another run has taken over. */
export async function settleAfter({
  api,
  node,
  owner,
  clock,
  progress,
  signal,
}: DrainContext): Promise<Outcome<true>> {
  const act = async (): Promise<Outcome<true>> => {
    const found = await readNode(api, node, signal);
    if (!found.ok) return found;
    return holdFailure(found.value, owner)?.kind === 'fenced'
      ? ok(true)
      : settle(api, found.value, progress, signal);
  };
  return retryTransient(act, { clock, until: clock.now() + settleWithin, signal });
}

/**
 * Wraps a decision to uncordon a node: restores its Deployments first. That changes the node, so
 * that the node is read and decided again.
 */
export const settled =
  <D extends { readonly patch?: object }>(
    api: Api,
    decide: (node: NodeObject) => D,
    signal: AbortSignal | undefined,
  ) =>
  async (
    node: NodeObject,
  ): Promise<
    D | { readonly kind: 'failure'; readonly failure: Failure; readonly patch?: never }
  > => {
    const decision = decide(node);
    if (decision.patch === undefined || surgedOf(node).length === 0) return decision;
    const done = await settle(api, node, () => undefined, signal);
    return done.ok ? decision : { kind: 'failure', failure: done.failure };
  };
