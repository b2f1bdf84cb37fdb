// `kmend state`: the database in which several machines keep their runs.
import type { Command } from 'commander';
import { type Copied, copyDocuments, copyRecords, copyRun } from '../../../app/history/copy.ts';
import { examineState, isUsable } from '../../../app/session/database.ts';
import { databaseOf, statePlaceOf } from '../../../app/session/flags.ts';
import { CommandError } from '../../../app/session/world.ts';
import type { Inspected } from '../../../engine/ports/database.ts';
import type { Store } from '../../../engine/ports/store.ts';
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
  state
    .command('copy')
    .description(
      'copy runs that are over or interrupted, and without RUN also jobs and records, to another state; what is there stays, so it may be repeated; run it as the owner of a database',
    )
    .argument('<from>', 'a directory, or postgres://HOST/DATABASE')
    .argument('<to>', 'a directory, or postgres://HOST/DATABASE')
    .argument('[runs...]', 'only these runs')
    .action(async (from: string, to: string, runs: readonly string[]) =>
      done(await copy({ from, to, runs }, world)),
    );
}

interface Copy {
  readonly from: string;
  readonly to: string;
  readonly runs: readonly string[];
}

/** Why a run was not copied, and the command failed. */
const refusals: ReadonlyMap<Copied, string> = new Map([
  ['under_way', 'is under way: copy it when it has ended'],
  ['differs', 'is there with another journal, which stays'],
  ['changed', 'was changed: see `kmend audit verify`'],
  ['missing', 'is not in this state'],
]);

async function copy({ from, to, runs }: Copy, world: World): Promise<number> {
  const places = [from, to].map((state) => statePlaceOf({ state }, world));
  if (places[0]?.state === places[1]?.state)
    throw new CommandError(3, 'a state cannot be copied to itself');
  const stores: Store[] = [];
  try {
    for (const place of places) stores.push(await world.store(place));
    const [source, target] = stores as [Store, Store];
    return await copyAll(source, target, runs, world);
  } finally {
    for (const store of stores) await store.close();
  }
}

async function copyAll(
  from: Store,
  to: Store,
  named: readonly string[],
  world: World,
): Promise<number> {
  const counts = new Map<Copied, number>();
  for (const run of named.length > 0 ? named : await from.history.names()) {
    const copied = await copyRun(from, to, run);
    counts.set(copied, (counts.get(copied) ?? 0) + 1);
    const refusal = refusals.get(copied);
    if (copied === 'copied') world.out(`run ${run} copied`);
    else if (refusal !== undefined) world.err(`run ${run} ${refusal}`);
  }
  const of = (what: Copied): number => counts.get(what) ?? 0;
  const refused = [...refusals.keys()].reduce((sum, what) => sum + of(what), 0);
  world.out(
    `${plural(of('copied'), 'run')} copied, ${of('there')} there already, ${of('removed')} removed there, ${of('empty')} that never began${refused === 0 ? '' : `, ${refused} refused`}`,
  );
  if (named.length === 0) {
    const { copied, differ } = await copyDocuments(from, to);
    const records = await copyRecords(from, to);
    world.out(
      `${plural(copied, 'job or record of hosts', 'jobs and records of hosts')} copied, ${plural(records, 'record of a removed run', 'records of removed runs')} copied`,
    );
    for (const name of differ) world.out(`${name} is there with another text, which stays`);
  }
  return refused > 0 ? 1 : 0;
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
  const { database } = found;
  if (database === null || database.may === 'nothing') return exit;
  const { runs, bytes, processes } = database;
  world.out(`${plural(runs, 'run')}, ${Math.ceil(bytes / 1024 ** 2)} MiB on disk`);
  for (const line of processLines(processes, world.width())) world.out(line);
  return exit;
}

function processLines(processes: Inspected['processes'], width: number): readonly string[] {
  if (processes.length === 0) return ['no process uses it now'];
  const rows = processes.map(({ kind, who, since }) => [kind, who, utcTime(since)]);
  return table([['process', 'which', 'since'], ...rows], width);
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
