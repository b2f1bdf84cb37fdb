// Outages of a state that does not answer, as a database may: a run waits for it. A signal ends the
// wait.

import { present } from '../../model/present.ts';
import type { EventBody } from '../../model/run/event.ts';
import type { Clock } from '../ports/local.ts';
import type { Sites } from '../ports/sites.ts';
import { StateAwayError } from '../ports/state-errors.ts';
import type { Commands, Journal, Outage, Slots, Store } from '../ports/store.ts';
import type { Workers } from '../ports/workers.ts';

export interface StateOutageOptions {
  readonly clock: Clock;
  /** Finish the step: the state still gets some time to answer. */
  readonly stop: AbortSignal;
  /** Stop now. */
  readonly kill: AbortSignal;
}

/** Milliseconds without an answer that are an outage. */
const silence = 3_000;
/** A claim of a slot waits for other runs. */
const claimSilence = 9_000;
/** Milliseconds for which a call still waits after a signal: long enough for a restart of the server. */
const lastWait = { stop: 10_000, kill: 1_000 };
/** Milliseconds that the end of the connections may take. */
const longestClose = 5_000;

/** The store, whose calls of a run under way are watched: `outages` shows those that last. */
export function overStateOutages(store: Store, options: StateOutageOptions): Store {
  const calls = new Calls(store.place, options);
  return {
    ...store,
    outages: calls.watch,
    createJournal: async (run) => watchedJournal(await store.createJournal(run), calls),
    openJournal: async (run, see) => {
      const opened = await store.openJournal(run, see);
      return { ...opened, journal: watchedJournal(opened.journal, calls) };
    },
    lock: async (...about) => {
      const lock = await store.lock(...about);
      if (!lock.held) return lock;
      return {
        ...lock,
        state: () => calls.ask(lock.state),
        // Where the state does not answer, the end of the process frees the lock.
        release: () => calls.ask(lock.release).catch(unlessAway),
      };
    },
    // For those who follow the runs of other processes. Each entry of a long journal is an answer.
    scanEvents: (run, see, from) =>
      calls.ask((heard) => {
        const seeEvent: typeof see = (event) => {
          heard();
          see(event);
        };
        return store.scanEvents(run, seeEvent, from);
      }),
    holder: (run) => calls.ask(() => store.holder(run)),
    history: { ...store.history, sizes: () => calls.ask(store.history.sizes) },
    slots: (run, pool) => watchedSlots(store.slots(run, pool), calls),
    commands: (run) => watchedCommands(store.commands(run), calls),
    ...present({
      sites: store.sites && watchedSites(store.sites, calls),
      workers: store.workers && watchedWorkers(store.workers, calls),
    }),
    close: async () => {
      const limit = new AbortController();
      await Promise.race([store.close(), options.clock.sleep(longestClose, limit.signal)]);
      limit.abort();
    },
  };
}

const unlessAway = (error: unknown): void => {
  if (!(error instanceof StateAwayError)) throw error;
};

const watchedJournal = (journal: Journal, calls: Calls): Journal => ({
  run: journal.run,
  end: () => journal.end(),
  follow: (see) => journal.follow(see),
  append: (body, sync) => calls.ask(() => journal.append(body, sync)),
  ...present({
    appendAfter:
      journal.appendAfter &&
      ((entries: number, body: EventBody) =>
        calls.ask(async () => journal.appendAfter?.(entries, body))),
    catchUp: journal.catchUp && (() => calls.ask(async () => journal.catchUp?.())),
  }),
  close: () => calls.ask(() => journal.close()).catch(unlessAway),
});

/** Questions of commands have no run: who asks waits for an answer in any case. */
const watchedSites = (sites: Sites, calls: Calls): Sites => ({
  announce: (...about) => calls.ask(() => sites.announce(...about)),
  hand: (...about) => calls.ask(() => sites.hand(...about)),
  abort: (...about) => calls.ask(() => sites.abort(...about)),
  handed: (run) => calls.ask(() => sites.handed(run)),
  forget: (...about) => calls.ask(() => sites.forget(...about)),
  ask: sites.ask,
  answers: sites.answers,
  withdraw: sites.withdraw,
  runsAt: (names) => calls.ask(() => sites.runsAt(names)),
  claim: (claim) => calls.ask(() => sites.claim(claim)),
  stopped: (ids) => calls.ask(() => sites.stopped(ids)),
  leave: (...about) => calls.ask(() => sites.leave(...about)),
  end: (...about) => calls.ask(() => sites.end(...about)),
  openJournal: async (run, see) => {
    const journal = await sites.openJournal(run, see);
    return {
      ...journal,
      catchUp: () => calls.ask(() => journal.catchUp()),
      append: (body, errand) => calls.ask(() => journal.append(body, errand)),
      close: () => calls.ask(() => journal.close()).catch(unlessAway),
    };
  },
});

const watchedWorkers = (workers: Workers, calls: Calls): Workers => ({
  ...workers,
  alive: () => calls.ask(workers.alive),
});

const watchedSlots = (slots: Slots, calls: Calls): Slots => ({
  claim: (slot) => calls.ask(() => slots.claim(slot), claimSilence),
  keep: (slot) => calls.ask(() => slots.keep(slot)),
  drop: (address) => calls.ask(() => slots.drop(address)),
  clear: (address) => calls.ask(() => slots.clear(address)),
  forget: () => calls.ask(slots.forget),
  others: () => calls.ask(slots.others),
});

const watchedCommands = (commands: Commands, calls: Calls): Commands => ({
  see: commands.see,
  take: (type) => calls.ask(() => commands.take(type)),
});

interface Waiting {
  /** When it was asked, or answered in part for the last time. */
  since: number;
  isLate: boolean;
}

/** The calls that wait for an answer. */
class Calls {
  readonly #place: string;
  readonly #options: StateOutageOptions;
  readonly #waiting = new Set<Waiting>();
  readonly #watchers = new Set<(outage: Outage) => void>();
  #away: number | undefined;
  /** A signal has ended the wait: nothing is asked any more. */
  #lost: StateAwayError | undefined;

  constructor(place: string, options: StateOutageOptions) {
    this.#place = place;
    this.#options = options;
  }

  readonly watch = (see: (outage: Outage) => void): (() => void) => {
    this.#watchers.add(see);
    return () => this.#watchers.delete(see);
  };

  /**
   * Waits for the answer; `heard` reports a part of it.
   * @param limit milliseconds without an answer that are an outage
   */
  async ask<T>(call: (heard: () => void) => Promise<T>, limit = silence): Promise<T> {
    if (this.#lost !== undefined) throw this.#lost;
    const { clock } = this.#options;
    const over = new AbortController();
    const waiting: Waiting = { since: clock.now(), isLate: false };
    this.#waiting.add(waiting);
    void this.#time(waiting, limit, over.signal);
    const heard = (): void => {
      waiting.since = clock.now();
      if (!waiting.isLate) return;
      waiting.isLate = false;
      this.#end();
      void this.#time(waiting, limit, over.signal);
    };
    try {
      return await Promise.race([call(heard), this.#refusal(waiting.since, over.signal)]);
    } finally {
      over.abort();
      this.#waiting.delete(waiting);
      this.#end();
    }
  }

  /** Notices when the call has had no answer for `limit` milliseconds. */
  async #time(waiting: Waiting, limit: number, over: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      const left = waiting.since + limit - clock.now();
      if (left <= 0) break;
      await clock.sleep(left, over);
      if (over.aborted) return;
    }
    waiting.isLate = true;
    this.#begin();
  }

  #begin(): void {
    if (this.#away !== undefined) return;
    const since = Math.min(...[...this.#waiting].map((waiting) => waiting.since));
    this.#away = since;
    for (const see of this.#watchers) see({ since });
  }

  #end(): void {
    const since = this.#away;
    if (since === undefined || this.#lost !== undefined) return;
    if ([...this.#waiting].some(({ isLate }) => isLate)) return;
    this.#away = undefined;
    for (const see of this.#watchers) see({ since, until: this.#options.clock.now() });
  }

  /** Rejects some time after a signal, unless the call is over. */
  #refusal(since: number, over: AbortSignal): Promise<never> {
    const { clock, stop, kill } = this.#options;
    return new Promise((_, reject) => {
      const after = (signal: AbortSignal, limit: number): void => {
        const refuse = async (): Promise<void> => {
          await clock.sleep(limit, over);
          if (over.aborted) return;
          const silent = Math.round((clock.now() - (this.#away ?? since)) / 1000);
          this.#lost ??= new StateAwayError(this.#place, `it has not answered for ${silent} s`);
          reject(this.#lost);
        };
        if (signal.aborted) void refuse();
        else signal.addEventListener('abort', () => void refuse(), { signal: over, once: true });
      };
      after(stop, lastWait.stop);
      after(kill, lastWait.kill);
    });
  }
}
