// The taint on nodes that a run will cordon later. The scheduler prefers other nodes, so that fewer
// pods move twice. Pure.
import type { NodeObject, Taint } from '../objects/objects.ts';

export const pendingTaint = 'kmend.io/pending';

const isPending = ({ key, effect }: Taint): boolean =>
  key === pendingTaint && effect === 'PreferNoSchedule';

/** The run that set the taint. */
export const pendingRun = (node: NodeObject): string | undefined => {
  const taint = node.spec?.taints?.find(isPending);
  return taint === undefined ? undefined : (taint.value ?? '');
};

/**
 * All other taints, as read. A patch replaces the whole list, so it must include `resourceVersion`.
 */
const others = (node: NodeObject): readonly Taint[] =>
  (node.spec?.taints ?? []).filter((taint) => !isPending(taint));

const listed = (taints: readonly Taint[]): { readonly taints: readonly Taint[] | null } => ({
  taints: taints.length === 0 ? null : taints,
});

/** Part of the `spec` of a patch that removes the pending taint. Empty: there is none. */
export const withoutPending = (node: NodeObject): { readonly taints?: readonly Taint[] | null } =>
  pendingRun(node) === undefined ? {} : listed(others(node));

/**
 * Decides the write that sets or removes this run's taint. It replaces the taint of another run,
 * but never removes it.
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
