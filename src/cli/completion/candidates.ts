// What may follow on a command line: words from the tree of commands, and the kinds of names that
// only the state directory or the inventory has.
import type { Command, Option } from 'commander';

export interface Candidate {
  readonly word: string;
  readonly about: string;
}

interface Found {
  readonly words?: readonly Candidate[];
  /** Names that are looked up. */
  readonly lookup?: 'runs' | 'hosts' | 'jobs' | 'playbooks' | 'topics';
  /** What the shell completes itself. */
  readonly paths?: 'files' | 'directories';
}

/** Options that were typed before, and decide where names are looked up. */
export interface Typed {
  readonly inventory?: readonly string[];
  readonly state?: string;
  readonly stateDir?: string;
}

/** A command line up to a word. */
interface Place {
  readonly command: Command;
  /** Number of its arguments so far. */
  readonly count: number;
  /** The option whose value the word is. */
  readonly pending?: Option;
  readonly typed: Typed;
}

/** Candidates for the last of these words. */
export function candidatesFor(
  program: Command,
  line: readonly string[],
): Found & { readonly typed: Typed } {
  let place: Place = { command: program, count: 0, typed: {} };
  for (const word of line.slice(0, -1)) place = step(place, word, program);
  return { ...at(place, line.at(-1) ?? ''), typed: place.typed };
}

function step(place: Place, word: string, program: Command): Place {
  const { pending, ...rest } = place;
  if (pending !== undefined) return { ...rest, typed: withValue(rest.typed, pending, word) };
  if (word === '--')
    return carriesCommandLine(place.command) ? { ...rest, command: program, count: 0 } : place;
  if (word.startsWith('-')) {
    const option = optionsOf(place.command).find(
      ({ long, short }) => long === word || short === word,
    );
    return option?.required === true ? { ...place, pending: option } : place;
  }
  const below =
    place.count === 0 ? place.command.commands.find((one) => one.name() === word) : undefined;
  return below === undefined ? { ...place, count: place.count + 1 } : { ...place, command: below };
}

function withValue(typed: Typed, option: Option, value: string): Typed {
  switch (option.long) {
    case '--inventory':
      return { ...typed, inventory: [...(typed.inventory ?? []), value] };
    case '--state':
      return { ...typed, state: value };
    case '--state-dir':
      return { ...typed, stateDir: value };
    default:
      return typed;
  }
}

/** After `--` stands a command line of kmend. */
const carriesCommandLine = ({ registeredArguments }: Command): boolean =>
  registeredArguments.some((argument) => argument.name() === 'command');

const optionsOf = (command: Command): readonly Option[] =>
  command.createHelp().visibleOptions(command);

function at({ command, count, pending }: Place, current: string): Found {
  if (pending !== undefined) return ofValue(pending);
  if (current.startsWith('-'))
    return {
      words: optionsOf(command).map(({ long, short, description }) => ({
        word: long ?? short ?? '',
        about: description,
      })),
    };
  const below =
    count > 0
      ? []
      : command
          .createHelp()
          .visibleCommands(command)
          .map((one) => ({ word: one.name(), about: one.description() }));
  const own = ofArgument(command, count);
  return { ...own, words: [...below, ...(own.words ?? [])] };
}

const wordsOf = (words: readonly string[]): Found => ({
  words: words.map((word) => ({ word, about: '' })),
});

const hosts: Found = { lookup: 'hosts' };
const playbooks: Found = { lookup: 'playbooks', paths: 'files' };

/** By the name of an argument, or of the value of an option. */
const byName: Readonly<Record<string, Found>> = {
  run: { lookup: 'runs' },
  hosts,
  node: hosts,
  pattern: hosts,
  group: hosts,
  playbook: playbooks,
  playbooks,
  'playbook or plan': playbooks,
  plan: { paths: 'files' },
  file: { paths: 'files' },
  path: { paths: 'files' },
  dir: { paths: 'directories' },
  place: { paths: 'directories' },
  topic: { lookup: 'topics' },
  command: wordsOf(['--']),
};

function ofArgument(command: Command, index: number): Found {
  const last = command.registeredArguments.at(-1);
  const argument =
    command.registeredArguments[index] ?? (last?.variadic === true ? last : undefined);
  if (argument === undefined) return {};
  if (argument.argChoices !== undefined) return wordsOf(argument.argChoices);
  if (argument.name() === 'name' && command.name() !== 'install') return { lookup: 'jobs' };
  if (argument.name() === 'what') return wordsOf(['show', 'prune']);
  return byName[argument.name()] ?? {};
}

/** Options whose value is one of a few words, or has a name that says less. */
export const byOption: Readonly<Record<string, Found>> = {
  '--become-method': wordsOf(['sudo', 'su', 'doas']),
  '--rollback': wordsOf(['by_command', 'failed_host', 'none']),
  '--unplannable': wordsOf(['leave_out', 'stop', 'ask']),
  '--playbook': playbooks,
  '--host': hosts,
};

function ofValue({ long, flags }: Option): Found {
  const [, value = ''] = /[<[]([^>\]]+)/.exec(flags) ?? [];
  return byOption[long ?? ''] ?? byName[value] ?? {};
}
