// The command line: the tree of commands, and the one place where their mistakes become words and an exit code.
import { Command, CommanderError } from 'commander';
import { DamagedError, StateRefusal, StateWriteError, stateError } from '../adapters/store/index.ts';
import { Mistakes, printMistakes } from '../app/session/diagnostics.ts';
import { readInputVars } from '../app/session/extra-vars.ts';
import type { FleetFlags } from '../app/session/flags.ts';
import { maskedWorld } from '../app/session/secrets.ts';
import { paintOf } from '../app/session/settings.ts';
import { CommandError, printText, type World } from '../app/session/world.ts';
import { asTyped } from './as-typed.ts';
import { auditCommand } from './audit.ts';
import { checkCommand } from './check.ts';
import { configure } from './configuration.ts';
import { controlCommands } from './control.ts';
import { docsCommands } from './docs.ts';
import { doctorCommand } from './doctor.ts';
import { driftCommand } from './drift.ts';
import { inventoryCommand } from './inventory.ts';
import { labCommand } from './lab.ts';
import { nodeCommands } from './node.ts';
import { withoutBooleanValues } from './node-flags.ts';
import { planCommands } from './plan-apply.ts';
import { rollbackCommand } from './rollback.ts';
import { runsCommands } from './runs.ts';
import { scheduleCommand } from './schedule.ts';
import { validateCommand } from './validate.ts';

const helpWidth = 80;

/** Builds the tree. `done` gets the exit code of the command that ran; `typed` the state directory that its command line names. */
export function buildProgram(world: World, done: (exit: number) => void, typed: (stateDir: string) => void = () => {}): Command {
  const program = new Command('kmend')
    .description(
      'Takes fleets of Linux hosts out of the kernel-memory-accounting leak of the 3.10 kernel: checks, plans, drains, remediates, reboots, proves.',
    )
    .version(world.version, '-V, --version')
    .showHelpAfterError('(kmend --help, kmend COMMAND --help)')
    .exitOverride()
    // The longest option of `drain` leaves less than the 40 columns below which commander wraps nothing.
    .configureHelp({ minWidthToWrap: 30 })
    .configureOutput({
      writeOut: (text) => printText(text, world.out),
      writeErr: (text) => printText(text, world.err),
      // The same text in every terminal and pipe, so that the entry can print what the build has written (scripts/build.mjs).
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
    });
  program.option('--trust-files', 'for this run: obey files that others could have written, and links that lead out of the project');
  program.hook('preAction', async (_, command) => {
    if (command.optsWithGlobals().trustFiles === true) world.trust.trustAll();
    if (command.getOptionValueSource('stateDir') === 'cli') typed(command.opts<FleetFlags>().stateDir ?? '');
    configure(command, world);
    await readInputVars(command.opts<FleetFlags>().extraVars ?? [], world);
  });
  checkCommand(program, world, done);
  planCommands(program, world, done, runCommandLine);
  driftCommand(program, world, done);
  rollbackCommand(program, world, done);
  runsCommands(program, world, done);
  auditCommand(program, world, done);
  controlCommands(program, world, done);
  validateCommand(program, world, done);
  inventoryCommand(program, world, done);
  docsCommands(program, world, done);
  doctorCommand(program, world, done);
  nodeCommands(program, world, done, runCommandLine);
  scheduleCommand(program, world, done, runCommandLine);
  labCommand(program, world, done, runCommandLine);
  for (const command of program.commands) command.exitOverride();
  return program;
}

const asKmend = (args: readonly string[]): readonly string[] => (args[0] === 'drain' ? withoutBooleanValues(args) : args);

/** Runs one command line and gives its exit code; never throws for a user's mistake. */
export async function runCommandLine(args: readonly string[], given: World): Promise<number> {
  let stateDir = '';
  const again = (line: string): string => (stateDir === '' ? line : asTyped(line, stateDir));
  const world = maskedWorld({ ...given, out: (line) => given.out(again(line)), err: (line) => given.err(again(line)) });
  let exit = 0;
  const program = buildProgram(
    world,
    (code) => {
      exit = code;
    },
    (named) => {
      stateDir = named;
    },
  );
  try {
    await program.parseAsync(asKmend(args), { from: 'user' });
    return exit;
  } catch (error) {
    return explain(error, world);
  }
}

/** Where it happened. What comes before in a stack is the message, which may hold the text of others. */
const framesOf = (error: unknown): readonly string[] =>
  error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at ')) : [];

function explain(error: unknown, world: World): number {
  const paint = paintOf(world);
  if (error instanceof Mistakes) {
    printMistakes(error, world, paint);
    return 3;
  }
  if (error instanceof CommandError) {
    world.err(`${paint.red('kmend:')} ${error.message}`);
    if (error.hint !== undefined) world.err(`  ${paint.cyan('hint:')} ${error.hint}`);
    return error.exit;
  }
  if (error instanceof DamagedError) {
    world.err(`${paint.red('kmend:')} ${error.message}`);
    world.err(`  ${paint.cyan('hint:')} somebody or something changed this file: nothing is done by it`);
    return 1;
  }
  if (error instanceof StateWriteError) {
    world.err(`${paint.red('kmend:')} ${error.message}; nothing was done on any host`);
    world.err(`  ${paint.cyan('hint:')} ${error.remedy}, or keep runs elsewhere: --state-dir DIR`);
    return 1;
  }
  if (error instanceof StateRefusal) {
    world.err(`${paint.red('kmend:')} ${error.message}: it is not kmend's own, and is neither read nor written`);
    world.err(`  ${paint.cyan('hint:')} see who put it there and remove it, or keep runs elsewhere: --state-dir DIR`);
    return 1;
  }
  const ofDisk = stateError(error, 'the state directory');
  if (ofDisk !== undefined) {
    world.err(`${paint.red('kmend:')} ${ofDisk.message}`);
    world.err(`  ${paint.cyan('hint:')} ${ofDisk.remedy}, or name another place`);
    return 1;
  }
  // Commander has printed its own words; help and version end with 0, anything else is a usage error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 3;
  world.err(`${paint.red('kmend: internal error')} (version ${world.version}): ${String(error)}`);
  for (const line of framesOf(error)) world.err(line);
  world.err('This is a fault of kmend, not yours. Please report it with these lines; a run under way can be taken up with `kmend resume`.');
  return 1;
}
