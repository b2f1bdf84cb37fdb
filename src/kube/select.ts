// The pods of a node and what the filters say about them: one list, then one read of each DaemonSet.
import type { DrainOptions } from '../model/effect.ts';
import { failed, type Outcome, ok } from '../model/failure.ts';
import type { Api } from './api.ts';
import { type DaemonSetLookup, daemonSetsOf, type FilterContext, type Selection, selectPods } from './filters.ts';
import type { PodObject } from './objects.ts';
import { meets, parseSelector } from './selector.ts';

export interface Chosen extends Selection {
  /** Everything on the node, chosen or not. */
  readonly items: readonly PodObject[];
  /** What the choice was made by. */
  readonly context: FilterContext;
  readonly version: string;
}

async function lookUp(api: Api, key: string, signal: AbortSignal | undefined): Promise<DaemonSetLookup> {
  const [namespace = '', name = ''] = key.split('/');
  const found = await api.daemonSet(namespace, name, signal);
  if (!found.ok) return { kind: 'error', why: found.failure.message };
  return found.value ? { kind: 'found' } : { kind: 'missing' };
}

/**
 * The pod selector is applied here and not by the server: a pod whose labels change on the way would otherwise drop out of the
 * list and count as gone while it still runs.
 */
export async function choosePods(api: Api, node: string, options: DrainOptions, signal?: AbortSignal): Promise<Outcome<Chosen>> {
  const selector = parseSelector(options.podSelector ?? '');
  if (!selector.ok) return failed('refused', `pod_selector: ${selector.message}`);
  const listed = await api.podsOf(node, signal);
  if (!listed.ok) return listed;
  const { items, version } = listed.value;
  const keys = daemonSetsOf(items);
  const lookups = await Promise.all(keys.map((key) => lookUp(api, key, signal)));
  const byKey = new Map(keys.map((key, index) => [key, lookups[index]]));
  const context = {
    options,
    now: api.serverNow(),
    daemonSet: (namespace: string, name: string): DaemonSetLookup =>
      byKey.get(`${namespace}/${name}`) ?? { kind: 'error', why: 'it was not looked up' },
    isSelected: (pod: PodObject): boolean => selector.requirements.every((requirement) => meets(pod.metadata?.labels ?? {}, requirement)),
  };
  return ok({ ...selectPods(items, context), items, version, context });
}
