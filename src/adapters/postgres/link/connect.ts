// A connection to the database: how it is made, how long its answers may take, and which errors mean
// that it is lost.
import { readFile } from 'node:fs/promises';
import { isIP, Socket } from 'node:net';
import { userInfo } from 'node:os';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import pgpass from 'pgpass';
import { sslModes } from '../../../engine/ports/database.ts';
import { present } from '../../../model/present.ts';

export type Value = string | number | boolean | null | Buffer | readonly string[];

/** SQLSTATE of a password that is missing or wrong. */
const noPassword = '28P01';

/** After how many milliseconds without a byte of its answer the server counts as away. */
export const answerLimit = 2_500;
/** Bytes that the slowest network takes in a millisecond: the limit follows what is sent. */
const slowest = 64;

/** Bytes that a connection has received. */
const received = new WeakMap<pg.Client, () => number>();

/** The connection is lost, or the server cannot work now: nothing is known of the last statement. */
export class LostError extends Error {}

const isLocal = (host: string): boolean =>
  host.startsWith('/') ||
  host === 'localhost' ||
  host === '::1' ||
  (isIP(host) === 4 && host.startsWith('127.'));

const wrongUrl = (why: string): Error => Object.assign(new Error(why), { code: 'ERR_INVALID_URL' });

/** Throws an Error that names the parameter that is wrong. */
async function tlsOf(
  host: string,
  parameters: URLSearchParams,
): Promise<false | ConnectionOptions> {
  const given = parameters.get('sslmode') ?? process.env.PGSSLMODE;
  const mode = given ?? (isLocal(host) ? 'disable' : 'verify-full');
  if (!sslModes.some((one) => one === mode))
    throw wrongUrl(`sslmode must be one of ${sslModes.join(', ')}, not ${mode}`);
  if (mode === 'disable') return false;
  const file = async (name: string): Promise<Buffer | undefined> => {
    const path = parameters.get(name) ?? process.env[`PG${name.toUpperCase()}`];
    if (path === undefined) return undefined;
    return readFile(path).catch((error: unknown) => {
      throw wrongUrl(`the file of ${name} cannot be read: ${messageOf(error)}`);
    });
  };
  return {
    ...present({
      ca: await file('sslrootcert'),
      cert: await file('sslcert'),
      key: await file('sslkey'),
    }),
    rejectUnauthorized: mode !== 'require',
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  };
}

/** Of PGPASSWORD, PGPASSFILE or ~/.pgpass; it is asked for where the server wants one. */
async function passwordFor(client: pg.Client): Promise<string> {
  const { PGPASSWORD } = process.env;
  if (PGPASSWORD !== undefined && PGPASSWORD !== '') return PGPASSWORD;
  const found = await new Promise<string | undefined>((resolve) => {
    pgpass(client, resolve);
  });
  if (found !== undefined) return found;
  throw Object.assign(new Error('the server asks for a password, and there is none'), {
    code: noPassword,
  });
}

/** The driver reads $USER, which containers and services do not have. */
function ownName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/**
 * Makes a connection for the schema `kmend`.
 * @param url postgres://USER@HOST:PORT/DB, with `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, or
 *   `host` for the directory of a socket
 * @param settings of the session, as names and values
 */
export async function connect(
  url: string,
  settings: Readonly<Record<string, string>>,
): Promise<pg.Client> {
  const { hostname, port, pathname, username, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? hostname.replace(/^\[|\]$/g, '');
  const user =
    decodeURIComponent(username) || searchParams.get('user') || process.env.PGUSER || ownName();
  const socket = new Socket();
  const client: pg.Client = new pg.Client({
    stream: () => socket,
    ...(host === '' ? {} : { host: decodeURIComponent(host) }),
    ...(port === '' ? {} : { port: Number(port) }),
    ...(pathname.length > 1 ? { database: decodeURIComponent(pathname.slice(1)) } : {}),
    ...present({ user }),
    password: () => passwordFor(client),
    ssl: await tlsOf(host, searchParams),
    application_name: 'kmend',
    connectionTimeoutMillis: answerLimit,
    keepAlive: true,
  });
  received.set(client, () => socket.bytesRead);
  // A lost connection is noticed by its next statement; without a listener it would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    // Not as startup options, which PgBouncer refuses.
    await ask(
      client,
      Object.entries({ search_path: 'kmend, pg_temp', ...settings })
        .map(([name, value]) => `set ${name} = ${value}`)
        .join(';'),
    );
  } catch (error) {
    void leave(client);
    throw error;
  }
  return client;
}

/** Ends a connection; the server, which may be away, has a second to confirm it. */
export async function leave(client: pg.Client): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    late = setTimeout(resolve, 1_000);
  });
  await Promise.race([client.end().catch(() => {}), limit]);
  clearTimeout(late);
}

const bytesIn = (value: Value): number => {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.length;
  return Array.isArray(value) ? value.reduce((sum, one: string) => sum + one.length, 0) : 0;
};

/**
 * Asks, and throws a `LostError` where no answer comes in time, or the connection is lost.
 * @param more milliseconds that the server needs for its work, beside what the values need
 */
export async function ask<Row>(
  client: pg.Client,
  text: string,
  values: readonly Value[] = [],
  more = 0,
): Promise<readonly Row[]> {
  let late: NodeJS.Timeout | undefined;
  const heard = (): number => received.get(client)?.() ?? 0;
  const silence = new Promise<never>((_, reject) => {
    const wait = (before: number, limit: number): void => {
      const judge = (): void => {
        if (heard() !== before) wait(heard(), answerLimit);
        else reject(new LostError(`it has not answered for ${limit / 1000} seconds`));
      };
      // Where this process itself was busy or stopped, the answer is read before it is missed.
      late = setTimeout(() => setImmediate(() => setImmediate(judge)), limit);
    };
    const sent = values.reduce((sum: number, value) => sum + bytesIn(value), 0);
    wait(heard(), Math.ceil(answerLimit + more + sent / slowest));
  });
  const answer = values.length === 0 ? client.query(text) : client.query(text, values as unknown[]);
  try {
    return (await Promise.race([answer, silence])).rows as readonly Row[];
  } catch (error) {
    throw isLoss(error) ? new LostError(messageOf(error), { cause: error }) : error;
  } finally {
    clearTimeout(late);
    answer.catch(() => {});
  }
}

export const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
};

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : '';

/**
 * Classes of errors after which the same statement is asked again: connection, resources other than
 * the disk, shutdown, a limit of time, a standby that is not yet the primary, a deadlock.
 */
const passing = /^(?:08...|57...|55P03|53[23]00|25006|40001|40P01)$/;

/** The driver's own errors of a lost connection have no class of their own. */
export function isLoss(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return passing.test(error.code ?? '');
  return (
    error instanceof Error &&
    ![TypeError, RangeError, ReferenceError].some((own) => error instanceof own)
  );
}
