// A clock that jumps to the next sleeper when nothing else is left to do: by turns of the event
// loop, never by time.
import type { Clock } from '../../src/engine/ports/local.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * Turns in which nobody reads a file before the time goes on: a promise that follows a file may
 * take some.
 */
const quietTurns = 4;

/**
 * Files are read, written and closed in real time, and a lock is checked again after 20 ms: the clock
 * waits for them. The test has a timer too.
 */
function busy(): boolean {
  const active = process.getActiveResourcesInfo();
  return (
    active.some((name) => /^(?:FSReq|CloseReq)/.test(name)) ||
    active.filter((name) => name === 'Timeout').length > 1
  );
}

export class VirtualClock implements Clock {
  time = 1_790_000_000_000;
  /**
   * The most that the process worked between two turns of `drive`, in microseconds of its processor
   * time.
   */
  longest = 0;
  #sleepers: Sleeper[] = [];
  #ids = 0;
  readonly now = (): number => this.time;
  readonly random = (): number => 0.5;
  readonly yield = async (): Promise<void> => {};
  readonly gather = async (): Promise<void> => {};
  readonly id = (): string => 'id';
  /** Ids of runs that are kept: no two are the same. */
  readonly newId = (): string => (this.#ids++).toString(36).padStart(2, '0').padEnd(16, '0');

  readonly sleep = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        resolve();
      };
      const sleeper: Sleeper = { at: this.time + milliseconds, wake };
      signal?.addEventListener('abort', wake);
      this.#sleepers.push(sleeper);
    });

  /** The first of those that were first: what happens at one moment keeps its order. */
  #wakeNext(): boolean {
    const next = this.#sleepers.reduce<Sleeper | undefined>(
      (first, one) => (first === undefined || one.at < first.at ? one : first),
      undefined,
    );
    if (next === undefined) return false;
    this.time = Math.max(this.time, next.at);
    next.wake();
    return true;
  }

  /** Lets the time go on until this work is done, which may read no file. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const watched = work.finally(() => {
      over = true;
    });
    watched.catch(() => undefined);
    for (;;) {
      const began = process.cpuUsage();
      await turn();
      const { user, system } = process.cpuUsage(began);
      this.longest = Math.max(this.longest, user + system);
      if (over) return watched;
      if (!this.#wakeNext()) throw new Error('all work waits, and nothing sleeps');
    }
  }

  /**
   * Lets the time go on until the signal fires; whoever works meanwhile may read and write files.
   */
  async run(signal: AbortSignal): Promise<void> {
    for (let quiet = 0; !signal.aborted; await turn()) {
      quiet = busy() ? 0 : quiet + 1;
      if (quiet >= quietTurns && this.#wakeNext()) quiet = 0;
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
