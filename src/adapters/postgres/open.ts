// Opens a store in a database, after checking that the database can carry it.
import { hostname } from 'node:os';
import type { Client } from 'pg';
import { DatabaseError } from '../../engine/ports/state-errors.ts';
import type { Store } from '../../engine/ports/store.ts';
import { ask, connect, leave } from './link/connect.ts';
import { type DbOptions, openDb } from './link/db.ts';
import { databaseError } from './link/errors.ts';
import { checkSchema } from './operate/migrate.ts';
import { poolerOf } from './operate/pooler.ts';
import { journalsOf } from './runs/journal.ts';
import { storeOver } from './store.ts';

export interface PostgresStoreOptions {
  /** Package files stay on this machine. */
  readonly packagePath: Store['packagePath'];
  /** What others read of this process; usually a command. */
  readonly holder?: DbOptions;
}

const thisCommand: DbOptions = {
  kind: 'command',
  about: { who: `process ${process.pid} on ${hostname()}` },
};

/**
 * Opens the store. Throws a `DatabaseError` where the database cannot be reached or used.
 * @param url without a password
 */
export async function createPostgresStore(
  url: string,
  { packagePath, holder = thisCommand }: PostgresStoreOptions,
): Promise<Store> {
  await check(url);
  const db = await openDb(url, holder, (client) => checkSchemaOf(client, url));
  return storeOver({ db, journals: journalsOf(db), packagePath });
}

async function check(url: string): Promise<void> {
  const another = (): ReturnType<typeof connect> => connect(url, {});
  try {
    const client = await another();
    try {
      if ((await poolerOf(client, another)) === 'transaction') throw transactionMode(url);
      await checkSchemaOf(client, url);
    } finally {
      await leave(client);
    }
  } catch (error) {
    throw databaseError(error, url);
  }
}

const checkSchemaOf = (client: Client, url: string): Promise<void> =>
  checkSchema({ query: (text, values) => ask(client, text, values) }, url);

const transactionMode = (url: string): DatabaseError =>
  new DatabaseError(
    url,
    'a pooler (PgBouncer) gives each transaction another connection, and locks of sessions are lost',
    'set pool_mode = session for this database, or name the server itself',
  );
