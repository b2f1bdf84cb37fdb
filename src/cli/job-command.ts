// Carries out the command line of a job, with the options of its command.
import type { Job } from '../app/jobs/jobs.ts';
import { notifyFlagsOfRuns } from '../app/jobs/notify.ts';
import { baseProgram } from './base-program.ts';
import { checkCommand } from './commands/fleet/check.ts';
import { driftCommand } from './commands/fleet/drift.ts';
import { planCommands } from './commands/rollout/plan-apply.ts';
import { explain } from './terminal/explain.ts';
import type { World } from './world.ts';

/** Returns the exit code. An error in the command line is reported, not thrown. */
export async function jobCommand(job: Job, state: string, world: World): Promise<number> {
  let exit = 0;
  const done = (code: number): void => {
    exit = code;
  };
  const program = baseProgram(world);
  checkCommand(program, world, done, { state });
  driftCommand(program, world, done, { state });
  planCommands(program, world, done, { state, job: job.name, ...notifyFlagsOfRuns(job) });
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync(job.args, { from: 'user' });
    return exit;
  } catch (error) {
    return explain(error, world, job.args.includes('--json'));
  }
}
