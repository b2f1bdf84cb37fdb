// The calls that kmend makes to the API server, typed: each names its verb and resource, so that a refusal can say what is missing.

import type { Clock } from '../../../engine/ports/local.ts';
import { present } from '../../../model/present.ts';
import { type Failure, failed, type Outcome, ok } from '../../../model/run/failure.ts';
import { isMapping } from '../../../model/value.ts';
import type {
  AutoscalerObject,
  DeploymentObject,
  ListObject,
  Meta,
  NodeObject,
  PdbObject,
  PersistentVolumeObject,
  PodObject,
} from '../objects/objects.ts';
import type { PdbApi } from '../objects/pdb.ts';
import type { AdmissionObject } from '../objects/webhooks.ts';
import { pageLimit } from './answer.ts';
import { isPassing, isRightsRefusal, refusal, statusOf, type Want } from './errors.ts';
import type { Http, HttpReply, HttpRequest } from './http.ts';

/** What is asked of a pod's end. */
export interface GoRequest {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly gracePeriod?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A Table's row has no more than the pod's name: neither uid nor namespace. */
export interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly kind?: string;
    readonly metadata?: Meta;
    readonly rows?: readonly { readonly cells?: readonly unknown[] }[];
    readonly code?: number;
    readonly message?: string;
  };
}

export type EvictionApi = 'policy/v1' | 'policy/v1beta1' | 'none';

/** As `GET /version` has it: the minor version may be "20+". */
export interface ServerVersion {
  readonly major?: unknown;
  readonly minor?: unknown;
}

export type AdmissionKind = 'validatingwebhookconfigurations' | 'mutatingwebhookconfigurations' | 'validatingadmissionpolicies';

export interface Right {
  readonly verb: Want['verb'];
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Absent = in all of them. */
  readonly namespace?: string;
}

/** Takes the objects of a page, which is dropped before the next is read; `size` = bytes of it in memory. Gives the bytes that are kept of all pages so far. */
export type OnPage<T> = (items: readonly T[], size: number) => number;

interface List<T> {
  readonly path: string;
  readonly want: Want;
  readonly onPage: OnPage<T>;
  readonly signal?: AbortSignal | undefined;
  /** The list is begun anew. */
  readonly restart?: () => void;
  readonly accept?: string | undefined;
}

const pageSize = 500;
/** No cluster has 500,000 objects of a kind that is listed here. */
const mostPages = 1_000;
const MiB = 1024 * 1024;
/** Bytes in memory of what is kept of a list: 10,000 nodes, 150 MiB as text, have about 400 MiB. */
export const listLimit = 512 * MiB;
/** Bytes in memory of all pages, one after the other, also of a list of which little is kept: Kubernetes supports 150,000 pods, of some KiB each. */
const readLimit = 2048 * MiB;
/** A server that has just come up refuses with 403 what its authorizer has not read yet (measured: some seconds). */
export const rightsReadAfter = 30_000;
/** kubectl's number; at a second each, as servers say, it is ten seconds. */
const overloadTries = 10;
const longestRetryAfter = 5;
const mergePatch = 'application/merge-patch+json';
/** A watch whose connection went dead without a sign is noticed after this long: then everything is listed again. */
const watchSeconds = 60;
/**
 * Asks for less than whole objects. Metadata is a third of the bytes. A Table has one line an object, as `kubectl get --watch` shows it: an eighth
 * of the metadata, whose `managedFields` no server leaves out. Servers that cannot do it send whole objects.
 */
const shownAs = (kind: 'PartialObjectMetadata' | 'PartialObjectMetadataList' | 'Table'): string =>
  [...['v1', 'v1beta1'].map((version) => `application/json;as=${kind};g=meta.k8s.io;v=${version}`), 'application/json'].join(',');

const segment = encodeURIComponent;
const podPath = (namespace: string, name: string): string => `/api/v1/namespaces/${segment(namespace)}/pods/${segment(name)}`;
/** `key`: `namespace/name`. */
const appPath = (kind: string, key: string): string => {
  const [namespace = '', name = ''] = key.split('/');
  return `/apis/apps/v1/namespaces/${segment(namespace)}/${kind}/${segment(name)}`;
};
const onNode = (node: string): string => `fieldSelector=${segment(`spec.nodeName=${node}`)}`;

export type Api = ReturnType<typeof createApi>;

const strange = ({ method, path }: HttpRequest): Outcome<never> =>
  failed('unreachable', `what answered ${method} ${path.replace(/\?.*/, '')} is not an API server`, {
    hint: 'is a proxy or a login page in between?',
  });

/** JSON of another program: its shape is believed field by field (all are optional), never as a whole. */
const trust = <T>(body: unknown): T => (typeof body === 'object' && body !== null ? body : {}) as T;

export function createApi(http: Http, who: string, clock: Clock) {
  /** When the server was last away (or a watch ended, which may be its sign): one that has just come up has not read all rights yet. */
  let awayAt = Number.NEGATIVE_INFINITY;

  async function call(request: HttpRequest): Promise<Outcome<HttpReply>> {
    for (;;) {
      const reply = await http.call(request);
      if (!reply.ok) {
        if (reply.failure.transport === true) awayAt = clock.now();
        return reply;
      }
      const { status, body } = reply.value;
      // A page of a login proxy says 200 too, and a list in it would be empty.
      if (status < 300 && (typeof body !== 'object' || body === null)) return strange(request);
      if (!isRightsRefusal(status, body) || clock.now() - awayAt > rightsReadAfter || request.signal?.aborted) return reply;
      await clock.sleep(1_000, request.signal);
    }
  }

  /** As kubectl's client: a server that says when to come again is asked again then. Evictions and deletions have a pace of their own. */
  async function raw(request: HttpRequest): Promise<Outcome<HttpReply>> {
    for (let tries = 1; ; tries += 1) {
      const reply = await call(request);
      const after = reply.ok && isPassing(reply.value.status, reply.value.body) ? reply.value.retryAfter : undefined;
      if (after === undefined || tries >= overloadTries || request.signal?.aborted) return reply;
      await clock.sleep((Math.min(after, longestRetryAfter) + clock.random() / 2) * 1000, request.signal);
    }
  }

  async function expect<T>(request: HttpRequest, want: Want): Promise<Outcome<T>> {
    const reply = await raw(request);
    if (!reply.ok) return reply;
    const { status, body } = reply.value;
    return status >= 200 && status < 300 ? ok(trust<T>(body)) : { ok: false, failure: refusal(status, body, want, who) };
  }

  /** Page by page; a list that grew too old on the way (410) is begun anew once, after `restart`. */
  async function pages<T>({ path, want, onPage, signal, restart, accept }: List<T>): Promise<Outcome<string>> {
    let next = '';
    let version = '';
    let begun = 1;
    let [kept, size] = [0, 0];
    for (let read = 1; read <= mostPages && kept <= listLimit && size <= readLimit; read += 1) {
      const query = `${path.includes('?') ? '&' : '?'}limit=${pageSize}${next === '' ? '' : `&continue=${segment(next)}`}`;
      const reply = await raw({ method: 'GET', path: path + query, signal, most: pageLimit, ...present({ accept }) });
      if (!reply.ok) return reply;
      if (reply.value.status === 410 && next !== '' && begun === 1) {
        begun = 2;
        next = '';
        [kept, size] = [0, 0];
        restart?.();
        continue;
      }
      if (reply.value.status !== 200) return { ok: false, failure: refusal(reply.value.status, reply.value.body, want, who) };
      const list = trust<ListObject<T>>(reply.value.body);
      const { size: page = 0 } = reply.value;
      size += page;
      kept = onPage(Array.isArray(list.items) ? list.items.filter((item: unknown): item is T => isMapping(item)) : [], page);
      version = list.metadata?.resourceVersion ?? '';
      next = list.metadata?.continue ?? '';
      if (next === '') return ok(version);
    }
    return failed('parse', `the API server's list of ${want.resource} has no end: given up after ${Math.round(size / MiB)} MiB`);
  }

  async function all<T>(
    path: string,
    want: Want,
    signal?: AbortSignal,
    accept?: string,
  ): Promise<Outcome<{ items: readonly T[]; version: string }>> {
    let items: T[] = [];
    let kept = 0;
    // One by one: a server may send all in one page, and a call takes no million arguments.
    const append = (page: readonly T[], size: number): number => {
      for (const item of page) items.push(item);
      kept += size;
      return kept;
    };
    const restart = (): void => {
      [items, kept] = [[], 0];
    };
    const listed = await pages<T>({ path, want, onPage: append, signal, restart, accept });
    return listed.ok ? ok({ items, version: listed.value }) : listed;
  }

  const go = ({ gracePeriod, uid }: GoRequest): object => ({
    ...(gracePeriod === undefined || gracePeriod < 0 ? {} : { gracePeriodSeconds: gracePeriod }),
    preconditions: { uid },
  });

  return {
    who,
    node: (name: string, signal?: AbortSignal): Promise<Outcome<NodeObject>> =>
      expect({ method: 'GET', path: `/api/v1/nodes/${segment(name)}`, signal }, { verb: 'get', resource: 'nodes', name }),
    nodes: async (signal?: AbortSignal, selector?: string): Promise<Outcome<readonly NodeObject[]>> => {
      const only = selector === undefined ? '' : `?labelSelector=${segment(selector)}`;
      const listed = await all<NodeObject>(`/api/v1/nodes${only}`, { verb: 'list', resource: 'nodes' }, signal);
      return listed.ok ? ok(listed.value.items) : listed;
    },
    /** The raw reply: 409 means that the node changed since it was read. It brings back no more than the metadata. */
    patchNode: (name: string, patch: object, signal?: AbortSignal): Promise<Outcome<HttpReply>> =>
      raw({
        method: 'PATCH',
        path: `/api/v1/nodes/${segment(name)}`,
        body: patch,
        contentType: mergePatch,
        accept: shownAs('PartialObjectMetadata'),
        signal,
      }),
    nodeFailure: (reply: HttpReply, name: string): Failure =>
      refusal(reply.status, reply.body, { verb: 'patch', resource: 'nodes', name }, who),
    pod: (namespace: string, name: string, signal?: AbortSignal): Promise<Outcome<PodObject>> =>
      expect({ method: 'GET', path: podPath(namespace, name), signal }, { verb: 'get', resource: 'pods', name: `${namespace}/${name}` }),
    podsOf: (node: string, signal?: AbortSignal): Promise<Outcome<{ items: readonly PodObject[]; version: string }>> =>
      all<PodObject>(`/api/v1/pods?${onNode(node)}`, { verb: 'list', resource: 'pods' }, signal),
    /** Metadata of the pods, from the store: a third of the bytes. Servers that cannot do it send whole objects. */
    podNamesOf: (
      node: string,
      signal?: AbortSignal,
    ): Promise<Outcome<{ items: readonly { readonly metadata?: Meta }[]; version: string }>> =>
      all(`/api/v1/pods?${onNode(node)}`, { verb: 'list', resource: 'pods' }, signal, shownAs('PartialObjectMetadataList')),
    eachPod: (onPage: OnPage<PodObject>, restart: () => void, signal?: AbortSignal): Promise<Outcome<string>> =>
      pages({ path: '/api/v1/pods', want: { verb: 'list', resource: 'pods' }, onPage, restart, signal }),
    systemPods: (selector: string, signal?: AbortSignal): Promise<Outcome<{ items: readonly PodObject[]; version: string }>> =>
      all<PodObject>(`/api/v1/namespaces/kube-system/pods?labelSelector=${segment(selector)}`, { verb: 'list', resource: 'pods' }, signal),
    pendingPods: (signal?: AbortSignal): Promise<Outcome<{ items: readonly PodObject[]; version: string }>> =>
      all<PodObject>(`/api/v1/pods?fieldSelector=${segment('status.phase=Pending')}`, { verb: 'list', resource: 'pods' }, signal),
    deployments: (signal?: AbortSignal): Promise<Outcome<{ items: readonly DeploymentObject[]; version: string }>> =>
      all<DeploymentObject>('/apis/apps/v1/deployments', { verb: 'list', resource: 'deployments.apps' }, signal),
    deployment: (key: string, signal?: AbortSignal): Promise<Outcome<DeploymentObject>> =>
      expect({ method: 'GET', path: appPath('deployments', key), signal }, { verb: 'get', resource: 'deployments.apps', name: key }),
    /** The raw reply: 409 means that it changed since it was read. */
    patchDeployment: (key: string, patch: object, signal?: AbortSignal): Promise<Outcome<HttpReply>> =>
      raw({ method: 'PATCH', path: appPath('deployments', key), body: patch, contentType: mergePatch, signal }),
    deploymentFailure: (reply: HttpReply, key: string): Failure =>
      refusal(reply.status, reply.body, { verb: 'patch', resource: 'deployments.apps', name: key }, who),
    replicaSet: (key: string, signal?: AbortSignal): Promise<Outcome<{ readonly metadata?: Meta }>> =>
      expect({ method: 'GET', path: appPath('replicasets', key), signal }, { verb: 'get', resource: 'replicasets.apps', name: key }),
    autoscalers: (namespace: string, signal?: AbortSignal): Promise<Outcome<{ items: readonly AutoscalerObject[]; version: string }>> =>
      all(
        `/apis/autoscaling/v1/namespaces/${segment(namespace)}/horizontalpodautoscalers`,
        { verb: 'list', resource: 'horizontalpodautoscalers.autoscaling' },
        signal,
      ),
    /** Pods of the node that have neither succeeded nor failed. */
    unfinishedPodsOf: (
      node: string,
      signal?: AbortSignal,
    ): Promise<Outcome<{ items: readonly { readonly metadata?: Meta }[]; version: string }>> =>
      all(
        `/api/v1/pods?${onNode(node)}${segment(',status.phase!=Succeeded,status.phase!=Failed')}`,
        { verb: 'list', resource: 'pods' },
        signal,
        shownAs('PartialObjectMetadataList'),
      ),
    /**
     * Names of pods that come, change and go; of servers older than 1.15 whole pods. Ends with the server's own limit, a cut, or the
     * signal; a status that is not 200 comes back as the reply.
     */
    watchPods: async (
      node: string,
      version: string,
      onEvent: (event: WatchEvent) => void,
      signal: AbortSignal,
    ): Promise<Outcome<HttpReply>> => {
      const watched = await http.stream(
        {
          method: 'GET',
          path: `/api/v1/pods?watch=1&${onNode(node)}&resourceVersion=${segment(version)}&timeoutSeconds=${watchSeconds}&includeObject=None`,
          accept: shownAs('Table'),
          timeout: watchSeconds + 15,
          signal,
        },
        (line) => {
          const event = parseEvent(line);
          if (event !== undefined) onEvent(event);
        },
      );
      if (!signal.aborted && (!watched.ok || watched.value.status === 200)) awayAt = clock.now();
      return watched;
    },
    /** `dry run`: in the query for admission, in the body for the deletion. Only for a server that obeys it (`obeysDryRun`). */
    evict: (api: 'policy/v1' | 'policy/v1beta1', request: GoRequest, how?: 'dry run'): Promise<Outcome<HttpReply>> =>
      call({
        method: 'POST',
        path: `${podPath(request.namespace, request.name)}/eviction${how === undefined ? '' : '?dryRun=All'}`,
        body: {
          apiVersion: api,
          kind: 'Eviction',
          metadata: { name: request.name, namespace: request.namespace },
          deleteOptions: { ...go(request), ...(how === undefined ? {} : { dryRun: ['All'] }) },
        },
        signal: request.signal,
      }),
    deletePod: (request: GoRequest): Promise<Outcome<HttpReply>> =>
      call({
        method: 'DELETE',
        path: podPath(request.namespace, request.name),
        body: { apiVersion: 'v1', kind: 'DeleteOptions', ...go(request) },
        signal: request.signal,
      }),
    /** True = it exists. */
    daemonSet: async (namespace: string, name: string, signal?: AbortSignal): Promise<Outcome<boolean>> => {
      const path = `/apis/apps/v1/namespaces/${segment(namespace)}/daemonsets/${segment(name)}`;
      const reply = await raw({ method: 'GET', path, signal });
      if (!reply.ok) return reply;
      if (reply.value.status === 200) return ok(true);
      if (reply.value.status === 404) return ok(false);
      const want: Want = { verb: 'get', resource: 'daemonsets.apps', name: `${namespace}/${name}` };
      return { ok: false, failure: refusal(reply.value.status, reply.value.body, want, who) };
    },
    claim: (namespace: string, name: string, signal?: AbortSignal): Promise<Outcome<{ spec?: { volumeName?: string } }>> =>
      expect(
        { method: 'GET', path: `/api/v1/namespaces/${segment(namespace)}/persistentvolumeclaims/${segment(name)}`, signal },
        { verb: 'get', resource: 'persistentvolumeclaims', name: `${namespace}/${name}` },
      ),
    volume: (name: string, signal?: AbortSignal): Promise<Outcome<{ spec?: object }>> =>
      expect(
        { method: 'GET', path: `/api/v1/persistentvolumes/${segment(name)}`, signal },
        { verb: 'get', resource: 'persistentvolumes', name },
      ),
    pdbs: async (api: PdbApi, signal?: AbortSignal, namespace?: string): Promise<Outcome<readonly PdbObject[]>> => {
      const within = namespace === undefined ? '' : `/namespaces/${segment(namespace)}`;
      const want: Want = { verb: 'list', resource: 'poddisruptionbudgets.policy' };
      const listed = await all<PdbObject>(`/apis/${api}${within}/poddisruptionbudgets`, want, signal);
      return listed.ok ? ok(listed.value.items) : listed;
    },
    /** The version that eviction takes is in the core resource list; a wrong one gives 400, not 404 (measured). */
    evictionApi: async (signal?: AbortSignal): Promise<Outcome<EvictionApi>> => {
      const core = await expect<{ resources?: readonly { name: string; group?: string; version?: string }[] }>(
        { method: 'GET', path: '/api/v1', signal },
        { verb: 'get', resource: '/api/v1' },
      );
      if (!core.ok) return core;
      const eviction = core.value.resources?.find((resource) => resource.name === 'pods/eviction');
      if (eviction === undefined) return ok('none');
      return ok(eviction.version === 'v1' ? 'policy/v1' : 'policy/v1beta1');
    },
    pdbApi: async (signal?: AbortSignal): Promise<Outcome<PdbApi>> => {
      const group = await expect<{ versions?: readonly { groupVersion: string }[] }>(
        { method: 'GET', path: '/apis/policy', signal },
        { verb: 'get', resource: '/apis/policy' },
      );
      if (!group.ok) return group;
      return ok(group.value.versions?.some((version) => version.groupVersion === 'policy/v1') ? 'policy/v1' : 'policy/v1beta1');
    },
    serverVersion: (signal?: AbortSignal): Promise<Outcome<ServerVersion>> =>
      expect({ method: 'GET', path: '/version', signal }, { verb: 'get', resource: '/version' }),
    /** v1 came with 1.16, and v1beta1 went with 1.22. */
    admission: async (kind: AdmissionKind, signal?: AbortSignal): Promise<Outcome<readonly AdmissionObject[]>> => {
      const want: Want = { verb: 'list', resource: `${kind}.admissionregistration.k8s.io` };
      const list = (version: string) => all<AdmissionObject>(`/apis/admissionregistration.k8s.io/${version}/${kind}`, want, signal);
      const newest = await list('v1');
      const listed = newest.ok || newest.failure.kind !== 'refused' ? newest : await list('v1beta1');
      return listed.ok ? ok(listed.value.items) : listed;
    },
    volumes: async (signal?: AbortSignal): Promise<Outcome<readonly PersistentVolumeObject[]>> => {
      const listed = await all<PersistentVolumeObject>(
        '/api/v1/persistentvolumes',
        { verb: 'list', resource: 'persistentvolumes' },
        signal,
      );
      return listed.ok ? ok(listed.value.items) : listed;
    },
    endpoints: (namespace: string, name: string, signal?: AbortSignal): Promise<Outcome<object>> =>
      expect(
        { method: 'GET', path: `/api/v1/namespaces/${segment(namespace)}/endpoints/${segment(name)}`, signal },
        { verb: 'get', resource: 'endpoints', name: `${namespace}/${name}` },
      ),
    /** May we do this? Asked of the server itself, so that impersonation and every authorizer are counted. */
    mayI: async (attributes: Right, signal?: AbortSignal): Promise<Outcome<boolean>> => {
      const review = await expect<{ status?: { allowed?: boolean } }>(
        {
          method: 'POST',
          path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
          body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: attributes } },
          signal,
        },
        { verb: 'create', resource: 'selfsubjectaccessreviews.authorization.k8s.io' },
      );
      return review.ok ? ok(review.value.status?.allowed === true) : review;
    },
    /** A new event of the namespace in which the events of nodes are, or what changes in one. Tried once. */
    event: (name: string, body: object, isNew: boolean, signal?: AbortSignal): Promise<Outcome<HttpReply>> =>
      call({
        method: isNew ? 'POST' : 'PATCH',
        path: `/api/v1/namespaces/default/events${isNew ? '' : `/${segment(name)}`}`,
        body,
        accept: shownAs('PartialObjectMetadata'),
        ...(isNew ? {} : { contentType: mergePatch }),
        timeout: 10,
        signal,
      }),
    isForbidden: (reply: HttpReply): boolean => isRightsRefusal(reply.status, reply.body),
    serverNow: http.serverNow,
    stats: http.stats,
    close: http.close,
  };
}

function parseEvent(line: string): WatchEvent | undefined {
  try {
    const read: unknown = JSON.parse(line);
    if (typeof read !== 'object' || read === null || !('type' in read) || !('object' in read)) return undefined;
    return read as WatchEvent;
  } catch {
    // A line cut in the middle: the end of the stream follows, and then a new list.
    return undefined;
  }
}

/** Why a reply is not the success that was hoped for, short: "PDB web allows no eviction now". */
export const messageOf = (reply: HttpReply): string => statusOf(reply.body).message ?? `status ${reply.status}`;

/** A missing node in words of its own. */
export const noNode = (name: string): Outcome<never> =>
  failed('refused', `the cluster has no node ${name}`, { hint: 'is it the right context, and is node_name right?' });
