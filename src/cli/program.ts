// The command line: the tree of commands, and running one of them.
import type { Command } from 'commander';
import { baseProgram } from './base-program.ts';
import { completionCommand } from './commands/about/completion.ts';
import { docsCommands } from './commands/about/docs.ts';
import { labCommand } from './commands/about/lab.ts';
import { manCommand } from './commands/about/man.ts';
import { checkCommand } from './commands/fleet/check.ts';
import { doctorCommand } from './commands/fleet/doctor.ts';
import { driftCommand } from './commands/fleet/drift.ts';
import { inventoryCommand } from './commands/fleet/inventory.ts';
import { nodeCommands } from './commands/fleet/node.ts';
import { auditCommand } from './commands/history/audit.ts';
import { reportCommand } from './commands/history/report.ts';
import { runsCommands } from './commands/history/runs.ts';
import { serveCommand } from './commands/history/serve.ts';
import { stateCommand } from './commands/history/state.ts';
import { tokenCommands } from './commands/history/token.ts';
import { controlCommands } from './commands/rollout/control.ts';
import { importCommand } from './commands/rollout/import.ts';
import { planCommands } from './commands/rollout/plan-apply.ts';
import { rollbackCommand } from './commands/rollout/rollback.ts';
import { scheduleCommand } from './commands/rollout/schedule.ts';
import { showCommand } from './commands/rollout/show.ts';
import { validateCommand } from './commands/rollout/validate.ts';
import { workerCommands } from './commands/rollout/worker.ts';
import { refuseHabits } from './habits.ts';
import { withoutBooleanValues } from './node-flags.ts';
import { asTyped, type TypedPlace } from './terminal/as-typed.ts';
import { explain } from './terminal/explain.ts';
import { maskedWorld } from './terminal/masked-world.ts';
import type { World } from './world.ts';

/**
 * Builds the tree of commands.
 * @param done gets the exit code
 * @param typed gets the place of state that the command line names
 */
export function buildProgram(
  world: World,
  done: (exit: number) => void,
  typed: (place: TypedPlace) => void = () => {},
): Command {
  const program = baseProgram(world, typed);
  checkCommand(program, world, done);
  planCommands(program, world, done);
  showCommand(program, world, done);
  driftCommand(program, world, done);
  rollbackCommand(program, world, done);
  runsCommands(program, world, done);
  reportCommand(program, world, done);
  auditCommand(program, world, done);
  serveCommand(program, world, done);
  tokenCommands(program, world, done);
  stateCommand(program, world, done);
  controlCommands(program, world, done);
  validateCommand(program, world, done);
  importCommand(program, world, done);
  inventoryCommand(program, world, done);
  docsCommands(program, world, done);
  doctorCommand(program, world, done);
  nodeCommands(program, world, done);
  scheduleCommand(program, world, done);
  workerCommands(program, world, done);
  labCommand(program, world, done);
  completionCommand(program, world, done);
  manCommand(program, world, done);
  for (const command of program.commands) command.exitOverride();
  return program;
}

const asKmend = (args: readonly string[]): readonly string[] =>
  args[0] === 'drain' ? withoutBooleanValues(args) : args;

/** Runs one command line and returns its exit code. It never throws for an error of the user. */
export async function runCommandLine(args: readonly string[], given: World): Promise<number> {
  let place: TypedPlace | undefined;
  const again = (line: string): string => (place === undefined ? line : asTyped(line, place));
  const world = maskedWorld({
    ...given,
    colour: given.colour && !args.includes('--no-color'),
    out: (line) => given.out(again(line)),
    data: (line) => given.data(again(line)),
    err: (line) => given.err(again(line)),
  });
  let exit = 0;
  const program = buildProgram(
    world,
    (code) => {
      exit = code;
    },
    (named) => {
      place = named;
    },
  );
  try {
    refuseHabits(args);
    await program.parseAsync(asKmend(args), { from: 'user' });
    return exit;
  } catch (error) {
    return explain(error, world, args.includes('--json'));
  }
}
