// The table of reads: the path of each, the resource as RBAC names it, and the type of the answer.
import type {
  AutoscalerObject,
  DeploymentObject,
  Meta,
  NodeObject,
  PdbObject,
  PersistentVolumeObject,
  PodObject,
} from '../objects/objects.ts';
import type { PdbApi } from '../objects/pdb.ts';
import type { AdmissionObject } from '../objects/webhooks.ts';
import type { Read } from './caller.ts';

/** The answer of `GET /version`. The minor version may be "20+". */
export interface ServerVersion {
  readonly major?: unknown;
  readonly minor?: unknown;
}

export type AdmissionKind =
  | 'validatingwebhookconfigurations'
  | 'mutatingwebhookconfigurations'
  | 'validatingadmissionpolicies';

interface Named {
  readonly metadata?: Meta;
}

/**
 * Requests reduced objects. Metadata alone has a third of the bytes. A Table has one row per
 * object, as `kubectl get --watch` shows it, and an eighth of the bytes of metadata, which always
 * includes `managedFields`. Servers that do not support it send whole objects.
 */
export const shownAs = (
  kind: 'PartialObjectMetadata' | 'PartialObjectMetadataList' | 'Table',
): string =>
  [
    ...['v1', 'v1beta1'].map((version) => `application/json;as=${kind};g=meta.k8s.io;v=${version}`),
    'application/json',
  ].join(',');

export const segment = encodeURIComponent;
export const onNode = (node: string): string => `fieldSelector=${segment(`spec.nodeName=${node}`)}`;
const within = (namespace: string, kind: string, name: string): string =>
  `namespaces/${segment(namespace)}/${kind}/${segment(name)}`;
export const nodePath = (name: string): string => `/api/v1/nodes/${segment(name)}`;
export const podPath = (namespace: string, name: string): string =>
  `/api/v1/${within(namespace, 'pods', name)}`;
/** `key`: `namespace/name`. */
export const appPath = (kind: string, key: string): string => {
  const [namespace = '', name = ''] = key.split('/');
  return `/apis/apps/v1/${within(namespace, kind, name)}`;
};

type Claim = { spec?: { volumeName?: string } };
type More = Pick<Read<unknown>, 'name' | 'accept'>;

const read = <T>(resource: string, path: string, more: More = {}): Read<T> => ({
  resource,
  path,
  ...more,
});
const namesOnly: More = { accept: shownAs('PartialObjectMetadataList') };

/** Reads of one object. */
export const objects = {
  node: (name: string) => read<NodeObject>('nodes', nodePath(name), { name }),
  pod: (namespace: string, name: string) =>
    read<PodObject>('pods', podPath(namespace, name), { name: `${namespace}/${name}` }),
  deployment: (key: string) =>
    read<DeploymentObject>('deployments.apps', appPath('deployments', key), { name: key }),
  replicaSet: (key: string) =>
    read<Named>('replicasets.apps', appPath('replicasets', key), { name: key }),
  claim: (namespace: string, name: string) => {
    const path = `/api/v1/${within(namespace, 'persistentvolumeclaims', name)}`;
    return read<Claim>('persistentvolumeclaims', path, { name: `${namespace}/${name}` });
  },
  volume: (name: string) =>
    read<{ spec?: object }>('persistentvolumes', `/api/v1/persistentvolumes/${segment(name)}`, {
      name,
    }),
  endpoints: (namespace: string, name: string) =>
    read<object>('endpoints', `/api/v1/${within(namespace, 'endpoints', name)}`, {
      name: `${namespace}/${name}`,
    }),
  serverVersion: () => read<ServerVersion>('/version', '/version'),
};

/** Lists with the version from which a watch can start. */
export const lists = {
  podsOf: (node: string) => read<PodObject>('pods', `/api/v1/pods?${onNode(node)}`),
  /** Read from the store, not from a cache. */
  podNamesOf: (node: string) => read<Named>('pods', `/api/v1/pods?${onNode(node)}`, namesOnly),
  /** Pods of the node that have neither succeeded nor failed. */
  unfinishedPodsOf: (node: string) => {
    const unfinished = segment(',status.phase!=Succeeded,status.phase!=Failed');
    return read<Named>('pods', `/api/v1/pods?${onNode(node)}${unfinished}`, namesOnly);
  },
  systemPods: (selector: string) =>
    read<PodObject>(
      'pods',
      `/api/v1/namespaces/kube-system/pods?labelSelector=${segment(selector)}`,
    ),
  pendingPods: () =>
    read<PodObject>('pods', `/api/v1/pods?fieldSelector=${segment('status.phase=Pending')}`),
  deployments: () => read<DeploymentObject>('deployments.apps', '/apis/apps/v1/deployments'),
  autoscalers: (namespace: string) => {
    const path = `/apis/autoscaling/v1/namespaces/${segment(namespace)}/horizontalpodautoscalers`;
    return read<AutoscalerObject>('horizontalpodautoscalers.autoscaling', path);
  },
};

/** Lists without the version. */
export const collections = {
  nodes: () => read<NodeObject>('nodes', '/api/v1/nodes'),
  nodesWith: (selector: string) =>
    read<NodeObject>('nodes', `/api/v1/nodes?labelSelector=${segment(selector)}`),
  pdbs: (api: PdbApi) =>
    read<PdbObject>('poddisruptionbudgets.policy', `/apis/${api}/poddisruptionbudgets`),
  pdbsIn: (api: PdbApi, namespace: string) =>
    read<PdbObject>(
      'poddisruptionbudgets.policy',
      `/apis/${api}/namespaces/${segment(namespace)}/poddisruptionbudgets`,
    ),
  volumes: () => read<PersistentVolumeObject>('persistentvolumes', '/api/v1/persistentvolumes'),
};

export const admissionList = (version: 'v1' | 'v1beta1', kind: AdmissionKind) =>
  read<AdmissionObject>(
    `${kind}.admissionregistration.k8s.io`,
    `/apis/admissionregistration.k8s.io/${version}/${kind}`,
  );
