// `kmend state`: the database in which several machines keep their runs.
import type { Command } from 'commander';
import { databaseOf } from '../../../app/session/flags.ts';
import { stateOption } from '../../options.ts';
import type { World } from '../../world.ts';

interface MigrateFlags {
  readonly state?: string;
  readonly workerRole: string;
  readonly readerRole: string;
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
