// PgBouncer between kmend and the server: in transaction mode it is refused, in session mode it works.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgresStore } from '../../src/adapters/postgres/open.ts';
import { migrate } from '../../src/adapters/postgres/operate/migrate.ts';
import { freePort, type Postgres, postgresBin, startPostgres } from './postgres.ts';

const pgbouncer = '/usr/sbin/pgbouncer';
const isRoot = process.getuid?.() === 0;

describe.skipIf(postgresBin === undefined || !existsSync(pgbouncer))('a pooler', () => {
  let server: Postgres;
  let dir: string;
  const started: ChildProcess[] = [];
  beforeAll(async () => {
    server = await startPostgres();
    dir = mkdtempSync(join(tmpdir(), 'kmend-pooler-'));
    await migrate(server.createDatabase('pooled'));
  });
  afterAll(async () => {
    for (const one of started) one.kill('SIGKILL');
    await server?.close();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });

  /** Starts one; returns the URL through it. */
  async function pool(mode: string, more: readonly string[] = []): Promise<string> {
    const port = await freePort();
    const file = join(dir, `${mode}${port}.ini`);
    writeFileSync(
      file,
      [
        '[databases]',
        `pooled = host=127.0.0.1 port=${server.port} user=postgres`,
        '[pgbouncer]',
        `listen_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =`,
        `auth_type = any\npool_mode = ${mode}`,
        ...more,
      ].join('\n'),
    );
    // PgBouncer does not run as root.
    const as = isRoot ? ['-u', 'postgres'] : [];
    if (isRoot) chownSync(dir, Number(execFileSync('id', ['-u', 'postgres'])), -1);
    started.push(spawn(pgbouncer, [...as, file], { stdio: 'ignore' }));
    const url = `postgres://postgres@127.0.0.1:${port}/pooled`;
    for (let tries = 0; ; tries += 1) {
      const client = new Client({ connectionString: url });
      try {
        await client.connect();
        await client.end();
        return url;
      } catch (error) {
        if (tries > 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  it.each<[string, readonly string[]]>([
    ['transaction', []],
    ['transaction', ['server_round_robin = 1']],
    ['transaction', ['default_pool_size = 1']],
    ['statement', []],
  ])('in mode %s %j is refused', async (mode, more) => {
    const url = await pool(mode, more);
    for (let again = 0; again < 3; again += 1)
      await expect(createPostgresStore(url, { packagePath: String })).rejects.toThrow(/a pooler/);
  });

  it('in mode session carries a store', async () => {
    const store = await createPostgresStore(await pool('session'), { packagePath: String });
    const lock = await store.lock(['h1:22'], 'r1');
    expect(lock).toMatchObject({ held: true, number: 1 });
    if (lock.held) await lock.release();
    await store.close();
  });
});
