// Turns of jobs over a real PostgreSQL: each has one process at a time.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Db, openDb } from '../../src/adapters/postgres/link/db.ts';
import { turnsIn } from '../../src/adapters/postgres/rows/turns.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

describe.skipIf(postgresBin === undefined)('turns in the database', () => {
  let server: Postgres;
  let url: string;
  const dbs: Db[] = [];
  const open = async (who: string): Promise<Db> => {
    const db = await openDb(url, { kind: 'command', about: { who } });
    dbs.push(db);
    await db.me();
    return db;
  };
  const job = (name: string): string =>
    server.psql('t', `insert into kmend.document values ('jobs', '${name}', '{}')`);
  const rows = (name: string): string =>
    server.psql('t', `select at, ended from kmend.turn where job = '${name}' order by at`);
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

  it('of workers that take a turn at once exactly one has it, a hundred times', async () => {
    job('raced');
    const workers = await Promise.all(['a', 'b', 'c'].map(open));
    const turns = workers.map(turnsIn);
    for (let at = 1; at <= 100; at += 1) {
      const taken = await Promise.all(turns.map(({ take }) => take('raced', at)));
      expect([at, taken.filter((one) => one)]).toEqual([at, [true]]);
      await turns[taken.indexOf(true)]?.end('raced', at);
    }
    expect(rows('raced')).toBe('100|t');
  });

  it('begins no turn while one is under way, none twice, and none of a job that was removed', async () => {
    job('night');
    const [one, other] = [turnsIn(await open('a')), turnsIn(await open('b'))];
    expect(await one.take('night', 10)).toBe(true);
    expect(await one.take('night', 10)).toBe(false);
    expect(await other.take('night', 20)).toBe(false);
    await other.end('night', 10);
    expect((await other.newest()).get('night')).toEqual({
      at: 10,
      state: 'under_way',
      isOwn: false,
    });
    await one.end('night', 10);
    expect(await other.take('night', 10)).toBe(false);
    expect(await other.take('night', 20)).toBe(true);
    await other.end('night', 20);
    expect(await one.take('night', 15)).toBe(false);
    expect(await one.take('gone', 1)).toBe(false);
  });

  it('gives a turn that was left to any other one', async () => {
    job('left');
    const [one, other] = [turnsIn(await open('a')), turnsIn(await open('b'))];
    await one.take('left', 10);
    await one.leave('left', 10);
    expect((await one.newest()).get('left')).toEqual({ at: 10, state: 'left', isOwn: false });
    expect(await other.take('left', 10)).toBe(true);
    // The first one, awake again, ends nothing.
    await one.end('left', 10);
    expect(rows('left')).toBe('10|f');
    await other.end('left', 10);
    expect(rows('left')).toBe('10|t');
  });

  it('calls a process dead only after it has watched for long enough', async () => {
    job('died');
    const dying = await open('a');
    await turnsIn(dying).take('died', 10);
    const watching = await open('b');
    await dying.close();
    const { newest, take } = turnsIn(watching);
    expect((await newest()).get('died')?.state).toBe('under_way');
    expect(await take('died', 10)).toBe(false);
    const began = performance.now();
    while ((await newest()).get('died')?.state !== 'left' && performance.now() - began < 20_000)
      await new Promise((resolve) => setTimeout(resolve, 250));
    expect(await take('died', 10)).toBe(true);
  });
});
