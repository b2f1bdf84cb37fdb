// Which node a host is: by the inventory's word, else by host name, address or provider id; a guess is never taken. Pure.
import { failed, type Outcome, ok } from '../model/failure.ts';
import type { NodeState } from './ports.ts';

export interface HostIdentity {
  /** Inventory name, for messages and as the last name to look for. */
  readonly host: string;
  /** Inventory variable `node_name`: taken as it is. */
  readonly nodeName?: string;
  /** What the host calls itself. */
  readonly hostName?: string;
  readonly addresses?: readonly string[];
  readonly providerId?: string;
  /** Read on the host. A kubelet reports the same one, unless many nodes share a kernel. */
  readonly bootId?: string;
}

const short = (name: string): string => (/^[0-9.]+$|:/.test(name) ? name : (name.split('.')[0] ?? name));

type Way = readonly [what: string, matches: (node: NodeState) => boolean];

function ways(host: HostIdentity, nodes: readonly NodeState[]): readonly Way[] {
  const names = [host.hostName, host.host]
    .filter((name): name is string => name !== undefined && name !== '')
    .map((name) => name.toLowerCase());
  const exactly = (node: NodeState): boolean => {
    const called = [node.name, node.labels['kubernetes.io/hostname'] ?? ''].map((name) => name.toLowerCase());
    return names.some((name) => called.includes(name));
  };
  const addresses = new Set((host.addresses ?? []).filter((address) => !/^(127\.|::1$|fe80:|169\.254\.)/.test(address)));
  const booted = nodes.filter((node) => node.bootId !== '' && node.bootId === host.bootId);
  return [
    // A stale status shows the boot before; nodes in containers all show the boot of their host: then it says nothing.
    ['boot id', (node) => booted.length === 1 && node === booted[0]],
    ['provider id', (node) => host.providerId !== undefined && host.providerId !== '' && node.providerId === host.providerId],
    ['host name', exactly],
    ['address', (node) => node.addresses.some((address) => addresses.has(address))],
    ['short host name', (node) => names.some((name) => short(name) === short(node.name.toLowerCase()))],
  ];
}

/** The name of the node; several candidates, none, or one that two ways disagree about are refused. */
export function matchNode(host: HostIdentity, nodes: readonly NodeState[]): Outcome<string> {
  const hint = `set node_name for ${host.host} in the inventory`;
  if (host.nodeName !== undefined && host.nodeName !== '') {
    if (nodes.some((node) => node.name === host.nodeName)) return ok(host.nodeName);
    return failed('refused', `${host.host}: node_name is ${host.nodeName}, and the cluster has no such node`, { hint });
  }
  const found = new Map<string, string>();
  for (const [what, matches] of ways(host, nodes)) {
    for (const node of nodes.filter(matches)) if (!found.has(node.name)) found.set(node.name, what);
    // A short name is too weak to overrule what a stronger way has found, or to contradict it.
    if (what === 'address' && found.size > 0) break;
  }
  const [name, ...others] = found.keys();
  if (name === undefined)
    return failed('refused', `${host.host}: no node of the cluster has its name, address, provider id or boot id`, { hint });
  if (others.length === 0) return ok(name);
  const candidates = [...found].map(([node, what]) => `${node} (by ${what})`).join(', ');
  return failed('refused', `${host.host}: more than one node may be it: ${candidates}`, { hint });
}
