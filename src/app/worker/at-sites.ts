// What a worker does at its sites: it prepares for the runs that have hosts there, and carries out what
// their leaders hand over.
import type { Sites } from '../../engine/ports/sites.ts';
import type { RefusedRun } from '../../engine/ports/workers.ts';
import { Errands, type ErrandsInput } from '../../engine/sites/errands.ts';
import type { SiteRun } from '../../engine/sites/working.ts';
import { sentenceOf } from '../session/diagnostics.ts';
import type { FleetFlags } from '../session/flags.ts';
import type { Session } from '../session/session.ts';
import type { Surroundings } from '../session/world.ts';
import { answerReading } from '../sites/answer.ts';
import type { Shared } from './carry-on.ts';
import { withSiteRun } from './site-run.ts';

export interface AtSitesInput {
  readonly names: readonly string[];
  /** Hosts and readings at the same time at most. */
  readonly most: number;
  readonly flags: FleetFlags;
  readonly around: (run: string) => Surroundings;
  /** Called when what this worker says of itself may have changed, or it has room for more. */
  readonly changed: () => void;
}

/** Milliseconds after which it prepares again for a run that it refused, and between two looks while it ends. */
const again = 15_000;
const tick = 500;

export class AtSites {
  readonly #input: AtSitesInput;
  readonly #session: Session;
  readonly #shared: Shared;
  readonly #sites: Sites;
  readonly #errands: Errands;
  readonly #ready = new Map<string, SiteRun>();
  /** The runs that it has prepared or prepares for, each with how to let it go. */
  readonly #prepared = new Map<string, () => void>();
  readonly #refused = new Map<string, { readonly why: string; readonly at: number }>();

  constructor(input: AtSitesInput, session: Session, shared: Shared, sites: Sites) {
    this.#input = input;
    this.#session = session;
    this.#shared = shared;
    this.#sites = sites;
    this.#errands = new Errands(this.#errandsInput());
  }

  /** The runs whose hosts it takes. */
  get ready(): readonly string[] {
    return [...this.#ready.keys()].sort();
  }

  get refused(): readonly RefusedRun[] {
    return [...this.#refused].map(([run, { why }]) => ({ run, why }));
  }

  async look(): Promise<void> {
    const runs = new Map(
      (await this.#sites.runsAt(this.#input.names)).map(({ run, version }) => [run, version]),
    );
    for (const [run, version] of runs) this.#prepare(run, version);
    for (const [run, letGo] of this.#prepared)
      if (!runs.has(run) && !this.#errands.hasAny(run)) letGo();
    for (const run of this.#refused.keys()) if (!runs.has(run)) this.#refused.delete(run);
    await this.#errands.look();
  }

  /** Finishes the steps under way, and gives the hosts back. */
  async end(): Promise<void> {
    const { clock } = this.#session.world;
    let isOver = false;
    const over = this.#errands.over().finally(() => {
      isOver = true;
    });
    // Their leaders may still end them.
    while (!isOver) {
      await this.#errands.look();
      await Promise.race([over, clock.sleep(tick)]);
    }
    await over;
    for (const letGo of this.#prepared.values()) letGo();
  }

  #errandsInput(): ErrandsInput {
    const { names, most, around, changed, flags } = this.#input;
    const { store } = this.#shared;
    const { version, ownBootId: bootId, clock, stop } = this.#session.world;
    const log = (run: string, text: string): void => around(run).observer.log(text);
    return {
      sites: this.#sites,
      names,
      version,
      bootId,
      most,
      clock,
      ready: this.#ready,
      isLeaving: () => stop.aborted,
      answer: (reading, signal) => {
        const { world, observer } = around(`site ${reading.site}`);
        const kill = AbortSignal.any([world.kill, signal]);
        return answerReading(reading, { world: { ...world, kill }, observer }, store, flags);
      },
      onTask: ({ run, host, work }, end) =>
        log(run, `${host}: ${works[work]}${end === undefined ? '' : `, ${ends[end]}`}`),
      failed: (errand, error) =>
        around(errand.kind === 'host' ? errand.run : `site ${errand.site}`).observer.failed(error),
      changed,
    };
  }

  #prepare(run: string, needed: string): void {
    const { clock, version, stop } = this.#session.world;
    const refused = this.#refused.get(run);
    const isDue = refused === undefined || clock.now() >= refused.at + again;
    if (this.#prepared.has(run) || !isDue || stop.aborted) return;
    if (needed !== version) return this.#refuse(run, otherVersion(needed, version));
    let letGo = (): void => {};
    const gone = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    this.#prepared.set(run, letGo);
    this.#work(run, gone)
      .catch((error: unknown) => this.#refuse(run, sentenceOf(error)))
      .finally(() => {
        this.#ready.delete(run);
        this.#prepared.delete(run);
        this.#input.changed();
      });
  }

  #work(run: string, gone: Promise<void>): Promise<void> {
    const { names, flags, around, changed } = this.#input;
    const shared = this.#shared;
    const options = { flags, around: around(run), shared, sites: this.#sites, names };
    return withSiteRun(run, options, async (ready) => {
      this.#refused.delete(run);
      this.#ready.set(run, ready);
      options.around.observer.log(`ready for its hosts at ${names.join(', ')}`);
      changed();
      await gone;
    });
  }

  #refuse(run: string, why: string): void {
    const before = this.#refused.get(run);
    this.#refused.set(run, { why, at: this.#session.world.clock.now() });
    if (before?.why !== why)
      this.#input.around(run).observer.log(`its hosts at these sites are not taken: ${why}`);
    this.#input.changed();
  }
}

const otherVersion = (needed: string, own: string): string =>
  `it is led by kmend ${needed}, and this worker is ${own}: a worker of the same version takes its hosts`;

const works = {
  walk: 'worked on',
  proof: 'proven again',
  free: 'its fence is closed',
  take_over: 'taken over',
} as const;

const ends = {
  ended: 'ended',
  left: 'left to another worker',
  own: 'left to another machine, since it is this one',
  lost: 'lost to another worker',
} as const;
