// What the database is like, for those who operate it.
import type { Client } from 'pg';
import type { Inspected } from '../../../engine/ports/database.ts';
import { ask, connect, leave } from '../link/connect.ts';
import { databaseError } from '../link/errors.ts';
import { knownSchema } from './migrate.ts';
import { poolerOf } from './pooler.ts';

/** Throws a `DatabaseError` where it cannot be reached. */
export async function inspect(url: string): Promise<Inspected> {
  const another = (): Promise<Client> => connect(url, { statement_timeout: "'10s'" });
  try {
    const client = await another();
    try {
      const clock = await clockOf(client);
      const server = await serverOf(client);
      const may = await rightsOf(client);
      return {
        ...server,
        clock,
        pooler: await poolerOf(client, another),
        known: knownSchema,
        may,
        schema: may === 'nothing' ? null : await schemaOf(client),
        ...(may === 'nothing' ? nothingKept : await keptIn(client)),
      };
    } finally {
      await leave(client);
    }
  } catch (error) {
    throw databaseError(error, url);
  }
}

const nothingKept = { runs: 0, bytes: 0, processes: [] } as const;

async function one<Row>(client: Client, text: string): Promise<Row> {
  const [row] = await ask<Row>(client, text);
  if (row === undefined) throw new Error('the server gave no row');
  return row;
}

/** The clock of the server less that of this machine, in milliseconds. */
async function clockOf(client: Client): Promise<number> {
  const sent = Date.now();
  const { at } = await one<{ readonly at: number }>(
    client,
    'select extract(epoch from clock_timestamp())::float8 * 1000 as at',
  );
  return Math.round(at - (sent + Date.now()) / 2);
}

type Server = Pick<
  Inspected,
  'server' | 'version' | 'encoding' | 'role' | 'tls' | 'standby' | 'followers' | 'synchronous'
>;

const serverOf = (client: Client): Promise<Server> =>
  one(
    client,
    `select current_setting('server_version') as server,
       current_setting('server_version_num')::int / 10000 as version,
       current_setting('server_encoding') as encoding, current_user::text as role,
       (select s.version from pg_stat_ssl s where s.pid = pg_backend_pid() and s.ssl) as tls,
       pg_is_in_recovery() as standby,
       (select count(*)::int from pg_stat_replication) as followers,
       current_setting('synchronous_standby_names') <> ''
         and current_setting('synchronous_commit') not in ('off', 'local') as synchronous`,
  );

async function rightsOf(client: Client): Promise<Inspected['may']> {
  const { reads, writes } = await one<{ readonly reads: boolean; readonly writes: boolean }>(
    client,
    `select coalesce(has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'), false) as reads,
       coalesce(has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute'), false) as writes
     from (select 'kmend' as name) wanted left join pg_namespace n on n.nspname = wanted.name
       left join pg_class c on c.relnamespace = n.oid and c.relname = 'event'
       left join pg_proc p on p.pronamespace = n.oid and p.proname = 'append'`,
  );
  if (!reads) return 'nothing';
  return writes ? 'write' : 'read';
}

const schemaOf = async (client: Client): Promise<number> =>
  (await one<{ readonly schema: number }>(client, 'select schema from kmend.meta')).schema;

async function keptIn(client: Client): Promise<Pick<Inspected, 'runs' | 'bytes' | 'processes'>> {
  const sizes = await one<{ readonly runs: number; readonly bytes: number }>(
    client,
    `select (select count(*)::int from kmend.run) as runs,
       (select coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 from pg_class c
         join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'kmend' and c.relkind = 'r') as bytes`,
  );
  const processes = await ask<Inspected['processes'][number]>(
    client,
    `select kind, coalesce(about::json ->> 'who', '') as who, (extract(epoch from since) * 1000)::float8 as since
     from kmend.holder where kmend.is_alive(id) order by id`,
  );
  return { ...sizes, processes };
}
