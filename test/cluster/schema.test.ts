// The schema: what its functions promise, asked with psql by a real server.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

let server: Postgres;
const schema = readFileSync('src/adapters/postgres/schema/1.sql', 'utf8');

describe.skipIf(postgresBin === undefined)('schema 1', () => {
  beforeAll(async () => {
    server = await startPostgres();
    server.createDatabase('t');
    server.psql('t', `create schema kmend; set search_path = kmend; ${schema}`);
  });
  afterAll(() => server.close());

  it('appends lines that are chained, and refuses an older leader', () => {
    const ask = (sql: string): string => server.psql('t', `set search_path = kmend; ${sql}`);
    expect(
      ask(
        `select enter(null, 'command', '{}'); select outcome, new_epoch, new_number from lead(1, 'r1', 'root', array['a'], null);
         select seq, line from append('r1', 1, null, 0, 'root', gen_random_uuid(), array['{"type":"x"}', '{"type":"y"}'], null, null, false)`,
      )
        .replace(/"at":\d+/g, '"at":0')
        .replace(/[0-9a-f]{64}/g, 'HASH'),
    ).toBe(
      '1\nheld|1|1\n0|{"v":1,"seq":0,"at":0,"run":"r1","prev":"root","type":"x"}\n1|{"v":1,"seq":1,"at":0,"run":"r1","prev":"HASH","type":"y"}',
    );
    expect(() =>
      ask(
        `select append('r1', 0, null, 2, 'x', gen_random_uuid(), array['{"type":"z"}'], null, null, false)`,
      ),
    ).toThrow(/another process leads run r1/);
  });
});
