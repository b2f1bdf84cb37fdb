// The rows of workers: who is alive, and which runs wait for one.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Db, openDb } from '../../src/adapters/postgres/link/db.ts';
import { migrate } from '../../src/adapters/postgres/operate/migrate.ts';
import { createWorkers } from '../../src/adapters/postgres/rows/workers.ts';
import { journalsOf } from '../../src/adapters/postgres/runs/journal.ts';
import type { WorkerWords } from '../../src/engine/ports/workers.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

let server: Postgres;
let url: string;
const opened: Db[] = [];
beforeAll(async () => {
  if (postgresBin === undefined) return;
  server = await startPostgres();
  url = server.createDatabase('workers');
  await migrate(url);
});
afterAll(async () => {
  for (const db of opened) await db.close();
  await server?.close();
});

async function open(): Promise<Db> {
  const db = await openDb(url, { kind: 'command', about: { who: 'eve' } });
  opened.push(db);
  return db;
}

const words: WorkerWords = {
  machine: 'm1',
  pid: 7,
  bootId: 'b',
  version: '1.2.3',
  since: 5,
  sites: ['fra'],
  ready: [],
  most: 4,
  refused: [{ run: 'r9', why: 'it is stale' }],
};

const first = {
  type: 'run.started',
  tool: '1.2.3',
  playbook: 'p.yaml',
  play: 'Test',
  hosts: [],
  leftOut: [],
} as never;
const approved = { type: 'approved', risk: 'reboot', who: 'eve', how: 'flag' } as const;

describe.skipIf(postgresBin === undefined)('workers of a database', () => {
  it('are those that say so, as long as their session lives, with the runs that they lead', async () => {
    const [one, two] = [await open(), await open()];
    const workers = createWorkers(two);
    expect(await workers.alive()).toEqual([]);
    const id = await createWorkers(one).say(words);
    const { lock } = journalsOf(one);
    await lock(['h1:22'], 'r1');
    expect(await workers.alive()).toEqual([{ ...words, id, runs: ['r1'], hosts: [] }]);
    await createWorkers(one).say({ ...words, most: 0, refused: [] });
    expect(await workers.alive()).toEqual([
      { ...words, id, runs: ['r1'], hosts: [], most: 0, refused: [] },
    ]);
    await one.close();
    await expect.poll(() => workers.alive(), { timeout: 5_000 }).toEqual([]);
  });

  it('may carry on runs that were approved, once their process is proven dead', async () => {
    const [one, two, late] = [await open(), await open(), await open()];
    const workers = createWorkers(two);
    await workers.open(true);
    const { lock, createJournal } = journalsOf(one);
    await lock(['h2:22'], 'r2');
    const journal = await createJournal('r2');
    await journal.append(first, true);
    expect(await workers.open(true)).toEqual([]);
    await journal.append(approved, true);
    expect(await workers.open(true)).toEqual([{ run: 'r2', leader: 'led' }]);
    await new Promise((resolve) => setTimeout(resolve, 5_100));
    await one.close();
    await expect
      .poll(() => workers.open(true), { timeout: 1_000, interval: 50 })
      .toEqual([{ run: 'r2', leader: 'free' }]);
    // Who has just come cannot know it from a server that has lost all sessions.
    expect(await createWorkers(late).open(true)).toEqual([{ run: 'r2', leader: 'watched' }]);
    expect(await createWorkers(late).open(false)).toEqual([{ run: 'r2', leader: 'watched' }]);
  });
});
