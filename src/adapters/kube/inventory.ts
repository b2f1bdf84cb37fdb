// Builds an inventory from the nodes of a cluster, as plain data: groups by pool, zones by label.

import { isControlPlane, poolOf, zoneOf } from '../../engine/node/capacity.ts';
import type { NodeState } from '../../engine/ports/cluster.ts';
import { present } from '../../model/present.ts';
import type { Mapping } from '../../model/value.ts';

const groupName = (pool: string): string =>
  pool.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^([0-9])/, '_$1');

/** The first IPv4 address. The kubelet lists internal addresses first. */
const addressOf = (node: NodeState): string | undefined =>
  node.addresses.find((address) => /^\d+\.\d+\.\d+\.\d+$/.test(address));

function hostOf(node: NodeState): Mapping {
  const zone = zoneOf(node);
  const address = addressOf(node);
  return {
    node_name: node.name,
    ...present({ ansible_host: address, zone }),
  };
}

/**
 * Hosts in Ansible's form: one group per pool. The control plane has its own group, so that no
 * pattern includes it by accident.
 */
export function inventoryFromNodes(nodes: readonly NodeState[]): Mapping {
  const groups = new Map<string, [string, Mapping][]>();
  for (const node of [...nodes].sort((a, b) => a.name.localeCompare(b.name))) {
    const group = isControlPlane(node) ? 'control_plane' : groupName(poolOf(node) ?? 'nodes');
    groups.set(group, [...(groups.get(group) ?? []), [node.name, hostOf(node)]]);
  }
  const children = Object.fromEntries(
    [...groups].map(([group, hosts]) => [group, { hosts: Object.fromEntries(hosts) }]),
  );
  return { all: { children } };
}
