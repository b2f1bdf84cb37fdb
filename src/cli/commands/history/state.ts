// `kmend state`: the database in which several machines keep their runs.
import type { Command } from 'commander';
import { examineState, isUsable } from '../../../app/session/database.ts';
import { databaseOf } from '../../../app/session/flags.ts';
import { plural } from '../../../model/text/plural.ts';
import { table, utcTime } from '../../../screens/layout.ts';
import { stateLines } from '../../../screens/state-text.ts';
import { stateOption } from '../../options.ts';
import { printJson } from '../../output.ts';
import type { World } from '../../world.ts';

interface MigrateFlags {
  readonly state?: string;
  readonly workerRole: string;
  readonly readerRole: string;
}

interface ShowFlags {
  readonly state?: string;
  readonly json?: boolean;
}

export function stateCommand(program: Command, world: World, done: (exit: number) => void): void {
  const state = program
    .command('state')
    .description('the database of state that several machines share');
  state
    .command('migrate')
    .description(
      'create the schema of kmend in a database, or bring it to the version of this kmend; run it as the owner',
    )
    .option(...stateOption)
    .option('--worker-role <name>', 'role that runs kmend; created if missing', 'kmend_worker')
    .option('--reader-role <name>', 'role that only reads; created if missing', 'kmend_reader')
    .action(async (flags: MigrateFlags) => done(await migrate(flags, world)));
  state
    .command('show')
    .description('say what the database is like, how much it holds, and which processes use it')
    .option(...stateOption)
    .option('--json', 'a JSON line')
    .action(async (flags: ShowFlags) => done(await show(flags, world)));
}

async function show(flags: ShowFlags, world: World): Promise<number> {
  const found = await examineState(databaseOf(flags), world);
  const exit = isUsable(found) ? 0 : 1;
  if (flags.json === true) {
    printJson('kmend.state/1', found, world);
    return exit;
  }
  world.out(found.state);
  for (const line of stateLines(found)) world.out(line);
  if (found.database === null) return exit;
  const { runs, bytes, processes } = found.database;
  world.out(`${plural(runs, 'run')}, ${Math.ceil(bytes / 1024 ** 2)} MiB on disk`);
  const rows = processes.map(({ kind, who, since }) => [kind, who, utcTime(since)]);
  for (const line of table([['process', 'which', 'since (UTC)'], ...rows], world.width()))
    world.out(line);
  return exit;
}

async function migrate(flags: MigrateFlags, world: World): Promise<number> {
  const url = databaseOf(flags);
  const { from, to, roles, created } = await (await world.stateDatabase()).migrate(url, {
    worker: flags.workerRole,
    reader: flags.readerRole,
  });
  const before = from === 0 ? 'there was none' : `it was ${from}`;
  world.out(from === to ? `schema ${to}: nothing to do` : `schema ${to} (${before})`);
  for (const [role, what] of [
    [roles.worker, 'runs kmend'],
    [roles.reader, 'only reads'],
  ] as const)
    world.out(`role ${role} ${what}${created.includes(role) ? ' (created)' : ''}`);
  world.out(`give a login user its rights with: grant ${roles.worker} to USER;`);
  return 0;
}
