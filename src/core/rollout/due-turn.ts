// Which turn of a job is due, where no timer of a machine starts it.
import { newestTurn } from './next-turn.ts';

/** A turn that some process took. */
export interface KnownTurn {
  /** When it was due; milliseconds since 1970. */
  readonly at: number;
  /** `lost`: its process is proven dead before its end. */
  readonly state: 'under_way' | 'lost' | 'ended';
}

export interface DueJob {
  /** Its calendar, with a zone: all machines read it alike. */
  readonly every: string;
  /** Turns after this time are due; milliseconds since 1970. */
  readonly since: number;
  /** The newest turn that was taken. */
  readonly turn?: KnownTurn;
  /** A worker carries on a run of this job, or will. */
  readonly hasOpenRun: boolean;
}

/**
 * When the turn was due that is to be carried out now; undefined = none is. Of turns that were
 * missed only the newest is due. A turn that was lost comes before all later ones, once its runs
 * were carried on; later turns wait while one is under way.
 */
export function dueTurn(
  { every, since, turn, hasOpenRun }: DueJob,
  now: number,
): number | undefined {
  // A turn from before the job was installed anew is not carried on.
  const own = turn !== undefined && turn.at > since ? turn : undefined;
  if (turn?.state === 'under_way') return undefined;
  if (own?.state === 'lost') return hasOpenRun ? undefined : own.at;
  return newestTurn(every, { since: Math.max(since, own?.at ?? since), now, ownZone: 'UTC' });
}
