// What a worker has claimed: work on hosts of runs that it is ready for, and readings of commands.
import type { Clock } from '../ports/local.ts';
import type { Errand, NewReading, WorksAtSites } from '../ports/sites.ts';
import type { HostTask, SiteRun, TaskEnd } from './working.ts';

export interface ErrandsInput {
  readonly sites: Pick<WorksAtSites, 'claim' | 'stopped' | 'leave' | 'end'>;
  /** The sites of this worker. */
  readonly names: readonly string[];
  readonly version: string;
  readonly bootId: string;
  /** How much it does at the same time at most. */
  readonly most: number;
  readonly clock: Clock;
  /** The runs that it is ready for. */
  readonly ready: ReadonlyMap<string, SiteRun>;
  /** This process is to end: nothing more is claimed. */
  readonly isLeaving: () => boolean;
  /** Answers a reading: text without secrets. An abort ends it with an error. */
  readonly answer: (reading: NewReading, signal: AbortSignal) => Promise<string>;
  /** Called when work on a host begins, and when it has ended. */
  readonly onTask: (task: HostTask, end: TaskEnd | undefined) => void;
  readonly failed: (errand: Errand, error: unknown) => void;
  /** Called when there is room for more. */
  readonly changed: () => void;
}

/** Milliseconds without a claim after an error: otherwise it would be claimed again at once. */
const pause = 5_000;

interface Held {
  readonly errand: Errand;
  readonly stop: AbortController;
  readonly over: Promise<void>;
}

export class Errands {
  readonly #input: ErrandsInput;
  readonly #held = new Map<number, Held>();
  #notBefore = 0;

  constructor(input: ErrandsInput) {
    this.#input = input;
  }

  /** Work on hosts of this run is under way. */
  hasAny(run: string): boolean {
    return [...this.#held.values()].some(
      ({ errand }) => errand.kind === 'host' && errand.run === run,
    );
  }

  /** Ends what is to end, shows the runs what others have journalled, and claims more. */
  async look(): Promise<void> {
    await this.#stop([...this.#held.keys()]);
    const { ready, clock, isLeaving, most } = this.#input;
    for (const [run, site] of ready) if (this.hasAny(run)) await site.catchUp();
    if (isLeaving() || this.#held.size >= most || clock.now() < this.#notBefore) return;
    const claimed = await this.#claim(most - this.#held.size);
    for (const errand of claimed) this.#begin(errand);
    // Its leader may have ended it before anybody had it.
    if (claimed.length > 0) await this.#stop(claimed.map(({ id }) => id));
  }

  /** Waits for all that is under way. */
  async over(): Promise<void> {
    await Promise.all([...this.#held.values()].map(({ over }) => over));
  }

  async #claim(most: number): Promise<readonly Errand[]> {
    const { sites, names, ready, version, bootId } = this.#input;
    const have = [...this.#held.keys()];
    const runs = [...ready.keys()];
    const claimed = await sites.claim({ sites: names, runs, version, bootId, have, most });
    return claimed.filter(({ id }) => !this.#held.has(id));
  }

  async #stop(ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return;
    for (const [id, why] of await this.#input.sites.stopped(ids)) {
      const held = this.#held.get(id);
      if (held?.stop.signal.aborted === false) held.stop.abort(why);
    }
  }

  #begin(errand: Errand): void {
    const { changed, failed, clock, isLeaving } = this.#input;
    const stop = new AbortController();
    const over = this.#carryOut(errand, stop.signal)
      .catch((error: unknown) => {
        if (!stop.signal.aborted && !isLeaving()) {
          this.#notBefore = clock.now() + pause;
          failed(errand, error);
        }
        return this.#input.sites.leave(errand.id).catch(() => {});
      })
      .finally(() => {
        this.#held.delete(errand.id);
        changed();
      });
    this.#held.set(errand.id, { errand, stop, over });
  }

  async #carryOut(errand: Errand, signal: AbortSignal): Promise<void> {
    const { sites, ready, answer, onTask, bootId } = this.#input;
    if (errand.kind === 'reading') return sites.end(errand.id, await answer(errand, signal));
    const run = ready.get(errand.run);
    if (run === undefined) return sites.leave(errand.id);
    onTask(errand, undefined);
    const end = await run.carryOut(errand, signal);
    onTask(errand, end);
    if (end === 'ended') await sites.end(errand.id);
    else if (end === 'left') await sites.leave(errand.id);
    else if (end === 'own') await sites.leave(errand.id, bootId);
  }
}
