// Runs of another process, followed over a database.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgresStore, migrate } from '../../src/adapters/postgres/index.ts';
import { packagesIn } from '../../src/adapters/store/index.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import type { RunningCommand } from '../cli/real-world.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

describe.skipIf(postgresBin === undefined)('a run of another process', () => {
  let server: Postgres;
  let lab: Practice;
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
    url = server.createDatabase('t');
    await migrate(url);
    lab = await practice([sick('h1')]);
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
  const rows = (sql: string): string => server.psql('t', sql);
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
    const run = start(['apply', file, '--yes']);
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
});
