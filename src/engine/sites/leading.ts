// The hosts of a run that workers of sites work on, for the process that leads the run.
import { present } from '../../model/present.ts';
import type { Clock } from '../ports/local.ts';
import type { HandedErrand, HostWork, LeadsSites } from '../ports/sites.ts';
import type { Store } from '../ports/store.ts';
import type { LiveWorker, Workers } from '../ports/workers.ts';

/** What a run needs of a shared state to hand its hosts over. */
export interface SharedSites {
  readonly leads: LeadsSites;
  readonly workers: Pick<Workers, 'alive'>;
  /** Version of kmend: workers of another one take none of its hosts. */
  readonly version: string;
  readonly watch?: NonNullable<Store['watch']>;
}

export interface LeadingInput extends SharedSites {
  readonly run: string;
  /** The site of each host that has one. */
  readonly sites: ReadonlyMap<string, string>;
  readonly clock: Clock;
  /** Shows what workers have appended to the journal. */
  readonly catchUp: () => Promise<void>;
  /** Called when there may be something to see. */
  readonly changed: () => void;
}

/** `left`: nobody has it, and it was given up. */
export type HandedEnd = 'ended' | 'left';

interface Waiting {
  readonly work: HostWork;
  readonly end: (how: HandedEnd) => void;
  readonly over: Promise<HandedEnd>;
  /** Stop waiting once no worker has it? */
  readonly givesUp: (site: string) => boolean;
  /** Only a look that began later has seen that it was handed over. */
  after: number;
}

/** Milliseconds: how often the leader looks without a wake-up, and at most with one. */
const lookEvery = 1_000;
const shortest = 100;

export class LeadingSites {
  readonly #input: LeadingInput;
  readonly #waiting = new Map<string, Waiting>();
  readonly #unwatch: () => void;
  #rung = true;
  #lastLook = Number.NEGATIVE_INFINITY;
  #looks = 0;
  #announced = false;
  #whyNot: ReadonlyMap<string, string> = new Map();
  /** Since when nobody has a host that was handed over, and for how long that was so before. */
  readonly #alone = new Map<string, { since?: number; before: number }>();

  constructor(input: LeadingInput) {
    this.#input = input;
    this.#whyNot = new Map(
      [...new Set(input.sites.values())].map((site) => [site, noWorker(site)]),
    );
    const ring = (): void => {
      this.#rung = true;
      input.changed();
    };
    this.#unwatch = input.watch?.(ring) ?? (() => {});
  }

  isAway(host: string): boolean {
    return this.#input.sites.has(host);
  }

  /** Is a worker ready for hosts of this site? */
  isReady(site: string): boolean {
    return !this.#whyNot.has(site);
  }

  /** What `decide` needs to know of the sites. */
  context(): {
    readonly hostsWithoutWorker: ReadonlySet<string>;
    readonly whyNoWorker?: string;
    readonly unattendedFor: ReadonlyMap<string, number>;
  } {
    const without = [...this.#input.sites].filter(([, site]) => this.#whyNot.has(site));
    const now = this.#input.clock.now();
    return {
      hostsWithoutWorker: new Set(without.map(([host]) => host)),
      ...present({ whyNoWorker: [...this.#whyNot.values()].join('; ') || undefined }),
      unattendedFor: new Map(
        [...this.#alone].map(([host, { since = now, before }]) => [host, before + now - since]),
      ),
    };
  }

  /** Milliseconds until the next look is due. */
  nextLook(): number {
    const pause = this.#rung ? shortest : lookEvery;
    return Math.max(0, this.#lastLook + pause - this.#input.clock.now());
  }

  /**
   * Sees what workers have done and who is ready, if it is time. Who waits for work goes on once the
   * journal shows its entries.
   */
  async look(): Promise<void> {
    if (this.nextLook() > 0) return;
    const { leads, workers, run, catchUp, clock } = this.#input;
    this.#rung = false;
    this.#looks += 1;
    const look = this.#looks;
    await this.#announce();
    const handed = await leads.handed(run);
    await catchUp();
    const ended = handed.filter((one) => one.ended);
    // Before anybody goes on: the same host may be handed over again.
    if (ended.length > 0)
      await leads.forget(
        run,
        ended.map(({ host }) => host),
      );
    this.#whyNot = notReady(this.#input, await workers.alive());
    this.#lastLook = clock.now();
    await this.#settle(handed, look);
  }

  /**
   * Hands work on a host over, and waits for its end. Aborted, its worker ends it with that reason.
   * @param givesUp stop waiting once no worker has it
   */
  async hand(
    host: string,
    work: HostWork,
    signal: AbortSignal,
    givesUp: Waiting['givesUp'],
  ): Promise<HandedEnd> {
    while (this.#waiting.has(host)) await this.#waiting.get(host)?.over;
    const waiting = waitingFor(work, givesUp);
    this.#waiting.set(host, waiting);
    try {
      await this.#handOver(host, work);
      waiting.after = this.#looks;
      return await Promise.race([waiting.over, this.#aborted(host, signal, waiting.over)]);
    } finally {
      waiting.end('left');
      this.#waiting.delete(host);
      this.#alone.delete(host);
    }
  }

  /** Ends the work of a host, once the signal fires; rejects where that fails. */
  async #aborted(host: string, signal: AbortSignal, over: Promise<HandedEnd>): Promise<HandedEnd> {
    const { leads, run, changed } = this.#input;
    await firing(signal, over);
    if (signal.aborted) await leads.abort(run, host, String(signal.reason));
    changed();
    return over;
  }

  /** The run is over: its workers leave it. */
  async end(): Promise<void> {
    const { leads, run, version } = this.#input;
    await leads.announce(run, [], version);
    this.#announced = false;
  }

  close(): void {
    this.#unwatch();
  }

  async #announce(): Promise<void> {
    if (this.#announced) return;
    const { leads, run, sites, version } = this.#input;
    await leads.announce(run, [...new Set(sites.values())].sort(), version);
    this.#announced = true;
  }

  #handOver(host: string, work: HostWork): Promise<void> {
    const { leads, run, sites, version } = this.#input;
    return leads.hand(run, { host, site: sites.get(host) ?? '', work }, version);
  }

  async #settle(handed: readonly HandedErrand[], look: number): Promise<void> {
    const { sites, clock } = this.#input;
    const rows = new Map(handed.map((one) => [one.host, one]));
    for (const [host, waiting] of this.#waiting) {
      if (look <= waiting.after) continue;
      const row = rows.get(host);
      if (row === undefined || row.work !== waiting.work) await this.#handOver(host, waiting.work);
      else if (row.ended) waiting.end('ended');
      else if (row.worker === undefined && waiting.givesUp(sites.get(host) ?? ''))
        waiting.end('left');
      else this.#noteAlone(host, row.worker === undefined, clock.now());
    }
  }

  #noteAlone(host: string, alone: boolean, now: number): void {
    const { since, before = 0 } = this.#alone.get(host) ?? {};
    if (alone) this.#alone.set(host, { since: since ?? now, before });
    else if (since !== undefined) this.#alone.set(host, { before: before + now - since });
  }
}

function waitingFor(work: HostWork, givesUp: Waiting['givesUp']): Waiting {
  let end: Waiting['end'] = () => {};
  const over = new Promise<HandedEnd>((resolve) => {
    end = resolve;
  });
  return { work, givesUp, over, end, after: Number.POSITIVE_INFINITY };
}

/** Resolves when the signal fires, or at the end of what it is for. */
async function firing(signal: AbortSignal, over: Promise<unknown>): Promise<void> {
  const ended = new AbortController();
  void over.then(() => ended.abort());
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { signal: ended.signal });
    ended.signal.addEventListener('abort', () => resolve());
  });
}

const noWorker = (site: string): string => `no worker of site ${site} is alive`;

/** Why no worker of a site is ready for the run, by site. */
function notReady(
  { run, sites }: Pick<LeadingInput, 'run' | 'sites'>,
  alive: readonly LiveWorker[],
): ReadonlyMap<string, string> {
  const why = new Map<string, string>();
  for (const site of new Set(sites.values())) {
    const there = alive.filter((worker) => worker.sites.includes(site));
    if (there.some(({ ready }) => ready.includes(run))) continue;
    const reasons = there.map(
      ({ machine, refused }) =>
        `${machine}: ${refused.find((one) => one.run === run)?.why ?? 'it prepares for the run'}`,
    );
    why.set(
      site,
      reasons.length === 0
        ? noWorker(site)
        : `no worker of site ${site} is ready (${reasons.join('; ')})`,
    );
  }
  return why;
}
