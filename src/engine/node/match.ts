// Which node a host is: by the word of the operator and the address that was dialled. What the host
// says of itself only confirms. Pure.
import { failed, type Outcome, ok } from '../../model/run/failure.ts';
import type { NodeState } from '../ports/cluster.ts';

export interface HostIdentity {
  /** Inventory name: for messages, and a name to look for. */
  readonly host: string;
  /** Inventory variable `node_name`: taken as it is. */
  readonly nodeName?: string;
  /**
   * Names and addresses that it was reached by: `ansible_host`, and what SSH connected to. Never
   * what the host itself says.
   */
  readonly addresses?: readonly string[];
}

/** What the host says of itself. It can choose both, so they never select a node. */
export interface OwnWord {
  readonly hostName: string;
  readonly bootId: string;
}

/**
 * How much a claim to a node weighs: the operator's word, a whole name or address, the first label
 * of a name.
 */
const weights = { node_name: 3, exact: 2, short: 1 } as const;

export interface Claim {
  readonly node: string;
  readonly weight: number;
}

/** The nodes of one list by what a host may be known by; a plan asks for thousands of hosts. */
interface NodeIndex {
  readonly byName: ReadonlyMap<string, NodeState>;
  readonly exact: ReadonlyMap<string, readonly NodeState[]>;
  readonly short: ReadonlyMap<string, readonly NodeState[]>;
  readonly booted: ReadonlyMap<string, readonly NodeState[]>;
}

const short = (name: string): string =>
  /^[0-9.]+$|:/.test(name) ? name : (name.split('.')[0] ?? name);

/** Words that mean this machine or this wire, whoever uses them. */
const isLocal = (word: string): boolean =>
  /^(127\.|::1$|fe80:|169\.254\.|localhost(\.|$))/.test(word);

const plain = (word: string): string => word.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');

const wordsOf = ({ host, addresses = [] }: HostIdentity): readonly string[] =>
  [host, ...addresses].map(plain).filter((word) => word !== '' && !isLocal(word));

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
    for (const word of [node.name, node.labels['kubernetes.io/hostname'] ?? '', ...node.addresses])
      add(index.exact, plain(word), node);
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

/**
 * The node of a host by the inventory and by what was dialled; several candidates or none are
 * refused.
 */
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
  const words = wordsOf(identity);
  for (const weight of ['exact', 'short'] as const) {
    const key = weight === 'exact' ? (word: string) => word : short;
    const found = new Map(
      words.flatMap((word) =>
        (index[weight].get(key(word)) ?? []).map((node) => [node.name, word] as const),
      ),
    );
    const [name, ...others] = found.keys();
    if (name === undefined) continue;
    if (others.length === 0) return ok({ node: name, weight: weights[weight] });
    const candidates = [...found]
      .map(
        ([node, word]) => `${node} (by ${weight === 'exact' ? '' : 'the short name of '}${word})`,
      )
      .join(', ');
    return failed('refused', `${host}: more than one node may be it: ${candidates}`, { hint });
  }
  return failed(
    'refused',
    `${host}: no node of the cluster has its inventory name or the address that it was reached by`,
    { hint },
  );
}

/**
 * Why what the host says of itself does not fit this node; undefined = nothing speaks against it.
 */
export function contradiction(
  identity: HostIdentity,
  own: OwnWord,
  node: string,
  nodes: readonly NodeState[],
): string | undefined {
  const { exact, booted } = indexOf(nodes);
  // Nodes in containers all show the boot of their machine: then it says nothing.
  const inBoot = booted.get(own.bootId) ?? [];
  const [other] = inBoot.length === 1 ? inBoot : [];
  if (other !== undefined && other.name !== node)
    return `${identity.host}: it is node ${node}, and says that it is in the boot of ${other.name}`;
  // The operator who names the node may know better than a host name.
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

/**
 * Why another host of the inventory (`known`) has at least as good a claim to this node; undefined
 * = none has.
 */
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
