// `kmend completion`: scripts for shells. They ask the hidden command `__complete` what may follow.
import { Argument, type Command } from 'commander';
import { allJobs } from '../../../app/jobs/jobs.ts';
import { shippedPlaybooks } from '../../../app/plan/shipped.ts';
import type { FleetFlags } from '../../../app/session/flags.ts';
import { loadFleet } from '../../../app/session/fleet.ts';
import type { Session } from '../../../app/session/session.ts';
import { quote } from '../../../model/text/quote.ts';
import { cutTo } from '../../../screens/layout.ts';
import { type Candidate, candidatesFor } from '../../completion/candidates.ts';
import bash from '../../completion/kmend.bash';
import fish from '../../completion/kmend.fish';
import zsh from '../../completion/kmend.zsh';
import { withFleetOptions } from '../../options.ts';
import { withSession } from '../../terminal/observer.ts';
import { printText, type World } from '../../world.ts';
import { topics } from './docs.ts';

const scripts: ReadonlyMap<string, string> = new Map([
  ['bash', bash],
  ['zsh', zsh],
  ['fish', fish],
]);

export function completionCommand(
  program: Command,
  world: World,
  done: (exit: number) => void,
): void {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices([...scripts.keys()]))
    .addHelpText(
      'after',
      `
bash: source <(kmend completion bash)       in ~/.bashrc
zsh:  source <(kmend completion zsh)        in ~/.zshrc, after compinit
fish: kmend completion fish | source        in ~/.config/fish/config.fish`,
    )
    .action((shell: string) => {
      printText(scripts.get(shell) ?? '', world.out);
      done(0);
    });
  withFleetOptions(program.command('__complete', { hidden: true }))
    .argument('[words...]')
    .action(async (words: readonly string[], flags: FleetFlags) => {
      for (const line of await complete(program, words, flags, world)) world.out(line);
      done(0);
    });
}

async function complete(
  program: Command,
  words: readonly string[],
  flags: FleetFlags,
  world: World,
): Promise<readonly string[]> {
  const { typed, lookup, paths, words: known = [] } = candidatesFor(program, words);
  const found = lookup === undefined ? [] : await lookedUp(lookup, { ...flags, ...typed }, world);
  const current = words.at(-1) ?? '';
  return [
    ...[...known, ...found]
      // A shell puts a word on the line as it is: none may need quotes.
      .filter(({ word }) => word.startsWith(current) && quote(word) === word)
      .map(({ word, about }) => `${word}\t${cutTo(about, 60)}`),
    ...(paths === undefined ? [] : [`:${paths}`]),
  ];
}

type Lookup = NonNullable<ReturnType<typeof candidatesFor>['lookup']>;

/** Names, or none where they cannot be read: a completion prints no error. */
async function lookedUp(
  lookup: Lookup,
  flags: FleetFlags,
  world: World,
): Promise<readonly Candidate[]> {
  // No inventory program is run: nobody has asked for it.
  const { run: _run, ...reader } = world.reader;
  const silent: World = { ...world, reader, out: () => {}, err: () => {} };
  return withSession(flags, silent, (session) => names(lookup, session, world)).catch(() => []);
}

async function names(
  lookup: Lookup,
  session: Session,
  world: World,
): Promise<readonly Candidate[]> {
  switch (lookup) {
    case 'runs':
      return (await (await session.ports.store()).runs())
        .map(({ run, play }) => ({ word: run, about: play }))
        .toReversed();
    case 'hosts': {
      const { hosts, groups } = loadFleet(session, { partial: true });
      return [
        ...[...hosts.keys()].map((word) => ({ word, about: 'host' })),
        ...[...groups.keys()].map((word) => ({ word, about: 'group' })),
      ];
    }
    case 'jobs':
      return (await allJobs(session)).map(({ name, every }) => ({ word: name, about: every }));
    case 'playbooks':
      return shippedPlaybooks(world).map((word) => ({ word, about: 'comes with kmend' }));
    case 'topics':
      return topics(world);
  }
}
