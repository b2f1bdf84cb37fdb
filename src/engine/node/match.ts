// Which node a host is: by the inventory and the address that was dialled. What the host reports of
// itself can only confirm it. Pure.
import { failed, type Outcome, ok } from '../../model/run/failure.ts';
import type { NodeState } from '../ports/cluster.ts';

export interface HostIdentity {
  /** Inventory name. */
  readonly host: string;
  /** Inventory variable `node_name`. */
  readonly nodeName?: string;
  /**
   * Names and addresses by which it was reached: `ansible_host`, and what SSH connected to. Never
   * what the host reports of itself.
   */
  readonly addresses?: readonly string[];
}

/** What the host reports of itself. It can choose both, so they never select a node. */
export interface OwnReport {
  readonly hostName: string;
  readonly bootId: string;
}

/** The weight of a claim to a node: by `node_name`, a whole name or address, the first label. */
const weights = { node_name: 3, exact: 2, short: 1 } as const;

export interface Claim {
  readonly node: string;
  readonly weight: number;
}

/** Index of one list of nodes: a plan looks up thousands of hosts. */
interface NodeIndex {
  readonly byName: ReadonlyMap<string, NodeState>;
  readonly exact: ReadonlyMap<string, readonly NodeState[]>;
  readonly short: ReadonlyMap<string, readonly NodeState[]>;
  readonly booted: ReadonlyMap<string, readonly NodeState[]>;
}

const short = (name: string): string =>
  /^[0-9.]+$|:/.test(name) ? name : (name.split('.')[0] ?? name);

/** Loopback and link-local names, which say nothing of a host. */
const isLocal = (alias: string): boolean =>
  /^(127\.|::1$|fe80:|169\.254\.|localhost(\.|$))/.test(alias);

const plain = (alias: string): string => alias.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');

const aliasesOf = ({ host, addresses = [] }: HostIdentity): readonly string[] =>
  [host, ...addresses].map(plain).filter((alias) => alias !== '' && !isLocal(alias));

function indexNodes(nodes: readonly NodeState[]): NodeIndex {
  const index = {
    byName: new Map<string, NodeState>(),
    exact: new Map(),
    short: new Map(),
    booted: new Map(),
  };
  const add = (map: Map<string, NodeState[]>, key: string, node: NodeState): void => {
    const known = map.get(key) ?? [];
    if (key !== '' && !known.includes(node)) map.set(key, [...known, node]);
  };
  for (const node of nodes) {
    index.byName.set(node.name, node);
    for (const alias of [node.name, node.labels['kubernetes.io/hostname'] ?? '', ...node.addresses])
      add(index.exact, plain(alias), node);
    add(index.short, short(plain(node.name)), node);
    add(index.booted, node.bootId, node);
  }
  return index;
}

const indexes = new WeakMap<readonly NodeState[], NodeIndex>();
function indexOf(nodes: readonly NodeState[]): NodeIndex {
  const index = indexes.get(nodes) ?? indexNodes(nodes);
  indexes.set(nodes, index);
  return index;
}

const hintFor = (host: string): string => `set node_name for ${host} in the inventory`;

/** The node of a host by the inventory and the dialled address. None, or several, are refused. */
export function claimOf(identity: HostIdentity, nodes: readonly NodeState[]): Outcome<Claim> {
  const { host, nodeName } = identity;
  const index = indexOf(nodes);
  const hint = hintFor(host);
  if (nodeName !== undefined && nodeName !== '') {
    if (index.byName.has(nodeName)) return ok({ node: nodeName, weight: weights.node_name });
    return failed(
      'refused',
      `${host}: node_name is ${nodeName}, and the cluster has no such node`,
      { hint },
    );
  }
  const aliases = aliasesOf(identity);
  for (const weight of ['exact', 'short'] as const) {
    const key = weight === 'exact' ? (alias: string) => alias : short;
    const found = new Map(
      aliases.flatMap((alias) =>
        (index[weight].get(key(alias)) ?? []).map((node) => [node.name, alias] as const),
      ),
    );
    const [name, ...others] = found.keys();
    if (name === undefined) continue;
    if (others.length === 0) return ok({ node: name, weight: weights[weight] });
    const candidates = [...found]
      .map(
        ([node, alias]) => `${node} (by ${weight === 'exact' ? '' : 'the short name of '}${alias})`,
      )
      .join(', ');
    return failed('refused', `${host}: more than one node may be it: ${candidates}`, { hint });
  }
  return failed(
    'refused',
    `${host}: no node of the cluster has its inventory name or the address by which it was reached`,
    { hint },
  );
}

/** Why what the host reports of itself contradicts this node; undefined = it does not. */
export function contradiction(
  identity: HostIdentity,
  own: OwnReport,
  node: string,
  nodes: readonly NodeState[],
): string | undefined {
  const { exact, booted } = indexOf(nodes);
  // Nodes in containers all show the boot id of their machine: then it proves nothing.
  const inBoot = booted.get(own.bootId) ?? [];
  const [other] = inBoot.length === 1 ? inBoot : [];
  if (other !== undefined && other.name !== node)
    return `${identity.host}: it is node ${node}, and reports the boot id of ${other.name}`;
  // The operator named the node: that outranks a host name.
  if (identity.nodeName !== undefined && identity.nodeName !== '') return undefined;
  const named = exact.get(plain(own.hostName)) ?? [];
  if (named.length === 0 || named.some(({ name }) => name === node)) return undefined;
  return `${identity.host}: it is node ${node}, and calls itself ${named[0]?.name}`;
}

interface Claimant extends Claim {
  readonly host: string;
}
interface Claims {
  readonly known: readonly HostIdentity[];
  readonly byNode: ReadonlyMap<string, readonly Claimant[]>;
}
const claims = new WeakMap<readonly NodeState[], Claims>();

function claimantsOf(
  node: string,
  known: readonly HostIdentity[],
  nodes: readonly NodeState[],
): readonly Claimant[] {
  const kept = claims.get(nodes);
  if (kept?.known === known) return kept.byNode.get(node) ?? [];
  const byNode = new Map<string, Claimant[]>();
  for (const identity of known) {
    const claim = claimOf(identity, nodes);
    if (claim.ok)
      byNode.set(claim.value.node, [
        ...(byNode.get(claim.value.node) ?? []),
        { host: identity.host, ...claim.value },
      ]);
  }
  claims.set(nodes, { known, byNode });
  return byNode.get(node) ?? [];
}

export const twoClaims = (host: string, node: string, other: string): string =>
  `${host}: node ${node} is also that of host ${other}`;

/** The host of the inventory (`known`) with at least as good a claim to this node, as a reason. */
export function rivalry(
  host: string,
  claim: Claim,
  known: readonly HostIdentity[],
  nodes: readonly NodeState[],
): string | undefined {
  const rival = claimantsOf(claim.node, known, nodes).find(
    (one) => one.host !== host && one.weight >= claim.weight,
  );
  return rival === undefined ? undefined : twoClaims(host, claim.node, rival.host);
}
