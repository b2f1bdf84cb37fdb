// Runs of another process, followed over a database.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPostgresStore, migrate } from '../../src/adapters/postgres/index.ts';
import { packagesIn } from '../../src/adapters/store/index.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import type { RunningCommand } from '../cli/real-world.ts';
import { listen, send } from '../web/client.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

describe.skipIf(postgresBin === undefined)('a run of another process', () => {
  let server: Postgres;
  let lab: Practice;
  let url: string;
  let database: string;
  let made = 0;
  beforeAll(async () => {
    server = await startPostgres();
    lab = await practice([sick('h1'), sick('h2')]);
  });
  // A host that failed in another test would keep its slot.
  beforeEach(async () => {
    database = `t${++made}`;
    url = server.createDatabase(database);
    await migrate(url);
  });
  afterAll(async () => {
    await lab.close();
    await server.close();
  });
  const start = (args: readonly string[]): RunningCommand =>
    lab.start([...args, '--state', url], {
      store: async ({ stateDir }) =>
        createPostgresStore(url, { packagePath: packagesIn(stateDir) }),
    });
  const rows = (sql: string): string => server.psql(database, sql);
  const within = async (what: string, holds: () => boolean): Promise<number> => {
    const began = Date.now();
    while (!holds()) {
      if (Date.now() - began > 30_000) throw new Error(`waited for: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return Date.now() - began;
  };

  it('is shown by `report -f` as it goes on, over a restart of PostgreSQL too, with its exit code', async () => {
    const file = lab.file(
      'play.yaml',
      play(`    - name: Wait
      shell: {cmd: 'sleep 6; exit 3'}
`),
    );
    const run = start(['apply', file, '--yes', '-l', 'h1']);
    await within('the run', () => rows('select count(*) from kmend.event') !== '0');
    const follower = start(['report', '-f']);
    await within('its first step', () => follower.out().includes('[Wait]'));
    expect(rows("select count(*) from kmend.event where line like '%run.finished%'")).toBe('0');
    await server.stop('fast');
    await server.start();
    const [ended, followed] = await Promise.all([run.result, follower.result]);
    expect([ended.exit, followed.exit]).toEqual([4, 4]);
    expect(followed.out).toMatch(/h1 .*failed/);
    const again = await start(['report', '-f']).result;
    expect([again.exit, again.out.includes('h1')]).toEqual([4, true]);
  }, 120_000);

  it('is shown by `serve` over an outage of PostgreSQL, which the page shows; a signal ends it then', async () => {
    const file = lab.file('long.yaml', play("    - shell: {cmd: 'sleep 25'}\n"));
    const idOf = (): string => rows("select coalesce(max(run), '') from kmend.event where seq > 4");
    const run = start(['apply', file, '--yes', '-l', 'h2']);
    await within('the run', () => idOf() !== '');
    const id = idOf();
    const serving = start(['serve', '--port', '0']);
    await within('the link', () =>
      ['kmend serves', 'token='].every((text) => serving.out().includes(text)),
    );
    const port = Number(/kmend serves .* on http:\/\/\S+:(\d+)/.exec(serving.out())?.[1]);
    const token = /token=(\S+)/.exec(serving.out())?.[1] ?? '';
    const { headers } = await send(port, `/login?token=${token}`);
    const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    const stream = await listen(port, `/api/runs/${id}/events`, { headers: { cookie } });
    await within('the snapshot', () => stream.events.length > 0);
    // The snapshot has the whole view, what follows has its head.
    const head = () => {
      const sent = stream.events.at(-1)?.data;
      return (sent?.view ?? sent)?.head;
    };
    await server.stop('fast');
    await within('the outage', () => head()?.databaseAway !== undefined);
    await server.start();
    await within('its end', () => head()?.databaseAway === undefined);
    expect((await run.result).exit).toBe(0);
    await within('the last entry', () => head()?.phase === 'done');
    await server.stop('fast');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const began = Date.now();
    serving.stop('SIGTERM');
    await serving.result;
    expect(Date.now() - began).toBeLessThan(9_000);
    await server.start();
  }, 120_000);
});
