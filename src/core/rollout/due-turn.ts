// Which turn of a job is due, where no timer of a machine starts it.
import { newestTurn } from './next-turn.ts';

/** A turn that some process took. */
export interface KnownTurn {
  /** When it was due; milliseconds since 1970. */
  readonly at: number;
  /** `left`: its process is proven dead, or has left the rest to the workers. */
  readonly state: 'under_way' | 'left' | 'ended';
}

export interface DueJob {
  /** Its calendar, with a zone: all machines read it alike. */
  readonly every: string;
  /** Turns after this time are due; milliseconds since 1970. */
  readonly since: number;
  /** The newest turn that was taken. */
  readonly turn?: KnownTurn;
  /** Workers carry a run of this job on, or will. */
  readonly hasOpenRun: boolean;
}

/**
 * When the turn was due that is to be carried out now; undefined = none is. Of turns that were
 * missed only the newest is due. A turn that was left comes before all later ones; each waits while
 * a turn or a run of the job goes on.
 */
export function dueTurn(
  { every, since, turn, hasOpenRun }: DueJob,
  now: number,
): number | undefined {
  if (hasOpenRun || turn?.state === 'under_way') return undefined;
  // A turn from before the job was installed anew is not carried on.
  const from = Math.max(since, turn?.at ?? since);
  if (turn?.state === 'left' && turn.at > since) return turn.at;
  return newestTurn(every, { since: from, now, ownZone: 'UTC' });
}
