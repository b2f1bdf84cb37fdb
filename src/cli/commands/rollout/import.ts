// `kmend import`: drafts a playbook of kmend from one of Ansible.
import type { Command } from 'commander';
import { importPlaybook, type Target, targetsOf } from '../../../app/plan/import.ts';
import type { FleetFlags } from '../../../app/session/flags.ts';
import { type Accounted, type Draft, leastShare, usableShare } from '../../../load/index.ts';
import { pasteable } from '../../../model/text/quote.ts';
import { plural } from '../../../screens/layout.ts';
import { onlyAsked } from '../../configuration.ts';
import { withInputOptions } from '../../options.ts';
import { type ImportLine, printJson } from '../../output.ts';
import { withSession } from '../../terminal/observer.ts';
import { printText, type World } from '../../world.ts';

interface ImportFlags extends FleetFlags {
  readonly output?: string;
}

/** Exit codes: nothing is open, a decision is, too little of the file can be used. */
const exits = { done: 0, open: 2, unworthy: 4 } as const;

export function importCommand(program: Command, world: World, done: (exit: number) => void): void {
  withInputOptions(program.command('import'))
    .description(
      'draft a playbook of kmend from one of Ansible; a comment at each task says what became of it',
    )
    .argument('<playbook>', 'a playbook of Ansible; the files that it names are read, too')
    .option(
      '-o, --output <path>',
      'write it to this file, or with all files that it reads to this directory',
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing is left to decide, 2 a decision is left: `kmend apply` refuses the draft until each `decide` task is answered, ' +
        '3 the playbook cannot be read, 4 it is not worth importing: less than 70 % of its tasks can be kept or replaced, and nothing is written.',
    )
    .action(async (path: string, flags: ImportFlags, command: Command) =>
      done(await importFile(path, flags, onlyAsked(command, world))),
    );
}

function importFile(path: string, flags: ImportFlags, world: World): Promise<number> {
  return withSession(flags, world, async (session) => {
    const draft = await importPlaybook(path, session);
    const exit = exitOf(draft);
    const targets =
      flags.output === undefined || exit === exits.unworthy
        ? []
        : targetsOf(draft, flags.output, session);
    for (const target of targets) await world.files.write(target.path, target.text, 0o644);
    if (flags.json === true) printJson('kmend.import/1', lineOf(path, draft, targets), world);
    else {
      if (flags.output === undefined && exit !== exits.unworthy)
        printText(draft.files[0]?.text ?? '', world.data);
      for (const line of summary(path, draft, targets)) world.err(line);
    }
    return exit;
  });
}

function exitOf({ account }: Draft): number {
  if (usableShare(account) < leastShare) return exits.unworthy;
  return account.some(({ fate }) => fate === 'undecided') ? exits.open : exits.done;
}

const lineOf = (
  playbook: string,
  { account, files }: Draft,
  targets: readonly Target[],
): ImportLine => ({
  playbook,
  share: usableShare(account),
  worth: usableShare(account) >= leastShare,
  account,
  files: files.map(({ path, isChanged }) => {
    const written = targets.find(({ from }) => from === path)?.path;
    return { path, changed: isChanged, ...(written !== undefined && { written }) };
  }),
});

function summary(path: string, draft: Draft, targets: readonly Target[]): readonly string[] {
  const { account, files } = draft;
  const tasks = account.filter(({ what }) => what === 'task');
  const count = (fate: Accounted['fate']): number =>
    tasks.filter((one) => one.fate === fate).length;
  const share = Math.floor(usableShare(account) * 100);
  const isWorth = usableShare(account) >= leastShare;
  const lines = [
    `${path}: ${plural(tasks.length, 'task')}: ${count('kept')} kept, ${count('replaced')} replaced, ` +
      `${count('dropped')} dropped, ${count('undecided')} to decide (${share} % kept or replaced)`,
    ...account.filter(({ fate, what }) => fate === 'undecided' || what !== 'task').map(lineAbout),
    ...targets.map((target) => `Written: ${target.path}`),
  ];
  if (!isWorth)
    return [
      ...lines,
      `Not worth importing: less than ${leastShare * 100} % can be kept or replaced. Write it anew: see kmend docs coming-from-ansible.`,
    ];
  const others = files.slice(1).filter(({ isChanged }) => isChanged);
  const [playbook] = targets;
  return [
    ...lines,
    ...(playbook === undefined && others.length > 0
      ? [`Changed too: ${others.map((one) => one.path).join(', ')}: -o DIRECTORY/ writes all files`]
      : []),
    ...(playbook === undefined ? [] : [`Next: kmend plan ${pasteable(playbook.path)}`]),
  ];
}

function lineAbout({ place: { file, line, column }, fate, name, why = '' }: Accounted): string {
  const word = fate === 'undecided' ? 'DECIDE' : fate;
  return `${file}:${line}:${column}: ${word}: ${name}: ${why}`;
}
