// What the parts of this room need of the database: statements over one session that is the process's
// proof of life, and reads beside it.
import type pg from 'pg';
import {
  DatabaseError,
  JournalLostError,
  RunTakenError,
  StateAwayError,
} from '../../../engine/ports/state-errors.ts';
import { toJson } from '../../../model/text/printable.ts';
import { ask, codeOf, connect, LostError, leave, messageOf, type Value } from './connect.ts';
import { writeError } from './errors.ts';
import { type Away, Link, sleep } from './session.ts';

export interface Db {
  /** Names the database in messages. */
  readonly place: string;
  /**
   * A read, or a statement that may be done twice: where the connection is lost, it waits for a new
   * one and asks again. Errors of the database are thrown as `StateWriteError` or by their own class.
   */
  readonly query: <Row>(text: string, values?: readonly Value[]) => Promise<readonly Row[]>;
  /**
   * As `query`, in the session whose end is this process's death for others. `work`: bytes that the
   * server works on, where they are many and not in the values.
   */
  readonly inSession: <Row>(
    text: string,
    values?: readonly Value[],
    work?: number,
  ) => Promise<readonly Row[]>;
  /** The id of this process in `holder`; its session is entered when first needed. */
  readonly me: () => Promise<number>;
  /** The clock of the database; milliseconds since 1970. */
  readonly now: () => number;
  /** Set while a connection is lost, and statements wait for it. */
  readonly away: () => Away | undefined;
  /** Calls `see` with the run that changed, or with undefined after a gap; returns how to stop. */
  readonly listen: (see: (run: string | undefined) => void) => () => void;
  /** Ends the connections; statements that wait throw a `StateAwayError`. */
  readonly close: () => Promise<void>;
}

/** Texts about a process, in `holder.about` as JSON. */
export type About = Readonly<Record<string, string>> & { readonly who: string };

export interface DbOptions {
  readonly kind: 'command' | 'worker';
  /** What others read of this process; `who` names it in messages. */
  readonly about: About;
}

/** The server itself ends the session of a process that is silent or cut off. */
const sessionSettings = {
  idle_session_timeout: "'5s'",
  idle_in_transaction_session_timeout: "'5s'",
  statement_timeout: "'5s'",
  client_connection_check_interval: "'1s'",
  tcp_user_timeout: "'5s'",
  // For a statement of which only a part has arrived: no other limit ends the wait for its rest.
  tcp_keepalives_idle: '1',
  tcp_keepalives_interval: '1',
};

/** An answer may be long, and the network slow. */
const readSettings = { statement_timeout: "'5min'", client_connection_check_interval: "'1s'" };

/** How often the session shows that it lives; milliseconds. */
const sessionBeat = 1_000;
/** How often a connection that waits for notifications is checked; milliseconds. */
const listenBeat = 5_000;

/** The clock of the server, carried on by the time that has passed here. */
class Clock {
  #ahead = Date.now() - performance.now();

  readonly measure = async (client: pg.Client): Promise<void> => {
    const sent = performance.now();
    const [row] = await ask<{ at: number }>(
      client,
      'select extract(epoch from clock_timestamp())::float8 * 1000 as at',
    );
    if (row !== undefined) this.#ahead = row.at - (sent + performance.now()) / 2;
  };

  readonly now = (): number => Math.floor(this.#ahead + performance.now());
}

/** Makes a connection with these settings, ready for statements. */
type Open = (settings: Readonly<Record<string, string>>) => Promise<pg.Client>;

/**
 * Connects to a database. Throws a `StateAwayError` where it cannot be reached now; later it waits.
 * @param url without a password
 * @param check is asked of each connection, since the schema may have changed while one was lost: a
 *   `DatabaseError` ends the wait
 */
export async function openDb(
  url: string,
  options: DbOptions,
  check: (client: pg.Client) => Promise<void> = async () => {},
): Promise<Db> {
  const clock = new Clock();
  const open: Open = async (settings) => {
    const client = await connect(url, settings);
    try {
      await check(client);
      return client;
    } catch (error) {
      void leave(client);
      throw error;
    }
  };
  const reader = new Link({
    place: url,
    open: async () => {
      const client = await open(readSettings);
      await clock.measure(client);
      return client;
    },
  });
  await reader.first().catch((error: unknown) => {
    throw error instanceof DatabaseError ? error : new StateAwayError(url, messageOf(error));
  });
  const session = sessionOf(url, open, clock, options);
  const listener = listenerOf(url, open);
  const named = <Row>(answer: Promise<readonly Row[]>): Promise<readonly Row[]> =>
    answer.catch((error: unknown) => {
      throw stateErrorOf(error, url);
    });
  return {
    place: url,
    query: (text, values) => named(reader.ask(text, values)),
    inSession: (text, values, work) => named(session.link.ask(text, values, work)),
    me: () => session.me().catch((error: unknown) => Promise.reject(stateErrorOf(error, url))),
    now: clock.now,
    away: () => session.link.away() ?? reader.away(),
    listen: listener.listen,
    close: async () => {
      await Promise.all([session.link, reader, listener.link].map((link) => link.close()));
    },
  };
}

/** The session that is this process's proof of life. */
function sessionOf(
  url: string,
  open: Open,
  clock: Clock,
  { kind, about }: DbOptions,
): { readonly link: Link; readonly me: () => Promise<number> } {
  let me: number | undefined;
  const link = new Link({
    place: url,
    beat: { every: sessionBeat, ask: clock.measure },
    open: async () => {
      const client = await open(sessionSettings);
      try {
        me = await enter(client, [me ?? null, kind, toJson(about)]);
        await clock.measure(client);
        return client;
      } catch (error) {
        void leave(client);
        throw error;
      }
    },
  });
  return {
    link,
    me: async () => {
      await link.open();
      // The first connection has set it.
      return me as number;
    },
  };
}

/** After how long the server has ended a session that it heard nothing of; milliseconds. */
const enterLimit = 8_000;

/** Makes a session that of this process. `values`: its id (the first time none), its kind, its texts. */
async function enter(client: pg.Client, values: readonly Value[]): Promise<number> {
  for (const begun = performance.now(); performance.now() - begun < enterLimit; ) {
    const [row] = await ask<{ id: number | null }>(
      client,
      'select enter($1, $2, $3) as id',
      values,
    );
    if (typeof row?.id === 'number') return row.id;
    await sleep(100);
  }
  throw new LostError('the server has not ended the earlier session of this process');
}

/** A connection that waits for notifications; it is made when the first one wants them. */
function listenerOf(
  url: string,
  open: Open,
): { readonly link: Link; readonly listen: Db['listen'] } {
  const listeners = new Set<(run: string | undefined) => void>();
  const wake = (run: string | undefined): void => {
    for (const see of listeners) see(run);
  };
  const link = new Link({
    place: url,
    beat: { every: listenBeat, ask: (client) => ask(client, 'select 1') },
    open: async () => {
      const client = await open(readSettings);
      client.on('notification', ({ payload }) => wake(payload));
      await ask(client, 'listen kmend');
      wake(undefined);
      return client;
    },
  });
  return {
    link,
    listen: (see) => {
      listeners.add(see);
      link.open().catch(() => {});
      return () => void listeners.delete(see);
    },
  };
}

function stateErrorOf(error: unknown, place: string): Error {
  if (error instanceof StateAwayError || error instanceof DatabaseError) return error;
  if (codeOf(error) === 'KM001') return new RunTakenError(messageOf(error));
  if (codeOf(error) === 'KM003') return new JournalLostError(place, messageOf(error));
  return writeError(error, place);
}
