// A Kubernetes API server over real TLS, in memory: nodes, pods, budgets, evictions and watches as
// measured on a real one (1.20), with faults on demand.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import {
  constants,
  createSecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import type { NodeObject, PdbObject, PodObject } from '../../src/adapters/kube/objects/objects.ts';
import { meets, parseSelector, selects } from '../../src/adapters/kube/objects/selector.ts';
import { type Pair, pki } from './kube-tls.ts';

// biome-ignore lint/suspicious/noExplicitAny: the fake stores JSON of any shape, as the real one does
type Json = any;

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Json;
  readonly user: string;
  readonly at: number;
  /** `2.0` or `1.1`. */
  readonly httpVersion: string;
}

/**
 * What a test may answer instead: a reply, no answer at all, a cut connection or half an answer.
 * Undefined = as usual.
 */
export type Fault =
  | { readonly status: number; readonly body?: Json; readonly headers?: Record<string, string> }
  | 'hang'
  | 'cut'
  /**
   * The answer is broken off in its middle, as that of a server that dies or of a proxy that has
   * had enough.
   */
  | 'cut-answer'
  | undefined;

type Shape = 'table' | 'metadata' | 'whole';

const anonymous = 'system:anonymous';

/** Where the events of a watch go, a line each. */
export interface WatchSink {
  readonly write: (text: string) => void;
  readonly destroy: () => void;
}

export interface Reply {
  readonly status: number;
  readonly body?: Json;
  readonly headers?: Record<string, string>;
}

/** `cut`: the answer is broken off in its middle. */
export type Reaction = 'hang' | 'cut' | 'watch' | { readonly reply: Reply; readonly cut: boolean };

export interface FakeKubeOptions {
  /**
   * Milliseconds from an eviction to the pod's end; per pod: annotation `fake/stop`, a number or
   * `never`.
   */
  readonly stopAfter?: number;
  /**
   * Minor version, as the server says it. Before 1.15 `dryRun` of an eviction is ignored: the pod
   * goes.
   */
  readonly minor?: string;
  /** 1.22 and newer evict with policy/v1. */
  readonly modern?: boolean;
  /** Offers no eviction at all, as a server whose policy group is off. */
  readonly noEviction?: boolean;
  readonly server?: Pair;
  /**
   * Tokens that are accepted, with their users. Client certificates are accepted by their common
   * name.
   */
  readonly tokens?: Readonly<Record<string, string>>;
  readonly password?: string;
  /** Rights that nobody has: `patch nodes`, `watch pods`. */
  readonly forbid?: readonly string[];
  /** Milliseconds from a request to its answer. */
  readonly slow?: number;
  /** Knows no Tables in a watch, as 1.14 and older: sends whole pods. */
  readonly noTables?: boolean;
  /** Sent as the Date header, seconds off. */
  readonly skew?: number;
  /** Speaks nothing newer, as a proxy in front of the real one may. The real one speaks both. */
  readonly onlyHttp1?: boolean;
}

export interface PodSpec {
  readonly name: string;
  readonly namespace?: string;
  readonly node?: string;
  readonly owner?: { readonly kind: string; readonly name: string };
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly emptyDir?: boolean;
  readonly phase?: string;
  readonly ready?: boolean;
  readonly finalizers?: readonly string[];
  readonly deletionTimestamp?: string;
  readonly spec?: Json;
}

const status = (
  code: number,
  reason: string,
  message: string,
  details: Json = {},
): { status: number; body: Json } => ({
  status: code,
  body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, details, code },
});

const merge = (target: Json, patch: Json): Json => {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const out: Json = typeof target === 'object' && target !== null ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else out[key] = merge(out[key], value);
  }
  return out;
};

/** Most of what a pod's metadata is on a real server, and never left out there. */
const managedFields = [
  {
    manager: 'kube-controller-manager',
    fieldsV1: Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`f:field-${index}`, {}]),
    ),
  },
];

export async function startFakeKube(options: FakeKubeOptions = {}) {
  const certs = pki();
  let version = 1000;
  const nodes = new Map<string, Json>();
  const pods = new Map<string, Json>();
  const pdbs: Json[] = [];
  const daemonSets = new Set<string>();
  const webhooks: Json[] = [];
  const mutatingWebhooks: Json[] = [];
  const volumes: Json[] = [];
  const minor = options.minor ?? (options.modern ? '26' : '20+');
  const endpoints = new Map<string, Json>();
  const events = new Map<string, Json>();
  /** `deployments/ns/name`, `replicasets/ns/name`, `horizontalpodautoscalers/ns/name`. */
  const workloads = new Map<string, Json>();
  const history: { readonly version: number; readonly type: string; readonly object: Json }[] = [];
  const watchers = new Set<{
    readonly sink: WatchSink;
    readonly node: string;
    readonly shape: Shape;
  }>();
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  let inFlight = 0;
  let oldest = 0;
  let fault: (request: Seen) => Fault = () => undefined;
  /** Called after each answered eviction: lets a test change the world at a known point. */
  let afterEviction: (pod: Json) => void = () => undefined;
  /** Called after each change of a Deployment: the test is its controller. */
  let afterDeployment: (deployment: Json, before: Json) => void = () => undefined;

  const shapeFor = (request: { readonly headers: IncomingMessage['headers'] }): Shape => {
    const accepted = String(request.headers.accept ?? '');
    return accepted.includes('as=Table') && !options.noTables
      ? 'table'
      : accepted.includes('as=Partial')
        ? 'metadata'
        : 'whole';
  };

  const show = (object: Json, shape: Shape): Json => {
    if (shape === 'whole') return object;
    if (shape === 'metadata')
      return {
        kind: 'PartialObjectMetadata',
        apiVersion: 'meta.k8s.io/v1',
        metadata: object.metadata,
      };
    const cells = [
      object.metadata.name,
      '1/1',
      object.metadata.deletionTimestamp === undefined ? 'Running' : 'Terminating',
      0,
      '1s',
    ];
    const metadata = { resourceVersion: object.metadata.resourceVersion };
    return {
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      columnDefinitions: null,
      rows: [{ cells, object: null }],
    };
  };

  function emit(type: string, pod: Json): void {
    version += 1;
    pod.metadata.resourceVersion = String(version);
    const object = structuredClone(pod);
    history.push({ version, type, object });
    for (const watcher of watchers) {
      if (object.spec.nodeName === watcher.node)
        watcher.sink.write(`${JSON.stringify({ type, object: show(object, watcher.shape) })}\n`);
    }
  }

  const key = (namespace: string, name: string): string => `${namespace}/${name}`;

  function remove(pod: Json): void {
    if (pods.get(key(pod.metadata.namespace, pod.metadata.name)) !== pod) return;
    pods.delete(key(pod.metadata.namespace, pod.metadata.name));
    emit('DELETED', pod);
  }

  function beginEnd(pod: Json, grace: number | undefined): void {
    const seconds = grace ?? pod.spec.terminationGracePeriodSeconds ?? 30;
    if (pod.metadata.deletionTimestamp === undefined) {
      pod.metadata.deletionTimestamp = new Date(Date.now() + seconds * 1000).toISOString();
      pod.metadata.deletionGracePeriodSeconds = seconds;
      emit('MODIFIED', pod);
    }
    const stop = pod.metadata.annotations?.['fake/stop'] ?? options.stopAfter ?? 20;
    if (stop === 'never' || (pod.metadata.finalizers ?? []).length > 0) return;
    setTimeout(() => remove(pod), Math.min(Number(stop), seconds * 1000));
  }

  const budgetOf = (pod: Json): Json[] =>
    pdbs.filter(
      (pdb) =>
        pdb.metadata.namespace === pod.metadata.namespace &&
        selects(pdb.spec.selector, pod.metadata.labels ?? {}, false),
    );

  /**
   * One that is not ready takes nothing from a budget that is met without it; on a modern server
   * nor from any, by its policy.
   */
  const passesUnready = (
    pod: Json,
    { spec, status: { currentHealthy, desiredHealthy } }: Json,
  ): boolean => {
    if (pod.status.conditions.some((one: Json) => one.type === 'Ready' && one.status === 'True'))
      return false;
    const isMet = desiredHealthy > 0 && currentHealthy >= desiredHealthy;
    return isMet || (options.modern === true && spec.unhealthyPodEvictionPolicy === 'AlwaysAllow');
  };

  const isOther = (
    pod: Json,
    uid: string | undefined,
  ): { status: number; body: Json } | undefined =>
    uid === undefined || uid === pod.metadata.uid
      ? undefined
      : status(
          409,
          'Conflict',
          `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`,
        );

  function evict(
    pod: Json | undefined,
    body: Json,
    query: URLSearchParams,
  ): { status: number; body?: Json } {
    const known = options.modern ? ['policy/v1', 'policy/v1beta1'] : ['policy/v1beta1'];
    if (!known.includes(body.apiVersion))
      return status(
        400,
        'BadRequest',
        `no kind "Eviction" is registered for version "${body.apiVersion}"`,
      );
    if (pod === undefined)
      return status(404, 'NotFound', `pods "${body.metadata.name}" not found`, { kind: 'pods' });
    const other = isOther(pod, body.deleteOptions?.preconditions?.uid);
    if (other !== undefined) return other;
    const asksDry =
      query.get('dryRun') === 'All' || body.deleteOptions?.dryRun?.includes('All') === true;
    const isDry = asksDry && Number.parseInt(minor, 10) >= 15;
    const budgets =
      pod.metadata.deletionTimestamp === undefined && pod.status.phase === 'Running'
        ? budgetOf(pod)
        : [];
    if (budgets.length > 1)
      return status(
        500,
        'InternalError',
        'This pod has more than one PodDisruptionBudget, which is not supported.',
      );
    const [pdb] = budgets;
    const isUnready = pdb !== undefined && passesUnready(pod, pdb);
    if (pdb !== undefined && !isUnready && pdb.status.disruptionsAllowed <= 0) {
      const message = `The disruption budget ${pdb.metadata.name} needs ${pdb.status.desiredHealthy} healthy pods and has ${pdb.status.currentHealthy} currently`;
      const causes = [{ reason: 'DisruptionBudget', message }];
      return status(
        429,
        'TooManyRequests',
        "Cannot evict pod as it would violate the pod's disruption budget.",
        { causes },
      );
    }
    if (isDry) return { status: 201, body: { kind: 'Status', status: 'Success' } };
    if (pdb !== undefined && !isUnready) pdb.status.disruptionsAllowed -= 1;
    beginEnd(pod, body.deleteOptions?.gracePeriodSeconds);
    afterEviction(pod);
    return { status: 201, body: { kind: 'Status', status: 'Success' } };
  }

  /** As the real one: a match needs a version that it fits to, and no page that goes on. */
  function badMatch(query: URLSearchParams): { status: number; body: Json } | undefined {
    const [match, wanted] = [query.get('resourceVersionMatch'), query.get('resourceVersion')];
    const isFine =
      (match === 'NotOlderThan' && wanted !== null) ||
      (match === 'Exact' && (wanted ?? '0') !== '0');
    return match === null || (isFine && query.get('continue') === null)
      ? undefined
      : status(422, 'Invalid', 'resourceVersionMatch is invalid');
  }

  function list(
    items: readonly Json[],
    query: URLSearchParams,
    shape: Shape = 'whole',
  ): { status: number; body: Json } {
    const refused = badMatch(query);
    if (refused !== undefined) return refused;
    const [first = String(version), start = '0'] = query.get('continue')?.split('/') ?? [];
    const from = Number(start);
    // What comes from the server's cache comes at once.
    const limit =
      query.get('resourceVersion') === '0'
        ? items.length
        : Number(query.get('limit') ?? items.length);
    const metadata = {
      resourceVersion: first,
      ...(from + limit < items.length ? { continue: `${first}/${from + limit}` } : {}),
    };
    const page = items.slice(from, from + limit);
    if (shape === 'table') {
      const columnDefinitions = [{ name: 'Name', type: 'string' }];
      const body = {
        kind: 'Table',
        apiVersion: 'meta.k8s.io/v1',
        metadata,
        columnDefinitions,
        rows: page.flatMap((item) => show(item, shape).rows),
      };
      return { status: 200, body };
    }
    const kind = shape === 'metadata' ? 'PartialObjectMetadataList' : 'List';
    return { status: 200, body: { kind, metadata, items: page.map((item) => show(item, shape)) } };
  }

  const nodeOf = (query: URLSearchParams): string | undefined =>
    /spec\.nodeName=([^,]*)/.exec(query.get('fieldSelector') ?? '')?.[1];

  /** Gives what ends the watch for the server. */
  function watch({ query, headers }: Seen, sink: WatchSink): () => void {
    const from = Number(query.get('resourceVersion') ?? 0);
    const shape = shapeFor({ headers });
    const node = nodeOf(query) ?? '';
    if (from < oldest) {
      // The stream stays open after it: who waits for its end waits for long.
      const object = {
        kind: 'Status',
        code: 410,
        reason: 'Expired',
        message: 'too old resource version',
      };
      sink.write(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return () => undefined;
    }
    for (const event of history) {
      if (event.version > from && event.object.spec.nodeName === node)
        sink.write(`${JSON.stringify({ type: event.type, object: show(event.object, shape) })}\n`);
    }
    const watcher = { sink, node, shape };
    watchers.add(watcher);
    return () => void watchers.delete(watcher);
  }

  function patch(
    objects: Map<string, Json>,
    name: string,
    request: Seen,
  ): { status: number; body: Json } {
    const object = objects.get(name);
    if (object === undefined) return status(404, 'NotFound', `"${name}" not found`);
    if (!/merge-patch\+json/.test(String(request.headers['content-type'])))
      return status(415, 'UnsupportedMediaType', 'unsupported');
    const wanted = request.body.metadata?.resourceVersion;
    if (wanted !== undefined && wanted !== object.metadata.resourceVersion) {
      return status(
        409,
        'Conflict',
        `Operation cannot be fulfilled on "${name}": the object has been modified`,
      );
    }
    version += 1;
    const changed = merge(object, request.body);
    changed.metadata.resourceVersion = String(version);
    objects.set(name, changed);
    if (objects === workloads) afterDeployment(changed, object);
    return { status: 200, body: show(changed, shapeFor(request)) };
  }

  /** As the real one, which takes events of nodes in `default` alone. */
  function writeEvent(name: string, method: string, body: Json): { status: number; body: Json } {
    const before = events.get(name);
    if (method === 'PATCH' && before === undefined)
      return status(404, 'NotFound', `events "${name}" not found`);
    if (method === 'POST' && before !== undefined)
      return status(409, 'AlreadyExists', `events "${name}" already exists`);
    if (method === 'POST' && body.metadata.namespace !== 'default')
      return status(
        422,
        'Invalid',
        'involvedObject.namespace: Invalid value: "": does not match event.namespace',
      );
    events.set(name, merge(before, body));
    return { status: method === 'POST' ? 201 : 200, body: events.get(name) };
  }

  const rights: readonly (readonly [RegExp, string, string])[] = [
    [/^GET \/api\/v1\/nodes(\?|$)/, 'list', 'nodes'],
    [/^GET \/api\/v1\/nodes\//, 'get', 'nodes'],
    [/^PATCH \/api\/v1\/nodes\//, 'patch', 'nodes'],
    [/^GET \/api\/v1\/pods\?.*watch=/, 'watch', 'pods'],
    [/^GET \/api\/v1\/pods/, 'list', 'pods'],
    [/^GET .*\/pods\//, 'get', 'pods'],
    [/^POST .*\/eviction(\?|$)/, 'create', 'pods/eviction'],
    [/^DELETE .*\/pods\//, 'delete', 'pods'],
    [/\/daemonsets\//, 'get', 'daemonsets'],
    [/^POST .*\/events$/, 'create', 'events'],
    [/^PATCH .*\/events\//, 'patch', 'events'],
    [/^PATCH .*\/deployments\//, 'patch', 'deployments'],
    [/\/deployments\//, 'get', 'deployments'],
    [/\/replicasets\//, 'get', 'replicasets'],
    [/\/horizontalpodautoscalers/, 'list', 'horizontalpodautoscalers'],
    [/\/poddisruptionbudgets/, 'list', 'poddisruptionbudgets'],
    [/\/validatingwebhookconfigurations/, 'list', 'validatingwebhookconfigurations'],
    [/\/mutatingwebhookconfigurations/, 'list', 'mutatingwebhookconfigurations'],
    [/\/persistentvolumes/, 'list', 'persistentvolumes'],
  ];

  function forbidden(request: Seen, url: string): { status: number; body: Json } | undefined {
    const [, verb = '', resource = ''] =
      rights.find(([pattern]) => pattern.test(`${request.method} ${url}`)) ?? [];
    if (!(options.forbid ?? []).includes(`${verb} ${resource}`)) return undefined;
    const message = `${resource} is forbidden: User "${request.user}" cannot ${verb} resource "${resource}" in API group "" at the cluster scope`;
    return status(403, 'Forbidden', message);
  }

  function answer(request: Seen): { status: number; body?: Json } {
    const { method, path, query, body } = request;
    const pod = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)(\/eviction)?$/.exec(path);
    const node = /^\/api\/v1\/nodes\/([^/]+)$/.exec(path);
    if (path === '/api/v1') {
      const eviction = {
        name: 'pods/eviction',
        kind: 'Eviction',
        group: 'policy',
        version: options.modern ? 'v1' : 'v1beta1',
      };
      return {
        status: 200,
        body: {
          kind: 'APIResourceList',
          resources: [{ name: 'pods' }, ...(options.noEviction ? [] : [eviction])],
        },
      };
    }
    if (path === '/apis/policy') {
      const versions = options.modern ? ['policy/v1', 'policy/v1beta1'] : ['policy/v1beta1'];
      return {
        status: 200,
        body: { kind: 'APIGroup', versions: versions.map((groupVersion) => ({ groupVersion })) },
      };
    }
    if (path === '/api/v1/nodes') {
      const [label, wanted] = (query.get('labelSelector') ?? '').split('=');
      const chosen = [...nodes.values()].filter(
        (item) => !label || item.metadata.labels?.[label] === wanted,
      );
      return list(chosen, query);
    }
    if (node !== null && method === 'PATCH') return patch(nodes, node[1] ?? '', request);
    if (node !== null) {
      const found = nodes.get(node[1] ?? '');
      return found === undefined
        ? status(404, 'NotFound', `nodes "${node[1]}" not found`, { kind: 'nodes' })
        : { status: 200, body: found };
    }
    const podList = /^\/api\/v1\/(?:namespaces\/([^/]+)\/)?pods$/.exec(path);
    if (podList !== null) {
      const [on, within] = [nodeOf(query), podList[1]];
      const without = [...(query.get('fieldSelector') ?? '').matchAll(/status\.phase!=(\w+)/g)].map(
        ([, phase]) => phase,
      );
      const selector = parseSelector(query.get('labelSelector') ?? '');
      const chosen = [...pods.values()].filter(
        ({ spec, metadata, status: { phase } }) =>
          (on === undefined || spec.nodeName === on) &&
          (within === undefined || metadata.namespace === within) &&
          !without.includes(phase) &&
          (!selector.ok ||
            selector.requirements.every((requirement) => meets(metadata.labels, requirement))),
      );
      return list(chosen, query, shapeFor(request));
    }
    if (pod?.[3] === '/eviction' && !options.noEviction)
      return evict(pods.get(key(pod[1] ?? '', pod[2] ?? '')), body, query);
    if (pod !== null && pod[3] === undefined && ['GET', 'DELETE'].includes(method)) {
      const found = pods.get(key(pod[1] ?? '', pod[2] ?? ''));
      if (found === undefined) return status(404, 'NotFound', 'not found');
      if (method === 'GET') return { status: 200, body: found };
      const other = isOther(found, body?.preconditions?.uid);
      if (other !== undefined) return other;
      beginEnd(found, body?.gracePeriodSeconds);
      return { status: 200, body: found };
    }
    const [, within, kind, workload] =
      /namespaces\/([^/]+)\/(deployments|replicasets|horizontalpodautoscalers)(?:\/([^/]+))?$/.exec(
        path,
      ) ?? [];
    if (kind !== undefined && workload === undefined)
      return list(
        [...workloads]
          .filter(([name]) => name.startsWith(`${kind}/${within}/`))
          .map(([, object]) => object),
        query,
      );
    if (kind !== undefined && method === 'PATCH')
      return patch(workloads, `${kind}/${within}/${workload}`, request);
    if (kind !== undefined) {
      const found = workloads.get(`${kind}/${within}/${workload}`);
      return found === undefined
        ? status(404, 'NotFound', `no such ${kind}`)
        : { status: 200, body: found };
    }
    const daemonSet = /namespaces\/([^/]+)\/daemonsets\/([^/]+)$/.exec(path);
    if (daemonSet !== null) {
      return daemonSets.has(key(daemonSet[1] ?? '', daemonSet[2] ?? ''))
        ? { status: 200, body: {} }
        : status(404, 'NotFound', 'no such daemonset');
    }
    const event = /^\/api\/v1\/namespaces\/default\/events(?:\/(.+))?$/.exec(path);
    if (event !== null) return writeEvent(event[1] ?? body.metadata.name, method, body);
    const budgets =
      /^\/apis\/policy\/(v1|v1beta1)(?:\/namespaces\/([^/]+))?\/poddisruptionbudgets$/.exec(path);
    if (budgets !== null)
      return list(
        pdbs.filter((pdb) => budgets[2] === undefined || pdb.metadata.namespace === budgets[2]),
        query,
      );
    if (path === '/version')
      return {
        status: 200,
        body: { major: '1', minor, gitVersion: `v1.${Number.parseInt(minor, 10)}.2` },
      };
    if (path === '/api/v1/persistentvolumes') return list(volumes, query);
    const hooks =
      /^\/apis\/admissionregistration.k8s.io\/(v1|v1beta1)\/(validating|mutating)webhookconfigurations$/.exec(
        path,
      );
    if (hooks !== null && (hooks[1] === 'v1beta1' || Number.parseInt(minor, 10) >= 16))
      return list(hooks[2] === 'mutating' ? mutatingWebhooks : webhooks, query);
    const endpoint = /namespaces\/([^/]+)\/endpoints\/([^/]+)$/.exec(path);
    if (endpoint !== null) {
      const found = endpoints.get(key(endpoint[1] ?? '', endpoint[2] ?? ''));
      return found === undefined
        ? status(404, 'NotFound', 'no such endpoints')
        : { status: 200, body: found };
    }
    if (path.endsWith('/selfsubjectaccessreviews')) {
      const { verb, resource, subresource } = body.spec.resourceAttributes;
      const asked = `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
      return {
        status: 201,
        body: { status: { allowed: !(options.forbid ?? []).includes(asked) } },
      };
    }
    return status(404, 'NotFound', 'the server could not find the requested resource');
  }

  function userOf(request: IncomingMessage): string | undefined {
    const token = /^Bearer (.*)$/.exec(String(request.headers.authorization ?? ''))?.[1];
    if (token !== undefined) return options.tokens?.[token];
    if (request.headers.authorization?.startsWith('Basic ')) return 'basic';
    const socket = request.socket as TLSSocket;
    const subject = socket.authorized ? socket.getPeerCertificate().subject : undefined;
    return subject === undefined ? undefined : String(subject.CN);
  }

  /** What becomes of a request, whatever way it came. */
  function react(asked: Seen, url: string): Reaction {
    seen.push(asked);
    const forced = fault(asked);
    if (forced === 'hang' || forced === 'cut') return forced;
    const refused =
      asked.user === anonymous
        ? status(401, 'Unauthorized', 'Unauthorized')
        : forbidden(asked, url);
    if (forced === undefined && refused === undefined && asked.query.get('watch') === '1')
      return 'watch';
    const reply = (forced === 'cut-answer' ? undefined : forced) ?? refused ?? answer(asked);
    return { reply, cut: forced === 'cut-answer' };
  }

  const { cert, key: privateKey } = options.server ?? certs.server;
  function breakOff(request: IncomingMessage, response: ServerResponse, answered: Buffer): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(answered.subarray(0, answered.length / 2), () => {
      const { stream } = response as unknown as { readonly stream?: ServerHttp2Stream };
      if (stream === undefined) request.socket.destroy();
      // The code that Node's clients take for an end like any other.
      else stream.close(constants.NGHTTP2_CANCEL);
    });
  }

  function handle(request: IncomingMessage, response: ServerResponse): void {
    inFlight += 1;
    response.on('close', () => {
      inFlight -= 1;
    });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'https://x');
      // The real one ignores the body of a DELETE that has no length (measured).
      const framed = request.method !== 'DELETE' || request.headers['content-length'] !== undefined;
      const text = framed ? Buffer.concat(chunks).toString() : '';
      const asked: Seen = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: text === '' ? undefined : JSON.parse(text),
        user: userOf(request) ?? anonymous,
        at: Date.now(),
        httpVersion: request.httpVersion,
      };
      const reaction = react(asked, request.url ?? '');
      if (reaction === 'hang') return;
      if (reaction === 'cut') return void request.socket.destroy();
      if (options.skew !== undefined)
        response.setHeader('date', new Date(Date.now() + options.skew * 1000).toUTCString());
      if (reaction === 'watch') {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.flushHeaders();
        const end = watch(asked, {
          write: (text) => void response.write(text),
          destroy: () => void response.destroy(),
        });
        return void response.on('close', end);
      }
      const { reply, cut } = reaction;
      const answered = Buffer.from(
        typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {}),
      );
      if (cut) return breakOff(request, response, answered);
      // The real one compresses long answers for those who ask for it.
      const pack =
        answered.length > 2_000 && String(request.headers['accept-encoding']).includes('gzip');
      const encoding = pack ? { 'content-encoding': 'gzip' } : {};
      response.writeHead(reply.status, {
        'content-type': 'application/json',
        ...encoding,
        ...reply.headers,
      });
      setTimeout(() => response.end(pack ? gzipSync(answered) : answered), options.slow ?? 0);
    });
  }

  const secure = {
    cert,
    key: privateKey,
    ca: certs.ca,
    requestCert: true,
    rejectUnauthorized: false,
  };
  // Requests and responses of HTTP/2 have the same shape here.
  const server: Server = options.onlyHttp1
    ? createServer(secure, handle)
    : (createSecureServer({ ...secure, allowHTTP1: true }, handle as never) as unknown as Server);
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const url = `https://127.0.0.1:${port}`;

  function addPod(spec: PodSpec): PodObject & Json {
    const { name, namespace = 'shop', node = 'n1', owner } = spec;
    const pod: Json = {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: {
        name,
        namespace,
        uid: randomUUID(),
        creationTimestamp: new Date().toISOString(),
        managedFields,
        labels: spec.labels ?? {},
        annotations: spec.annotations ?? {},
        ...(spec.finalizers === undefined ? {} : { finalizers: spec.finalizers }),
        ...(spec.deletionTimestamp === undefined
          ? {}
          : { deletionTimestamp: spec.deletionTimestamp }),
        ...(owner === undefined
          ? {}
          : {
              ownerReferences: [
                { ...owner, uid: `uid-${owner.kind}-${owner.name}`, controller: true },
              ],
            }),
      },
      spec: {
        nodeName: node,
        terminationGracePeriodSeconds: 30,
        containers: [{ name: 'c' }],
        volumes: spec.emptyDir ? [{ name: 'scratch', emptyDir: {} }] : [],
        ...spec.spec,
      },
      status: {
        phase: spec.phase ?? 'Running',
        conditions: [{ type: 'Ready', status: spec.ready === false ? 'False' : 'True' }],
      },
    };
    pods.set(key(namespace, name), pod);
    emit('ADDED', pod);
    return pod;
  }

  let isDown = false;

  return {
    url,
    port,
    options,
    react,
    watch,
    isDown: (): boolean => isDown,
    seen,
    nodes,
    pods,
    pdbs,
    daemonSets,
    webhooks,
    mutatingWebhooks,
    volumes,
    endpoints,
    events,
    workloads,
    addPod,
    remove,
    /** A watch event that is not true: a cache that runs behind, or ahead. */
    emit,
    addNode: (name: string, more: Json = {}): NodeObject & Json => {
      version += 1;
      const node = merge(
        {
          metadata: {
            name,
            uid: randomUUID(),
            resourceVersion: String(version),
            labels: { 'kubernetes.io/hostname': name },
            annotations: {},
          },
          spec: {},
          status: {
            conditions: [{ type: 'Ready', status: 'True' }],
            addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
            allocatable: { cpu: '8', memory: '32Gi', pods: '110' },
            nodeInfo: {
              bootID: `boot-${name}-1`,
              kernelVersion: '3.10.0-957.el7.x86_64',
              containerRuntimeVersion: 'docker://18.9.1',
              kubeletVersion: 'v1.18.9',
            },
          },
        },
        more,
      );
      nodes.set(name, node);
      return node;
    },
    /** As a person or a kubelet would: moves the resourceVersion. */
    changeNode: (name: string, patch: Json): void => {
      version += 1;
      const node = merge(nodes.get(name), patch);
      node.metadata.resourceVersion = String(version);
      nodes.set(name, node);
    },
    addPdb: (
      name: string,
      labels: Record<string, string>,
      more: { spec?: Json; status?: Json } = {},
    ): PdbObject & Json => {
      const pdb = {
        metadata: { name, namespace: 'shop', generation: 1 },
        spec: { selector: { matchLabels: labels }, minAvailable: 1, ...more.spec },
        status: {
          observedGeneration: 1,
          disruptionsAllowed: 0,
          currentHealthy: 2,
          desiredHealthy: 1,
          expectedPods: 2,
          ...more.status,
        },
      };
      pdbs.push(pdb);
      return pdb;
    },
    faults: (act: (request: Seen) => Fault): void => {
      fault = act;
    },
    afterEviction: (act: (pod: Json) => void): void => {
      afterEviction = act;
    },
    afterDeployment: (act: (deployment: Json, before: Json) => void): void => {
      afterDeployment = act;
    },
    /** As a kubelet would: the pod's containers have ended by themselves. */
    finish: (pod: Json, phase: 'Succeeded' | 'Failed'): void => {
      pod.status.phase = phase;
      emit('MODIFIED', pod);
    },
    /** Cuts every watch now. */
    cutWatches: (): void => {
      for (const watcher of watchers) watcher.sink.destroy();
    },
    /** Watches from before now are answered with 410, inside a 200. */
    forgetHistory: (): void => {
      oldest = version + 1;
      version += 1;
      for (const watcher of watchers) watcher.sink.destroy();
    },
    watching: (): number => watchers.size,
    connections: (): number => sockets.size,
    /** Requests without an answer. */
    inFlight: (): number => inFlight,
    /** A request that comes without a wire; call what it gives at its end. */
    begin: (): (() => void) => {
      inFlight += 1;
      return () => {
        inFlight -= 1;
      };
    },
    /**
     * As a server that goes down in order, or sheds clients: what is under way goes on, new
     * requests are for another connection.
     */
    goAway: (): void => {
      for (const session of sessions) session.goaway();
    },
    /** Kills the server for a while, as a restart does. */
    restart: async (milliseconds: number): Promise<void> => {
      isDown = true;
      for (const watcher of watchers) watcher.sink.destroy();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      await listen(port);
      isDown = false;
    },
    kubeconfig: (user: Json = {}, cluster: Json = {}): string =>
      JSON.stringify({
        'current-context': 'lab',
        contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'ann' } }],
        clusters: [
          {
            name: 'lab',
            cluster: {
              server: url,
              'certificate-authority-data': Buffer.from(certs.ca).toString('base64'),
              ...cluster,
            },
          },
        ],
        users: [{ name: 'ann', user }],
      }),
    clientCertificate: {
      'client-certificate-data': Buffer.from(certs.client.cert).toString('base64'),
      'client-key-data': Buffer.from(certs.client.key).toString('base64'),
    },
    stop: async (): Promise<void> => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type FakeKube = Awaited<ReturnType<typeof startFakeKube>>;
