// `kmend worker`: carries on the open runs of a shared state, several at the same time, and carries out
// the turns of its jobs.
import { runsToTake } from '../../core/workers/choose.ts';
import type { OpenRun } from '../../engine/ports/workers.ts';
import { Wakeup } from '../../engine/wakeup.ts';
import { type DueTurn, dueTurns } from '../jobs/due-turns.ts';
import { sentenceOf } from '../session/diagnostics.ts';
import type { FleetFlags } from '../session/flags.ts';
import type { Session } from '../session/session.ts';
import { CommandError, type Surroundings } from '../session/world.ts';
import { AtSites } from './at-sites.ts';
import { type CarriedOn, carryOn, type Shared } from './carry-on.ts';

export interface WorkerInput {
  /** How many runs and turns of jobs it carries out at the same time at most. */
  readonly most: number;
  /** Its sites; none = it reaches only hosts without a site. */
  readonly sites: readonly string[];
  /** How many hosts of its sites it works on at the same time at most. */
  readonly hosts: number;
  readonly machine: string;
  readonly pid: number;
  /** They win over the flags that a run keeps. */
  readonly flags: FleetFlags;
  /** World and observer of a run: nobody is asked. */
  readonly around: (run: string) => Surroundings;
  /** Carries out the turn of a job, unless another worker has it. */
  readonly turn: (due: DueTurn) => Promise<void>;
}

/** Milliseconds: how often it looks for runs, and at most how often it is woken. */
const tick = 1_000;
const shortest = 200;

/** Milliseconds after which a run, or the turn of a job, is tried again. */
const again = { busy: 2_000, refused: 60_000, handedOver: 5_000 };

/** Carries runs on until the first signal; then the steps under way are finished. */
export async function work(input: WorkerInput, session: Session): Promise<void> {
  const store = await session.ports.store();
  const { workers } = store;
  if (workers === undefined)
    throw new CommandError(
      3,
      `workers need a state that other machines see, and ${store.place} is a directory of this one`,
      'keep the state in a database: --state postgres://HOST/DATABASE',
    );
  session.observer.log(
    `worker ${input.machine}, pid ${input.pid}: carries on runs of ${store.place}, at most ${input.most} at the same time${input.sites.length === 0 ? '' : `; works on hosts of ${input.sites.join(', ')}, at most ${input.hosts} at the same time`}`,
  );
  await new WorkerLoop(input, session, { store, workers }).run();
}

class WorkerLoop {
  readonly #input: WorkerInput;
  readonly #session: Session;
  readonly #shared: Shared;
  readonly #wakeup: Wakeup;
  readonly #since: number;
  readonly #mine = new Map<string, Promise<void>>();
  /** Turns under way, by their jobs. */
  readonly #turns = new Map<string, Promise<void>>();
  /** Jobs whose turn could not be carried out are not tried before this time. */
  readonly #jobNotBefore = new Map<string, number>();
  /** Since when it was seen that nobody leads a run. */
  readonly #free = new Map<string, number>();
  readonly #notBefore = new Map<string, number>();
  /** Why runs are not carried on. */
  readonly #refused = new Map<string, string>();
  readonly #atSites: AtSites | undefined;
  #said = '';
  #me: number | undefined;

  constructor(input: WorkerInput, session: Session, shared: Shared) {
    this.#input = input;
    this.#session = session;
    this.#shared = shared;
    this.#wakeup = new Wakeup(session.world.clock);
    this.#since = session.world.clock.now();
    const { sites: names, hosts: most, flags, around } = input;
    const changed = (): void => this.#wakeup.notify();
    const { sites } = shared.store;
    if (names.length > 0 && sites !== undefined)
      this.#atSites = new AtSites({ names, most, flags, around, changed }, session, shared, sites);
  }

  async run(): Promise<void> {
    const { world } = this.#session;
    const notify = (): void => this.#wakeup.notify();
    const unwatch = this.#shared.store.watch?.(notify);
    const stopped = new Promise<void>((resolve) => {
      world.stop.addEventListener('abort', () => resolve());
      if (world.stop.aborted) resolve();
    });
    void stopped.then(notify);
    try {
      while (!world.stop.aborted) {
        const before = this.#wakeup.count;
        // While the database is away, a look waits for it.
        await Promise.race([this.#look(), stopped]);
        await world.clock.sleep(shortest, world.stop);
        await this.#wakeup.sleep(tick - shortest, before);
      }
      // Nobody waits for this: the database may be away.
      this.#say(0).catch(() => {});
      await Promise.all([...this.#mine.values(), ...this.#turns.values(), this.#atSites?.end()]);
    } finally {
      unwatch?.();
    }
  }

  async #look(): Promise<void> {
    const { workers } = this.#shared;
    const { now } = this.#session.world.clock;
    const me = await this.#say(this.#input.most);
    this.#see(await workers.open(true), now());
    const alive = await workers.alive();
    const others = alive.filter(({ id }) => id !== me);
    // After a long outage the database knows this process by another id.
    if (others.length === alive.length) this.#said = '';
    const taken = runsToTake({
      me,
      now: now(),
      workers: [
        { id: me, runs: this.#load(), most: this.#input.most, refused: new Set() },
        ...others.map(({ id, runs, most, refused }) => ({
          id,
          runs: runs.length,
          most,
          refused: new Set(refused.map(({ run }) => run)),
        })),
      ],
      free: this.#free,
      notBefore: this.#notBefore,
    });
    for (const run of taken) this.#take(run);
    await this.#atSites?.look();
    await this.#lookForTurns();
  }

  #load(): number {
    return this.#mine.size + this.#turns.size;
  }

  /** By a new list of open runs: a run of the job that was begun meanwhile keeps its turn back. */
  async #lookForTurns(): Promise<void> {
    if (this.#load() >= this.#input.most) return;
    const now = this.#session.world.clock.now();
    const open = new Set((await this.#shared.workers.open(false)).map(({ run }) => run));
    for (const due of await dueTurns(now, open, this.#session)) {
      if (this.#load() >= this.#input.most || this.#session.world.stop.aborted) return;
      if (this.#turns.has(due.job) || now < (this.#jobNotBefore.get(due.job) ?? 0)) continue;
      this.#turns.set(due.job, this.#turn(due));
    }
  }

  async #turn(due: DueTurn): Promise<void> {
    const { turn, around } = this.#input;
    try {
      await turn(due);
    } catch (error) {
      around(`job ${due.job}`).observer.failed(error);
      this.#jobNotBefore.set(due.job, this.#session.world.clock.now() + again.refused);
    } finally {
      this.#turns.delete(due.job);
      this.#wakeup.notify();
    }
  }

  /** A run that another process leads, or that is over, is judged anew when it is free again. */
  #see(open: readonly OpenRun[], now: number): void {
    const free = open.filter(({ run, leader }) => leader === 'free' && !this.#mine.has(run));
    const names = new Set(free.map(({ run }) => run));
    for (const { run } of free) if (!this.#free.has(run)) this.#free.set(run, now);
    for (const run of this.#free.keys()) if (!names.has(run)) this.#free.delete(run);
    const waits = new Set(open.filter(({ leader }) => leader !== 'led').map(({ run }) => run));
    for (const known of [this.#refused, this.#notBefore])
      for (const run of known.keys())
        if (!waits.has(run) && !this.#mine.has(run)) known.delete(run);
  }

  #take(run: string): void {
    const { flags, around } = this.#input;
    const carried = carryOn(run, flags, around(run), this.#shared)
      .then((end) => this.#ended(run, end))
      .finally(() => {
        this.#mine.delete(run);
        this.#wakeup.notify();
      });
    this.#free.delete(run);
    this.#mine.set(run, carried);
  }

  #ended(run: string, end: CarriedOn): void {
    const { observer } = this.#input.around(run);
    const { now } = this.#session.world.clock;
    const wait = (length: number): unknown => this.#notBefore.set(run, now() + length);
    switch (end.kind) {
      case 'ended':
        this.#refused.delete(run);
        return;
      case 'busy':
        return void wait(again.busy);
      case 'handed_over':
        observer.log('it is handed over: another worker carries it on');
        return void wait(again.handedOver);
      case 'refused':
      case 'broken': {
        const why = sentenceOf(end.error);
        if (this.#refused.get(run) !== why || end.kind === 'broken') observer.failed(end.error);
        this.#refused.set(run, why);
        return void wait(again.refused);
      }
    }
  }

  /** Says what this worker is, where that has changed; returns its id. */
  async #say(most: number): Promise<number> {
    const { machine, pid } = this.#input;
    const { version, ownBootId: bootId } = this.#session.world;
    const led = [...this.#refused].map(([run, why]) => ({ run, why }));
    const here = this.#atSites?.refused ?? [];
    const words = {
      machine,
      pid,
      bootId,
      version,
      since: this.#since,
      sites: this.#input.sites,
      ready: most === 0 ? [] : (this.#atSites?.ready ?? []),
      most,
      refused: [...led, ...here.filter(({ run }) => !this.#refused.has(run))],
    };
    const said = JSON.stringify(words);
    if (this.#me === undefined || said !== this.#said) {
      this.#me = await this.#shared.workers.say(words);
      this.#said = said;
    }
    return this.#me;
  }
}
