// A bell: wakes a loop that sleeps until something happens, and never lets it sleep through what
// happened before it lay down.
import type { Clock } from './ports/local.ts';

/** Holds how often something happened, and the sleeper if there is one. */
export class Wakeup {
  readonly #clock: Clock;
  #count = 0;
  #wake: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How often it has rung: to be remembered before deciding to sleep. */
  get count(): number {
    return this.#count;
  }

  notify(): void {
    this.#count++;
    this.#wake();
  }

  /**
   * Until it rings or the time (milliseconds) is over; not at all when it has rung since `before`.
   */
  async sleep(length: number, before: number): Promise<void> {
    if (this.#count !== before) return;
    const early = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = () => {
        early.abort();
        resolve();
      };
    });
    await Promise.race([woken, this.#clock.sleep(length, early.signal)]);
    this.#wake = () => {};
    early.abort();
  }
}
