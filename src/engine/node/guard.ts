// Whether a node may be taken out of service now: quorum, the last ready node of its pool, its owner,
// and its boot id. Pure.

import type { NodeState, SystemPod } from '../ports/cluster.ts';
import { isControlPlane, isLastReady, poolOf, quorumRisk, unavailableWhy } from './capacity.ts';

export interface PoolView {
  readonly nodes: readonly NodeState[];
  /** Absent = the account may not read them; then labels decide. */
  readonly systemPods?: readonly SystemPod[];
  /** The operator named exactly this host, with `--limit`. */
  readonly byName: boolean;
}

/** Why this node must stay: the control plane would break, or its pool be empty; undefined = none. */
export function whyKept(name: string, { nodes, systemPods, byName }: PoolView): string | undefined {
  const node = nodes.find((state) => state.name === name);
  if (node === undefined) return undefined;
  const risk = quorumRisk(name, nodes, systemPods);
  const isSole = nodes.filter(isControlPlane).length <= 1;
  if (risk !== undefined && !(byName && isSole))
    return isSole ? `${risk}; ask for it by name with --limit` : risk;
  // It is out of service already: taking it out changes nothing.
  if (byName || unavailableWhy(node) !== undefined) return undefined;
  const members = nodes.filter(
    (state) => poolOf(state) === poolOf(node) && isControlPlane(state) === isControlPlane(node),
  );
  const names = members.map((state) => state.name);
  if (!isLastReady(name, nodes, names)) return undefined;
  const pool = poolOf(node);
  return `${name} is the last ready node${pool === undefined ? '' : ` of pool ${pool}`} (of ${names.length}); ask for it by name with --limit`;
}

/** Why another run owns the node; undefined = none. `ours`: this run, and one that it takes over. */
export const ownedByOthers = (
  node: NodeState,
  ours: readonly (string | undefined)[],
): string | undefined =>
  node.owner === undefined || ours.includes(node.owner.run)
    ? undefined
    : `node ${node.name} is held by run ${node.owner.run}, number ${node.owner.number}`;

/**
 * A Ready node in another boot than the host is another machine, or its kubelet has not seen the
 * last reboot. kmend must not drain one machine and reboot another.
 */
export const otherBoot = (node: NodeState, hostBootId: string): string | undefined =>
  !node.ready || node.bootId === '' || hostBootId === '' || node.bootId === hostBootId
    ? undefined
    : `node ${node.name} is in boot ${node.bootId}, this host in ${hostBootId}: another machine, or a kubelet that has not seen the last reboot`;
