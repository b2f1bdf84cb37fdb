// A job's turn: nobody is asked, interrupted runs of its own are taken up first, and where nothing is to do that is one line.

import { stateError } from '../../adapters/store/index.ts';
import { interruptedExit } from '../../core/rollout/exit.ts';
import type { RunInfo, Store } from '../../engine/ports/store.ts';
import { present } from '../../model/present.ts';
import { failuresOf } from '../../screens/run/failure-text.ts';
import { stateOf } from '../history/history.ts';
import type { RunLine } from '../session/world.ts';
import { CommandError, type World } from '../session/world.ts';
import { findJob, type Job, type JobNotify, type JobResult, jobNamed, refuseSecrets, runsOfJob, saveJob } from './jobs.ts';
import { tellPeople } from './notify.ts';

export async function runJob(
  name: string,
  words: readonly string[],
  stateDir: string,
  world: World,
  runLine: RunLine,
  notify?: JobNotify,
): Promise<number> {
  const known = words.length === 0 ? jobNamed(name, stateDir, world) : inline(name, words, stateDir, world);
  const job: Job = notify === undefined ? known : { ...known, notify };
  refuseSecrets(job, world);
  const alone = unattended(world, job);
  if (words.length === 0) enter(job, world);
  const open = await resumeInterrupted(job, stateDir, alone, runLine);
  if (open.exit !== 0) return ended(job, open.exit, open.run, stateDir, world);
  const isApply = job.args[0] === 'apply';
  const before = new Set((await runsOfJob(name, stateDir, world)).map((run) => run.run));
  const exit = await runLine([...job.args, '--state-dir', stateDir, ...(isApply ? ['--yes', '--job', name] : [])], alone);
  const own = (await runsOfJob(name, stateDir, world)).filter((run) => !before.has(run.run)).at(-1);
  return ended(job, exit, own?.run, stateDir, world);
}

/**
 * All runs of the job that were interrupted go on, the oldest first, and each one's end is told: hosts are never left half done for the sake
 * of another run. Ends with the first bad end; a run that is interrupted again ends the turn.
 */
async function resumeInterrupted(
  job: Job,
  stateDir: string,
  world: World,
  runLine: RunLine,
): Promise<{ readonly exit: number; readonly run?: string }> {
  let first: { readonly exit: number; readonly run?: string } = { exit: 0 };
  for (const { run } of await interruptedRuns(job.name, stateDir, world)) {
    world.out(`job ${job.name}: run ${run} was interrupted, it goes on first`);
    const exit = await runLine(['resume', run, '--yes', '--state-dir', stateDir], world);
    world.out(`job ${job.name}: run ${run} ended with exit ${exit}${exit === 0 ? '' : `, see \`kmend report ${run}\``}`);
    if (first.exit === 0 && exit !== 0) first = { exit, run };
    if (world.stop.aborted) break;
  }
  return first;
}

/** The runs of the job that a crash or a signal (the machine went down) interrupted. One that a person aborted is left to people. */
async function interruptedRuns(name: string, stateDir: string, world: World): Promise<readonly RunInfo[]> {
  const runs = await runsOfJob(name, stateDir, world);
  const store = await world.store(stateDir);
  const open: RunInfo[] = [];
  for (const run of runs.filter(({ begun }) => begun !== false)) {
    const isOpen = run.finished === undefined || (run.finished.exit === interruptedExit && (await endedBySignal(store, run.run)));
    if (isOpen) open.push(run);
  }
  return open;
}

async function endedBySignal(store: Store, run: string): Promise<boolean> {
  let why = '';
  await store.scanEvents(run, (event) => {
    if (event.type === 'run.aborted') why = event.why;
  });
  return /^SIG/.test(why);
}

/** Relative paths of a job begin where it was installed, whoever starts it and from where. */
function enter(job: Job, world: World): void {
  if (job.directory === world.cwd) return;
  try {
    process.chdir(job.directory);
  } catch {
    throw new CommandError(3, `job ${job.name} runs in ${job.directory}, which is not there`, 'install it again where its files are now');
  }
}

/** On a new volume there is no job yet: the command line says what it is. */
const inline = (name: string, args: readonly string[], stateDir: string, world: World): Job => ({
  schema: 'kmend.job/1',
  name,
  every: findJob(name, stateDir, world)?.every ?? 'as its scheduler says',
  args,
  directory: world.cwd,
  who: world.who,
  units: [],
});

/** Whoever started it, even from a terminal: a job asks nobody, and its output goes to a log. */
const unattended = (world: World, job: Job): World => ({
  ...world,
  isTerminal: false,
  colour: false,
  who: `${world.who} (job ${job.name})`,
  asker: {
    attended: false,
    confirm: async () => false,
    secret: async () => {
      throw new Error('a job asks for no secret; `schedule install` refuses the flags that would');
    },
  },
});

async function ended(job: Job, exit: number, run: string | undefined, stateDir: string, world: World): Promise<number> {
  const last: JobResult = { at: world.clock.now(), exit, ...present({ run }) };
  await keepResult({ ...job, last }, stateDir, world);
  const store = await world.store(stateDir);
  const info = (await store.runs()).find((one) => one.run === run);
  const why = info?.finished?.why ?? (exit === 0 ? 'nothing to do' : 'no run came to its end');
  const failures = info === undefined || exit === 0 ? [] : failuresOf(await stateOf(store, info.run));
  await tellPeople(job, last, { why, failures, ...present({ head: info?.head }) }, world);
  return exit;
}

/** The turn is over, whatever becomes of this note of it: its exit code stays, and people are notified. */
async function keepResult(job: Job, stateDir: string, world: World): Promise<void> {
  try {
    await saveJob(job, stateDir, world);
  } catch (error) {
    const ofDisk = stateError(error, stateDir);
    if (ofDisk === undefined) throw error;
    world.err(`warning: how job ${job.name} ended is not kept: ${ofDisk.message}`);
  }
}
