// The forecast of a drain before anything is cordoned: what the pods say, and whether the node may
// be taken out at all.

import { type Facts, known } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import type { DrainOptions } from '../../model/run/effect.ts';
import { type Outcome, ok } from '../../model/run/failure.ts';
import type { Cluster, Forecast, SystemPod } from '../ports/cluster.ts';
import type { Clock } from '../ports/local.ts';
import { heldByOthers, otherBoot, whyKept } from './guard.ts';
import { nodeSince, retryFor, sharedNodes } from './lists.ts';

export interface ForecastQuestion {
  readonly node: string;
  readonly options: DrainOptions;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly hostFacts: Facts;
  readonly byName: boolean;
  /** Runs whose mark on the node is no obstacle. */
  readonly ours: readonly (string | undefined)[];
  readonly signal: AbortSignal;
  /** Of a plan: when it began. Absent = the host starts, and is looked at as it is now. */
  readonly since?: number;
}

/** Longest wait, in seconds, for a budget that is busy; the node is not cordoned meanwhile. */
const longestWait = 300;
const pause = 3_000;

/** A forecast as a fact. */
export const asFact = ({
  evicts,
  leaves,
  blocks,
  busy,
  warnings,
  estimate,
  samplers,
}: Forecast): Forecast => ({
  evicts,
  leaves,
  blocks,
  busy,
  warnings,
  estimate,
  samplers,
});

/** A drain that is under way or done has no forecast any more: nothing blocks, nothing is to go. */
export const nothingToForecast: Forecast = asFact({
  evicts: [],
  leaves: [],
  blocks: [],
  busy: [],
  warnings: [],
  estimate: 0,
  samplers: [],
});

/**
 * One reading. A part that the account may not read is a warning; an API server in trouble gives no
 * forecast at all.
 */
export async function readForecast(question: ForecastQuestion): Promise<Outcome<Forecast>> {
  const { node, options, cluster, clock, hostFacts, byName, ours, signal, since } = question;
  const when = since === undefined ? 'start' : 'plan';
  const seen = await retryFor(() => cluster.forecast(node, options, signal, when), clock, signal);
  if (!seen.ok) return seen;
  const nodes = await sharedNodes(cluster, clock, since);
  if (!nodes.ok) return nodes;
  const state = await nodeSince(node, question);
  if (!state.ok) return state;
  const pods = await readSystemPods(cluster, clock, signal, when);
  if (!pods.ok) return pods;
  // The node itself as it is now: the list may be some seconds old.
  const now = nodes.value.map((other) => (other.name === node ? state.value : other));
  const blocks = [
    heldByOthers(state.value, ours),
    otherBoot(state.value, known(hostFacts, 'boot.id', '')),
    whyKept(node, { nodes: now, byName, ...present({ systemPods: pods.value }) }),
  ].filter((why) => why !== undefined);
  return ok({ ...seen.value, blocks: [...blocks, ...seen.value.blocks] });
}

/** Undefined when the account may not read them. */
export async function readSystemPods(
  cluster: Cluster,
  clock: Clock,
  signal: AbortSignal,
  when?: 'plan' | 'start',
): Promise<Outcome<readonly SystemPod[] | undefined>> {
  const pods = await retryFor(() => cluster.systemPods(signal, when), clock, signal);
  return !pods.ok && pods.failure.kind === 'auth' ? ok(undefined) : pods;
}

/**
 * At the start of a host: a busy budget is waited for, and what is still busy then blocks. Nothing
 * is cordoned for a budget that does not allow it.
 */
export async function awaitForecast(
  question: ForecastQuestion,
  say: (text: string) => void,
): Promise<Outcome<Forecast>> {
  const { clock, options, signal } = question;
  const began = clock.now();
  const limit = Math.min(options.timeout, longestWait) * 1000;
  for (let said = false; ; said = true) {
    const seen = await readForecast(question);
    if (!seen.ok || seen.value.busy.length === 0 || seen.value.blocks.length > 0 || signal.aborted)
      return seen;
    const waited = Math.round((clock.now() - began) / 1000);
    if (clock.now() - began >= limit) {
      const still = seen.value.busy.map((text) => `${text}, still after ${waited} s`);
      return ok({ ...seen.value, busy: [], blocks: still });
    }
    if (!said) say(`waits before the cordon: ${seen.value.busy.join('; ')}`);
    await clock.sleep(Math.min(pause, limit - (clock.now() - began)), signal);
  }
}
