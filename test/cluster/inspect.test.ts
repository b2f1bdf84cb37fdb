// What `state show` and `doctor` say about a database, by real servers.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgresStore } from '../../src/adapters/postgres/open.ts';
import { inspect } from '../../src/adapters/postgres/operate/inspect.ts';
import { migrate } from '../../src/adapters/postgres/operate/migrate.ts';
import { packagesIn } from '../../src/adapters/store/index.ts';
import { type CommandResult, command } from '../cli/real-world.ts';
import { asPostgres, freePort, type Postgres, postgresBin, startPostgres } from './postgres.ts';

let server: Postgres;
let home: string;
const show = (url: string, ...more: readonly string[]): Promise<CommandResult> =>
  command(['state', 'show', '--state', url, ...more], { home });

describe.skipIf(postgresBin === undefined)('state show', () => {
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
    home = mkdtempSync(join(tmpdir(), 'kmend-inspect-'));
    url = server.createDatabase('shown');
  });
  afterAll(async () => {
    await server.close();
    rmSync(home, { recursive: true, force: true });
  });

  it('says that there is no schema, or who may do what with it', async () => {
    const before = await show(url);
    expect(before.exit).toBe(1);
    expect(before.out).toContain('failed: there is no schema of kmend, or role postgres has no');
    await migrate(url);
    server.psql(
      'postgres',
      'create role wanda login; grant kmend_worker to wanda; create role rita login; grant kmend_reader to rita; create role sam login',
    );
    const as = async (role: string): Promise<string> => (await show(server.url('shown', role))).out;
    expect(await as('wanda')).toContain('schema 1, role wanda may run kmend');
    expect(await as('rita')).toContain('warning: schema 1, role rita only reads');
    expect(await as('sam')).toContain('role sam has no rights on it');
  });

  it('says which processes use it', async () => {
    const store = await createPostgresStore(url, { packagePath: packagesIn(home) });
    const lock = await store.lock(['h1:22'], 'r1');
    const { processes } = await inspect(url);
    expect(processes).toMatchObject([
      { kind: 'command', who: expect.stringMatching(/^process \d+ on /) },
    ]);
    if (lock.held) await lock.release();
    await store.close();
    expect(await inspect(url)).toMatchObject({ processes: [], pooler: 'none', tls: null });
  });

  it('says that it cannot be reached, also as JSON', async () => {
    const away = `postgres://postgres@127.0.0.1:${await freePort()}/shown`;
    const { exit, out } = await show(away, '--json');
    expect([exit, JSON.parse(out)]).toMatchObject([
      1,
      { schema: 'kmend.state/1', database: null, findings: [{ level: 'failed' }] },
    ]);
  });

  it('says how servers that follow it do so', async () => {
    const port = await freePort();
    const data = join(server.dir, 'standby');
    const run = (name: string, ...args: readonly string[]): readonly [string, readonly string[]] =>
      asPostgres(join(postgresBin ?? '', name), args);
    const [copy, copyArgs] = run(
      'pg_basebackup',
      ...['-h', '127.0.0.1', '-p', String(server.port), '-U', 'postgres', '-D', data, '-R'],
      ...['-c', 'fast', '--no-sync'],
    );
    execFileSync(copy, copyArgs, { cwd: '/', stdio: 'pipe' });
    const [start, startArgs] = run(
      'postgres',
      ...['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1'],
      ...['-c', `unix_socket_directories=${data}`, '-c', 'max_connections=200'],
    );
    const standby = spawn(start, startArgs, { cwd: '/', stdio: 'ignore' });
    try {
      const following = async (): Promise<number> => (await inspect(url)).followers;
      for (let tries = 0; (await following()) === 0 && tries < 200; tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await show(url)).out).toContain('warning: it is followed by 1 server asynchronously');
      const there = await show(`postgres://postgres@127.0.0.1:${port}/shown`);
      expect(there.exit).toBe(1);
      expect(there.out).toContain('failed: its server is a standby, which is read-only');
      server.psql('postgres', `alter system set synchronous_standby_names = '*'`);
      server.psql('postgres', 'select pg_reload_conf()');
      for (let tries = 0; !(await inspect(url)).synchronous && tries < 100; tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await show(url)).out).toContain('it is followed by 1 server synchronously');
    } finally {
      standby.kill('SIGQUIT');
    }
  });
});
