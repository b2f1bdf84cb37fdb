// Pods and nodes for the pure tests of this folder, with only the fields that a test names.

import type { PodObject } from '../../src/adapters/kube/objects/objects.ts';
import type { NodeState } from '../../src/engine/ports/cluster.ts';
import type { DrainOptions } from '../../src/model/run/effect.ts';

export const drainOptions = (more: Partial<DrainOptions> = {}): DrainOptions => ({
  timeout: 5,
  ignoreDaemonsets: true,
  deleteEmptydirData: false,
  force: false,
  disableEviction: false,
  fallbackWithoutEviction: false,
  keepCordoned: false,
  ...more,
});

export interface PodShape {
  readonly name?: string;
  readonly namespace?: string;
  readonly owner?: string;
  readonly mirror?: boolean;
  readonly emptyDir?: boolean;
  readonly phase?: string;
  readonly ready?: boolean;
  readonly labels?: Record<string, string>;
  readonly deleted?: string;
  readonly finalizers?: readonly string[];
  readonly spec?: PodObject['spec'];
}

/** `owner` as `Kind/name`. */
export function pod(shape: PodShape = {}): PodObject {
  const [kind = '', owner = ''] = (shape.owner ?? '').split('/');
  return {
    metadata: {
      name: shape.name ?? 'p',
      namespace: shape.namespace ?? 'shop',
      uid: `uid-${shape.name ?? 'p'}`,
      labels: shape.labels ?? {},
      ...(shape.mirror ? { annotations: { 'kubernetes.io/config.mirror': 'abc' } } : {}),
      ...(kind === ''
        ? {}
        : { ownerReferences: [{ kind, name: owner, uid: `uid-${owner}`, controller: true }] }),
      ...(shape.deleted === undefined ? {} : { deletionTimestamp: shape.deleted }),
      ...(shape.finalizers === undefined ? {} : { finalizers: shape.finalizers }),
    },
    spec: {
      nodeName: 'n1',
      volumes: shape.emptyDir ? [{ name: 'scratch', emptyDir: {} }] : [],
      ...shape.spec,
    },
    status: {
      phase: shape.phase ?? 'Running',
      conditions: [{ type: 'Ready', status: shape.ready === false ? 'False' : 'True' }],
    },
  };
}

export const node = (name: string, more: Partial<NodeState> = {}): NodeState => ({
  name,
  ready: true,
  unschedulable: false,
  bootId: `boot-${name}`,
  kernel: '3.10.0-1160.el7.x86_64',
  runtime: 'docker://19.3.15',
  kubelet: 'v1.18.9',
  labels: {},
  notReadyTaints: [],
  addresses: [],
  ...more,
});
