// Which hosts of a pool are out of service by the state of their nodes. Pure.
import type { HostState } from '../../core/run-state/state.ts';
import type { LockOut } from '../../model/run/event.ts';
import type { NodeState } from '../ports/cluster.ts';
import { unavailableWhy } from './capacity.ts';
import { claimOf, type HostIdentity } from './match.ts';

/**
 * Hosts whose nodes are NotReady, cordoned or owned by another run. The plan has the nodes of the
 * run's hosts, the inventory those of other hosts in the pool. A host without a node is no capacity.
 */
export function missingHosts(
  hosts: Iterable<HostState>,
  pool: readonly HostIdentity[],
  nodes: readonly NodeState[],
  run: string,
): readonly string[] {
  const out = new Set(
    nodes
      .filter((node) => unavailableWhy(node) !== undefined && node.owner?.run !== run)
      .map((node) => node.name),
  );
  const ofRun = new Map([...hosts].map((host) => [host.host, host.plan.node]));
  const nodeOf = (identity: HostIdentity): string | undefined => {
    if (ofRun.has(identity.host)) return ofRun.get(identity.host);
    const claim = claimOf(identity, nodes);
    return claim.ok ? claim.value.node : undefined;
  };
  const all = [
    ...pool,
    ...[...ofRun.keys()]
      .filter((host) => !pool.some((one) => one.host === host))
      .map((host) => ({ host })),
  ];
  return all.filter((identity) => out.has(nodeOf(identity) ?? '')).map((identity) => identity.host);
}

/** Cordoned, and not by a run. */
export const cordonedElsewhere = (node: NodeState): boolean =>
  node.unschedulable && node.owner === undefined;

/** Hosts of the run that a person has locked out: by a hold on their node, or by a cordon. */
export function lockOutsOf(
  hosts: Iterable<HostState>,
  nodes: readonly NodeState[],
): readonly LockOut[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  return [...hosts].flatMap(({ host, plan }): readonly LockOut[] => {
    const node = byName.get(plan.node ?? '');
    if (node?.hold !== undefined)
      return [{ host, by: 'hold', why: `node ${node.name} is on hold: ${node.hold}` }];
    if (node === undefined || !cordonedElsewhere(node)) return [];
    const since = plan.cordoned === true ? '' : ' since the plan was made';
    return [{ host, by: 'cordon', why: `node ${node.name} was cordoned by somebody else${since}` }];
  });
}
