// Turns of jobs that workers carry out: which are due, and one of them from its taking to its end.
// The run that a turn begins is left to the workers, as that of `apply --detach`; when it is over, one
// of them ends the turn. So a turn whose worker dies is ended in the same way.

import { dueTurn } from '../../core/rollout/due-turn.ts';
import type { Store } from '../../engine/ports/store.ts';
import type { Turns } from '../../engine/ports/turns.ts';
import { present } from '../../model/present.ts';
import type { Session } from '../session/session.ts';
import { type Job, jobNamed, readableJobs, runsOfJob } from './jobs.ts';
import { endTurn, type JobWork, lastRun, type TurnEnd, workOfTurn } from './turn.ts';

export interface DueTurn {
  readonly job: string;
  /** When it was due; milliseconds since 1970. */
  readonly at: number;
}

/**
 * The turns that are to be carried out now, those that were due first in front.
 * @param openRuns runs that workers carry on
 */
export async function dueTurns(
  now: number,
  openRuns: ReadonlySet<string>,
  session: Session,
): Promise<readonly DueTurn[]> {
  const { turns, runs } = await session.ports.store();
  if (turns === undefined) return [];
  const jobs = await scheduledJobs(session);
  if (jobs.length === 0) return [];
  const taken = await turns.newest();
  const busy = new Set(
    openRuns.size === 0
      ? []
      : (await runs()).flatMap(({ run, job }) => (openRuns.has(run) ? (job ?? []) : [])),
  );
  return jobs
    .flatMap(({ name: job, every, since }): DueTurn | [] => {
      const known = {
        every,
        since,
        hasOpenRun: busy.has(job),
        ...present({ turn: taken.get(job) }),
      };
      const at = dueTurn(known, now);
      return at === undefined ? [] : { job, at };
    })
    .sort((one, other) => one.at - other.at);
}

const scheduledJobs = async (
  session: Session,
): Promise<readonly (Job & { readonly since: number })[]> =>
  (await readableJobs(session)).flatMap((job) =>
    job.since === undefined ? [] : { ...job, since: job.since },
  );

/**
 * Carries a turn out in an unattended session, unless another worker has it. Returns how it ended;
 * undefined = it has not ended: its run goes on, or another worker has the rest of it.
 * @param work begins an `apply` without carrying it out
 */
export async function runTurn(
  { job: name, at }: DueTurn,
  work: (job: Job) => Promise<number>,
  session: Session,
): Promise<TurnEnd | undefined> {
  const store = await session.ports.store();
  const { turns } = store;
  if (turns === undefined || !(await turns.take(name, at))) return undefined;
  try {
    return await takenTurn({ job: name, at }, work, turns, session);
  } catch (error) {
    // Else it would be under way for as long as this process lives.
    await turns.leave(name, at);
    throw error;
  }
}

async function takenTurn(
  { job: name, at }: DueTurn,
  work: (job: Job) => Promise<number>,
  turns: Turns,
  session: Session,
): Promise<TurnEnd | undefined> {
  const store = await session.ports.store();
  const job = await jobNamed(name, session);
  const known = job.last?.turn === at ? job.last : undefined;
  const end = known ?? (await endOf(job, at, () => work(job), session));
  if (session.world.stop.aborted || (await goesOn(end, store))) {
    await turns.leave(name, at);
    return undefined;
  }
  // A worker that was away for too long has lost its turn.
  if ((await turns.newest()).get(name)?.isOwn !== true) return undefined;
  await endTurn(job, end, session, at);
  await turns.end(name, at);
  return end;
}

/** A turn that was left has begun a run, mostly: then that run says how the turn ended. */
async function endOf(job: Job, at: number, work: JobWork, session: Session): Promise<TurnEnd> {
  const runs = (await runsOfJob(job.name, session)).filter(
    (run) => run.startedAt >= at && run.begun !== false,
  );
  const begun = await lastRun(runs, session);
  if (begun?.finished === undefined) return workOfTurn(job, work, session);
  return { exit: begun.finished.exit, run: begun.run };
}

/** Has it begun a run that is left to the workers? */
const goesOn = async ({ exit, run }: TurnEnd, store: Store): Promise<boolean> =>
  exit === 0 && (await store.runs()).some((one) => one.run === run && one.finished === undefined);
