// Capacity of a pool: which nodes are out of service, and which must stay in service. Pure.
import type { NodeState, SystemPod } from '../ports/cluster.ts';

export interface Unavailable {
  readonly name: string;
  readonly why: string;
}

/** Why a node takes no new pods now; undefined = it is in service. */
export function unavailableWhy(node: NodeState): string | undefined {
  if (!node.ready) return 'NotReady';
  if (node.owner !== undefined && node.unschedulable) return `held by run ${node.owner.run}`;
  if (node.unschedulable) return 'cordoned';
  const [taint] = node.notReadyTaints;
  return taint === undefined ? undefined : `tainted ${taint}`;
}

/** Nodes of the pool (names; all nodes if absent) that are out of service, for any reason. */
export function unavailableNodes(
  nodes: readonly NodeState[],
  pool?: readonly string[],
): readonly Unavailable[] {
  const members = pool === undefined ? undefined : new Set(pool);
  return nodes
    .filter((node) => members === undefined || members.has(node.name))
    .flatMap((node) => {
      const why = unavailableWhy(node);
      return why === undefined ? [] : [{ name: node.name, why }];
    });
}

const first = (labels: NodeState['labels'], keys: readonly string[]): string | undefined =>
  keys.map((key) => labels[key]).find((value) => value !== undefined && value !== '');

/** The failure domain by its label; the old name of the label is second. */
export const zoneOf = (node: NodeState): string | undefined =>
  first(node.labels, ['topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/zone']);

/** The node pool by the labels of common installers and clouds. */
export const poolOf = (node: NodeState): string | undefined =>
  first(node.labels, [
    'cloud.google.com/gke-nodepool',
    'eks.amazonaws.com/nodegroup',
    'alpha.eksctl.io/nodegroup-name',
    'kubernetes.azure.com/agentpool',
    'agentpool',
    'kops.k8s.io/instancegroup',
    'node-pool',
    'nodepool',
    'pool',
  ]);

const controlPlaneLabels = [
  'node-role.kubernetes.io/control-plane',
  'node-role.kubernetes.io/master',
  'node-role.kubernetes.io/etcd',
];

export const isControlPlane = (node: NodeState): boolean =>
  controlPlaneLabels.some((label) => Object.hasOwn(node.labels, label));

interface Member {
  readonly node: string;
  readonly well: boolean;
}

/** Why fewer than `needed` members would stay in service; undefined = enough stay. */
function memberRisk(
  node: string,
  what: string,
  members: readonly Member[],
  needed: number,
): string | undefined {
  if (members.length === 0 || !members.some((member) => member.node === node)) return undefined;
  const left = members.filter((member) => member.well && member.node !== node).length;
  if (left >= needed) return undefined;
  return `taking ${node} out leaves ${left} of ${members.length} ${what} in service; ${needed} must be`;
}

const majority = (members: number): number => Math.floor(members / 2) + 1;

/**
 * Why this node of the control plane must not be taken out now; undefined = no risk, or no
 * control-plane node. etcd needs a majority, the API servers need one. Without system pods every
 * control-plane node counts as a member of both. A control plane of one node is a risk too.
 */
export function quorumRisk(
  node: string,
  nodes: readonly NodeState[],
  pods?: readonly SystemPod[],
): string | undefined {
  const well = new Set(
    nodes.filter((state) => unavailableWhy(state) === undefined).map((state) => state.name),
  );
  const up = (name: string): boolean => well.has(name);
  const membersOf = (component: string): readonly Member[] =>
    (pods ?? [])
      .filter((pod) => pod.component === component)
      .map((pod) => ({ node: pod.node, well: pod.ready && up(pod.node) }));
  const byLabel = nodes
    .filter(isControlPlane)
    .map((state) => ({ node: state.name, well: up(state.name) }));
  const etcd = membersOf('etcd');
  const servers = membersOf('kube-apiserver');
  const nodesRisk =
    etcd.length === 0
      ? memberRisk(node, 'control-plane nodes', byLabel, majority(byLabel.length))
      : undefined;
  return (
    memberRisk(node, 'etcd members', etcd, majority(etcd.length)) ??
    memberRisk(node, 'API servers', servers, 1) ??
    nodesRisk
  );
}

/** No other node of its pool is in service. */
export function isLastReady(
  node: string,
  nodes: readonly NodeState[],
  pool?: readonly string[],
): boolean {
  const members = pool === undefined ? undefined : new Set(pool);
  const others = nodes.filter(
    (state) => state.name !== node && (members === undefined || members.has(state.name)),
  );
  return !others.some((state) => unavailableWhy(state) === undefined);
}
