// `kmend state copy` between a state directory and a real PostgreSQL, also where it is killed.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/adapters/postgres/index.ts';
import { createStore } from '../../src/adapters/store/index.ts';
import { spawnCommand } from '../cli/child.ts';
import { command } from '../cli/real-world.ts';
import { endedRun, warning } from '../store-contract/subject.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

async function until(is: () => boolean, every = 5): Promise<void> {
  for (let waited = 0; !is(); waited += every) {
    if (waited > 20_000) throw new Error('it did not come to that');
    await sleep(every);
  }
}

describe.skipIf(postgresBin === undefined)('state copy', () => {
  let server: Postgres;
  let home: string;
  let files: string;
  let journal: string;
  beforeAll(async () => {
    server = await startPostgres({ settings: ['fsync=off'] });
    home = mkdtempSync(join(tmpdir(), 'kmend-copied-'));
    files = join(home, 'files');
    const store = createStore(files, Date.now);
    await endedRun(store, 'r1', ...Array.from({ length: 1_200 }, (_, at) => warning(`${at}`)));
    for (let host = 0; host < 4; host += 1)
      await store.keepOutput('r1', `h${host}`, 'x'.repeat(4 * 1024 * 1024));
    await store
      .slots('r1', new Set())
      .keep({ address: 'h1:22', host: 'h1', play: 'p', kind: 'held' });
    await store.ids.write('h1', 'seven');
    journal = readFileSync(join(files, 'runs/r1/journal.ndjson'), 'utf8');
  });
  afterAll(async () => {
    await server.close();
    rmSync(home, { recursive: true });
  });
  const copy = (...args: readonly string[]) => command(['state', 'copy', ...args], { home });

  it('brings a run to a database and back, once, and the audit holds there', async () => {
    const url = server.createDatabase('there');
    await migrate(url);
    const there = await copy(files, url);
    expect(there).toMatchObject({ exit: 0, err: '' });
    expect(there.out).toMatch(/^run r1 copied\n1 run copied, 0 there already/);
    expect((await copy(files, url)).out).toMatch(/^0 runs copied, 1 there already/);
    const verified = (state: string) =>
      command(['audit', 'verify', 'r1', '--state', state], { home });
    const before = await verified(files);
    // It was interrupted, and nothing is wrong.
    expect(before.exit).toBe(12);
    expect(await verified(url)).toEqual(before);
    const back = join(home, 'back');
    expect(await copy(url, back, 'r1')).toMatchObject({ exit: 0, err: '' });
    expect(readFileSync(join(back, 'runs/r1/journal.ndjson'), 'utf8')).toBe(journal);
    expect(readdirSync(join(back, 'slots'))).toEqual(readdirSync(join(files, 'slots')));
  });

  it('that is killed has left nothing in the database', async () => {
    const url = server.createDatabase('killed');
    await migrate(url);
    const blocker = new Client({ connectionString: url });
    await blocker.connect();
    // The last that a copy brings waits for the end of this.
    const [slot] = readdirSync(join(files, 'slots'));
    await blocker.query('begin');
    await blocker.query(`insert into kmend.slot (name, run, body) values ($1, 'r0', '')`, [slot]);
    const child = await spawnCommand(['state', 'copy', files, url], home);
    await until(
      () =>
        server.psql(
          'postgres',
          `select count(*) from pg_stat_activity
           where query like 'insert into slot%' and wait_event_type = 'Lock'`,
        ) === '1',
      100,
    );
    child.signal('SIGKILL');
    expect(await child.ended).toBe('SIGKILL');
    await blocker.end();
    await until(
      () =>
        server.psql(
          'postgres',
          `select count(*) from pg_stat_activity where datname = 'killed'`,
        ) === '0',
      100,
    );
    const counts = (): readonly string[] =>
      ['run', 'event', 'output', 'run_file', 'slot'].map((table) =>
        server.psql('killed', `select count(*) from kmend.${table}`),
      );
    expect(counts()).toEqual(['0', '0', '0', '0', '0']);
    expect(await copy(files, url, 'r1')).toMatchObject({ exit: 0, err: '' });
    expect(counts()).toEqual(['1', '1201', '16', '1', '1']);
  });

  it('that is killed is not seen in a directory, and what it left goes with the next', async () => {
    const to = join(home, 'half');
    const child = await spawnCommand(['state', 'copy', files, to], home);
    const half = join(to, 'copying');
    await until(() => existsSync(half) && readdirSync(half).length > 0);
    child.signal('SIGKILL');
    expect(await child.ended).toBe('SIGKILL');
    expect(existsSync(join(to, 'runs/r1'))).toBe(false);
    expect(readdirSync(half)).toHaveLength(1);
    expect(await copy(files, to)).toMatchObject({ exit: 0, err: '' });
    expect(readdirSync(half)).toEqual([]);
    expect(readFileSync(join(to, 'runs/r1/journal.ndjson'), 'utf8')).toBe(journal);
    expect(readdirSync(join(to, 'slots'))).toHaveLength(1);
  });

  it('is for the owner of the database: a worker may not bring a journal', async () => {
    const url = server.createDatabase('rights');
    await migrate(url);
    server.psql('postgres', 'create role wanda login; grant kmend_worker to wanda');
    const refused = await copy(files, server.url('rights', 'wanda'), 'r1');
    expect(refused).toMatchObject({ exit: 1, out: '' });
    expect(refused.err).toContain('permission denied');
    expect(refused.err).toContain('hint: use a role with this right');
    expect(server.psql('rights', 'select count(*) from kmend.run')).toBe('0');
  });

  it('refuses a run that is not there, and a copy to itself', async () => {
    expect(await copy(files, join(home, 'x'), 'r9')).toMatchObject({
      exit: 1,
      err: 'run r9 is not in this state',
      out: '0 runs copied, 0 there already, 0 removed there, 0 that never began, 1 refused',
    });
    expect(await copy(files, files)).toMatchObject({ exit: 3 });
  });
});
