// A sleep that another event can end early.
import type { Clock } from '../../../engine/ports/local.ts';

export interface Wakeup {
  readonly notify: () => void;
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Waits for whichever comes first: `wake`, the time, or the signal. */
export function createWakeup(clock: Clock): Wakeup {
  let wake: () => void = () => undefined;
  return {
    notify: () => wake(),
    wait: async (milliseconds, signal) => {
      const early = new AbortController();
      wake = () => early.abort();
      await clock.sleep(milliseconds, AbortSignal.any([early.signal, signal]));
    },
  };
}
