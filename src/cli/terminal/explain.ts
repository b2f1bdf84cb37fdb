// Prints the error that ends a command, and gives its exit code. No other place does.
import { CommanderError } from 'commander';
import { InputErrors } from '../../app/session/diagnostics.ts';
import { CommandError } from '../../app/session/world.ts';
import { withoutNamedSecrets } from '../../core/plan/secrets.ts';
import {
  DamagedError,
  StateRefusal,
  StateWriteError,
  stateError,
} from '../../engine/ports/state-errors.ts';
import { diagnosticsText } from '../../screens/diagnostics.ts';
import { type Paint, plural } from '../../screens/layout.ts';
import { paintOf, type World } from '../world.ts';

/** The frames of the stack, without the message, which may hold text of a host. */
const framesOf = (error: unknown): readonly string[] =>
  error instanceof Error
    ? (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
    : [];

/** Prints an error that ends a command, and gives the exit code for it. */
export function explain(error: unknown, world: World): number {
  const paint = paintOf(world);
  if (error instanceof InputErrors) {
    printErrors(error, world, paint);
    return 3;
  }
  if (error instanceof CommandError) {
    world.err(`${paint.red('kmend:')} ${error.message}`);
    if (error.hint !== undefined) world.err(`  ${paint.cyan('hint:')} ${error.hint}`);
    return error.exit;
  }
  if (error instanceof DamagedError) {
    world.err(`${paint.red('kmend:')} ${error.message}`);
    world.err(`  ${paint.cyan('hint:')} this file was changed, so kmend does nothing by it`);
    return 1;
  }
  if (error instanceof StateWriteError) {
    world.err(`${paint.red('kmend:')} ${error.message}; nothing was done on any host`);
    world.err(`  ${paint.cyan('hint:')} ${error.remedy}, or keep runs elsewhere: --state-dir DIR`);
    return 1;
  }
  if (error instanceof StateRefusal) {
    world.err(
      `${paint.red('kmend:')} ${error.message}: it is not kmend's own, and is neither read nor written`,
    );
    world.err(
      `  ${paint.cyan('hint:')} see who put it there and remove it, or keep runs elsewhere: --state-dir DIR`,
    );
    return 1;
  }
  const ofDisk = stateError(error, 'the state directory');
  if (ofDisk !== undefined) {
    world.err(`${paint.red('kmend:')} ${ofDisk.message}`);
    world.err(`  ${paint.cyan('hint:')} ${ofDisk.remedy}, or name another place`);
    return 1;
  }
  // Commander has printed its message. Help and version end with 0; all others are usage errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 3;
  world.err(`${paint.red('kmend: internal error')} (version ${world.version}): ${String(error)}`);
  for (const line of framesOf(error)) world.err(line);
  world.err(
    'This is a fault of kmend, not yours. Please report it with these lines; a run under way can be taken up with `kmend resume`.',
  );
  return 1;
}

function printErrors({ diagnostics }: InputErrors, world: World, paint: Paint): void {
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
  for (const line of diagnosticsText(diagnostics, paint, shownLine)) world.err(line);
  const errors = diagnostics.filter((one) => one.severity === 'error').length;
  world.err(`${plural(errors, 'error')}: nothing was done`);
}
