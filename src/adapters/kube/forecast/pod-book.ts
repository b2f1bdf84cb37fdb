// Lists all pods of the cluster once and groups them by node. Only the fields that a forecast reads
// are kept.
import { type Outcome, ok } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import { listLimit, type OnPage } from '../client/caller.ts';
import { addUsage, emptyUsage, type Usage } from '../node/placement.ts';
import type { PodObject } from '../objects/objects.ts';

export interface PodBook {
  readonly byNode: ReadonlyMap<string, readonly PodObject[]>;
  readonly usage: Usage;
  /** Pods in kube-system that `systemSelector` matches. */
  readonly system: readonly PodObject[];
}

const systemComponents = ['etcd', 'kube-apiserver'];
export const systemSelector = `component in (${systemComponents.join(',')})`;
const isSystemPod = ({ metadata }: PodObject): boolean =>
  metadata?.namespace === 'kube-system' &&
  systemComponents.includes(metadata.labels?.component ?? '');

/** The cast restores the keys, whose types `Object.fromEntries` loses. */
function pick<T extends object, K extends keyof T & string>(
  from: T | undefined,
  ...keys: readonly K[]
): Pick<T, K> {
  return Object.fromEntries(
    keys.flatMap((key) => (from?.[key] === undefined ? [] : [[key, from[key]]])),
  ) as unknown as Pick<T, K>;
}

type Pod = Required<PodObject>;
type Container = NonNullable<Pod['spec']['containers']>[number];
const resourcesOf = (containers: readonly Container[] | undefined): readonly Container[] =>
  (containers ?? []).map((container) => pick(container, 'resources'));

/** A pod without its large fields: `managedFields`, environments, probes and images. */
export function leanPod({ metadata, spec, status }: PodObject): PodObject {
  return {
    metadata: pick(
      metadata as Pod['metadata'] | undefined,
      'name',
      'namespace',
      'uid',
      'labels',
      'annotations',
      'finalizers',
      'deletionTimestamp',
      'ownerReferences',
    ),
    spec: {
      ...pick(
        spec,
        'nodeName',
        'terminationGracePeriodSeconds',
        'nodeSelector',
        'tolerations',
        'affinity',
      ),
      volumes: (spec?.volumes ?? []).map((volume) =>
        pick(volume, 'name', 'emptyDir', 'persistentVolumeClaim'),
      ),
      containers: resourcesOf(spec?.containers),
      initContainers: resourcesOf(spec?.initContainers),
    },
    status: pick(status, 'phase', 'conditions'),
  };
}

/** Estimated bytes of such a pod in memory beside its text. */
const podSize = 600;

export async function readPods(
  api: Pick<Api, 'eachPod'>,
  signal?: AbortSignal,
): Promise<Outcome<PodBook>> {
  const empty = () => ({
    byNode: new Map<string, PodObject[]>(),
    usage: emptyUsage(),
    system: [] as PodObject[],
  });
  let [book, kept] = [empty(), 0];
  const restart = (): void => {
    [book, kept] = [empty(), 0];
  };
  const onPage: OnPage<PodObject> = (pods) => {
    for (const pod of pods) {
      // A page of two million empty objects is short as text, but large in memory.
      if (kept > listLimit) break;
      addUsage(book.usage, [pod]);
      const node = pod.spec?.nodeName ?? '';
      const there = book.byNode.get(node);
      const lean = leanPod(pod);
      kept += podSize + JSON.stringify(lean).length;
      if (there === undefined) book.byNode.set(node, [lean]);
      else there.push(lean);
      if (isSystemPod(pod)) book.system.push(lean);
    }
    return kept;
  };
  const read = await api.eachPod(onPage, restart, signal);
  return read.ok ? ok(book) : read;
}
