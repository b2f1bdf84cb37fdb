// The contract of all stores, over a real PostgreSQL.
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { createPostgresStore, migrate } from '../../src/adapters/postgres/index.ts';
import type { Store } from '../../src/engine/ports/store.ts';
import { storeContract } from '../store-contract/contract.ts';
import type { Forge } from '../store-contract/subject.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** As the superuser: no function and no right stands in its way. */
function forgeIn(server: Postgres, database: string): Forge {
  const sql = (text: string): string => server.psql(database, `set search_path = kmend; ${text}`);
  return {
    journal: (run, change) => {
      const lines = sql(`select line from event where run = ${quoted(run)} order by seq`).split(
        '\n',
      );
      sql(
        [
          `delete from event where run = ${quoted(run)}`,
          ...change(lines).map(
            (line, seq) =>
              `insert into event (run, seq, batch, line) values (${quoted(run)}, ${seq}, gen_random_uuid(), ${quoted(line)})`,
          ),
        ].join(';'),
      );
    },
    plan: (run, text) =>
      void sql(
        `update run_file set body = body || ${quoted(text)} where run = ${quoted(run)} and file = 'plan'`,
      ),
    output: (run, host, text) => {
      const at = `run = ${quoted(run)} and file = ${quoted(`output/${host}.log`)}`;
      sql(
        `delete from output where ${at} and at > 0;
         update output set data = convert_to(${quoted(text)}, 'UTF8') where ${at}`,
      );
    },
    slot: (name, text) =>
      void sql(
        `insert into slot (name, run, body) values (${quoted(name)}, 'r1', ${quoted(text)})`,
      ),
    command: (run, text) =>
      void sql(
        `insert into command (id, run, body) values (gen_random_uuid(), ${quoted(run)}, ${quoted(text)})`,
      ),
    count: (run) => ({
      slots: Number(sql('select count(*) from slot')),
      commands: Number(sql(`select count(*) from command where run = ${quoted(run)}`)),
    }),
  };
}

describe.skipIf(postgresBin === undefined)('a database', () => {
  let server: Postgres;
  const open: Store[] = [];
  beforeAll(async () => {
    server = await startPostgres({ settings: ['fsync=off'] });
    await migrate(server.createDatabase('t'));
    // With the rights of a worker, and no more.
    server.psql('t', 'create role w login in role kmend_worker');
  });
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close();
    server.psql(
      't',
      `do $$ begin execute (
         select 'truncate ' || string_agg(format('kmend.%I', tablename), ', ')
         from pg_tables where schemaname = 'kmend' and tablename <> 'meta'); end $$`,
    );
  });
  afterAll(() => server.close());
  const openStore = async (about: string, role = 'w'): Promise<Store> => {
    const store = await createPostgresStore(server.url('t', role), {
      holder: { kind: 'command', about: { who: about } },
      packagePath: (sha256) => `/packages/${sha256}`,
    });
    open.push(store);
    return store;
  };

  const subject = (role?: string) => async () => ({
    store: await openStore('process 1 on a', role),
    other: await openStore('process 2 on b'),
    forge: forgeIn(server, 't'),
  });
  // Only the owner may bring runs.
  storeContract(subject(), subject('postgres'));
});
