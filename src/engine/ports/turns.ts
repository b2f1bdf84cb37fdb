// The port to the turns of jobs that the processes of a shared state carry out.
import type { KnownTurn } from '../../core/rollout/due-turn.ts';

export interface Turns {
  /** The newest turn of each job, by the job's name. */
  readonly newest: () => Promise<ReadonlyMap<string, KnownTurn>>;
  /**
   * Takes a turn, or what is left of one whose process is proven dead; true also for a turn that
   * this process already has. False: another process has it, an earlier turn of the job is under
   * way, or there is no such job any more.
   * @param at when the turn was due; milliseconds since 1970
   */
  readonly take: (job: string, at: number) => Promise<boolean>;
  /** Ends a turn of this process; the turn of another one stays. */
  readonly end: (job: string, at: number) => Promise<void>;
}
