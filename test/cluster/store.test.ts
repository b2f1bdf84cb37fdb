// The store over a real database.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDb } from '../../src/adapters/postgres/link/db.ts';
import { migrate } from '../../src/adapters/postgres/operate/migrate.ts';
import { journalsOf } from '../../src/adapters/postgres/runs/journal.ts';
import { storeOver } from '../../src/adapters/postgres/store.ts';
import type { Store } from '../../src/engine/ports/store.ts';
import { begin, fleet } from '../core/fleet.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

let server: Postgres;
const open = async (url: string): Promise<Store> => {
  const db = await openDb(url, { kind: 'command', about: { who: 'test' } });
  return storeOver({ db, journals: journalsOf(db), packagePath: (sha) => `/packages/${sha}` });
};

describe.skipIf(postgresBin === undefined)('a store in a database', () => {
  let store: Store;
  beforeAll(async () => {
    server = await startPostgres();
    const url = server.createDatabase('t');
    await migrate(url);
    store = await open(url);
  });
  afterAll(async () => {
    await store.close();
    await server.close();
  });

  it('keeps a run with its files, its outputs and its commands', async () => {
    const lock = await store.lock(['h1:22'], 'r1');
    if (!lock.held) throw new Error('not held');
    const journal = await store.createJournal('r1');
    const files = await store.keepFiles('r1', {
      plan: '{"a": 1}',
      settings: '{"flags": {"job": "nightly"}}',
    });
    await journal.append({ ...begin(fleet(1)), files }, true);
    const kept = await store.keepOutput('r1', 'h1', 'hello\n');
    if (!kept.kept) throw new Error(kept.why);
    await journal.append(
      {
        type: 'effect.done',
        host: 'h1',
        task: '0',
        effect: 'h1/0/x',
        result: { ok: true, output: { bytes: 6, file: kept.file, piece: kept.piece } },
      },
      true,
    );
    await store.post('r1', { type: 'run.paused', who: 'eve', why: 'lunch' });
    expect(await store.commands('r1').take()).toMatchObject([{ type: 'run.paused' }]);
    expect(await store.holder('r1')).toBe('test');
    await journal.append({ type: 'run.closed' }, true);
    await lock.release();
    expect(await store.holder('r1')).toBe(undefined);
    expect(await store.runs()).toEqual(await store.history.fromJournals());
    expect(await store.history.audit('r1', [journal.end().head])).toMatchObject({
      entries: 3,
      files: 3,
      wrong: [],
      notes: [],
    });
    expect(await store.changedFiles('r1', files)).toEqual([]);
    expect(await store.history.prune({ who: 'eve', at: 1, runs: new Map([['r1', []]]) })).toEqual(
      new Map(),
    );
    expect([await store.runs(), await store.history.pruned()]).toMatchObject([[], [{ run: 'r1' }]]);
    expect(server.psql('t', 'select count(*) from kmend.event')).toBe('0');
    expect(server.psql('t', 'select count(*) from kmend.output')).toBe('0');
  });
});
