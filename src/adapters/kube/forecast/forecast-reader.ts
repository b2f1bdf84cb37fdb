// Reads the input of a forecast. What the account may not read, or an old server does not have,
// becomes a note.

import type { Cluster } from '../../../engine/ports/cluster.ts';
import type { Clock } from '../../../engine/ports/local.ts';
import type { DrainOptions } from '../../../model/run/effect.ts';
import { failed, type Outcome, ok } from '../../../model/run/failure.ts';
import { type Api, type EvictionApi, noNode } from '../client/api.ts';
import type { AdmissionKind, ServerVersion } from '../client/calls.ts';
import { choosePods, type LookUp, lookUp, selectFrom } from '../drain/select.ts';
import { readWays } from '../drain/surge.ts';
import { claimsOf, type Volumes, volumesByClaim } from '../node/placement.ts';
import type { Selection } from '../objects/filters.ts';
import type { NodeObject, PdbObject, PodObject } from '../objects/objects.ts';
import { type PdbApi, pdbsOf } from '../objects/pdb.ts';
import { answers, evictionWebhooks } from '../objects/webhooks.ts';
import { createDryRun, type DryRun, isAtLeast, obeysDryRun } from './dry-run.ts';
import { forecastDrain, type SeenWebhook } from './forecast.ts';
import { type PodBook, readPods } from './pod-book.ts';

export interface ForecasterOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly pdbApi: () => Promise<Outcome<PdbApi>>;
  readonly evictionApi: () => Promise<Outcome<EvictionApi>>;
}

interface Pdbs {
  readonly api: PdbApi;
  readonly items: readonly PdbObject[];
}

interface Webhooks {
  readonly seen: readonly SeenWebhook[];
  /** Why a part of them could not be read. */
  readonly missing: readonly string[];
}

/** Data of the cluster, not of one node. */
interface ClusterData {
  readonly pods: Outcome<PodBook>;
  readonly webhooks: Outcome<Webhooks>;
  readonly eviction: Outcome<EvictionApi>;
  /** Version of the eviction API for a dry run. Undefined: this server may not support dry runs. */
  readonly tries: Outcome<'policy/v1' | 'policy/v1beta1' | undefined>;
  /** Answers by kind of pod, shared by all nodes of a plan. */
  readonly dryRun?: DryRun;
  readonly daemonSets: LookUp;
  readonly volumes: () => Promise<Outcome<Volumes>>;
}

interface Lists {
  readonly cluster: ClusterData;
  readonly nodes: Outcome<readonly NodeObject[]>;
}

/**
 * How long data stays valid, in milliseconds: in a plan, and at the start of a host. A run waits
 * for a busy budget, so it reads budgets again.
 */
type When = 'plan' | 'start';
const ages: Readonly<Record<When, { readonly cluster: number; readonly pdbs: number }>> = {
  plan: { cluster: 60_000, pdbs: 60_000 },
  start: { cluster: 20_000, pdbs: 2_000 },
};

interface Kept<T> {
  readonly get: (age: number) => Promise<T>;
  /** Reads again at the next call, unless `value` was replaced already. */
  readonly drop: (value: T) => void;
  /** Stores a value that was read elsewhere at this time, milliseconds since 1970. */
  readonly put: (value: T, at: number) => void;
}

function keep<T>(clock: Clock, read: () => Promise<T>): Kept<T> {
  let kept: { readonly at: number; readonly value: Promise<T> } | undefined;
  let last: T | undefined;
  return {
    async get(age) {
      const now = clock.now();
      if (kept === undefined || now - kept.at > age) kept = { at: now, value: read() };
      const mine = kept;
      const value = await mine.value;
      if (kept === mine) last = value;
      return value;
    },
    drop(value) {
      if (last === value) kept = undefined;
    },
    put(value, at) {
      if (kept !== undefined && kept.at > at) return;
      kept = { at, value: Promise.resolve(value) };
      last = value;
    },
  };
}

async function readPdbs({ api, pdbApi }: ForecasterOptions): Promise<Outcome<Pdbs>> {
  const version = await pdbApi();
  if (!version.ok) return version;
  const items = await api.pdbs(version.value);
  return items.ok ? ok({ api: version.value, items: items.value }) : items;
}

async function readWebhooks(api: Api, version: ServerVersion): Promise<Outcome<Webhooks>> {
  const policies = isAtLeast(version, 28) ? (['validatingadmissionpolicies'] as const) : [];
  const kinds = [
    'validatingwebhookconfigurations',
    'mutatingwebhookconfigurations',
    ...policies,
  ] as const;
  const seen: SeenWebhook[] = [];
  const missing: string[] = [];
  for (const read of await Promise.all(kinds.map((kind) => readKind(api, kind)))) {
    if (read.ok) seen.push(...read.value);
    else if (read.failure.kind === 'auth') missing.push(read.failure.message);
    else return read;
  }
  return ok({ seen, missing });
}

async function readKind(api: Api, kind: AdmissionKind): Promise<Outcome<readonly SeenWebhook[]>> {
  const read = await api.admission(kind);
  // A server without this kind of object asks none of it.
  if (!read.ok) return read.failure.kind === 'refused' ? ok([]) : read;
  const seen: SeenWebhook[] = [];
  for (const webhook of evictionWebhooks(read.value)) {
    const { service } = webhook;
    const endpoints =
      service === undefined ? undefined : await api.endpoints(service.namespace, service.name);
    if (endpoints?.ok === false && endpoints.failure.kind !== 'refused') return endpoints;
    seen.push(
      endpoints === undefined
        ? webhook
        : { ...webhook, answers: endpoints.ok && answers(endpoints.value) },
    );
  }
  return ok(seen);
}

/**
 * Only a missing right may leave a part out. Any other failure must end the forecast, or "nothing
 * blocks" could be wrong.
 */
const isFatal = <T>(read: Outcome<T>): read is Extract<Outcome<T>, { ok: false }> =>
  !read.ok && read.failure.kind !== 'auth';

async function readAround({ api, evictionApi }: ForecasterOptions): Promise<ClusterData> {
  const asked = await api.serverVersion();
  const version = asked.ok ? asked.value : {};
  // One after the other, since each may be large. After the first failure the rest is not needed.
  const pods = await readPods(api);
  const webhooks = isFatal(pods) ? pods : await readWebhooks(api, version);
  const eviction = await evictionApi();
  const mayTry =
    obeysDryRun(version) && eviction.ok && eviction.value !== 'none' ? eviction.value : undefined;
  return {
    pods,
    webhooks,
    eviction,
    tries: asked.ok || asked.failure.transport !== true ? ok(mayTry) : asked,
    ...(mayTry === undefined ? {} : { dryRun: createDryRun(api, mayTry) }),
    daemonSets: onceEach((key) => lookUp(api, key, undefined)),
    volumes: onceEach(async () => {
      const read = await api.volumes();
      return read.ok ? ok(volumesByClaim(read.value)) : read;
    }),
  };
}

/** Asks once for each key, and shares the answer. */
function onceEach<T>(ask: (key: string) => Promise<T>): (key?: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (key = '') => {
    const answer = known.get(key) ?? ask(key);
    known.set(key, answer);
    return answer;
  };
}

/** Pods that a budget, a webhook or a policy may refuse. If these could not be read: all pods. */
function mayBeHeld(
  { evict }: Selection,
  pdbs: Outcome<Pdbs>,
  webhooks: Webhooks,
): readonly PodObject[] {
  if (!pdbs.ok || webhooks.missing.length > 0 || webhooks.seen.length > 0) return evict;
  return evict.filter((pod) => pdbsOf(pod, pdbs.value.items, pdbs.value.api).length > 0);
}

/** Explains which parts of the forecast are absent. */
function notesOf(
  { cluster: { pods }, nodes, pdbs }: Lists & { readonly pdbs: Outcome<Pdbs> },
  { missing }: Webhooks,
  volumes: Outcome<Volumes>,
): readonly string[] {
  const unread = (what: string, read: Outcome<unknown>): readonly string[] =>
    read.ok ? [] : [`${what}: ${read.failure.message}`];
  const placement = 'whether the pods fit elsewhere was not checked';
  const notes = [
    ...unread('PDBs were not read', pdbs),
    ...unread(placement, nodes),
    ...unread(placement, pods),
    ...missing.map((message) => `admission webhooks were not read: ${message}`),
    ...unread('volumes were not read', volumes),
  ];
  return [...new Set(notes)];
}

/** Keeps what was read of the cluster, for the forecasts of a plan and of starting hosts. */
export class Forecaster {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #nodes: Kept<Outcome<readonly NodeObject[]>>;
  readonly #cluster: Kept<ClusterData>;
  readonly #pdbs: Kept<Outcome<Pdbs>>;

  constructor(options: ForecasterOptions) {
    const { api, clock } = options;
    this.#api = api;
    this.#clock = clock;
    this.#nodes = keep(clock, () => api.nodes());
    this.#cluster = keep(clock, () => readAround(options));
    this.#pdbs = keep(clock, () => readPdbs(options));
  }

  async #readLists(
    age: (typeof ages)[When],
  ): Promise<Outcome<Lists & { readonly pdbs: Outcome<Pdbs> }>> {
    const cluster = await this.#cluster.get(age.cluster);
    const reads: readonly Outcome<unknown>[] = [cluster.pods, cluster.webhooks, cluster.tries];
    for (const read of reads) {
      if (!isFatal(read)) continue;
      this.#cluster.drop(cluster);
      return read;
    }
    const nodes = await this.#nodes.get(age.cluster);
    if (isFatal(nodes)) {
      this.#nodes.drop(nodes);
      return nodes;
    }
    const pdbs = await this.#pdbs.get(age.pdbs);
    if (isFatal(pdbs)) this.#pdbs.drop(pdbs);
    return isFatal(pdbs) ? pdbs : ok({ cluster, nodes, pdbs });
  }

  /**
   * In a plan, node and pods come from the lists of all. At the start of a host they are read
   * again.
   */
  async #readOne(
    name: string,
    lists: Lists,
    drainOptions: DrainOptions,
    when: When,
    signal: AbortSignal | undefined,
  ) {
    const api = this.#api;
    const { cluster, nodes } = lists;
    const listed =
      when === 'plan' && nodes.ok
        ? nodes.value.find((node) => node.metadata?.name === name)
        : undefined;
    const node = listed === undefined ? await api.node(name, signal) : ok(listed);
    if (!node.ok) return node.failure.kind === 'refused' ? noNode(name) : node;
    if (when === 'plan' && !cluster.pods.ok) return cluster.pods;
    const selection =
      when === 'plan' && cluster.pods.ok
        ? await selectFrom(
            cluster.pods.value.byNode.get(name) ?? [],
            drainOptions,
            api.serverNow(),
            cluster.daemonSets,
          )
        : await choosePods(api, name, drainOptions, signal);
    return selection.ok ? ok({ node: node.value, selection: selection.value }) : selection;
  }

  async forecast(
    ...[name, drainOptions, signal, when = 'plan']: Parameters<Cluster['forecast']>
  ): ReturnType<Cluster['forecast']> {
    const api = this.#api;
    const age = ages[when];
    const lists = await this.#readLists(age);
    if (!lists.ok) return lists;
    const { cluster, nodes, pdbs } = lists.value;
    const { pods, webhooks, eviction, tries } = cluster;
    const fail = <T extends Outcome<never>>(failure: T): T => {
      this.#cluster.drop(cluster);
      this.#nodes.drop(nodes);
      this.#pdbs.drop(pdbs);
      return failure;
    };
    if (!webhooks.ok) return webhooks;
    if (!eviction.ok) return fail(eviction);
    const one = await this.#readOne(name, { cluster, nodes }, drainOptions, when, signal);
    if (!one.ok) return one;
    const { node, selection } = one.value;
    const volumes = selection.evict.some((pod) => claimsOf(pod).length > 0)
      ? await cluster.volumes()
      : ok<Volumes>(new Map());
    if (!volumes.ok && volumes.failure.kind !== 'auth') return fail(volumes);
    const dryRun =
      when === 'plan' || !tries.ok || tries.value === undefined
        ? cluster.dryRun
        : createDryRun(api, tries.value);
    const asked = drainOptions.disableEviction ? [] : mayBeHeld(selection, pdbs, webhooks.value);
    const evictionAnswers = await dryRun?.(asked, when === 'plan' ? undefined : signal);
    if (evictionAnswers?.ok === false) return fail(evictionAnswers);
    const mode = drainOptions.disableEviction ? undefined : drainOptions.singleReplica;
    const ways =
      mode === undefined || !pdbs.ok
        ? undefined
        : await readWays(api, mode, selection, pdbs.value, signal);
    if (ways?.ok === false) return fail(ways);
    if (signal?.aborted) return failed('interrupted', `forecast of ${name} was interrupted`);
    return ok(
      forecastDrain({
        node,
        options: drainOptions,
        selection,
        now: api.serverNow(),
        evictionApi: eviction.value,
        ...(pdbs.ok ? { pdbs: pdbs.value } : {}),
        ...(nodes.ok ? { nodes: nodes.value } : {}),
        ...(pods.ok ? { usage: pods.value.usage } : {}),
        ...(volumes.ok ? { volumes: volumes.value } : {}),
        ...(evictionAnswers === undefined ? {} : { evictionAnswers: evictionAnswers.value }),
        webhooks: webhooks.value.seen,
        ...(ways === undefined ? {} : { ways: ways.value }),
        notes: notesOf(lists.value, webhooks.value, volumes),
      }),
    );
  }

  /** Lists all nodes now. The next forecasts use this list. */
  async nodes(signal?: AbortSignal): Promise<Outcome<readonly NodeObject[]>> {
    const at = this.#clock.now();
    const read = await this.#api.nodes(signal);
    if (read.ok) this.#nodes.put(read, at);
    return read;
  }

  /** System pods from the list that the forecasts of a plan use. */
  async systemPods(): Promise<Outcome<readonly PodObject[]>> {
    const cluster = await this.#cluster.get(ages.plan.cluster);
    const { pods } = cluster;
    if (pods.ok) return ok(pods.value.system);
    this.#cluster.drop(cluster);
    return pods;
  }
}
