// What kmend reads of the API server, as a table: the path of each read, the resource as RBAC names it, and what the answer holds.
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

/** As `GET /version` has it: the minor version may be "20+". */
export interface ServerVersion {
  readonly major?: unknown;
  readonly minor?: unknown;
}

export type AdmissionKind = 'validatingwebhookconfigurations' | 'mutatingwebhookconfigurations' | 'validatingadmissionpolicies';

interface Named {
  readonly metadata?: Meta;
}

/**
 * Asks for less than whole objects. Metadata is a third of the bytes. A Table has one line an object, as `kubectl get --watch` shows it: an eighth
 * of the metadata, whose `managedFields` no server leaves out. Servers that cannot do it send whole objects.
 */
export const shownAs = (kind: 'PartialObjectMetadata' | 'PartialObjectMetadataList' | 'Table'): string =>
  [...['v1', 'v1beta1'].map((version) => `application/json;as=${kind};g=meta.k8s.io;v=${version}`), 'application/json'].join(',');

export const segment = encodeURIComponent;
export const onNode = (node: string): string => `fieldSelector=${segment(`spec.nodeName=${node}`)}`;
const within = (namespace: string, kind: string, name: string): string => `namespaces/${segment(namespace)}/${kind}/${segment(name)}`;
export const nodePath = (name: string): string => `/api/v1/nodes/${segment(name)}`;
export const podPath = (namespace: string, name: string): string => `/api/v1/${within(namespace, 'pods', name)}`;
/** `key`: `namespace/name`. */
export const appPath = (kind: string, key: string): string => {
  const [namespace = '', name = ''] = key.split('/');
  return `/apis/apps/v1/${within(namespace, kind, name)}`;
};

type Gets<T> = Read<T> & { readonly name: string };
type Claim = { spec?: { volumeName?: string } };

/** One object each. */
export const objects = {
  node: (name: string): Gets<NodeObject> => ({ path: nodePath(name), resource: 'nodes', name }),
  pod: (namespace: string, name: string): Gets<PodObject> => ({
    path: podPath(namespace, name),
    resource: 'pods',
    name: `${namespace}/${name}`,
  }),
  deployment: (key: string): Gets<DeploymentObject> => ({ path: appPath('deployments', key), resource: 'deployments.apps', name: key }),
  replicaSet: (key: string): Gets<Named> => ({ path: appPath('replicasets', key), resource: 'replicasets.apps', name: key }),
  claim: (namespace: string, name: string): Gets<Claim> => ({
    path: `/api/v1/${within(namespace, 'persistentvolumeclaims', name)}`,
    resource: 'persistentvolumeclaims',
    name: `${namespace}/${name}`,
  }),
  volume: (name: string): Gets<{ spec?: object }> => ({
    path: `/api/v1/persistentvolumes/${segment(name)}`,
    resource: 'persistentvolumes',
    name,
  }),
  endpoints: (namespace: string, name: string): Gets<object> => ({
    path: `/api/v1/${within(namespace, 'endpoints', name)}`,
    resource: 'endpoints',
    name: `${namespace}/${name}`,
  }),
  serverVersion: (): Read<ServerVersion> => ({ path: '/version', resource: '/version' }),
};

/** Lists whose version a watch may begin at. */
export const lists = {
  podsOf: (node: string): Read<PodObject> => ({ path: `/api/v1/pods?${onNode(node)}`, resource: 'pods' }),
  /** Metadata of the pods, from the store. */
  podNamesOf: (node: string): Read<Named> => ({ ...lists.podsOf(node), accept: shownAs('PartialObjectMetadataList') }),
  /** Pods of the node that have neither succeeded nor failed. */
  unfinishedPodsOf: (node: string): Read<Named> => ({
    path: `/api/v1/pods?${onNode(node)}${segment(',status.phase!=Succeeded,status.phase!=Failed')}`,
    resource: 'pods',
    accept: shownAs('PartialObjectMetadataList'),
  }),
  systemPods: (selector: string): Read<PodObject> => ({
    path: `/api/v1/namespaces/kube-system/pods?labelSelector=${segment(selector)}`,
    resource: 'pods',
  }),
  pendingPods: (): Read<PodObject> => ({ path: `/api/v1/pods?fieldSelector=${segment('status.phase=Pending')}`, resource: 'pods' }),
  deployments: (): Read<DeploymentObject> => ({ path: '/apis/apps/v1/deployments', resource: 'deployments.apps' }),
  autoscalers: (namespace: string): Read<AutoscalerObject> => ({
    path: `/apis/autoscaling/v1/namespaces/${segment(namespace)}/horizontalpodautoscalers`,
    resource: 'horizontalpodautoscalers.autoscaling',
  }),
};

/** Lists of which nobody needs the version. */
export const collections = {
  nodes: (): Read<NodeObject> => ({ path: '/api/v1/nodes', resource: 'nodes' }),
  nodesWith: (selector: string): Read<NodeObject> => ({ path: `/api/v1/nodes?labelSelector=${segment(selector)}`, resource: 'nodes' }),
  pdbs: (api: PdbApi): Read<PdbObject> => ({ path: `/apis/${api}/poddisruptionbudgets`, resource: 'poddisruptionbudgets.policy' }),
  pdbsIn: (api: PdbApi, namespace: string): Read<PdbObject> => ({
    path: `/apis/${api}/namespaces/${segment(namespace)}/poddisruptionbudgets`,
    resource: 'poddisruptionbudgets.policy',
  }),
  volumes: (): Read<PersistentVolumeObject> => ({ path: '/api/v1/persistentvolumes', resource: 'persistentvolumes' }),
};

export const admissionList = (version: 'v1' | 'v1beta1', kind: AdmissionKind): Read<AdmissionObject> => ({
  path: `/apis/admissionregistration.k8s.io/${version}/${kind}`,
  resource: `${kind}.admissionregistration.k8s.io`,
});
