// Prints the error that ends a command, and gives its exit code. No other place does.
import { CommanderError } from 'commander';
import { InputErrors } from '../../app/session/diagnostics.ts';
import { CommandError } from '../../app/session/world.ts';
import { withoutNamedSecrets } from '../../core/plan/secrets.ts';
import {
  DamagedError,
  DatabaseError,
  DatabaseWriteError,
  JournalLostError,
  RunTakenError,
  StateAwayError,
  StateRefusal,
  StateWriteError,
  stateError,
} from '../../engine/ports/state-errors.ts';
import { present } from '../../model/present.ts';
import { diagnosticsText } from '../../screens/diagnostics.ts';
import { type Paint, plural } from '../../screens/layout.ts';
import { habitHint } from '../habits.ts';
import { type ErrorLine, printJson } from '../output.ts';
import { paintOf, type World } from '../world.ts';

/** The frames of the stack, without the message, which may hold text of a host. */
const framesOf = (error: unknown): readonly string[] =>
  error instanceof Error
    ? (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
    : [];

/**
 * Prints an error that ends a command, and gives the exit code for it.
 * @param json prints it as an object on standard output, too
 */
export function explain(error: unknown, world: World, json = false): number {
  const described = describe(error);
  if (described === undefined) return 0;
  const { kind, exit, message, hint } = described;
  if (json) printJson('kmend.error/1', described, world);
  const paint = paintOf(world);
  if (error instanceof InputErrors) printErrors(error, message, world, paint);
  else if (kind === 'internal') printInternal(error, world, paint);
  else {
    // Commander has printed its message.
    if (kind !== 'usage') world.err(`${paint.red('kmend:')} ${message}`);
    if (hint !== undefined) world.err(`  ${paint.cyan('hint:')} ${hint}`);
  }
  return exit;
}

/** Undefined: no error, but help or the version. */
function describe(error: unknown): ErrorLine | undefined {
  if (error instanceof InputErrors) {
    const { diagnostics } = error;
    const errors = diagnostics.filter((one) => one.severity === 'error').length;
    const message = `${plural(errors, 'error')}: nothing was done`;
    return { kind: 'input', exit: 3, message, diagnostics };
  }
  if (error instanceof CommandError) {
    const { exit, message, hint } = error;
    return { kind: 'command', exit, message, ...present({ hint }) };
  }
  if (error instanceof CommanderError)
    return error.exitCode === 0
      ? undefined
      : {
          kind: 'usage',
          exit: 3,
          message: error.message.replace(/^error: /, ''),
          ...present({ hint: habitHint(error.message) }),
        };
  if (error instanceof RunTakenError)
    return {
      kind: 'state',
      exit: 7,
      message: error.message,
      hint: 'nothing more was done here; see `kmend runs`',
    };
  const ofState = describeState(error);
  return ofState === undefined
    ? { kind: 'internal', exit: 1, message: String(error) }
    : { kind: 'state', exit: 1, ...ofState };
}

function describeState(error: unknown): Pick<ErrorLine, 'message' | 'hint'> | undefined {
  if (error instanceof DamagedError)
    return {
      message: error.message,
      hint: 'this file was changed, so kmend does nothing by it',
    };
  if (error instanceof StateWriteError)
    return {
      message: `${error.message}; nothing was done on any host`,
      hint:
        error instanceof DatabaseWriteError
          ? error.remedy
          : `${error.remedy}, or keep runs elsewhere: --state-dir DIR`,
    };
  if (error instanceof StateAwayError || error instanceof JournalLostError)
    return {
      message: error.message,
      hint: 'nothing more was done on any host; see `kmend doctor`',
    };
  if (error instanceof DatabaseError) return { message: error.message, hint: error.remedy };
  if (error instanceof StateRefusal)
    return {
      message: `${error.message}: it is not kmend's own, and is neither read nor written`,
      hint: 'see who put it there and remove it, or keep runs elsewhere: --state-dir DIR',
    };
  const ofDisk = stateError(error, 'the state directory');
  return ofDisk && { message: ofDisk.message, hint: `${ofDisk.remedy}, or name another place` };
}

function printInternal(error: unknown, world: World, paint: Paint): void {
  world.err(`${paint.red('kmend: internal error')} (version ${world.version}): ${String(error)}`);
  for (const line of framesOf(error)) world.err(line);
  world.err(
    'This is a fault of kmend, not yours. Please report it with these lines; a run under way can be taken up with `kmend resume`.',
  );
}

function printErrors(
  { diagnostics }: InputErrors,
  message: string,
  world: World,
  paint: Paint,
): void {
  // A file that must not be read is not quoted.
  const unread = diagnostics
    .filter((one) => one.code === 'unreadable')
    .map((one) => [one.place?.file ?? '', []] as const);
  const sources = new Map<string, readonly string[]>(unread);
  const lineOf = (file: string, line: number): string | undefined => {
    let lines = sources.get(file);
    if (lines === undefined) {
      const read = world.reader.readText(file);
      lines = read.ok ? read.text.split('\n') : [];
      sources.set(file, lines);
    }
    return lines[line - 1];
  };
  // Each line is prepared once: it may be megabytes long and have many errors.
  const shown = new Map<string, string | undefined>();
  const shownLine = (file: string, line: number): string | undefined => {
    const key = `${line} ${file}`;
    if (!shown.has(key)) {
      const found = lineOf(file, line);
      shown.set(key, found && withoutNamedSecrets(found));
    }
    return shown.get(key);
  };
  const columns = world.isTerminal ? world.width() : undefined;
  for (const line of diagnosticsText(diagnostics, paint, shownLine, columns)) world.err(line);
  world.err(message);
}
