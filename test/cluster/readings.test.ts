// Commands whose hosts are read by workers of their sites, over a real database and a practice fleet:
// the command has no way to any host.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/adapters/postgres/operate/migrate.ts';
import { failed } from '../../src/model/run/failure.ts';
import { type Practice, practice, remediationPlay, sick } from '../cli/practice.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';
import { type ReadingWorker, readingWorker } from './reading-worker.ts';

let server: Postgres;
let lab: Practice;
let url: string;
beforeAll(async () => {
  if (postgresBin === undefined) return;
  server = await startPostgres();
  url = server.createDatabase('readings');
  await migrate(url);
  // What is written stays seen, also what is removed at once.
  sql(`create table seen (line text); grant insert on seen to public;
    create function see() returns trigger language plpgsql security definer as
      $$ begin insert into kmend.seen values (row_to_json(new)::text); return new; end $$;
    create trigger seen after insert or update on errand for each row execute function see();
    create trigger seen after insert or update on part for each row execute function see();`);
  lab = await practice(['h1', 'h2', 'h3'].map((name) => sick(name)));
});
afterAll(async () => {
  await lab?.close();
  await server?.close();
});

const sql = (text: string): string => server.psql('readings', `set search_path = kmend; ${text}`);

/** A worker of site fra. `mute`: it claims, and answers nothing. */
const worker = (machine: string, mute = false): Promise<ReadingWorker> =>
  readingWorker({
    ...{ url, machine, mute, site: 'fra' },
    changes: { home: lab.dir, env: { KMEND_VAR_api_token: 'CANARY-token' } },
  });

const noWay = {
  transport: async () => ({
    connect: async () => failed('unreachable', 'no way from here'),
    close: async () => {},
  }),
};

/** A command without a way to the hosts, over the database. */
const far = (args: readonly string[]) =>
  lab.run([...args, '-e', 'kmend_site=fra', '--state', url], noWay);

/** The same, with a way to them, over files. */
const near = (args: readonly string[]) => lab.run([...args, '-e', 'kmend_site=fra']);

const rowsOf = (out: string): readonly { readonly host: string }[] =>
  out.split('\n').map((line) => JSON.parse(line));

describe.skipIf(postgresBin === undefined)('hosts of a site', () => {
  it('are checked and planned by the workers of the site, without a secret in the database', async () => {
    const workers = [await worker('m1'), await worker('m2')];
    try {
      const file = lab.file('play.yaml', remediationPlay());
      const secret = ['-e', 'api_token=CANARY-token'];
      const checked = [await near(['check', '--json']), await far(['check', '--json', ...secret])];
      expect(checked.map(({ exit }) => exit)).toEqual([2, 2]);
      const [own, theirs] = checked.map(({ out }) => rowsOf(out));
      expect(theirs?.map(({ host }) => host).sort()).toEqual(['h1', 'h2', 'h3']);
      expect(theirs?.map((row) => Object.keys(row).sort())).toEqual(
        own?.map((row) => Object.keys(row).sort()),
      );
      const planned = [await near(['plan', file]), await far(['plan', file, ...secret])];
      expect(planned[1]).toEqual(planned[0]);
      expect(workers.flatMap(({ claimed }) => claimed)).toHaveLength(2);
      expect(sql('select count(*) from seen')).not.toBe('0');
      expect(sql(`select count(*) from seen where line like '%CANARY%'`)).toBe('0');
      expect(sql('select count(*) from errand')).toBe('0');
    } finally {
      for (const one of workers) await one.end();
    }
  });

  it('are planned for a rollback by the journals in the database', async () => {
    const file = lab.file('play.yaml', remediationPlay());
    const applied = await lab.run(['apply', file, '--yes', '--state', url]);
    expect(applied.exit).toBe(0);
    const run = sql('select run from run').trim();
    const both = ['rollback', run, '--check', '--state', url];
    const one = await worker('m1');
    try {
      const here = await lab.run(both);
      const there = await far(['rollback', run, '--check']);
      const ageless = ({ out }: { readonly out: string }): string => out.replace(/\d+ s ago/g, '');
      expect([there.exit, ageless(there), there.err]).toEqual([here.exit, ageless(here), here.err]);
      expect(here.exit).toBe(2);
      const drifted = await far(['drift', '-i', lab.fleet.inventoryFile]);
      expect([drifted.exit, drifted.err]).toEqual([0, '']);
      expect(one.claimed.map((errand) => errand.kind === 'reading' && errand.reading)).toEqual([
        'plan',
        'check',
      ]);
    } finally {
      await one.end();
    }
  });

  it('are read by another worker when the one that has the question dies', async () => {
    const dead = await worker('m1', true);
    const running = far(['check', '--json']);
    for (let waited = 0; dead.claimed.length === 0 && waited < 100; waited += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(dead.claimed).toHaveLength(1);
    const other = await worker('m2');
    await dead.end();
    expect(other.claimed).toEqual([]);
    expect(rowsOf((await running).out)).toHaveLength(3);
    expect(other.claimed).toEqual(dead.claimed);
    await other.end();
  });

  it('fail soon without a worker', async () => {
    const { exit, out } = await far(['check']);
    expect(exit).toBe(6);
    expect(out).toContain('no worker of site fra is alive');
    expect(sql('select count(*) from errand')).toBe('0');
  });
});
