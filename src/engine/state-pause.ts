// A run while its state does not answer: nothing is decided, and what was decided before it goes stale.
import { readingAge } from '../core/rollout/gate.ts';
import type { EventBody } from '../model/run/event.ts';
import type { Outage, Store } from './ports/store.ts';

/** Has so much time passed since a decision that its readings are too old? */
export const isLate = (decidedAt: number, now: number): boolean => now - decidedAt >= readingAge;

/** The host goes back to those that are not started: nothing was done to it, and nothing failed. */
export const notStarted = (host: string): EventBody => ({
  type: 'host.failed',
  host,
  failure: {
    kind: 'interrupted',
    message: 'its start was delayed by an outage of the database: it is decided again',
    transport: true,
    resumable: true,
  },
  touched: false,
  state: 'untouched',
});

/** The outages of the state that the journal does not have yet. */
export class OutageLog {
  #ended: Outage[] = [];
  #isAway = false;
  readonly close: () => void;

  /** @param changed called when an outage begins or ends */
  constructor(outages: Store['outages'], changed: () => void) {
    const end = outages?.((outage) => {
      this.#isAway = outage.until === undefined;
      if (!this.#isAway) this.#ended.push(outage);
      changed();
    });
    this.close = end ?? (() => {});
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** Their entries. */
  take(): readonly EventBody[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended.map(({ since, until = since }) => ({
      type: 'database.back',
      since,
      seconds: Math.round((until - since) / 1000),
    }));
  }
}
