// Reads what a forecast needs; what the account may not read, or an old server does not have, is said as a note and left out.
import type { Clock, Cluster } from '../engine/ports.ts';
import { failed, type Outcome, ok } from '../model/failure.ts';
import { type Api, type EvictionApi, noNode } from './api.ts';
import { forecastDrain } from './forecast.ts';
import type { NodeObject, PdbObject } from './objects.ts';
import type { PdbApi } from './pdb.ts';
import { addUsage, emptyUsage, type Usage } from './placement.ts';
import { choosePods } from './select.ts';
import { readWays } from './surge.ts';
import { answers, evictionWebhooks, type WebhookConfiguration } from './webhooks.ts';

export interface ForecasterOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly evictionApi: () => Promise<Outcome<EvictionApi>>;
  readonly pdbApi: () => Promise<Outcome<PdbApi>>;
}

type Pdbs = Outcome<{ readonly api: PdbApi; readonly items: readonly PdbObject[] }>;

interface Shared {
  readonly pdbs: Pdbs;
  readonly nodes: Outcome<readonly NodeObject[]>;
  readonly usage: Outcome<Usage>;
  readonly webhooks: Outcome<readonly string[]>;
}

interface Kept<T> {
  readonly at: number;
  readonly value: Promise<T>;
}

/** A plan asks for many nodes at once: what is of the cluster and not of the node is read once in this time. */
const sharedFor = 20_000;
/** A budget changes with every pod that comes and goes, and a run waits for one that is busy. */
const pdbsFor = 2_000;

async function readUsage(api: Api, signal: AbortSignal | undefined): Promise<Outcome<Usage>> {
  let usage = emptyUsage();
  const restart = (): void => {
    usage = emptyUsage();
  };
  const read = await api.eachPod((pods) => addUsage(usage, pods), restart, signal);
  return read.ok ? ok(usage) : read;
}

async function readPdbs({ api, pdbApi }: ForecasterOptions, signal: AbortSignal | undefined): Promise<Pdbs> {
  const version = await pdbApi();
  if (!version.ok) return version;
  const items = await api.pdbs(version.value, signal);
  return items.ok ? ok({ api: version.value, items: items.value }) : items;
}

async function deadWebhooks(api: Api, signal: AbortSignal | undefined): Promise<Outcome<readonly string[]>> {
  const read = await api.webhooks(signal);
  // Before 1.16 there is no such version of the list: nothing is known then, which is no news.
  if (!read.ok) return read.failure.kind === 'refused' ? ok([]) : read;
  const dead: string[] = [];
  for (const { name, service } of evictionWebhooks((read.value.items ?? []) as readonly WebhookConfiguration[])) {
    if (service === undefined) continue;
    const endpoints = await api.endpoints(service.namespace, service.name, signal);
    if (!endpoints.ok && endpoints.failure.kind !== 'refused') return endpoints;
    if (!endpoints.ok || !answers(endpoints.value)) dead.push(`${name} (service ${service.namespace}/${service.name})`);
  }
  return ok(dead);
}

const asWarning: Readonly<Record<keyof Shared, string>> = {
  pdbs: 'PDBs were not looked at',
  nodes: 'whether the pods have somewhere to go was not looked at',
  usage: 'whether the pods have somewhere to go was not looked at',
  webhooks: 'admission webhooks were not looked at',
};

export function createForecaster(options: ForecasterOptions): Cluster['forecast'] {
  const { api, clock } = options;
  let kept: Kept<Omit<Shared, 'pdbs'>> | undefined;
  let keptPdbs: Kept<Pdbs> | undefined;

  async function readAround(): Promise<Omit<Shared, 'pdbs'>> {
    const [nodes, usage, webhooks] = await Promise.all([api.nodes(), readUsage(api, undefined), deadWebhooks(api, undefined)]);
    return { nodes, usage, webhooks };
  }

  async function shared(): Promise<Shared> {
    const now = clock.now();
    if (kept === undefined || now - kept.at > sharedFor) kept = { at: now, value: readAround() };
    if (keptPdbs === undefined || now - keptPdbs.at > pdbsFor) keptPdbs = { at: now, value: readPdbs(options, undefined) };
    const [around, pdbs] = await Promise.all([kept.value, keptPdbs.value]);
    return { ...around, pdbs };
  }

  return async (name, drainOptions, signal) => {
    const node = await api.node(name, signal);
    if (!node.ok) return node.failure.kind === 'refused' ? noNode(name) : node;
    const [chosen, around] = await Promise.all([choosePods(api, name, drainOptions, signal), shared()]);
    if (!chosen.ok) return chosen;
    const eviction = await options.evictionApi();
    if (!eviction.ok) return eviction;
    const notes = new Set<string>();
    for (const key of ['pdbs', 'nodes', 'usage', 'webhooks'] as const) {
      const read = around[key];
      // Only a missing right may leave a part out. An API server in trouble gives no forecast: "nothing blocks" would be a lie.
      if (!read.ok && read.failure.kind !== 'auth') {
        kept = undefined;
        keptPdbs = undefined;
        return read;
      }
      if (!read.ok) notes.add(`${asWarning[key]}: ${read.failure.message}`);
    }
    const { singleReplica: mode, disableEviction } = drainOptions;
    const asked = mode !== undefined && !disableEviction && around.pdbs.ok;
    const ways = asked ? await readWays(api, mode, chosen.value, around.pdbs.value, signal) : undefined;
    if (ways?.ok === false) return ways;
    if (signal?.aborted) return failed('interrupted', `forecast of ${name} was interrupted`);
    return ok(
      forecastDrain({
        node: node.value,
        options: drainOptions,
        selection: chosen.value,
        now: api.serverNow(),
        evictionApi: eviction.value,
        ...(around.pdbs.ok ? { pdbs: around.pdbs.value } : {}),
        ...(around.nodes.ok ? { nodes: around.nodes.value } : {}),
        ...(around.usage.ok ? { usage: around.usage.value } : {}),
        deadWebhooks: around.webhooks.ok ? around.webhooks.value : [],
        ...(ways === undefined ? {} : { ways: ways.value }),
        notes: [...notes],
      }),
    );
  };
}
