// A state that several machines share, in memory: one run, its journal, and the work that its leader
// hands to the workers of sites. Processes are numbers; a dead one does nothing any more.
import type { Clock } from '../../src/engine/ports/local.ts';
import type { Errand, HandedErrand, HostErrand, Sites } from '../../src/engine/ports/sites.ts';
import { RunTakenError } from '../../src/engine/ports/state-errors.ts';
import type { Journal } from '../../src/engine/ports/store.ts';
import type { LiveWorker, WorkerWords } from '../../src/engine/ports/workers.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';

interface Row extends HostErrand {
  readonly id: number;
  readonly version: string;
  holder?: number;
  number: number;
  readonly avoid: Set<string>;
  stop?: string;
  ended: boolean;
}

type See = (event: Event, line: string) => void;

/** A journal as one process sees it. */
interface Seen {
  at: number;
  see: See;
  queue: Promise<unknown>;
}

/** Milliseconds of a call. */
const trip = 2;

export class SharedRun {
  readonly run = 'r1';
  readonly events: Event[] = [];
  readonly rows: Row[] = [];
  readonly #clock: Clock;
  readonly #watchers = new Map<number, () => void>();
  readonly #words = new Map<number, WorkerWords>();
  readonly #dead = new Set<number>();
  #sites: readonly string[] = [];
  #version = '';
  #leader = 0;
  #number = 0;
  #processes = 0;
  #rows = 0;
  /** Called before an entry is appended by a leader, to put those of others before it. */
  beforeDecided: (body: EventBody) => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new process; returns its name. */
  begin(): number {
    this.#processes += 1;
    return this.#processes;
  }

  /** It leads from now on; returns its number in the run. */
  lead(process: number): number {
    this.#leader = process;
    this.#number += 1;
    return this.#number;
  }

  /** Its session has ended: what it asks for is refused from now on. */
  kill(process: number): void {
    this.#dead.add(process);
    this.#words.delete(process);
    this.#watchers.delete(process);
    if (this.#leader === process) this.#leader = 0;
    this.#notify();
  }

  say(process: number, words: WorkerWords): void {
    this.#words.set(process, words);
    this.#notify();
  }

  readonly alive = async (): Promise<readonly LiveWorker[]> =>
    [...this.#words].map(([id, words]) => ({ ...words, id, runs: [], hosts: [] }));

  readonly watch =
    (process: number) =>
    (changed: () => void): (() => void) => {
      this.#watchers.set(process, changed);
      return () => this.#watchers.delete(process);
    };

  /** An entry of somebody else, at once. */
  add(body: EventBody): Event {
    const event: Event = {
      ...body,
      v: 1,
      seq: this.events.length,
      at: this.#clock.now(),
      run: this.run,
      prev: '',
    };
    this.events.push(event);
    this.#notify();
    return event;
  }

  journal(process: number): Journal {
    const seen = emptySeen();
    const append = (body: EventBody): Promise<Event> =>
      this.#inOrder(seen, process, () => {
        this.#mustLead(process);
        return this.#appended(seen, body);
      });
    return {
      run: this.run,
      end: () => ({ entries: seen.at, head: '' }),
      follow: (see) => {
        seen.see = see;
      },
      catchUp: () => this.#inOrder(seen, process, () => this.#show(seen)),
      append,
      appendAfter: (entries, body) =>
        this.#inOrder(seen, process, () => {
          this.#mustLead(process);
          this.beforeDecided(body);
          if (entries === this.events.length) return this.#appended(seen, body);
          this.#show(seen);
          return undefined;
        }),
      close: async () => {},
    };
  }

  sites(process: number): Sites {
    const call = <T>(work: () => T): Promise<T> => this.#call(process, work);
    const own = (id: number): Row | undefined =>
      this.rows.find((row) => row.id === id && row.holder === process && !row.ended);
    return {
      announce: (_run, sites, version) =>
        call(() => {
          this.#sites = sites;
          this.#version = version;
          this.#notify();
        }),
      hand: (_run, errand, version) => call(() => this.#hand(errand, version)),
      abort: (_run, host, reason) =>
        call(() => {
          for (const row of this.rows) if (row.host === host) row.stop = reason;
          this.#notify();
        }),
      handed: () => call(() => this.rows.map((row) => this.#handedOf(row))),
      forget: (_run, hosts) =>
        call(() => this.#remove((row) => row.ended && hosts.includes(row.host))),
      ask: async () => 0,
      answers: async () => new Map(),
      withdraw: async () => {},
      runsAt: (names) =>
        call(() =>
          this.#sites.some((site) => names.includes(site))
            ? [{ run: this.run, version: this.#version }]
            : [],
        ),
      claim: ({ sites, runs, version, bootId, most }) =>
        call(() =>
          this.rows
            .filter(
              (row) =>
                !row.ended &&
                sites.includes(row.site) &&
                runs.includes(this.run) &&
                row.version === version &&
                !row.avoid.has(bootId) &&
                (row.holder === undefined || this.#dead.has(row.holder)),
            )
            .slice(0, most)
            .map((row) => this.#claimed(row, process)),
        ),
      stopped: (ids) =>
        call(
          () =>
            new Map(
              ids.flatMap((id) => {
                const stop = own(id) === undefined ? 'another worker has it' : own(id)?.stop;
                return stop === undefined ? [] : [[id, stop] as const];
              }),
            ),
        ),
      leave: (id, bootId) =>
        call(() => {
          const row = own(id);
          if (row === undefined) return;
          delete row.holder;
          if (bootId !== undefined) row.avoid.add(bootId);
          this.#notify();
        }),
      end: (id) =>
        call(() => {
          const row = own(id);
          if (row !== undefined) row.ended = true;
          this.#notify();
        }),
      openJournal: async (_run, see) => {
        const seen = { ...emptySeen(), see };
        const catchUp = (): Promise<void> => this.#inOrder(seen, process, () => this.#show(seen));
        await catchUp();
        return {
          run: this.run,
          end: () => ({ entries: seen.at, head: '' }),
          follow: (next) => {
            seen.see = next;
          },
          catchUp,
          close: async () => {},
          append: (body, { id, number }) =>
            this.#inOrder(seen, process, () => {
              const row = this.rows.find((one) => one.id === id);
              if (row?.number !== number || row.ended)
                throw new RunTakenError(`another worker has errand ${id}`);
              return this.#appended(seen, body);
            }),
        };
      },
    };
  }

  async #call<T>(process: number, work: () => T): Promise<T> {
    await this.#clock.sleep(trip);
    // The answer to a dead process never comes.
    if (this.#dead.has(process)) return new Promise(() => {});
    return work();
  }

  #inOrder<T>(seen: Seen, process: number, work: () => T): Promise<T> {
    const next = seen.queue.then(() => this.#call(process, work));
    seen.queue = next.catch(() => {});
    return next;
  }

  #mustLead(process: number): void {
    if (this.#leader !== process) throw new RunTakenError('another process leads the run');
  }

  #appended(seen: Seen, body: EventBody): Event {
    const event = this.add(body);
    this.#show(seen);
    return event;
  }

  #show(seen: Seen): void {
    for (; seen.at < this.events.length; ) {
      const event = this.events[seen.at] as Event;
      seen.at += 1;
      seen.see(event, '');
    }
  }

  #hand(errand: HostErrand, version: string): void {
    this.#remove((row) => row.host === errand.host && (row.ended || row.work !== errand.work));
    if (this.rows.some(({ host }) => host === errand.host)) return;
    this.#rows += 1;
    this.rows.push({
      ...errand,
      id: this.#rows,
      version,
      number: 0,
      avoid: new Set(),
      ended: false,
    });
    this.#notify();
  }

  #claimed(row: Row, process: number): Errand {
    this.#number += 1;
    row.holder = process;
    row.number = this.#number;
    const { id, host, site, work, number } = row;
    return { kind: 'host', run: this.run, id, host, site, work, number };
  }

  #handedOf({ host, site, work, ended, holder }: Row): HandedErrand {
    const lives = holder !== undefined && !this.#dead.has(holder);
    return { host, site, work, ended, ...(lives ? { worker: `m${holder}` } : {}) };
  }

  #remove(is: (row: Row) => boolean): void {
    const kept = this.rows.filter((row) => !is(row));
    this.rows.splice(0, this.rows.length, ...kept);
  }

  #notify(): void {
    for (const notify of this.#watchers.values()) notify();
  }
}

const emptySeen = (): Seen => ({ at: 0, see: () => {}, queue: Promise.resolve() });
