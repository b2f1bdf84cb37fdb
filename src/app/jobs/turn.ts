// A job's turn: its interrupted runs are resumed first, then its command is carried out. No question
// is asked.

import { interruptedExit } from '../../core/rollout/exit.ts';
import { failuresOf } from '../../core/run-state/failures.ts';
import { stateError } from '../../engine/ports/state-errors.ts';
import type { RunInfo, Store } from '../../engine/ports/store.ts';
import { present } from '../../model/present.ts';
import { dataIn } from '../../model/shape/shape.ts';
import { isMapping } from '../../model/value.ts';
import { stateOf } from '../history/history.ts';
import { summaryOf } from '../history/summaries.ts';
import { contained } from '../observer.ts';
import { exitOfResume, resume } from '../run/resume.ts';
import { inSession, type Session } from '../session/session.ts';
import { CommandError, type World } from '../session/world.ts';
import { findJob, type Job, type JobResult, jobNamed, runsOfJob, saveJob } from './jobs.ts';
import { notifyPeople } from './notify.ts';

/** What the job does: its own command, which never throws. */
export type JobWork = () => Promise<number>;

/** The job of this name, or a new one where `args` give its command (a CronJob's empty volume). */
export async function jobFor(
  name: string,
  args: readonly string[],
  session: Session,
): Promise<Job> {
  if (args.length === 0) return jobNamed(name, session);
  const { cwd: directory, who } = session.world;
  const { every = 'as its scheduler says', succeeded } = (await findJob(name, session)) ?? {};
  const job = { schema: 'kmend.job/1', name, every, args, directory, who, units: [] } as const;
  return { ...job, ...present({ succeeded }) };
}

/** Changes to the directory where the job was installed, for its relative paths. */
export function enter({ name, directory }: Job, world: World): void {
  if (directory === world.cwd || world.enter(directory)) return;
  throw new CommandError(
    3,
    `job ${name} runs in ${directory}, which is not there`,
    'install it again where its files are now',
  );
}

/** The world of a job: it asks no question, even if it was started from a terminal. */
export const unattended = <W extends World>(world: W, { name }: Pick<Job, 'name'>): W => ({
  ...world,
  who: `${world.who} (job ${name})`,
  asker: {
    attended: false,
    confirm: async () => false,
    secret: async () => {
      throw new Error('a job asks for no secret; `schedule install` refuses the flags that would');
    },
  },
});

/** The turn, in an unattended session. */
export const jobTurn = async (job: Job, work: JobWork, session: Session): Promise<JobResult> =>
  endTurn(job, await workOfTurn(job, work, session), session);

export type TurnEnd = Pick<JobResult, 'exit' | 'run'>;

/** How it ended, and when that was known first; milliseconds since 1970. */
type KnownEnd = TurnEnd & Partial<Pick<JobResult, 'at'>>;

/** What a turn does: `run` is the one that it began, or the one that kept it from that. */
export async function workOfTurn(job: Job, work: JobWork, session: Session): Promise<TurnEnd> {
  const open = await resumeInterrupted(job, session);
  if (open.exit !== 0) return open;
  const before = new Set((await runsOfJob(job.name, session)).map(({ run }) => run));
  const exit = await work();
  const own = await lastRun(
    (await runsOfJob(job.name, session)).filter(({ run }) => !before.has(run)),
    session,
  );
  return { exit, ...present({ run: own?.run }) };
}

/**
 * Resumes all interrupted runs of the job, the oldest first, so that no host stays half done.
 * Returns the first that failed. A new interruption ends the turn.
 */
async function resumeInterrupted(job: Job, session: Session): Promise<TurnEnd> {
  const { observer, world } = session;
  let first: TurnEnd = { exit: 0 };
  for (const { run } of await interruptedRuns(job.name, session)) {
    observer.log(`job ${job.name}: run ${run} was interrupted, it goes on first`);
    const exit = await resumeOne(run, session);
    observer.log(
      `job ${job.name}: run ${run} ended with exit ${exit}${exit === 0 ? '' : `, see \`kmend report ${run}\``}`,
    );
    if (first.exit === 0 && exit !== 0) first = { exit, run };
    if (world.stop.aborted) break;
  }
  return first;
}

const resumeOne = (run: string, session: Session): Promise<number> =>
  contained(session.observer, () =>
    inSession({ state: session.settings.state }, session, async (own) =>
      exitOfResume(await resume({ run, yes: true }, own)),
    ),
  );

/** The runs that a crash or a signal interrupted. A run that the operator aborted is not resumed. */
async function interruptedRuns(name: string, session: Session): Promise<readonly RunInfo[]> {
  const runs = await runsOfJob(name, session);
  const store = await session.ports.store();
  const open: RunInfo[] = [];
  for (const run of runs.filter(({ begun }) => begun !== false)) {
    const isOpen =
      run.finished === undefined ||
      (run.finished.exit === interruptedExit && (await endedBySignal(store, run)));
    if (isOpen) open.push(run);
  }
  return open;
}

async function endedBySignal(store: Store, run: RunInfo): Promise<boolean> {
  return /^SIG/.test((await summaryOf(run, store)).aborted ?? '');
}

/** The last of these runs that rolls nothing back: it says how the turn ended. */
export async function lastRun(
  runs: readonly RunInfo[],
  { ports }: Session,
): Promise<RunInfo | undefined> {
  const store = await ports.store();
  for (const info of runs.toReversed()) {
    const plan = dataIn((await store.readFile(info.run, 'plan')) ?? '');
    if (!isMapping(plan) || plan.rollbackOf === undefined) return info;
  }
  return undefined;
}

/**
 * Keeps how a turn ended, and notifies of it.
 * @param due when the turn was due, milliseconds since 1970: where a worker dies before it could say
 * that the turn has ended, another one ends it in the same way, and its notice is the same
 */
export async function endTurn(
  job: Job,
  end: KnownEnd,
  session: Session,
  due?: number,
): Promise<JobResult> {
  const { exit, run, at = session.world.clock.now() } = end;
  const store = await session.ports.store();
  const last: JobResult = { at, exit, ...present({ run }) };
  const succeeded = exit === 0 ? at : job.succeeded;
  const kept = { ...last, ...present({ turn: due }) };
  await keepResult({ ...job, last: kept, ...present({ succeeded }) }, session);
  const info = (await store.runs()).find((one) => one.run === run);
  const why = info?.finished?.why ?? (exit === 0 ? 'nothing to do' : 'no run ended');
  const failures =
    info === undefined || exit === 0 ? [] : failuresOf(await stateOf(store, info.run));
  const ended = { turn: due ?? at, why, failures, ...present({ head: info?.head }) };
  await notifyPeople(job, last, ended, session);
  return last;
}

/** A result that cannot be kept is a warning: the exit code and the notification do not change. */
async function keepResult(job: Job, session: Session): Promise<void> {
  try {
    await saveJob(job, session);
  } catch (error) {
    const ofDisk = stateError(error, session.settings.state);
    if (ofDisk === undefined) throw error;
    session.observer.notice(`how job ${job.name} ended is not kept: ${ofDisk.message}`, 'warning');
  }
}
