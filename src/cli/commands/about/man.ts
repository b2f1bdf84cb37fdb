// `kmend man`: manual pages, made from the commands.
import { join } from 'node:path';
import type { Command } from 'commander';
import { CommandError } from '../../../app/session/world.ts';
import { manPage, pageName, pagesBelow } from '../../man.ts';
import { printText, type World } from '../../world.ts';

export function manCommand(program: Command, world: World, done: (exit: number) => void): void {
  program
    .command('man')
    .description('print the manual page of a command: kmend man apply | man -l -')
    .argument('[command...]', 'kmend itself, where none is given')
    .option('--write <dir>', 'write all pages into this directory')
    .action(async (words: readonly string[], flags: { readonly write?: string }) => {
      const { write } = flags;
      if (write === undefined) printText(manPage(named(program, words), world.version), world.out);
      else await writeAll(program, write, world);
      done(0);
    });
}

function named(program: Command, words: readonly string[]): Command {
  const [first, ...rest] = words;
  if (first === undefined) return program;
  const found = program.commands.find((command) => command.name() === first);
  if (found === undefined)
    throw new CommandError(3, `there is no command ${words.join(' ')}`, 'kmend --help lists them');
  return named(found, rest);
}

async function writeAll(program: Command, folder: string, world: World): Promise<void> {
  for (const command of pagesBelow(program)) {
    const path = join(folder, pageName(command));
    try {
      await world.files.write(path, manPage(command, world.version), 0o644);
    } catch (error) {
      throw new CommandError(
        1,
        `${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    world.out(path);
  }
}
