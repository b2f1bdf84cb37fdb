// Wakes a loop that sleeps until something happens. The loop does not sleep if it was notified before.
import type { Clock } from './ports/local.ts';

export class Wakeup {
  readonly #clock: Clock;
  #count = 0;
  #wake: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How often it was notified: to be read before the decision to sleep. */
  get count(): number {
    return this.#count;
  }

  notify(): void {
    this.#count++;
    this.#wake();
  }

  /** Sleeps until a notification or for `length` milliseconds; not at all if notified since `before`. */
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
