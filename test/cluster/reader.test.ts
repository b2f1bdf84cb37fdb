// A login that may only read sees runs, workers and what is under way, and starts nothing. A schema
// that changed while a connection was lost ends the wait.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgresStore } from '../../src/adapters/postgres/open.ts';
import { migrate } from '../../src/adapters/postgres/operate/migrate.ts';
import { packagesIn } from '../../src/adapters/store/index.ts';
import { type Practice, play, practice, sick, until } from '../cli/practice.ts';
import { send } from '../web/client.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

const first = {
  type: 'run.started',
  tool: '1.2.3',
  playbook: 'p.yaml',
  play: 'Test',
  hosts: [],
  leftOut: [],
} as never;

describe.skipIf(postgresBin === undefined)('a role that only reads', () => {
  const open = '20260101-000000-abcd';
  let lab: Practice;
  let server: Postgres;
  let owner: string;
  let reader: string;
  beforeAll(async () => {
    lab = await practice([sick('h1')]);
    server = await startPostgres();
    owner = server.createDatabase('read');
    await migrate(owner);
    server.psql('postgres', 'create role rita login; grant kmend_reader to rita');
    reader = server.url('read', 'rita');
  });
  afterAll(async () => {
    await lab?.close();
    await server?.close();
  });
  const asReader = (...args: readonly string[]): ReturnType<Practice['run']> =>
    lab.run([...args, '--state', reader]);

  it('sees runs that ended, that go on, and that nobody carries on', async () => {
    const book = lab.file('book.yaml', play("    - shell: {cmd: 'true'}\n"));
    expect((await lab.run(['apply', book, '--yes', '--state', owner])).exit).toBe(0);
    expect(await asReader('audit', 'verify')).toMatchObject({ exit: 0, err: '' });
    const line = JSON.parse(server.psql('read', 'select line from kmend.event where seq = 0'));
    const { seq: _, at: __, prev: ___, ...started } = line;
    const store = await createPostgresStore(owner, { packagePath: packagesIn(lab.dir) });
    const held = await store.lock(['h9:22'], open);
    await (await store.createJournal(open)).append(started, true);
    // The plan that its first entry names.
    server.psql(
      'read',
      `insert into kmend.run_file select '${open}', file, body from kmend.run_file`,
    );
    const { exit, out, err } = await asReader('audit', 'verify');
    expect([exit, err, held.held]).toEqual([0, '', true]);
    expect(out).toContain('under way');
    for (const args of [['runs'], ['workers'], ['report', open], ['runs', 'show', open]])
      expect((await asReader(...args)).err, args.join(' ')).toBe('');
    // Its session ends as that of a process that was killed.
    await store.close();
    // The server has run for long enough that its processes would be back.
    await sleep(5_000);
    expect((await asReader('audit', 'verify')).out).not.toContain('under way');
    expect((await asReader('report', open)).err).toBe('');
  }, 60_000);

  it('serves the page', async () => {
    const serving = lab.start(['serve', '--port', '0', '--state', reader]);
    const at = (): RegExpExecArray | null =>
      /http:\/\/\S+:(\d+)\/login\?token=(\S+)/.exec(serving.out());
    await until('the page', () => at() !== null);
    const [, port, token] = at() ?? [];
    const { headers } = await send(Number(port), `/login?token=${token}`);
    const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    const { status, text } = await send(Number(port), '/api/overview', { headers: { cookie } });
    expect([status, text]).toEqual([200, expect.stringContaining('"why":"1 done"')]);
    serving.stop('SIGINT');
    expect((await serving.result).err).toBe('');
  }, 60_000);

  it('starts nothing, and says which right it has not', async () => {
    const book = lab.file('book.yaml', play("    - shell: {cmd: 'true'}\n"));
    const { exit, err } = await asReader('apply', book, '--yes');
    expect([exit, err]).toEqual([1, expect.stringContaining('permission denied')]);
    expect(err).toContain('hint: use a role with this right');
    expect(err).not.toContain('--state-dir');
  });
});

describe.skipIf(postgresBin === undefined)('a schema that was migrated meanwhile', () => {
  it('ends the wait of a process whose connection was lost', async () => {
    const server = await startPostgres();
    try {
      const url = server.createDatabase('moved');
      await migrate(url);
      const store = await createPostgresStore(url, { packagePath: packagesIn(server.dir) });
      await store.lock(['h1:22'], 'r1');
      const journal = await store.createJournal('r1');
      await journal.append(first, true);
      server.psql('moved', 'update kmend.meta set schema = 99');
      await server.stop('fast');
      await server.start();
      const newer = /its schema has version 99, and this kmend knows version 1/;
      await expect(journal.append(first, true)).rejects.toThrow(newer);
      await expect(store.newest()).rejects.toThrow(newer);
      await store.close();
    } finally {
      await server.close();
    }
  }, 60_000);
});
