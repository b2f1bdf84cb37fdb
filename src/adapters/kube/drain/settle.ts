// Gives the Deployments that the drain of a node has scaled up their number of replicas back: at
// its end, or before the node is returned to service.
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

/** A Deployment that is gone is owed nothing. The node forgets them only when all are done. */
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
 * How long the end of a drain waits for an API server that is away; what it then still owes is done
 * before the uncordon.
 */
const settleWithin = 60_000;

/** The end of a drain. What another run has taken over is left to that run. */
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
 * For a decision to return a node to service: first its Deployments. That changes the node, so that
 * the decision is overtaken and made anew.
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
