// The Cluster port on a real API server: puts connection, calls and decisions together.

import type { Cluster, Owner, PodState } from '../../engine/ports/cluster.ts';
import type { Clock } from '../../engine/ports/local.ts';
import { present } from '../../model/present.ts';
import { failed, type Outcome, ok } from '../../model/run/failure.ts';
import { createCredentials } from './auth/credentials.ts';
import { commandOf } from './auth/exec-plugin.ts';
import { inClusterConfig, type KubeconfigFile, resolveKubeconfig, unsafeConnection } from './auth/kubeconfig.ts';
import { nameProxy, proxyFor, unsupportedProxy } from './auth/proxy.ts';
import { type Api, createApi, type EvictionApi } from './client/api.ts';
import { HttpClient, type HttpStats } from './client/http.ts';
import { whileAway } from './client/retry-transient.ts';
import { ofNode, readNode, rewrite } from './client/rewrite.ts';
import { missingRights, type Role } from './client/rights.ts';
import { drainNode } from './drain/drain.ts';
import { createPlaces } from './drain/evict.ts';
import { settled } from './drain/settle.ts';
import { createForecaster } from './forecast/forecast-reader.ts';
import { systemSelector } from './forecast/pod-book.ts';
import { createEvents } from './node/events.ts';
import { decideCordon, decidePlain, decideRelease, decideUncordon, holdFailure, nodeState } from './node/ownership.ts';
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
  /** Files as read, in order; the first that names an entry wins. None = the in-cluster account. */
  readonly kubeconfigs: readonly KubeconfigFile[];
  readonly parseYaml: (text: string) => unknown;
  /** `--context`. */
  readonly context?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Told what makes the connection unsafe. */
  readonly warn?: (text: string) => void;
  /** A run whose nodes may be taken over, by a person's word. */
  readonly takeover?: string;
  /** What this process writes of itself into the marks of a drain by hand, which has no run that could be resumed. */
  readonly holder?: object;
  /** Who drains by hand, and does it live? Absent: such a mark holds its node until somebody uncordons it. */
  readonly judgeHolder?: JudgeHolder;
  /** Evictions in flight, over all nodes; kubectl's 5 a second would make 100 pods take 20 s. Default 20. */
  readonly inFlight?: number;
  /** Folder of the in-cluster account, for tests. */
  readonly accountFolder?: string;
  readonly userAgent?: string;
  /** Why a program must not be run, if somebody else could have put it there. */
  readonly judge?: (path: string) => string | undefined;
}

/** The port, and what commands ask for beside it. */
export interface KubeCluster extends Cluster {
  readonly nodesWith: (selector: string, signal?: AbortSignal) => Promise<Outcome<readonly string[]>>;
  /** `kmend cordon NODE` and `kmend uncordon NODE` alone, whichever person cordoned it; one that a run holds is left to it. */
  readonly plainCordon: SetCordon;
  readonly plainUncordon: SetCordon;
  /** Why `cordon` would refuse this node, for a dry run. */
  readonly mayCordon: (node: string, owner: Owner, signal?: AbortSignal) => Promise<Outcome<true>>;
  /** Rights that the account lacks for a role, each as "patch nodes". */
  readonly missingRights: (role: Role, signal?: AbortSignal) => Promise<Outcome<readonly string[]>>;
  readonly stats: () => HttpStats;
  /** Where it talks to and as whom, for people: no secret in it. */
  readonly description: string;
}

type PlainDecision = ReturnType<typeof decidePlain> | { readonly kind: 'would'; readonly changed: boolean; readonly patch?: never };

type SetCordon = (
  node: string,
  options: { readonly dryRun: boolean },
  signal?: AbortSignal,
) => Promise<Outcome<{ readonly changed: boolean; readonly staleMark?: string }>>;

/** One question to the server, its answer kept; a failure is not kept. */
function once<T>(ask: () => Promise<Outcome<T>>): () => Promise<Outcome<T>> {
  let kept: Promise<Outcome<T>> | undefined;
  return async () => {
    kept ??= ask();
    const answer = await kept;
    if (!answer.ok) kept = undefined;
    return answer;
  };
}

/** Asked before a cordon: a drain that may neither evict nor delete would leave a cordoned node, and do nothing there. */
async function canRemovePods(api: Api): Promise<Outcome<true>> {
  const eviction = await missingRights(api, 'evict');
  if (!eviction.ok) return failed('refused', eviction.failure.message);
  if (eviction.value.length === 0) return ok(true);
  const deletion = await missingRights(api, 'delete');
  if (!deletion.ok || deletion.value.length === 0) return ok(true);
  const [missing = ''] = eviction.value;
  return failed('auth', `${api.who} may not ${missing}: no pod could be evicted, so no node is cordoned`, {
    hint: 'grant it: docs/rbac.yaml has the roles',
  });
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

/** The port over an API; `createCluster` makes the API from a kubeconfig. */
function clusterOver(plainApi: Api, clock: Clock, options: ClusterOptions, description: string): KubeCluster {
  const { takeover, holder, judgeHolder = async () => ({ name: 'its process', doubt: 'nothing is known of it' }) } = options;
  const api = withoutStaleMarks(plainApi, judgeHolder, holder);
  const place = createPlaces(options.inFlight ?? 20);
  const evictionApi = once<EvictionApi>(() => api.evictionApi());
  const pdbApi = once<PdbApi>(() => api.pdbApi());
  const forecaster = createForecaster({ api, clock, evictionApi, pdbApi });
  const announce = createEvents(api, clock);
  const mayRemovePods = once(() => canRemovePods(api));
  const listSystemPods = async (signal?: AbortSignal): Promise<Outcome<readonly PodObject[]>> => {
    const listed = await api.systemPods(systemSelector, signal);
    return listed.ok ? ok(listed.value.items) : listed;
  };
  const decideToCordon = (node: NodeObject, owner: Owner) => {
    const at = new Date(clock.now()).toISOString();
    return decideCordon(node, {
      owner,
      at,
      ...present({ takeover, holder }),
    });
  };

  const setCordon =
    (cordoned: boolean): SetCordon =>
    async (name, { dryRun }, signal) => {
      let staleMark: string | undefined;
      const decide = (node: NodeObject): PlainDecision => {
        ({ staleMark } = node);
        const decision = decidePlain(node, cordoned, takeover);
        return dryRun && decision.kind === 'write' ? { kind: 'would', changed: decision.changed } : decision;
      };
      const done = await rewrite(ofNode(api, name, signal), cordoned ? decide : settled(api, decide, signal));
      if (!done.ok) return done;
      if (done.value.kind === 'failure') return { ok: false, failure: done.value.failure };
      return ok({ changed: done.value.changed, ...present({ staleMark }) });
    };

  return {
    description,
    nodes: async (signal) => {
      const listed = await forecaster.nodes(signal);
      return listed.ok ? ok(listed.value.map(nodeState)) : listed;
    },
    node: async (name, signal) => {
      const node = await readNode(api, name, signal);
      return node.ok ? ok(nodeState(node.value)) : node;
    },
    forecast: forecaster.forecast,
    mayCordon: async (name, owner, signal) => {
      const node = await readNode(api, name, signal);
      if (!node.ok) return node;
      const decision = decideToCordon(node.value, owner);
      return decision.kind === 'failure' ? { ok: false, failure: decision.failure } : ok(true);
    },
    cordon: async (name, owner, signal) => {
      const may = await mayRemovePods();
      // Whether it may is not always known; the eviction itself will say.
      if (!may.ok && may.failure.kind === 'auth') return may;
      let wasUnschedulable = false;
      let staleMark: string | undefined;
      const decide = (node: NodeObject) => {
        ({ staleMark } = node);
        const decision = decideToCordon(node, owner);
        if (decision.kind === 'held') wasUnschedulable = decision.hold.wasUnschedulable;
        if (decision.kind === 'write') wasUnschedulable = decision.hold.wasUnschedulable;
        return decision;
      };
      const done = await rewrite(ofNode(api, name, signal), decide);
      if (!done.ok) return done;
      if (done.value.kind === 'failure') return { ok: false, failure: done.value.failure };
      return ok({ wasUnschedulable, ...present({ staleMark }) });
    },
    holds: async (name, owner, signal) => {
      const node = await readNode(api, name, signal);
      if (!node.ok) return node;
      const failure = holdFailure(node.value, owner);
      return failure === undefined ? ok(true) : { ok: false, failure };
    },
    drain: async (name, drainOptions, owner, progress, signal, outage) => {
      const until = clock.now() + (outage === undefined ? drainOptions.timeout * 1000 : 0);
      const eviction = await whileAway(evictionApi, { clock, until, signal });
      const context = { api, clock, node: name, options: drainOptions, owner, progress, place, pdbApi, signal, outage };
      return eviction.ok ? drainNode({ ...context, evictionApi: eviction.value }) : eviction;
    },
    uncordon: async (name, owner, signal) => {
      const done = await rewrite(
        ofNode(api, name, signal),
        settled(api, (node) => decideUncordon(node, owner), signal),
      );
      if (!done.ok) return done;
      const decision = done.value;
      if (decision.kind === 'failure') return { ok: false, failure: decision.failure };
      return ok({ uncordoned: decision.kind === 'write' && decision.uncordoned, why: decision.why });
    },
    release: async (name, owner, signal) => {
      const decide = (node: NodeObject): { kind?: never; patch?: object } => decideRelease(node, owner);
      const done = await rewrite(ofNode(api, name, signal), settled(api, decide, signal));
      if (!done.ok) return done;
      return done.value.kind === 'failure' ? { ok: false, failure: done.value.failure } : ok(true);
    },
    taint: async (name, run, pending, signal) => {
      const done = await rewrite(ofNode(api, name, signal), (node) => decidePending(node, run, pending));
      return done.ok ? ok(true) : done;
    },
    announce,
    nodesWith: async (selector, signal) => {
      const listed = await api.nodesWith(selector, signal);
      return listed.ok ? ok(listed.value.map((node) => nodeState(node).name)) : listed;
    },
    plainCordon: setCordon(true),
    plainUncordon: setCordon(false),
    pods: async (name, signal) => {
      const listed = await api.podsOf(name, signal);
      return listed.ok ? ok(listed.value.items.map(podState)) : listed;
    },
    pendingPods: async (signal) => {
      const listed = await api.pendingPods(signal);
      if (!listed.ok) return listed;
      return ok(listed.value.items.filter((pod) => pod.metadata?.deletionTimestamp === undefined).map(podName));
    },
    deployments: async (signal) => {
      const listed = await api.deployments(signal);
      return listed.ok ? ok(listed.value.items.map(deploymentState)) : listed;
    },
    systemPods: async (signal, when = 'start') => {
      const listed = await (when === 'plan' ? forecaster.systemPods() : listSystemPods(signal));
      if (!listed.ok) return listed;
      return ok(
        listed.value.map((pod) => ({
          name: podName(pod),
          node: pod.spec?.nodeName ?? '',
          component: pod.metadata?.labels?.component ?? '',
          ready: isPodReady(pod),
        })),
      );
    },
    missingRights: (role, signal) => missingRights(api, role, signal),
    stats: api.stats,
    close: api.close,
  };
}

/** An answer whose fields are not what they should be is a failure of the call. Of every other value this gives the same cluster. */
function readable(cluster: KubeCluster): KubeCluster {
  const guard = (act: unknown): unknown => {
    if (typeof act !== 'function' || act === cluster.stats || act === cluster.close) return act;
    return async (...args: readonly unknown[]): Promise<unknown> => {
      try {
        return await act(...args);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        return failed('parse', 'the answer of the API server cannot be read: a field of it is of another kind', { detail: error.message });
      }
    };
  };
  // Each method keeps its signature: only what it would throw changes.
  return Object.fromEntries(Object.entries(cluster).map(([name, act]) => [name, guard(act)])) as unknown as KubeCluster;
}

/** Reads the kubeconfig, checks the credentials that can be checked without a call; makes no call to the server. */
export async function createCluster(options: ClusterOptions): Promise<Outcome<KubeCluster>> {
  const opened = await openApi(options);
  if (!opened.ok) return opened;
  const { api, description, unsafe } = opened.value;
  return ok({ ...readable(clusterOver(api, options.clock, options, description)), ...present({ unsafe }) });
}

interface Opened {
  readonly api: Api;
  readonly description: string;
  readonly unsafe: string | undefined;
}

export async function openApi(options: ClusterOptions): Promise<Outcome<Opened>> {
  const { kubeconfigs, parseYaml, context, env, accountFolder, clock } = options;
  const config = kubeconfigs.length === 0 ? inClusterConfig(env, accountFolder) : resolveKubeconfig(kubeconfigs, parseYaml, context);
  if (!config.ok) return config;
  const { cluster, origin } = config.value;
  const proxy = proxyFor(cluster.server, cluster.proxyUrl, env);
  const trouble = proxy === undefined ? undefined : unsupportedProxy(proxy);
  if (trouble !== undefined) return failed('refused', `${origin}: ${trouble}`);
  const plugin = config.value.user.exec === undefined ? '' : commandOf(config.value.user.exec);
  const why = plugin.includes('/') ? options.judge?.(plugin) : undefined;
  if (why !== undefined) return failed('auth', `${origin}: the credential plugin ${plugin} is not run: ${why}`);
  const credentials = await createCredentials({ config: config.value, env, now: clock.now });
  if (!credentials.ok) return credentials;
  const unsafe = unsafeConnection(config.value);
  if (unsafe !== undefined) options.warn?.(unsafe);
  const userAgent = options.userAgent ?? 'kmend';
  // The variable by which kubectl's client is told the same.
  const onlyHttp1 = (env.DISABLE_HTTP2 ?? '') !== '';
  const http = new HttpClient({ cluster, credentials: credentials.value, proxy, onlyHttp1, now: clock.now, userAgent });
  const api = createApi(http, credentials.value.description, clock);
  const through = proxy === undefined ? '' : ` through the proxy ${nameProxy(proxy)}`;
  return ok({ api, description: `${cluster.server}${through}, ${credentials.value.description}`, unsafe });
}
