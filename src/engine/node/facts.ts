// The facts of a host that the cluster reports: which node it is, and its state.

import { type Facts, known } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import { failed, isAway, type Outcome, ok } from '../../model/run/failure.ts';
import { unknown } from '../../model/value.ts';
import type { Cluster, NodeState } from '../ports/cluster.ts';
import type { Clock } from '../ports/local.ts';
import { isControlPlane, poolOf, zoneOf } from './capacity.ts';
import { nodeSince, sharedNodes } from './lists.ts';
import { claimOf, contradiction, type HostIdentity, rivalry } from './match.ts';
import { type ExpectedNode, readyAfterReboot } from './ready.ts';

/** Facts of a host without a node. */
export const noNode = (why: string): Facts => ({
  'node.name': '',
  'node.why': why,
  'node.ready': false,
  'node.unschedulable': false,
  'node.owner': '',
  'node.hold': '',
  'node.pool': '',
  'node.zone': '',
  'node.control_plane': false,
  'node.kernel': '',
  'node.runtime': '',
  'node.kubelet': '',
  'node.boot_id': '',
  'node.current': false,
  'node.current_why': why,
});

export interface NodeSearch {
  readonly identity: HostIdentity;
  /** All hosts of the inventory: no two of them are one node. */
  readonly known: readonly HostIdentity[];
  readonly hostFacts: Facts;
}

/** Where the node is looked up; `since` as in `sharedNodes`. */
export interface NodeWhere {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly since?: number;
}

/**
 * Which node this host is. What the host reports of itself must fit, and no other host of the
 * inventory may have as good a claim.
 */
export async function findNode(
  { identity, known: others, hostFacts }: NodeSearch,
  { cluster, clock, since }: NodeWhere,
): Promise<Outcome<string>> {
  const read = await sharedNodes(cluster, clock, since);
  if (!read.ok) return read;
  const nodes = read.value;
  const claim = claimOf(identity, nodes);
  if (!claim.ok) return claim;
  const { node } = claim.value;
  const own = {
    hostName: known(hostFacts, 'host.name', ''),
    bootId: known(hostFacts, 'boot.id', ''),
  };
  const why =
    rivalry(identity.host, claim.value, others, nodes) ?? contradiction(identity, own, node, nodes);
  return why === undefined ? ok(node) : failed('refused', why);
}

export interface NodeQuestion extends NodeWhere {
  readonly node: string;
  readonly hostFacts: Facts;
  /**
   * Given after a reboot: then the pods of DaemonSets must run too, except those of these workloads,
   * which crashed before.
   */
  readonly crashing?: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/** Facts of the node. If the API server refuses, they are unknown, which is no failure of the host. */
export async function readNode({
  node,
  hostFacts,
  crashing,
  ...where
}: NodeQuestion): Promise<Outcome<Facts>> {
  const { cluster, signal } = where;
  const state = await nodeSince(node, where);
  if (!state.ok)
    return isAway(state.failure) ? state : ok(unknownNode(node, state.failure.message));
  const pods = crashing === undefined ? undefined : await cluster.pods(node, signal);
  if (pods !== undefined && !pods.ok)
    return isAway(pods.failure) ? pods : ok(unknownNode(node, pods.failure.message));
  return ok(
    nodeFactsOf(
      state.value,
      hostFacts,
      pods === undefined ? {} : { pods: pods.value, crashing: crashing ?? new Set() },
    ),
  );
}

const unknownNode = (node: string, why: string): Facts => {
  const names = Object.keys(noNode('')).filter(
    (name) => name !== 'node.name' && name !== 'node.why',
  );
  const unread = unknown(`the API server does not answer: ${why}`);
  return {
    ...Object.fromEntries(names.map((name) => [name, unread])),
    'node.name': node,
    'node.why': '',
  };
};

function nodeFactsOf(
  state: NodeState,
  hostFacts: Facts,
  read: Pick<ExpectedNode, 'pods' | 'crashing'>,
): Facts {
  const runtime = expectedRuntime(state, hostFacts);
  const current = readyAfterReboot(state, {
    bootId: known(hostFacts, 'boot.id', ''),
    kernel: known(hostFacts, 'kernel.release', ''),
    ...present({ runtime }),
    ...read,
  });
  return {
    'node.name': state.name,
    'node.why': '',
    'node.ready': state.ready,
    'node.unschedulable': state.unschedulable,
    'node.owner': state.owner?.run ?? '',
    'node.hold': state.hold ?? '',
    'node.pool': poolOf(state) ?? '',
    'node.zone': zoneOf(state) ?? '',
    'node.control_plane': isControlPlane(state),
    'node.kernel': state.kernel,
    'node.runtime': state.runtime,
    'node.kubelet': state.kubelet,
    'node.boot_id': state.bootId,
    'node.current': current.ready,
    'node.current_why': current.ready ? '' : current.why,
  };
}

/** The runtime that the kubelet must report: in its own spelling, if the version is the same. */
function expectedRuntime(state: NodeState, hostFacts: Facts): string | undefined {
  const [engine = '', reported = ''] = state.runtime.split('://');
  if (engine !== 'docker' && engine !== 'containerd') return undefined;
  const installed = known(hostFacts, `${engine}.version`, '');
  if (installed === '') return undefined;
  return sameRelease(installed, reported) ? state.runtime : `${engine}://${installed}`;
}

/** 18.06.1-ce and 18.6.1 are one release: the kubelet drops leading zeros and suffixes. */
function sameRelease(one: string, other: string): boolean {
  const numbers = (version: string): string =>
    (/^\d+(\.\d+){0,2}/.exec(version)?.[0] ?? version)
      .split('.')
      .map((part) => String(Number(part)))
      .join('.');
  return numbers(one) === numbers(other);
}
