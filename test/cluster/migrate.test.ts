// The schema's migration and the rights of its roles, by a real server.
import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkSchema, migrate } from '../../src/adapters/postgres/operate/migrate.ts';
import { command } from '../cli/real-world.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

const first = readFileSync('src/adapters/postgres/schema/1.sql', 'utf8');
const roles = { worker: 'kmend_worker', reader: 'kmend_reader' };

let server: Postgres;
beforeAll(async () => {
  if (postgresBin !== undefined) server = await startPostgres();
});
afterAll(() => server?.close());

/** Asks in a session of its own. */
async function inSession<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const ask = (url: string, ...statements: readonly string[]): Promise<unknown> =>
  inSession(url, async (client) => {
    for (const statement of statements) await client.query(statement);
  });

const check = (url: string, known?: number): Promise<void> =>
  inSession(url, (client) =>
    checkSchema(
      {
        query: async <Row>(text: string): Promise<readonly Row[]> =>
          (await client.query(text)).rows as Row[],
      },
      url,
      known,
    ),
  );

describe.skipIf(postgresBin === undefined)('a migration', () => {
  it('makes the schema once, also where eight run at once', async () => {
    const url = server.createDatabase('eight');
    await expect(check(url)).rejects.toThrow(/it has no schema of kmend yet/);
    const done = await Promise.all(Array.from({ length: 8 }, () => migrate(url)));
    expect(done.map(({ from }) => from).toSorted()).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
    await check(url);
  });

  it('is a command, which says what it did', async () => {
    const url = server.createDatabase('command');
    const line = ['state', 'migrate', '--state', url];
    const made = await command(line, { home: server.dir });
    expect(made).toMatchObject({ exit: 0, err: '' });
    expect(made.out).toMatch(/^schema 1 \(there was none\)\nrole kmend_worker runs kmend/);
    const again = await command(line, { home: server.dir });
    expect(again.out).toMatch(/^schema 1: nothing to do\n/);
  });

  it('and a program of another version refuse each other, with a sentence', async () => {
    const url = server.createDatabase('versions');
    await migrate(url);
    await expect(check(url, 2)).rejects.toThrow(
      'its schema has version 1, and this kmend needs version 2',
    );
    const two = [first, 'alter table run add more text'];
    expect(await migrate(url, roles, two)).toMatchObject({ from: 1, to: 2 });
    await check(url, 2);
    const newer = 'its schema has version 2, and this kmend knows version 1';
    await expect(check(url)).rejects.toThrow(newer);
    await expect(migrate(url)).rejects.toThrow(newer);
    const said = await command(['state', 'migrate', '--state', url], { home: server.dir });
    expect(said).toMatchObject({ exit: 1, out: '' });
    expect(said.err).toBe(`kmend: ${url}: ${newer}\n  hint: use the newer kmend that migrated it`);
  });

  it('that fails changes nothing', async () => {
    const url = server.createDatabase('fails');
    await migrate(url);
    const broken = [first, 'alter table run add more text; select nothing'];
    await expect(migrate(url, roles, broken)).rejects.toThrow('column "nothing" does not exist');
    await check(url);
    expect(() => server.psql('fails', 'select more from kmend.run')).toThrow('does not exist');
  });

  it('to another version waits for no process: it says which are there', async () => {
    const url = server.createDatabase('used');
    await migrate(url);
    await inSession(url, async (client) => {
      await client.query(`select kmend.enter(null, 'worker', '{"who": "worker on node7"}')`);
      await expect(migrate(url, roles, [first, 'select 1'])).rejects.toThrow(
        'it is in use by worker on node7',
      );
      // The same version is no change.
      expect(await migrate(url)).toMatchObject({ from: 1, to: 1 });
    });
  });

  it('refuses a database that is not for kmend', async () => {
    server.psql(
      'postgres',
      `create database latin template template0 encoding 'LATIN1' locale 'C'`,
    );
    await expect(migrate(server.url('latin'))).rejects.toThrow('its encoding is LATIN1');
    const url = server.createDatabase('other');
    server.psql('other', 'create schema kmend; create table kmend.thing (id int)');
    await expect(migrate(url)).rejects.toThrow('a schema `kmend` that is not of kmend');
    await expect(migrate(server.url('missing'))).rejects.toThrow(
      'database "missing" does not exist',
    );
  });

  it('needs no right to create roles where they are there, and says so where they are not', async () => {
    server.psql('postgres', 'create role owner login');
    server.createDatabase('owned');
    server.psql('postgres', 'alter database owned owner to owner');
    const url = server.url('owned', 'owner');
    const missing = { worker: 'w"x', reader: 'r1' };
    await expect(migrate(url, missing)).rejects.toMatchObject({
      message: expect.stringContaining('there is no role w"x and r1, and this user may not'),
      remedy: 'a superuser runs: create role "w""x" nologin; create role "r1" nologin;',
    });
    server.psql('postgres', 'create role "w""x" nologin; create role "r1" nologin;');
    expect(await migrate(url, missing)).toMatchObject({ created: [] });
  });
});

describe.skipIf(postgresBin === undefined)('the roles', () => {
  let worker: string;
  let reader: string;
  let other: string;
  beforeAll(async () => {
    const url = server.createDatabase('roles');
    await migrate(url);
    server.psql(
      'postgres',
      `create role wanda login; grant kmend_worker to wanda; create role rita login;
       grant kmend_reader to rita; create role sam login`,
    );
    [worker, reader, other] = ['wanda', 'rita', 'sam'].map((role) => server.url('roles', role)) as [
      string,
      string,
      string,
    ];
  });

  const append = (run: string): readonly string[] => [
    `select * from kmend.append('${run}', 1, null, 0, 'root', gen_random_uuid(), array['{"type":"x"}'], null, null, false)`,
  ];
  const lead = (run: string): string =>
    `select * from kmend.lead((select kmend.enter(null, 'command', 'a test')), '${run}', 'root', array['h-${run}'], null)`;

  it('let a worker append, and change no entry', async () => {
    await ask(worker, lead('r1'), ...append('r1'));
    for (const statement of [
      `update kmend.event set line = 'x'`,
      'delete from kmend.event',
      `insert into kmend.event values ('r1', 1, gen_random_uuid(), 'x')`,
      'truncate kmend.event',
      'alter table kmend.event disable trigger all',
      `update kmend.run set head = 'x'`,
      'delete from kmend.host_lock',
      `update kmend.run_file set body = 'x'`,
      'delete from kmend.run_file',
      `update kmend.output set data = ''`,
      'delete from kmend.output',
      'update kmend.meta set schema = 7',
      'drop table kmend.event',
      'create table kmend.more (id int)',
    ])
      await expect(ask(worker, statement), statement).rejects.toThrow(
        /permission denied|must be owner/,
      );
    expect(server.psql('roles', 'select count(*) from kmend.event')).toBe('1');
  });

  it('let a reader read all, and append or command nothing', async () => {
    await ask(reader, 'select * from kmend.event', 'select kmend.is_alive(1)');
    await check(reader);
    for (const statement of [
      ...append('r1'),
      lead('r2'),
      `insert into kmend.command (run, body) values ('r1', '{}')`,
      `insert into kmend.document values ('job', 'x', '{}')`,
      `select kmend.prune(1, 'r1', 'x', '{}')`,
    ])
      await expect(ask(reader, statement), statement).rejects.toThrow(/permission denied/);
  });

  it('give others nothing', async () => {
    await expect(ask(other, 'select * from kmend.event')).rejects.toThrow(/permission denied/);
    await expect(ask(other, ...append('r1'))).rejects.toThrow(/permission denied/);
    await expect(check(other)).rejects.toMatchObject({
      message: expect.stringContaining('role sam has no rights on the schema of kmend'),
      remedy: 'its owner runs: grant kmend_worker to sam;',
    });
  });
});
