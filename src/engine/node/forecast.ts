// The forecast of a drain before the cordon: which pods block it, and whether the node may be taken
// out of service at all.

import { type Facts, known } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import type { DrainOptions } from '../../model/run/effect.ts';
import { type Outcome, ok } from '../../model/run/failure.ts';
import type { Cluster, Forecast, SystemPod } from '../ports/cluster.ts';
import type { Clock } from '../ports/local.ts';
import { otherBoot, ownedByOthers, whyKept } from './guard.ts';
import { nodeSince, retryFor, sharedNodes } from './lists.ts';

export interface ForecastQuestion {
  readonly node: string;
  readonly options: DrainOptions;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly hostFacts: Facts;
  readonly byName: boolean;
  /** Runs whose ownership of the node counts as our own. */
  readonly ours: readonly (string | undefined)[];
  readonly signal: AbortSignal;
  /** For a plan: when it began. Absent = the host starts, and the node is read as it is now. */
  readonly since?: number;
}

/** Seconds to wait for a busy disruption budget, at most. The node is not cordoned meanwhile. */
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

/** The forecast of a drain that is under way or done: nothing blocks it, nothing is evicted. */
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
 * Reads the forecast once. A part that the account may not read is a warning. Without an answer of
 * the API server there is no forecast.
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
  // The list may be some seconds old: the node itself is as it is now.
  const now = nodes.value.map((other) => (other.name === node ? state.value : other));
  const blocks = [
    ownedByOthers(state.value, ours),
    otherBoot(state.value, known(hostFacts, 'boot.id', '')),
    whyKept(node, { nodes: now, byName, ...present({ systemPods: pods.value }) }),
  ].filter((why) => why !== undefined);
  return ok({ ...seen.value, blocks: [...blocks, ...seen.value.blocks] });
}

/** The system pods; undefined if the account may not read them. */
export async function readSystemPods(
  cluster: Cluster,
  clock: Clock,
  signal: AbortSignal,
  when?: 'plan' | 'start',
): Promise<Outcome<readonly SystemPod[] | undefined>> {
  const pods = await retryFor(() => cluster.systemPods(signal, when), clock, signal);
  return !pods.ok && pods.failure.kind === 'auth' ? ok(undefined) : pods;
}

/** At the start of a host: waits for busy disruption budgets. What is still busy then blocks. */
export async function awaitForecast(
  question: ForecastQuestion,
  report: (text: string) => void,
): Promise<Outcome<Forecast>> {
  const { clock, options, signal } = question;
  const began = clock.now();
  const limit = Math.min(options.timeout, longestWait) * 1000;
  for (let isReported = false; ; isReported = true) {
    const seen = await readForecast(question);
    if (!seen.ok || seen.value.busy.length === 0 || seen.value.blocks.length > 0 || signal.aborted)
      return seen;
    const waited = Math.round((clock.now() - began) / 1000);
    if (clock.now() - began >= limit) {
      const still = seen.value.busy.map((text) => `${text}, still after ${waited} s`);
      return ok({ ...seen.value, busy: [], blocks: still });
    }
    if (!isReported) report(`waits before the cordon: ${seen.value.busy.join('; ')}`);
    await clock.sleep(Math.min(pause, limit - (clock.now() - began)), signal);
  }
}
