// Restores the number of replicas of the Deployments that a drain scaled up: at its end, or before
// the uncordon.
import type { Failure, Outcome } from '../../../model/run/failure.ts';
import { ok } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import { retryTransient } from '../client/retry-transient.ts';
import { ofDeployment, ofNode, readNode, rewrite } from '../client/rewrite.ts';
import { ownershipFailure } from '../node/ownership.ts';
import type { NodeObject } from '../objects/objects.ts';
import type { DrainContext } from './drain-work.ts';
import { decideScaleBack, surgedOf, surgedPatch } from './single-replica.ts';

type Report = (text: string) => void;

/** Skips a Deployment that is gone. The node's annotation goes only when all are done. */
async function scaleBack(
  api: Api,
  node: NodeObject,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<Outcome<true>> {
  const name = node.metadata?.name ?? '';
  for (const deployment of surgedOf(node)) {
    const done = await rewrite(ofDeployment(api, deployment, signal), (object) =>
      decideScaleBack(object, name),
    );
    if (!done.ok && done.failure.kind !== 'refused') return done;
    if (!done.ok || done.value.kind === 'nothing') continue;
    const { replicas } = done.value;
    if (replicas === undefined)
      report(
        `did not scale Deployment ${deployment} back: its number of replicas was changed meanwhile`,
      );
    else report(`scaled Deployment ${deployment} back to ${replicas}`);
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
const scaleBackWithin = 60_000;

/** Runs at the end of a drain. Skips what another run has taken over. */
export async function scaleBackAfter({
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
    return ownershipFailure(found.value, owner)?.kind === 'fenced'
      ? ok(true)
      : scaleBack(api, found.value, progress, signal);
  };
  return retryTransient(act, { clock, until: clock.now() + scaleBackWithin, signal });
}

/**
 * Wraps a decision to uncordon a node: restores its Deployments first. That changes the node, so
 * that the node is read and decided again.
 */
export const afterScaleBack =
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
    const done = await scaleBack(api, node, () => undefined, signal);
    return done.ok ? decision : { kind: 'failure', failure: done.failure };
  };
