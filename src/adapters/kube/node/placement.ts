// Checks whether the pods of a node fit elsewhere: node selectors, affinity, taints, volumes, and
// requests against the free room.
import { present } from '../../../model/present.ts';
import {
  isFinished,
  type NodeObject,
  type NodeSelectorTerm,
  type PersistentVolumeObject,
  type PodObject,
  podName,
  type Taint,
  type Toleration,
} from '../objects/objects.ts';
import { formatBytes, quantity } from '../objects/quantity.ts';
import { meets } from '../objects/selector.ts';
import { nodeState } from './ownership.ts';

/** Cores, bytes and number of pods. */
export interface Room {
  readonly cpu: number;
  readonly memory: number;
  readonly pods: number;
}

const nothing: Room = { cpu: 0, memory: 0, pods: 0 };
const add = (a: Room, b: Room): Room => ({
  cpu: a.cpu + b.cpu,
  memory: a.memory + b.memory,
  pods: a.pods + b.pods,
});

/**
 * As in the scheduler: the sum of the containers, or the largest init container if that is more.
 */
function requestsOf(pod: PodObject): Room {
  const of = (resource: 'cpu' | 'memory'): number => {
    const ask = (container: {
      readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
    }): number => quantity(container.resources?.requests?.[resource]);
    const together = (pod.spec?.containers ?? []).reduce(
      (sum, container) => sum + ask(container),
      0,
    );
    return Math.max(together, ...(pod.spec?.initContainers ?? []).map(ask));
  };
  return { cpu: of('cpu'), memory: of('memory'), pods: 1 };
}

/** Requests by node, summed page by page, so that a big cluster is never whole in memory. */
export interface Usage {
  readonly byNode: Map<string, Room>;
  /** Number of ready pods by the uid of their controller. */
  readonly readyByOwner: Map<string, number>;
}

export const emptyUsage = (): Usage => ({ byNode: new Map(), readyByOwner: new Map() });

export function addUsage(usage: Usage, pods: readonly PodObject[]): void {
  for (const pod of pods) {
    const node = pod.spec?.nodeName;
    if (node === undefined || node === '' || isFinished(pod)) continue;
    usage.byNode.set(node, add(usage.byNode.get(node) ?? nothing, requestsOf(pod)));
    const owner = pod.metadata?.ownerReferences?.find(
      (reference) => reference.controller === true,
    )?.uid;
    const ready =
      pod.status?.conditions?.some(
        (condition) => condition.type === 'Ready' && condition.status === 'True',
      ) ?? false;
    if (owner !== undefined && ready)
      usage.readyByOwner.set(owner, (usage.readyByOwner.get(owner) ?? 0) + 1);
  }
}

export const tolerates = (toleration: Toleration, taint: Taint): boolean =>
  (toleration.effect === undefined ||
    toleration.effect === '' ||
    toleration.effect === taint.effect) &&
  (toleration.key === undefined || toleration.key === ''
    ? toleration.operator === 'Exists'
    : toleration.key === taint.key) &&
  (toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? ''));

/** The taints of a cordon and of NotReady are skipped: the state of the node covers them. */
const ownTaint = /^node\.kubernetes\.io\/(unschedulable|not-ready|unreachable)$/;

function matchesTerms(terms: readonly NodeSelectorTerm[] | undefined, node: NodeObject): boolean {
  if (terms === undefined) return true;
  const labels = node.metadata?.labels ?? {};
  const fields = { 'metadata.name': node.metadata?.name ?? '' };
  return terms.some(
    (term) =>
      (term.matchExpressions ?? []).length + (term.matchFields ?? []).length > 0 &&
      (term.matchExpressions ?? []).every((expression) => meets(labels, expression)) &&
      (term.matchFields ?? []).every((expression) => meets(fields, expression)),
  );
}

/** Volumes by `namespace/claim`. A local or zonal volume exists on some nodes only. */
export type Volumes = ReadonlyMap<string, PersistentVolumeObject>;

export const volumesByClaim = (volumes: readonly PersistentVolumeObject[]): Volumes =>
  new Map(
    volumes.flatMap((volume) => {
      const claim = volume.spec?.claimRef;
      return claim === undefined
        ? []
        : [[`${claim.namespace ?? ''}/${claim.name ?? ''}`, volume] as const];
    }),
  );

export const claimsOf = (pod: PodObject): readonly string[] =>
  (pod.spec?.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) =>
    claim?.claimName === undefined
      ? []
      : [`${pod.metadata?.namespace ?? 'default'}/${claim.claimName}`],
  );

function volumeObstacle(pod: PodObject, node: NodeObject, volumes: Volumes): string | undefined {
  const volume = claimsOf(pod)
    .map((claim) => volumes.get(claim))
    .find((found) => !matchesTerms(found?.spec?.nodeAffinity?.required?.nodeSelectorTerms, node));
  if (volume === undefined) return undefined;
  return `out of reach of ${volume.spec?.local === undefined ? '' : 'local '}volume ${volume.metadata?.name ?? '?'}`;
}

/** Why a rule keeps this pod off this node, whatever its free room. Undefined: nothing does. */
function obstacle(pod: PodObject, node: NodeObject, volumes: Volumes): string | undefined {
  const state = nodeState(node);
  if (!state.ready) return 'NotReady';
  if (state.unschedulable) return 'cordoned';
  const labels = node.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) {
    if (labels[key] !== value) return `without label ${key}=${value}`;
  }
  const terms =
    pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
      ?.nodeSelectorTerms;
  if (!matchesTerms(terms, node)) return 'outside its node affinity';
  const held = volumeObstacle(pod, node, volumes);
  if (held !== undefined) return held;
  const taint = (node.spec?.taints ?? []).find(
    ({ key, value, effect }) =>
      effect !== 'PreferNoSchedule' &&
      !ownTaint.test(key) &&
      !(pod.spec?.tolerations ?? []).some((toleration) =>
        tolerates(toleration, { key, effect, ...present({ value }) }),
      ),
  );
  return taint === undefined ? undefined : `tainted ${taint.key}`;
}

function free(node: NodeObject, used: Room): Room {
  const has = node.status?.allocatable ?? {};
  return {
    cpu: quantity(has.cpu) - used.cpu,
    memory: quantity(has.memory) - used.memory,
    pods: (has.pods === undefined ? 110 : quantity(has.pods)) - used.pods,
  };
}

function shortage(ask: Room, room: Room): string | undefined {
  if (ask.memory > room.memory) return `short of memory (it asks for ${formatBytes(ask.memory)})`;
  if (ask.cpu > room.cpu + 1e-9) return `short of CPU (it asks for ${Math.round(ask.cpu * 1000)}m)`;
  return room.pods < 1 ? 'full (no place for one more pod)' : undefined;
}

const tally = (reasons: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => `${count} ${reason}`).join(', ');
};

/**
 * Places pod by pod (first fit), so that ten pods do not all take the last free room. It ignores
 * host ports, pod (anti-)affinity, preemption and autoscalers: its answer is a warning, never a
 * refusal.
 */
export function nowhereToGo(
  pods: readonly PodObject[],
  nodes: readonly NodeObject[],
  from: string,
  usage: Usage,
  volumes: Volumes = new Map(),
): ReadonlyMap<PodObject, string> {
  const others = nodes.filter((node) => node.metadata?.name !== from);
  const room = new Map(
    others.map((node) => [
      node,
      free(node, usage.byNode.get(node.metadata?.name ?? '') ?? nothing),
    ]),
  );
  const stuck = new Map<PodObject, string>();
  for (const pod of pods) {
    const ask = requestsOf(pod);
    const reasons: string[] = [];
    const target = others.find((node) => {
      const why = obstacle(pod, node, volumes) ?? shortage(ask, room.get(node) ?? nothing);
      if (why !== undefined) reasons.push(why);
      return why === undefined;
    });
    if (target === undefined) {
      stuck.set(
        pod,
        `${podName(pod)}: no other node takes it${others.length === 0 ? ' (there is none)' : ` (${tally(reasons)})`}`,
      );
      continue;
    }
    const left = room.get(target) ?? nothing;
    room.set(target, {
      cpu: left.cpu - ask.cpu,
      memory: left.memory - ask.memory,
      pods: left.pods - 1,
    });
  }
  return stuck;
}
