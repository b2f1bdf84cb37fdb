// Outages of the API server: calls are repeated until it answers, and the journal has one outage for
// all hosts of the run.
import { present } from '../../model/present.ts';
import type { EventOf } from '../../model/run/event.ts';
import type { Failure, Outcome } from '../../model/run/failure.ts';
import type { Cluster, Outage } from '../ports/cluster.ts';
import type { Clock } from '../ports/local.ts';

export interface OutageOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Seconds for which an outage may last (`rollout.deadline.cluster`). */
  readonly limit: number;
  readonly record: (body: EventOf<'cluster.away'> | EventOf<'cluster.back'>) => Promise<unknown>;
  /** Fires when the run stops at once, and when it is over. */
  readonly over: AbortSignal;
}

/** Milliseconds until the next try: doubled from 1 s up to 15 s, less a random quarter. */
const backOff = (tries: number, random: number): number =>
  Math.min(15_000, 1_000 * 2 ** tries) * (1 - random / 4);

const isLost = <T>(
  answer: Outcome<T>,
): answer is { readonly ok: false; readonly failure: Failure } =>
  !answer.ok && answer.failure.transport === true;

/** The host stops as at the end of its run: a resume continues it. */
const gaveUp = (failure: Failure, seconds: number): Failure => ({
  kind: 'interrupted',
  message: `the cluster was away for ${Math.round(seconds)} s: ${failure.message}`,
  hint: 'when the API server answers again, a resume of the run goes on here',
  transport: true,
  resumable: true,
});

/** The cluster, with each call repeated while the API server does not answer. */
export function overOutages(options: OutageOptions): Cluster {
  const outages = new Outages(options);
  return retried(options.cluster, outages.retry, outages.inside);
}

/** The outage under way, if there is one, and the calls that wait for its end. */
class Outages {
  readonly #options: OutageOptions;
  #away: { readonly since: number } | undefined;
  /** Calls without an answer: the outage lasts as long as there are some. */
  #waiting = 0;
  #answered = new AbortController();

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** @param least seconds for which this call waits, even if the limit of the run is less */
  readonly retry: Retry = async (ask, signal, least = 0) => {
    const { limit, clock, over } = this.#options;
    const isStopped = (): boolean => signal?.aborted === true || over.aborted;
    let answer = await ask();
    if (!isLost(answer)) return answer;
    if (isStopped()) return { ok: false, failure: gaveUp(answer.failure, 0) };
    await this.#enter(answer.failure);
    try {
      for (let tries = 0; ; tries += 1) {
        const waited = (clock.now() - (this.#away?.since ?? clock.now())) / 1000;
        if (isStopped() || waited >= Math.max(limit, least))
          return { ok: false, failure: gaveUp(answer.failure, waited) };
        const wakes = [this.#answered.signal, over, ...(signal === undefined ? [] : [signal])];
        await clock.sleep(backOff(tries, clock.random()), AbortSignal.any(wakes));
        if (isStopped()) continue;
        answer = await ask();
        if (isLost(answer)) continue;
        this.#wakeAll();
        return answer;
      }
    } finally {
      await this.#leave();
    }
  };

  /** For a long call, which reports an outage in its middle. */
  readonly inside = (): Outage => {
    let isIn = false;
    return {
      limit: this.#options.limit,
      away: async (failure) => {
        if (isIn) return;
        isIn = true;
        await this.#enter(failure);
      },
      back: async () => {
        if (!isIn) return;
        isIn = false;
        this.#wakeAll();
        await this.#leave();
      },
    };
  };

  #wakeAll(): void {
    this.#answered.abort();
    this.#answered = new AbortController();
  }

  async #enter({ message }: Failure): Promise<void> {
    const { cluster, clock, over, record } = this.#options;
    this.#waiting += 1;
    if (this.#away !== undefined) return;
    const since = clock.now();
    this.#away = { since };
    // This call notices the end of the outage, even after every host has given up.
    void this.retry(() => cluster.nodes(over), over, Number.POSITIVE_INFINITY).catch(() => {});
    await record({ type: 'cluster.away', since, why: message });
  }

  async #leave(): Promise<void> {
    const { clock, over, record } = this.#options;
    this.#waiting -= 1;
    if (this.#waiting > 0 || this.#away === undefined) return;
    const { since } = this.#away;
    this.#away = undefined;
    if (!over.aborted)
      await record({ type: 'cluster.back', seconds: Math.round((clock.now() - since) / 1000) });
  }
}

type Retry = <T>(
  ask: () => Promise<Outcome<T>>,
  signal: AbortSignal | undefined,
  least?: number,
) => Promise<Outcome<T>>;

const retried = (cluster: Cluster, retry: Retry, inside: () => Outage): Cluster => ({
  nodes: (signal) => retry(() => cluster.nodes(signal), signal),
  node: (name, signal) => retry(() => cluster.node(name, signal), signal),
  pods: (node, signal) => retry(() => cluster.pods(node, signal), signal),
  systemPods: (signal, when) => retry(() => cluster.systemPods(signal, when), signal),
  pendingPods: (signal) => retry(() => cluster.pendingPods(signal), signal),
  deployments: (signal) => retry(() => cluster.deployments(signal), signal),
  forecast: (node, options, signal, when) =>
    retry(() => cluster.forecast(node, options, signal, when), signal),
  cordon: (node, owner, signal) => retry(() => cluster.cordon(node, owner, signal), signal),
  owns: (node, owner, signal) => retry(() => cluster.owns(node, owner, signal), signal),
  drain: async (node, options, owner, progress, { signal } = {}) => {
    const outage = inside();
    return retry(
      () => cluster.drain(node, options, owner, progress, { ...present({ signal }), outage }),
      signal,
      options.timeout,
    ).finally(outage.back);
  },
  uncordon: (node, owner, signal) => retry(() => cluster.uncordon(node, owner, signal), signal),
  release: (node, owner, signal) => retry(() => cluster.release(node, owner, signal), signal),
  // The run does not wait for these two: they are not repeated.
  taint: cluster.taint,
  announce: cluster.announce,
  close: cluster.close,
});
