// Who of the pods of one workload asks next while its budget is used up: one a second, and at once
// when one of them was let go.
import type { Clock } from '../../../engine/ports/local.ts';

export interface BudgetTurns {
  /**
   * Why the pods of this workload have to wait; undefined = ask now. Asking takes the turn of the
   * next second.
   */
  readonly wait: (workload: string) => string | undefined;
  readonly refused: (workload: string, why: string) => void;
  /** One was let go: the next two may ask at once, and so on until the budget is used up again. */
  readonly passed: (workload: string) => void;
  /** Sleeps, or is woken by `passed`. */
  readonly pause: (workload: string, milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/**
 * With ninety pods waiting for a budget of ten, each asking by itself costs as many refusals as
 * evictions (measured).
 */
const turnEvery = 1_000;

export function createBudgetTurns(clock: Clock): BudgetTurns {
  const closed = new Map<string, { at: number; readonly why: string }>();
  const sleeping = new Map<string, Set<AbortController>>();

  return {
    wait: (workload) => {
      const state = closed.get(workload);
      if (state === undefined) return undefined;
      if (clock.now() - state.at < turnEvery) return state.why;
      state.at = clock.now();
      return undefined;
    },
    refused: (workload, why) => {
      closed.set(workload, { at: clock.now(), why });
    },
    passed: (workload) => {
      closed.delete(workload);
      for (const sleeper of [...(sleeping.get(workload) ?? [])].slice(0, 2)) sleeper.abort();
    },
    pause: async (workload, milliseconds, signal) => {
      const wake = new AbortController();
      const beds = sleeping.get(workload) ?? new Set();
      sleeping.set(workload, beds.add(wake));
      await clock.sleep(milliseconds, AbortSignal.any([wake.signal, signal]));
      beds.delete(wake);
    },
  };
}
