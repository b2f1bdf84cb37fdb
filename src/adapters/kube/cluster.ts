// The Cluster port on a real API server: puts connection, calls and decisions together.

import type { Cluster, Owner, PodState } from '../../engine/ports/cluster.ts';
import type { Clock } from '../../engine/ports/local.ts';
import { present } from '../../model/present.ts';
import { failed, type Outcome, ok } from '../../model/run/failure.ts';
import { nameProxy, proxyFor, unsupportedProxy } from '../http/proxy.ts';
import { createCredentials } from './auth/credentials.ts';
import { commandOf } from './auth/exec-plugin.ts';
import {
  inClusterConfig,
  type KubeconfigFile,
  resolveKubeconfig,
  unsafeConnection,
} from './auth/kubeconfig.ts';
import { type Api, createApi, type EvictionApi } from './client/api.ts';
import { HttpClient, type HttpStats } from './client/http.ts';
import { retryTransient } from './client/retry-transient.ts';
import { ofNode, readNode, rewrite } from './client/rewrite.ts';
import { missingRights, type Role } from './client/rights.ts';
import { drainNode } from './drain/drain.ts';
import type { DrainContext } from './drain/drain-work.ts';
import { createSlots } from './drain/evict.ts';
import { afterScaleBack } from './drain/scale-back.ts';
import { Forecaster } from './forecast/forecast-reader.ts';
import { systemSelector } from './forecast/pod-book.ts';
import { createEvents } from './node/events.ts';
import {
  decideCordon,
  decidePlain,
  decideRelease,
  decideUncordon,
  nodeState,
  ownershipFailure,
} from './node/ownership.ts';
import { type JudgeHolder, withoutStaleMarks } from './node/stale-mark.ts';
import { decidePending } from './node/taint.ts';
import {
  controllerOf,
  deploymentState,
  hasMemoryLimit,
  isCrashLooping,
  isMirror,
  isPodReady,
  type NodeObject,
  type PodObject,
  podName,
  restartsOf,
  workloadName,
} from './objects/objects.ts';
import type { PdbApi } from './objects/pdb.ts';

export interface ClusterOptions {
  /**
   * Contents of the files, in order; the first that defines an entry wins. None: the in-cluster
   * account.
   */
  readonly kubeconfigs: readonly KubeconfigFile[];
  readonly parseYaml: (text: string) => unknown;
  /** `--context`. */
  readonly context?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Receives a warning about an unsafe connection. */
  readonly warn?: (text: string) => void;
  /** A run whose nodes the operator allows to take over. */
  readonly takeover?: string;
  /** Identifies this process in the marks of a manual drain, which no run could resume. */
  readonly holder?: object;
  /**
   * Judges whether the process of a manual drain still runs. Absent: its mark owns the node until
   * an operator uncordons it.
   */
  readonly judgeHolder?: JudgeHolder;
  /**
   * Evictions in flight over all nodes. Default 20. With kubectl's 5 a second, 100 pods would take
   * 20 s.
   */
  readonly inFlight?: number;
  /** Folder of the in-cluster account, for tests. */
  readonly accountFolder?: string;
  readonly userAgent?: string;
  /** Why a program must not be run, if another user could have written it. */
  readonly judge?: (path: string) => string | undefined;
}

/** The port, and what some commands need beside it. */
export interface KubeCluster extends Cluster {
  readonly nodesWith: (
    selector: string,
    signal?: AbortSignal,
  ) => Promise<Outcome<readonly string[]>>;
  /** For `kmend cordon NODE` and `kmend uncordon NODE`. A node that a run owns is refused. */
  readonly plainCordon: SetCordon;
  readonly plainUncordon: SetCordon;
  /** For a dry run: why `cordon` would refuse this node. */
  readonly mayCordon: (node: string, owner: Owner, signal?: AbortSignal) => Promise<Outcome<true>>;
  /** Rights of a role that the account lacks, each as "patch nodes". */
  readonly missingRights: (role: Role, signal?: AbortSignal) => Promise<Outcome<readonly string[]>>;
  readonly stats: () => HttpStats;
  /** Server and account, for messages. It holds no secret. */
  readonly description: string;
}

type PlainDecision =
  | ReturnType<typeof decidePlain>
  | { readonly kind: 'would'; readonly changed: boolean; readonly patch?: never };

type SetCordon = (
  node: string,
  options: { readonly dryRun: boolean },
  signal?: AbortSignal,
) => Promise<Outcome<{ readonly changed: boolean; readonly staleMark?: string }>>;

/** Asks once and keeps the answer. A failure is not kept. */
function once<T>(ask: () => Promise<Outcome<T>>): () => Promise<Outcome<T>> {
  let kept: Promise<Outcome<T>> | undefined;
  return async () => {
    kept ??= ask();
    const answer = await kept;
    if (!answer.ok) kept = undefined;
    return answer;
  };
}

const mapped = <T, U>(outcome: Outcome<T>, map: (value: T) => U): Outcome<U> =>
  outcome.ok ? ok(map(outcome.value)) : outcome;

/**
 * Checked before a cordon. Without the right to evict or delete pods, a drain would leave the node
 * cordoned and do nothing.
 */
async function canRemovePods(api: Api): Promise<Outcome<true>> {
  const eviction = await missingRights(api, 'evict');
  if (!eviction.ok) return failed('refused', eviction.failure.message);
  if (eviction.value.length === 0) return ok(true);
  const deletion = await missingRights(api, 'delete');
  if (!deletion.ok || deletion.value.length === 0) return ok(true);
  const [missing = ''] = eviction.value;
  return failed(
    'auth',
    `${api.account} may not ${missing}: no pod could be evicted, so no node is cordoned`,
    {
      hint: 'grant it: docs/rbac.yaml has the roles',
    },
  );
}

const podState = (pod: PodObject): PodState => {
  const owner = controllerOf(pod);
  return {
    name: podName(pod),
    phase: pod.status?.phase ?? '',
    ready: isPodReady(pod),
    restarts: restartsOf(pod),
    crashLooping: isCrashLooping(pod),
    ending: pod.metadata?.deletionTimestamp !== undefined,
    ...(owner?.kind === 'DaemonSet' ? { daemonSet: owner.name } : {}),
    workload: workloadName(pod),
    mirror: isMirror(pod),
    memoryLimited: hasMemoryLimit(pod),
  };
};

/** What the calls of one cluster share. */
interface Parts {
  readonly api: Api;
  readonly clock: Clock;
  readonly options: ClusterOptions;
  readonly forecaster: Forecaster;
  readonly inSlot: DrainContext['inSlot'];
  readonly evictionApi: () => Promise<Outcome<EvictionApi>>;
  readonly pdbApi: () => Promise<Outcome<PdbApi>>;
  readonly mayRemovePods: () => Promise<Outcome<true>>;
}

/** Implements the port over an API. `createCluster` makes the API from a kubeconfig. */
function clusterOver(
  plainApi: Api,
  clock: Clock,
  options: ClusterOptions,
  description: string,
): KubeCluster {
  const {
    holder,
    judgeHolder = async () => ({ name: 'its process', doubt: 'nothing is known of it' }),
  } = options;
  const api = withoutStaleMarks(plainApi, judgeHolder, holder);
  const evictionApi = once<EvictionApi>(() => api.evictionApi());
  const pdbApi = once<PdbApi>(() => api.pdbApi());
  const parts: Parts = {
    api,
    clock,
    options,
    forecaster: new Forecaster({ api, clock, evictionApi, pdbApi }),
    inSlot: createSlots(options.inFlight ?? 20),
    evictionApi,
    pdbApi,
    mayRemovePods: once(() => canRemovePods(api)),
  };
  return {
    description,
    ...nodeReads(parts),
    ...nodeWrites(parts),
    ...podReads(parts),
    plainCordon: setCordon(parts, true),
    plainUncordon: setCordon(parts, false),
    drain: drain(parts),
    forecast: (...asked) => parts.forecaster.forecast(...asked),
    announce: createEvents(api, clock),
    missingRights: (role, signal) => missingRights(api, role, signal),
    stats: api.stats,
    close: api.close,
  };
}

const decideToCordon = (
  { clock, options: { takeover, holder } }: Parts,
  node: NodeObject,
  owner: Owner,
) =>
  decideCordon(node, {
    owner,
    at: new Date(clock.now()).toISOString(),
    ...present({ takeover, holder }),
  });

const nodeReads = (
  parts: Parts,
): Pick<KubeCluster, 'nodes' | 'node' | 'nodesWith' | 'mayCordon' | 'owns'> => ({
  nodes: async (signal) =>
    mapped(await parts.forecaster.nodes(signal), (nodes) => nodes.map(nodeState)),
  node: async (name, signal) => mapped(await readNode(parts.api, name, signal), nodeState),
  nodesWith: async (selector, signal) =>
    mapped(await parts.api.nodesWith(selector, signal), (nodes) =>
      nodes.map((node) => nodeState(node).name),
    ),
  mayCordon: async (name, owner, signal) => {
    const node = await readNode(parts.api, name, signal);
    if (!node.ok) return node;
    const decision = decideToCordon(parts, node.value, owner);
    return decision.kind === 'failure' ? { ok: false, failure: decision.failure } : ok(true);
  },
  owns: async (name, owner, signal) => {
    const node = await readNode(parts.api, name, signal);
    if (!node.ok) return node;
    const failure = ownershipFailure(node.value, owner);
    return failure === undefined ? ok(true) : { ok: false, failure };
  },
});

/** Implements `kmend cordon` and `kmend uncordon`. */
const setCordon =
  ({ api, options: { takeover } }: Parts, cordoned: boolean): SetCordon =>
  async (name, { dryRun }, signal) => {
    let staleMark: string | undefined;
    const decide = (node: NodeObject): PlainDecision => {
      ({ staleMark } = node);
      const decision = decidePlain(node, cordoned, takeover);
      return dryRun && decision.kind === 'write'
        ? { kind: 'would', changed: decision.changed }
        : decision;
    };
    const done = await rewrite(
      ofNode(api, name, signal),
      cordoned ? decide : afterScaleBack(api, decide, signal),
    );
    if (!done.ok) return done;
    if (done.value.kind === 'failure') return { ok: false, failure: done.value.failure };
    return ok({ changed: done.value.changed, ...present({ staleMark }) });
  };

const nodeWrites = (
  parts: Parts,
): Pick<KubeCluster, 'cordon' | 'uncordon' | 'release' | 'taint'> => ({
  cordon: async (name, owner, signal) => {
    const may = await parts.mayRemovePods();
    // If the check itself failed, go on: the eviction reports a missing right.
    if (!may.ok && may.failure.kind === 'auth') return may;
    let wasUnschedulable = false;
    let staleMark: string | undefined;
    const decide = (node: NodeObject) => {
      ({ staleMark } = node);
      const decision = decideToCordon(parts, node, owner);
      if (decision.kind === 'owned' || decision.kind === 'write')
        ({ wasUnschedulable } = decision.ownership);
      return decision;
    };
    const done = await rewrite(ofNode(parts.api, name, signal), decide);
    if (!done.ok) return done;
    if (done.value.kind === 'failure') return { ok: false, failure: done.value.failure };
    return ok({ wasUnschedulable, ...present({ staleMark }) });
  },
  uncordon: async (name, owner, signal) => {
    const decide = afterScaleBack(parts.api, (node) => decideUncordon(node, owner), signal);
    const done = await rewrite(ofNode(parts.api, name, signal), decide);
    if (!done.ok) return done;
    const decision = done.value;
    if (decision.kind === 'failure') return { ok: false, failure: decision.failure };
    return ok({ uncordoned: decision.kind === 'write' && decision.uncordoned, why: decision.why });
  },
  release: async (name, owner, signal) => {
    const decide = (node: NodeObject): { kind?: never; patch?: object } =>
      decideRelease(node, owner);
    const done = await rewrite(
      ofNode(parts.api, name, signal),
      afterScaleBack(parts.api, decide, signal),
    );
    if (!done.ok) return done;
    return done.value.kind === 'failure' ? { ok: false, failure: done.value.failure } : ok(true);
  },
  taint: async (name, run, pending, signal) =>
    mapped(
      await rewrite(ofNode(parts.api, name, signal), (node) => decidePending(node, run, pending)),
      () => true,
    ),
});

const drain =
  ({ api, clock, inSlot, evictionApi, pdbApi }: Parts): KubeCluster['drain'] =>
  async (name, options, owner, progress, { signal, outage } = {}) => {
    const until = clock.now() + (outage === undefined ? options.timeout * 1000 : 0);
    const eviction = await retryTransient(evictionApi, { clock, until, signal });
    if (!eviction.ok) return eviction;
    return drainNode({
      api,
      clock,
      node: name,
      options,
      owner,
      progress,
      inSlot,
      pdbApi,
      signal,
      outage,
      evictionApi: eviction.value,
    });
  };

const podReads = ({
  api,
  forecaster,
}: Parts): Pick<KubeCluster, 'pods' | 'pendingPods' | 'deployments' | 'systemPods'> => ({
  pods: async (name, signal) =>
    mapped(await api.podsOf(name, signal), ({ items }) => items.map(podState)),
  pendingPods: async (signal) =>
    mapped(await api.pendingPods(signal), ({ items }) =>
      items.filter((pod) => pod.metadata?.deletionTimestamp === undefined).map(podName),
    ),
  deployments: async (signal) =>
    mapped(await api.deployments(signal), ({ items }) => items.map(deploymentState)),
  systemPods: async (signal, when = 'start') => {
    const listed =
      when === 'plan'
        ? await forecaster.systemPods()
        : mapped(await api.systemPods(systemSelector, signal), ({ items }) => items);
    return mapped(listed, (pods) => pods.map(systemPodState));
  },
});

const systemPodState = (pod: PodObject) => ({
  name: podName(pod),
  node: pod.spec?.nodeName ?? '',
  component: pod.metadata?.labels?.component ?? '',
  ready: isPodReady(pod),
});

/**
 * Reports an answer with fields of an unexpected type as a failure of the call. It does not wrap
 * other members.
 */
function readable(cluster: KubeCluster): KubeCluster {
  const guard = (act: unknown): unknown => {
    if (typeof act !== 'function' || act === cluster.stats || act === cluster.close) return act;
    return async (...args: readonly unknown[]): Promise<unknown> => {
      try {
        return await act(...args);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        return failed(
          'parse',
          'the answer of the API server cannot be read: a field of it is of another kind',
          { detail: error.message },
        );
      }
    };
  };
  // The cast keeps the signatures: the wrapper only catches errors.
  return Object.fromEntries(
    Object.entries(cluster).map(([name, act]) => [name, guard(act)]),
  ) as unknown as KubeCluster;
}

/**
 * Reads the kubeconfig and checks the credentials that need no call. It makes no call to the
 * server.
 */
export async function createCluster(options: ClusterOptions): Promise<Outcome<KubeCluster>> {
  const opened = await openApi(options);
  return opened.ok ? ok(clusterOf(opened.value, options)) : opened;
}

export const clusterOf = (
  { api, description, unsafe }: Opened,
  options: ClusterOptions,
): KubeCluster => ({
  ...readable(clusterOver(api, options.clock, options, description)),
  ...present({ unsafe }),
});

interface Opened {
  readonly api: Api;
  readonly description: string;
  readonly unsafe: string | undefined;
}

export async function openApi(options: ClusterOptions): Promise<Outcome<Opened>> {
  const { kubeconfigs, parseYaml, context, env, accountFolder, clock } = options;
  const config =
    kubeconfigs.length === 0
      ? inClusterConfig(env, accountFolder)
      : resolveKubeconfig(kubeconfigs, parseYaml, context);
  if (!config.ok) return config;
  const { cluster, origin } = config.value;
  const proxy = proxyFor(cluster.server, cluster.proxyUrl, env);
  const unsupported = proxy === undefined ? undefined : unsupportedProxy(proxy);
  if (unsupported !== undefined) return failed('refused', `${origin}: ${unsupported}`);
  const plugin = config.value.user.exec === undefined ? '' : commandOf(config.value.user.exec);
  const why = plugin.includes('/') ? options.judge?.(plugin) : undefined;
  if (why !== undefined)
    return failed('auth', `${origin}: the credential plugin ${plugin} is not run: ${why}`);
  const credentials = await createCredentials({ config: config.value, env, now: clock.now });
  if (!credentials.ok) return credentials;
  const unsafe = unsafeConnection(config.value);
  if (unsafe !== undefined) options.warn?.(unsafe);
  const userAgent = options.userAgent ?? 'kmend';
  // The variable with which kubectl's client disables HTTP/2.
  const onlyHttp1 = (env.DISABLE_HTTP2 ?? '') !== '';
  const http = new HttpClient({
    cluster,
    credentials: credentials.value,
    proxy,
    onlyHttp1,
    now: clock.now,
    userAgent,
  });
  const api = createApi(http, credentials.value.description, clock);
  const through = proxy === undefined ? '' : ` through the proxy ${nameProxy(proxy)}`;
  return ok({
    api,
    description: `${cluster.server}${through}, ${credentials.value.description}`,
    unsafe,
  });
}
