// The taint on nodes whose turn is still to come in a run: the scheduler prefers others, so that
// pods are not moved twice. Pure.
import type { NodeObject, Taint } from '../objects/objects.ts';

export const pendingTaint = 'kmend.io/pending';

const isPending = ({ key, effect }: Taint): boolean =>
  key === pendingTaint && effect === 'PreferNoSchedule';

/** The run whose turn for this node is, or was, still to come. */
export const pendingRun = (node: NodeObject): string | undefined => {
  const taint = node.spec?.taints?.find(isPending);
  return taint === undefined ? undefined : (taint.value ?? '');
};

/**
 * All other taints as they were read. A patch replaces the whole list: it is safe only together
 * with `resourceVersion`.
 */
const others = (node: NodeObject): readonly Taint[] =>
  (node.spec?.taints ?? []).filter((taint) => !isPending(taint));

const listed = (taints: readonly Taint[]): { readonly taints: readonly Taint[] | null } => ({
  taints: taints.length === 0 ? null : taints,
});

/**
 * For the `spec` of a patch that takes or returns the node; empty where there is no pending taint.
 */
export const withoutPending = (node: NodeObject): { readonly taints?: readonly Taint[] | null } =>
  pendingRun(node) === undefined ? {} : listed(others(node));

/**
 * What has to be written so that this run's taint is there, or is not. The taint of another run is
 * replaced, and never removed.
 */
export function decidePending(
  node: NodeObject,
  run: string,
  pending: boolean,
): { readonly patch?: object } {
  if ((pendingRun(node) === run) === pending) return {};
  const taint: Taint = { key: pendingTaint, value: run, effect: 'PreferNoSchedule' };
  const spec = listed(pending ? [...others(node), taint] : others(node));
  return { patch: { metadata: { resourceVersion: node.metadata?.resourceVersion }, spec } };
}
