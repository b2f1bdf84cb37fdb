// The typed calls to the API server. Each names its verb and resource, so that an error can name
// the missing right.

import type { Clock } from '../../../engine/ports/local.ts';
import { type Failure, failed, type Outcome, ok } from '../../../model/run/failure.ts';
import type { Meta, PodObject } from '../objects/objects.ts';
import type { PdbApi } from '../objects/pdb.ts';
import type { AdmissionObject } from '../objects/webhooks.ts';
import { Caller, type Listed, type OnPage, type Read } from './caller.ts';
import {
  type AdmissionKind,
  admissionList,
  appPath,
  collections,
  lists,
  nodePath,
  objects,
  onNode,
  podPath,
  segment,
  shownAs,
} from './calls.ts';
import { isRightsRefusal, refusal, statusOf, type Want } from './errors.ts';
import type { Http, HttpReply } from './http.ts';

/** A request to evict or delete a pod. */
export interface GoRequest {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly gracePeriod?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A row of a Table holds the pod's name only: neither uid nor namespace. */
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

export interface Right {
  readonly verb: Want['verb'];
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Absent: all namespaces. */
  readonly namespace?: string;
}

const mergePatch = 'application/merge-patch+json';
/** Limits a watch. After this time a dead connection is noticed, and the pods are listed again. */
const watchSeconds = 60;

export type Api = ReturnType<typeof createApi>;

export function createApi(http: Http, account: string, clock: Clock) {
  const caller = new Caller(http, account, clock);
  return {
    account,
    ...methodsOf<'object', typeof objects>(objects, (what, signal) => caller.get(what, signal)),
    ...methodsOf<'list', typeof lists>(lists, (what, signal) => caller.list(what, signal)),
    ...methodsOf<'items', typeof collections>(collections, (what, signal) =>
      itemsOf(caller, what, signal),
    ),
    ...podCalls(caller),
    ...writes(caller),
    ...questions(caller),
    isForbidden: (reply: HttpReply): boolean => isRightsRefusal(reply.status, reply.body),
    serverNow: () => http.serverNow(),
    stats: () => http.stats(),
    close: () => http.close(),
  };
}

type Table = Readonly<Record<string, (...words: never[]) => Read<unknown>>>;
type Answer<How, T> = How extends 'object' ? T : How extends 'list' ? Listed<T> : readonly T[];

/** Each entry of a table as a method: the entry's parameters, then the signal. */
type Methods<How, Calls extends Table> = {
  readonly [Name in keyof Calls]: Calls[Name] extends (...words: infer Words) => Read<infer T>
    ? (...given: [...Words, signal?: AbortSignal | undefined]) => Promise<Outcome<Answer<How, T>>>
    : never;
};

type ReadCall = (what: Read<unknown>, signal: AbortSignal | undefined) => Promise<Outcome<unknown>>;

/** The cast gives each method the type of its entry; a loop over them cannot express it. */
function methodsOf<How extends 'object' | 'list' | 'items', Calls extends Table>(
  calls: Calls,
  read: ReadCall,
): Methods<How, Calls> {
  const method =
    (describe: (...words: never[]) => Read<unknown>) =>
    (...given: readonly unknown[]) =>
      read(
        describe(...(given.slice(0, describe.length) as never[])),
        given[describe.length] as AbortSignal | undefined,
      );
  return Object.fromEntries(
    Object.entries(calls).map(([name, describe]) => [name, method(describe)]),
  ) as Methods<How, Calls>;
}

async function itemsOf<T>(
  caller: Caller,
  what: Read<T>,
  signal?: AbortSignal,
): Promise<Outcome<readonly T[]>> {
  const listed = await caller.list(what, signal);
  return listed.ok ? ok(listed.value.items) : listed;
}

const go = ({ gracePeriod, uid }: GoRequest): object => ({
  ...(gracePeriod === undefined || gracePeriod < 0 ? {} : { gracePeriodSeconds: gracePeriod }),
  preconditions: { uid },
});

/** Reads, watches, evicts and deletes pods. */
const podCalls = (caller: Caller) => ({
  eachPod: (
    onPage: OnPage<PodObject>,
    restart: () => void,
    signal?: AbortSignal,
  ): Promise<Outcome<string>> =>
    caller.pages({ path: '/api/v1/pods', resource: 'pods' }, { onPage, restart }, signal),
  /**
   * Watches the names of a node's pods; servers before 1.15 send whole pods. Ends as `Caller.watch`
   * does.
   */
  watchPods: (
    node: string,
    version: string,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
  ): Promise<Outcome<HttpReply>> =>
    caller.watch(
      {
        method: 'GET',
        path: `/api/v1/pods?watch=1&${onNode(node)}&resourceVersion=${segment(version)}&timeoutSeconds=${watchSeconds}&includeObject=None`,
        accept: shownAs('Table'),
        timeout: watchSeconds + 15,
      },
      signal,
      (line) => {
        const event = parseEvent(line);
        if (event !== undefined) onEvent(event);
      },
    ),
  /**
   * `dry run` is set in the query for admission and in the body for the deletion. Use it only on
   * servers that obey it (`obeysDryRun`).
   */
  evict: (
    api: 'policy/v1' | 'policy/v1beta1',
    request: GoRequest,
    how?: 'dry run',
  ): Promise<Outcome<HttpReply>> =>
    caller.call({
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
    caller.call({
      method: 'DELETE',
      path: podPath(request.namespace, request.name),
      body: { apiVersion: 'v1', kind: 'DeleteOptions', ...go(request) },
      signal: request.signal,
    }),
});

/** Writes return the raw reply. Status 409 means that the object changed since it was read. */
const writes = (caller: Caller) => ({
  /** The reply holds only the metadata. */
  patchNode: (name: string, patch: object, signal?: AbortSignal): Promise<Outcome<HttpReply>> =>
    caller.retrying({
      method: 'PATCH',
      path: nodePath(name),
      body: patch,
      contentType: mergePatch,
      accept: shownAs('PartialObjectMetadata'),
      signal,
    }),
  nodeFailure: (reply: HttpReply, name: string): Failure =>
    refusal(reply.status, reply.body, { verb: 'patch', resource: 'nodes', name }, caller.account),
  patchDeployment: (
    key: string,
    patch: object,
    signal?: AbortSignal,
  ): Promise<Outcome<HttpReply>> =>
    caller.retrying({
      method: 'PATCH',
      path: appPath('deployments', key),
      body: patch,
      contentType: mergePatch,
      signal,
    }),
  deploymentFailure: (reply: HttpReply, key: string): Failure =>
    refusal(
      reply.status,
      reply.body,
      { verb: 'patch', resource: 'deployments.apps', name: key },
      caller.account,
    ),
  /** Creates or updates an event. Events of nodes are in the namespace `default`. No retries. */
  event: (
    name: string,
    body: object,
    isNew: boolean,
    signal?: AbortSignal,
  ): Promise<Outcome<HttpReply>> =>
    caller.call({
      method: isNew ? 'POST' : 'PATCH',
      path: `/api/v1/namespaces/default/events${isNew ? '' : `/${segment(name)}`}`,
      body,
      accept: shownAs('PartialObjectMetadata'),
      ...(isNew ? {} : { contentType: mergePatch }),
      timeout: 10,
      signal,
    }),
});

/** Reads what the server supports, which objects exist and which rights the account has. */
const questions = (caller: Caller) => ({
  /** True: the DaemonSet exists. */
  daemonSet: async (
    namespace: string,
    name: string,
    signal?: AbortSignal,
  ): Promise<Outcome<boolean>> => {
    const reply = await caller.retrying({
      method: 'GET',
      path: appPath('daemonsets', `${namespace}/${name}`),
      signal,
    });
    if (!reply.ok) return reply;
    const { status, body } = reply.value;
    if (status === 200 || status === 404) return ok(status === 200);
    const want: Want = { verb: 'get', resource: 'daemonsets.apps', name: `${namespace}/${name}` };
    return { ok: false, failure: refusal(status, body, want, caller.account) };
  },
  /**
   * Eviction version from the core resource list. A wrong version gets status 400, not 404
   * (measured).
   */
  evictionApi: async (signal?: AbortSignal): Promise<Outcome<EvictionApi>> => {
    type Core = { resources?: readonly { name: string; group?: string; version?: string }[] };
    const core = await caller.get<Core>({ path: '/api/v1', resource: '/api/v1' }, signal);
    if (!core.ok) return core;
    const eviction = core.value.resources?.find((resource) => resource.name === 'pods/eviction');
    if (eviction === undefined) return ok('none');
    return ok(eviction.version === 'v1' ? 'policy/v1' : 'policy/v1beta1');
  },
  pdbApi: async (signal?: AbortSignal): Promise<Outcome<PdbApi>> => {
    type Group = { versions?: readonly { groupVersion: string }[] };
    const group = await caller.get<Group>(
      { path: '/apis/policy', resource: '/apis/policy' },
      signal,
    );
    if (!group.ok) return group;
    return ok(
      group.value.versions?.some((version) => version.groupVersion === 'policy/v1')
        ? 'policy/v1'
        : 'policy/v1beta1',
    );
  },
  /** 1.16 introduced v1, and 1.22 removed v1beta1. */
  admission: async (
    kind: AdmissionKind,
    signal?: AbortSignal,
  ): Promise<Outcome<readonly AdmissionObject[]>> => {
    const newest = await itemsOf(caller, admissionList('v1', kind), signal);
    return newest.ok || newest.failure.kind !== 'refused'
      ? newest
      : itemsOf(caller, admissionList('v1beta1', kind), signal);
  },
  /**
   * Asks the server itself whether the account has a right, so that impersonation and all
   * authorizers count.
   */
  hasRight: async (attributes: Right, signal?: AbortSignal): Promise<Outcome<boolean>> => {
    const review = await caller.expect<{ status?: { allowed?: boolean } }>(
      {
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: attributes },
        },
        signal,
      },
      { verb: 'create', resource: 'selfsubjectaccessreviews.authorization.k8s.io' },
    );
    return review.ok ? ok(review.value.status?.allowed === true) : review;
  },
});

function parseEvent(line: string): WatchEvent | undefined {
  try {
    const read: unknown = JSON.parse(line);
    if (typeof read !== 'object' || read === null || !('type' in read) || !('object' in read))
      return undefined;
    return read as WatchEvent;
  } catch {
    // A truncated line: the stream ends here, and a new list follows.
    return undefined;
  }
}

/** Why a call failed, in short: "PDB web allows no eviction now". */
export const messageOf = (reply: HttpReply): string =>
  statusOf(reply.body).message ?? `status ${reply.status}`;

/** The failure for a node that does not exist. */
export const noNode = (name: string): Outcome<never> =>
  failed('refused', `the cluster has no node ${name}`, {
    hint: 'is it the right context, and is node_name right?',
  });
