// Journals and leads over a real PostgreSQL.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Db, openDb } from '../../src/adapters/postgres/link/db.ts';
import { journalsOf } from '../../src/adapters/postgres/runs/journal.ts';
import { linesOf } from '../../src/adapters/postgres/runs/lines.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

const warning = (text: string): EventBody => ({ type: 'warning', text });

describe.skipIf(postgresBin === undefined)('a journal in the database', () => {
  let server: Postgres;
  let url: string;
  const dbs: Db[] = [];
  const open = async (who: string): Promise<Db> => {
    const db = await openDb(url, { kind: 'command', about: { who } });
    dbs.push(db);
    return db;
  };
  beforeAll(async () => {
    server = await startPostgres();
    url = server.createDatabase('t');
    const schema = readFileSync('src/adapters/postgres/schema/1.sql', 'utf8');
    server.psql('t', `create schema kmend; set search_path = kmend; ${schema}`);
  });
  afterAll(async () => {
    for (const db of dbs) await db.close();
    await server.close();
  });

  it('appends in order, shows each entry before its append resolves, and reads the same back', async () => {
    const db = await open('a');
    const store = journalsOf(db);
    const lock = await store.lock(['10.0.0.1'], 'r1');
    expect(lock).toMatchObject({ held: true, number: 1 });
    const journal = await store.createJournal('r1');
    const lines: string[] = [];
    journal.follow((_event, line) => lines.push(line));
    const events = await Promise.all(
      ['first', 'line\nend \u001b[2J é', 'last'].map((text) => journal.append(warning(text), true)),
    );
    expect(events.map(({ seq }) => seq)).toEqual([0, 1, 2]);
    expect(lines).toHaveLength(3);
    await journal.close();
    if (lock.held) await lock.release();

    const seen: Event[] = [];
    const again = await store.openJournal('r1', (event) => seen.push(event));
    expect(again.torn).toBe(false);
    expect(seen).toEqual(events);
    expect(again.journal.end()).toEqual(journal.end());
    const kept: string[] = [];
    for await (const batch of linesOf(db, 'r1', 1))
      kept.push(...batch.map(({ bytes }) => bytes.toString()));
    expect(kept).toEqual(lines.slice(1));
    await expect(store.createJournal('r1')).rejects.toThrow('it is there already');
  });

  it('says who has a host, and lets the next one go on when its process has gone', async () => {
    const [first, second] = [await open('process 1 on a'), await open('process 2 on b')];
    expect(await journalsOf(first).lock(['h1', 'h2'], 'r2')).toMatchObject({ held: true });
    expect(await journalsOf(second).lock(['h2', 'h3'], 'r3')).toEqual({
      held: false,
      run: 'r2',
      by: 'run r2 (process 1 on a)',
    });
    await first.close();
    expect(await journalsOf(second).lock(['h2', 'h3'], 'r3')).toMatchObject({ held: true });
  });
});
