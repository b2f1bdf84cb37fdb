// Lists the pods of a node, reads their DaemonSets and applies the filters.
import type { DrainOptions } from '../../../model/run/effect.ts';
import { failed, type Outcome, ok } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import {
  type DaemonSetLookup,
  daemonSetsOf,
  type FilterContext,
  type Selection,
  selectPods,
} from '../objects/filters.ts';
import type { PodObject } from '../objects/objects.ts';
import { meets, parseSelector } from '../objects/selector.ts';

export interface Chosen extends Selection {
  /** All pods of the node, selected or not. */
  readonly items: readonly PodObject[];
  /** The context of the filters. */
  readonly context: FilterContext;
  readonly version: string;
}

export async function lookUp(
  api: Api,
  key: string,
  signal: AbortSignal | undefined,
): Promise<DaemonSetLookup> {
  const [namespace = '', name = ''] = key.split('/');
  const found = await api.daemonSet(namespace, name, signal);
  if (!found.ok) return { kind: 'error', why: found.failure.message };
  return found.value ? { kind: 'found' } : { kind: 'missing' };
}

export type LookUp = (key: string) => Promise<DaemonSetLookup>;

type Selected = Selection & { readonly context: FilterContext };

/**
 * The pod selector is applied on this side: with a selector on the server, a pod whose labels
 * change would vanish from the list and count as gone while it runs.
 */
export async function selectFrom(
  pods: readonly PodObject[],
  options: DrainOptions,
  now: number,
  ask: LookUp,
): Promise<Outcome<Selected>> {
  const selector = parseSelector(options.podSelector ?? '');
  if (!selector.ok) return failed('refused', `pod_selector: ${selector.message}`);
  const keys = daemonSetsOf(pods);
  const lookups = await Promise.all(keys.map(ask));
  const byKey = new Map(keys.map((key, index) => [key, lookups[index]]));
  const context: FilterContext = {
    options,
    now,
    daemonSet: (namespace, name) =>
      byKey.get(`${namespace}/${name}`) ?? { kind: 'error', why: 'it was not looked up' },
    isSelected: (pod) =>
      selector.requirements.every((requirement) => meets(pod.metadata?.labels ?? {}, requirement)),
  };
  return ok({ ...selectPods(pods, context), context });
}

export async function choosePods(
  api: Api,
  node: string,
  options: DrainOptions,
  signal?: AbortSignal,
): Promise<Outcome<Chosen>> {
  const listed = await api.podsOf(node, signal);
  if (!listed.ok) return listed;
  const { items, version } = listed.value;
  const selected = await selectFrom(items, options, api.serverNow(), (key) =>
    lookUp(api, key, signal),
  );
  return selected.ok ? ok({ ...selected.value, items, version }) : selected;
}
