// The schema of the database: brought to the version of this kmend, and checked by those who open it.
import type { Client } from 'pg';
import type { Migrated, StateRoles } from '../../../engine/ports/database.ts';
import { DatabaseError } from '../../../engine/ports/state-errors.ts';
import { connect, leave } from '../link/connect.ts';
import type { Db } from '../link/db.ts';
import { databaseError } from '../link/errors.ts';
import first from '../schema/1.sql';
import { createRoles, grantRights } from './roles.ts';

/** The steps from one version to the next; the schema's version is their number. */
const steps: readonly string[] = [first];

/** The version that this kmend needs. */
export const knownSchema = steps.length;

export const usualRoles: StateRoles = { worker: 'kmend_worker', reader: 'kmend_reader' };

/**
 * Brings the schema to the newest version, in one transaction; several at once wait for each other.
 * @param to the steps up to the wanted version
 */
export async function migrate(
  url: string,
  roles: StateRoles = usualRoles,
  to: readonly string[] = steps,
): Promise<Migrated> {
  const client = await connect(url, { lock_timeout: "'60s'" }).catch((error: unknown) => {
    throw databaseError(error, url);
  });
  try {
    await client.query('begin');
    // All locks of runs and processes have keys of two parts.
    await client.query('select pg_advisory_xact_lock(1801678702)');
    const migrated = await migrateWithin(client, { url, roles, to });
    await client.query('commit');
    return migrated;
  } catch (error) {
    throw databaseError(error, url);
  } finally {
    await leave(client);
  }
}

interface Wanted {
  readonly url: string;
  readonly roles: StateRoles;
  readonly to: readonly string[];
}

async function migrateWithin(client: Client, { url, roles, to }: Wanted): Promise<Migrated> {
  await refuseServer(client, url);
  const from = await versionBefore(client, url);
  if (from > to.length) throw newer(url, from, to.length);
  const created = await createRoles(client, roles, url);
  if (from > 0 && from < to.length) await refuseUsed(client, url);
  for (const [index, step] of to.entries()) {
    if (index < from) continue;
    await client.query(step);
    await client.query('update meta set schema = $1', [index + 1]);
  }
  await grantRights(client, roles);
  return { from, to: to.length, roles, created };
}

async function refuseServer(client: Client, url: string): Promise<void> {
  const { rows } = await client.query<{ readonly version: number; readonly encoding: string }>(
    `select current_setting('server_version_num')::int as version,
       current_setting('server_encoding') as encoding`,
  );
  const { version = 0, encoding = '' } = rows[0] ?? {};
  if (version < 140_000)
    throw new DatabaseError(
      url,
      `its server is PostgreSQL ${Math.floor(version / 10_000)}`,
      'kmend needs PostgreSQL 14 or newer',
    );
  if (encoding !== 'UTF8')
    throw new DatabaseError(
      url,
      `its encoding is ${encoding}, and journals are UTF8`,
      "create another one: create database NAME template template0 encoding 'UTF8';",
    );
}

/** 0: there is no schema yet, and it is created here. */
async function versionBefore(client: Client, url: string): Promise<number> {
  const { rows } = await client.query<{ readonly is_there: boolean; readonly relations: string[] }>(
    `select n.oid is not null as is_there, array(
       select c.relname::text from pg_class c where c.relnamespace = n.oid) as relations
     from (select 'kmend' as name) wanted left join pg_namespace n on n.nspname = wanted.name`,
  );
  const { is_there: isThere = false, relations = [] } = rows[0] ?? {};
  if (relations.includes('meta')) {
    const found = await client.query<{ readonly schema: number }>('select schema from meta');
    return found.rows[0]?.schema ?? 0;
  }
  if (relations.length > 0)
    throw new DatabaseError(
      url,
      'it has a schema `kmend` that is not of kmend',
      'use a database of its own',
    );
  if (!isThere) await client.query('create schema kmend');
  return 0;
}

/** Processes of an older kmend would go on with a schema that they do not know. */
async function refuseUsed(client: Client, url: string): Promise<void> {
  const { rows } = await client.query<{ readonly who: string }>(
    "select about::json ->> 'who' as who from holder where is_alive(id) order by id",
  );
  if (rows.length === 0) return;
  throw new DatabaseError(
    url,
    `it is in use by ${rows.map(({ who }) => who).join(', ')}`,
    'stop them first; workers give their runs back and the newer ones go on with them',
  );
}

const newer = (place: string, found: number, known: number): DatabaseError =>
  new DatabaseError(
    place,
    `its schema has version ${found}, and this kmend knows version ${known}`,
    'use the newer kmend that migrated it',
  );

/**
 * Throws a `DatabaseError` unless the schema is that of this kmend and its role may read it.
 * @param place for messages
 */
export async function checkSchema(
  { query }: Pick<Db, 'query'>,
  place: string,
  known: number = knownSchema,
): Promise<void> {
  const [found] = await query<{
    readonly is_there: boolean;
    readonly may: boolean | null;
    readonly role: string;
  }>(
    `select c.oid is not null as is_there, current_user::text as role,
       has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as may
     from (select 'kmend' as name) wanted left join pg_namespace n on n.nspname = wanted.name
       left join pg_class c on c.relnamespace = n.oid and c.relname = 'meta'`,
  );
  if (found?.is_there !== true)
    throw new DatabaseError(
      place,
      'it has no schema of kmend yet',
      'its owner runs `kmend state migrate --state postgres://OWNER@HOST/DATABASE`',
    );
  if (found.may !== true)
    throw new DatabaseError(
      place,
      `role ${found.role} has no rights on the schema of kmend`,
      `its owner runs: grant ${usualRoles.worker} to ${found.role};`,
    );
  const [meta] = await query<{ readonly schema: number }>('select schema from kmend.meta');
  const version = meta?.schema ?? 0;
  if (version > known) throw newer(place, version, known);
  if (version < known)
    throw new DatabaseError(
      place,
      `its schema has version ${version}, and this kmend needs version ${known}`,
      'its owner runs `kmend state migrate` with this kmend; older ones then refuse it',
    );
}
