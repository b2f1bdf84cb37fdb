// Decides which pods of a node a drain evicts, leaves or refuses: kubectl's filters in kubectl's
// order. Pure.
import type { DrainOptions } from '../../../model/run/effect.ts';
import { controllerOf, isFinished, isMirror, type PodObject, podName } from './objects.ts';

/** Result of reading the DaemonSet that controls a pod. */
export type DaemonSetLookup =
  | { readonly kind: 'found' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'error'; readonly why: string };

export interface FilterContext {
  readonly options: Pick<
    DrainOptions,
    'ignoreDaemonsets' | 'deleteEmptydirData' | 'force' | 'skipWaitForDeleteTimeout'
  >;
  /** Called only for unfinished pods whose controller is a DaemonSet. */
  readonly daemonSet: (namespace: string, name: string) => DaemonSetLookup;
  /** The API server's clock, milliseconds since 1970: it sets the deletion times. */
  readonly now: number;
  /** Match of `pod_selector`. Absent: all pods match. */
  readonly isSelected?: (pod: PodObject) => boolean;
}

export type PodDecision =
  | { readonly kind: 'evict'; readonly warnings: readonly string[] }
  /**
   * The pod stays: DaemonSet pods with `ignoreDaemonsets` and mirror pods; by an option also long
   * overdue or unselected pods.
   */
  | { readonly kind: 'leave'; readonly why: 'daemonset' | 'mirror' | 'ending' | 'unselected' }
  | { readonly kind: 'refuse'; readonly why: string };

type FilterAnswer =
  | { readonly kind: 'pass'; readonly warning?: string }
  | Exclude<PodDecision, { kind: 'evict' }>;
type Filter = (pod: PodObject, context: FilterContext) => FilterAnswer;

const pass: FilterAnswer = { kind: 'pass' };

/**
 * Seconds since the end of the pod's grace period, negative before. Undefined: it is not being
 * deleted.
 */
export function overdue(
  pod: { readonly metadata?: { readonly deletionTimestamp?: string } },
  now: number,
): number | undefined {
  const at = Date.parse(pod.metadata?.deletionTimestamp ?? '');
  return Number.isNaN(at) ? undefined : (now - at) / 1000;
}

/** Seconds; the default of Kubernetes. */
const defaultGrace = 30;

/** Grace period in seconds: that of the drain if set, else the pod's own. */
export const graceOf = (pod: PodObject, { gracePeriod }: DrainOptions): number =>
  gracePeriod === undefined || gracePeriod < 0
    ? (pod.spec?.terminationGracePeriodSeconds ?? defaultGrace)
    : gracePeriod;

const skipDeleted: Filter = (pod, { options, now }) => {
  const limit = options.skipWaitForDeleteTimeout ?? 0;
  const late = overdue(pod, now);
  return limit > 0 && late !== undefined && late > limit ? { kind: 'leave', why: 'ending' } : pass;
};

const daemonSet: Filter = (pod, { options, daemonSet: lookUp }) => {
  const owner = controllerOf(pod);
  if (owner?.kind !== 'DaemonSet' || isFinished(pod)) return pass;
  const found = lookUp(pod.metadata?.namespace ?? 'default', owner.name);
  // A pod whose DaemonSet is gone has no controller: with `force` it passes on to the other
  // filters.
  if (found.kind === 'missing' && options.force)
    return { kind: 'pass', warning: `its DaemonSet ${owner.name} does not exist any more` };
  if (found.kind === 'missing')
    return {
      kind: 'refuse',
      why: `its DaemonSet ${owner.name} does not exist any more (needs force)`,
    };
  if (found.kind === 'error')
    return { kind: 'refuse', why: `its DaemonSet ${owner.name} cannot be read: ${found.why}` };
  if (!options.ignoreDaemonsets)
    return { kind: 'refuse', why: `managed by DaemonSet ${owner.name} (needs ignore_daemonsets)` };
  return { kind: 'leave', why: 'daemonset' };
};

/**
 * First of all filters, as in kubectl, which does not list unselected pods. Pods that may stay
 * without a selector may also stay with one.
 */
const unselected: Filter = (pod, { isSelected, daemonSet: lookUp }) => {
  if (isSelected?.(pod) !== false) return pass;
  const owner = controllerOf(pod);
  if (isMirror(pod)) return { kind: 'leave', why: 'mirror' };
  const isDaemon =
    owner?.kind === 'DaemonSet' &&
    !isFinished(pod) &&
    lookUp(pod.metadata?.namespace ?? 'default', owner.name).kind === 'found';
  return { kind: 'leave', why: isDaemon ? 'daemonset' : 'unselected' };
};

const mirror: Filter = (pod) => (isMirror(pod) ? { kind: 'leave', why: 'mirror' } : pass);

const localStorage: Filter = (pod, { options }) => {
  const volumes = (pod.spec?.volumes ?? []).filter(
    (volume) => volume.emptyDir !== undefined && volume.emptyDir !== null,
  );
  if (volumes.length === 0 || isFinished(pod)) return pass;
  const names = volumes.map((volume) => volume.name ?? '?').join(', ');
  if (options.deleteEmptydirData)
    return { kind: 'pass', warning: `its emptyDir data is lost (${names})` };
  return {
    kind: 'refuse',
    why: `has local storage that would be lost: emptyDir ${names} (needs delete_emptydir_data)`,
  };
};

const unreplicated: Filter = (pod, { options }) => {
  if (controllerOf(pod) !== undefined || isFinished(pod)) return pass;
  if (options.force) return { kind: 'pass', warning: 'no controller starts it again elsewhere' };
  return {
    kind: 'refuse',
    why: 'has no controller: nothing starts it again elsewhere (needs force)',
  };
};

/**
 * The order is part of the behaviour: a DaemonSet pod with an emptyDir needs no
 * `delete_emptydir_data`.
 */
const filters: readonly Filter[] = [
  unselected,
  skipDeleted,
  daemonSet,
  mirror,
  localStorage,
  unreplicated,
];

export function decidePod(pod: PodObject, context: FilterContext): PodDecision {
  const warnings: string[] = [];
  for (const filter of filters) {
    const answer = filter(pod, context);
    if (answer.kind !== 'pass') return answer;
    if (answer.warning !== undefined) warnings.push(answer.warning);
  }
  return { kind: 'evict', warnings };
}

export interface Left {
  readonly pod: PodObject;
  readonly why: string;
}

const leftBy = {
  ending: 'ending for longer than skip_wait_for_delete_timeout',
  unselected: 'pod_selector leaves it out',
} as const;

/** Why a left pod keeps the node from being empty. Undefined: it belongs there, or has finished. */
export const leftWhy = (pod: PodObject, decision: PodDecision): string | undefined =>
  decision.kind !== 'leave' ||
  decision.why === 'daemonset' ||
  decision.why === 'mirror' ||
  isFinished(pod)
    ? undefined
    : leftBy[decision.why];

export interface Selection {
  readonly evict: readonly PodObject[];
  readonly leave: readonly PodObject[];
  /** Unfinished pods of `leave` that an option leaves. With them the node is not empty. */
  readonly left: readonly Left[];
  /** One sentence per pod. If not empty, nothing may be evicted. */
  readonly refused: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Applies the filters to all pods of a node, so that every refusal is known before the first
 * eviction.
 */
export function selectPods(pods: readonly PodObject[], context: FilterContext): Selection {
  const evict: PodObject[] = [];
  const leave: PodObject[] = [];
  const left: Left[] = [];
  const refused: string[] = [];
  const warnings: string[] = [];
  for (const pod of pods) {
    const decision = decidePod(pod, context);
    if (decision.kind === 'leave') leave.push(pod);
    const why = leftWhy(pod, decision);
    if (why !== undefined) left.push({ pod, why });
    if (decision.kind === 'refuse') refused.push(`${podName(pod)}: ${decision.why}`);
    if (decision.kind !== 'evict') continue;
    evict.push(pod);
    for (const warning of decision.warnings) warnings.push(`${podName(pod)}: ${warning}`);
  }
  return { evict, leave, left, refused, warnings };
}

/** Keys `namespace/name` of the DaemonSets that `selectPods` needs, without duplicates. */
export function daemonSetsOf(pods: readonly PodObject[]): readonly string[] {
  const names = new Set<string>();
  for (const pod of pods) {
    const owner = controllerOf(pod);
    if (owner?.kind === 'DaemonSet' && !isFinished(pod))
      names.add(`${pod.metadata?.namespace ?? 'default'}/${owner.name}`);
  }
  return [...names];
}
