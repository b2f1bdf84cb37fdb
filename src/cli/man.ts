// Manual pages of the commands, in the macros of man(7), from the tree of commands.
import type { Command } from 'commander';

/** What an exit code means, for all commands; README.md says more. */
export const exitCodes: readonly (readonly [string, string])[] = [
  ['0', 'done, or nothing to do'],
  ['1', 'internal or I/O error'],
  ['2', 'plan, check, drift: changes are needed; import: a decision is left'],
  ['3', 'usage, schema or inventory error'],
  [
    '4',
    'a host failed, was refused, or was left out of service by another run; import: too little can be kept',
  ],
  ['5', 'hosts were left unstarted because of the brake or kept slots'],
  ['6', 'hosts, or the cluster, are unreachable; nothing else failed'],
  ['7', 'locked by another run'],
  ['8', 'the saved plan is stale'],
  ['9', 'outside the window, or frozen'],
  ['10', 'a gate is closed, there is no capacity, or the cluster is away'],
  ['11', 'no host matched'],
  ['12', 'done, but a host could not be verified, is proven in part, or is unknown'],
  ['130/143', 'interrupted, journal closed cleanly'],
];

const files: readonly (readonly [string, string])[] = [
  ['kmend.yaml', 'settings of the project, in the working directory'],
  ['~/.config/kmend/config.yaml', 'your own settings'],
  ['~/.local/state/kmend', 'runs and jobs (--state-dir, KMEND_STATE_DIR)'],
];

const named = (command: Command): readonly string[] => [
  ...(command.parent === null ? [] : named(command.parent)),
  command.name(),
];

/** All commands that have a page. */
export const pagesBelow = (command: Command): readonly Command[] => [
  command,
  ...command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== 'help')
    .flatMap(pagesBelow),
];

export const pageName = (command: Command): string => `${named(command).join('-')}.1`;

/** Text of a page: no line of it is a request, and no character an escape. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');

const reference = (command: Command): string => `.BR ${roff(named(command).join('-'))} (1)`;

const entries = (rows: readonly (readonly [string, string])[]): readonly string[] =>
  rows.flatMap(([term, text]) => ['.TP', `.B ${roff(term)}`, roff(text === '' ? term : text)]);

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`.SH ${title}`, ...lines];

export function manPage(command: Command, version: string): string {
  const help = command.createHelp();
  const name = named(command).join('-');
  const isRoot = command.parent === null;
  const above = pagesBelow(command).slice(1);
  const related = command.parent === null ? above : [command.parent, ...above];
  const lines = [
    `.TH ${roff(name.toUpperCase())} 1 "" "kmend ${version}" "kmend"`,
    ...section('NAME', [`${roff(name)} \\- ${roff(command.description())}`]),
    ...section('SYNOPSIS', [`.B ${roff(help.commandUsage(command))}`]),
    ...section(
      'ARGUMENTS',
      entries(
        help
          .visibleArguments(command)
          .map((one) => [help.argumentTerm(one), help.argumentDescription(one)]),
      ),
    ),
    ...section(
      'OPTIONS',
      entries(
        help
          .visibleOptions(command)
          .map((one) => [help.optionTerm(one), help.optionDescription(one)]),
      ),
    ),
    ...section(
      'COMMANDS',
      entries(
        help
          .visibleCommands(command)
          .map((one) => [help.subcommandTerm(one), help.subcommandDescription(one)]),
      ),
    ),
    ...section('NOTES', notesOf(command)),
    ...(isRoot ? [...section('EXIT STATUS', entries(exitCodes))] : []),
    ...(isRoot ? [...section('FILES', entries(files))] : []),
    ...section(
      'SEE ALSO',
      related.map((one, index) => reference(one) + (index + 1 < related.length ? ',' : '')),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

/** What a command adds to its help; commander gives it only while it prints the help. */
function notesOf(command: Command): readonly string[] {
  const printed: string[] = [];
  command.configureOutput({ writeOut: (text) => void printed.push(text) });
  command.outputHelp();
  return printed
    .slice(1)
    .join('')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line, index) => [...(index === 0 ? [] : ['.PP']), roff(line.trim())]);
}
