// The port to the turns of jobs that the workers of a shared state carry out.
import type { KnownTurn } from '../../core/rollout/due-turn.ts';

/** `isOwn`: this process carries it out. */
export interface TakenTurn extends KnownTurn {
  readonly isOwn: boolean;
}

export interface Turns {
  /** The newest turn of each job, by the job's name. */
  readonly newest: () => Promise<ReadonlyMap<string, TakenTurn>>;
  /**
   * Takes a turn, or one that was left. False: another process has it or a later one, a turn of the
   * job is under way, or there is no such job any more.
   * @param at when the turn was due; milliseconds since 1970
   */
  readonly take: (job: string, at: number) => Promise<boolean>;
  /** The rest of a turn of this process is for the workers. */
  readonly leave: (job: string, at: number) => Promise<void>;
  readonly end: (job: string, at: number) => Promise<void>;
}
