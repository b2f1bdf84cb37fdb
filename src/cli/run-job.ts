// A job's turn: nobody is asked, an interrupted run of its own is taken up first, and where nothing is to do that is one line.
import { interruptedExit } from '../core/exit.ts';
import type { RunInfo } from '../engine/ports.ts';
import type { RunLine } from './demo.ts';
import { findJob, type Job, jobNamed, runsOfJob, saveJob } from './jobs.ts';
import { CommandError, type World } from './world.ts';

export async function runJob(name: string, words: readonly string[], stateDir: string, world: World, runLine: RunLine): Promise<number> {
  const job = words.length === 0 ? jobNamed(name, stateDir, world) : inline(name, words, stateDir, world);
  const alone = unattended(world, job);
  if (words.length === 0) enter(job, world);
  const open = await interruptedRun(name, stateDir, world);
  if (open !== undefined) {
    alone.out(`job ${name}: run ${open.run} was interrupted, it goes on first`);
    const exit = await runLine(['resume', open.run, '--yes', '--state-dir', stateDir], alone);
    if (exit !== 0) return ended(job, exit, open.run, stateDir, world);
  }
  const isApply = job.args[0] === 'apply';
  const before = new Set((await runsOfJob(name, stateDir, world)).map((run) => run.run));
  const exit = await runLine([...job.args, '--state-dir', stateDir, ...(isApply ? ['--yes', '--job', name] : [])], alone);
  const own = (await runsOfJob(name, stateDir, world)).filter((run) => !before.has(run.run)).at(-1);
  return ended(job, exit, own?.run, stateDir, world);
}

/**
 * The last run of the job, when it was interrupted: by a crash, or by a signal (the machine went down). One that a person aborted is left
 * to people.
 */
async function interruptedRun(name: string, stateDir: string, world: World): Promise<RunInfo | undefined> {
  const last = (await runsOfJob(name, stateDir, world)).at(-1);
  if (last === undefined || last.finished === undefined) return last;
  if (last.finished.exit !== interruptedExit) return undefined;
  const events = await (await world.store(stateDir)).readEvents(last.run);
  const aborted = events.findLast((event) => event.type === 'run.aborted');
  return aborted?.type === 'run.aborted' && /^SIG/.test(aborted.why) ? last : undefined;
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
  await saveJob({ ...job, last: { at: world.clock.now(), exit, ...(run === undefined ? {} : { run }) } }, stateDir, world);
  return exit;
}
