// Decides which pod of a workload asks for its eviction next while its budget is used up: one a
// second, and at once after a success.
import type { Clock } from '../../../engine/ports/local.ts';

export interface BudgetTurns {
  /**
   * Why the pods of this workload have to wait. Undefined: ask now, which takes this second's turn.
   */
  readonly wait: (workload: string) => string | undefined;
  readonly refused: (workload: string, why: string) => void;
  /** An eviction succeeded: the next two pods may ask at once. */
  readonly passed: (workload: string) => void;
  /** Sleeps until the time is up or `passed` wakes it. */
  readonly pause: (workload: string, milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Milliseconds. With ninety pods and a budget of ten, asking independently costs as many refusals
 * as evictions (measured).
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
      const sleepers = sleeping.get(workload) ?? new Set();
      sleeping.set(workload, sleepers.add(wake));
      await clock.sleep(milliseconds, AbortSignal.any([wake.signal, signal]));
      sleepers.delete(wake);
    },
  };
}
