// What the parts of this room need of the database: statements over one session that is the process's
// proof of life, and reads beside it.
import type pg from 'pg';
import {
  JournalLostError,
  RunTakenError,
  StateAwayError,
  StateWriteError,
} from '../../engine/ports/state-errors.ts';
import { toJson } from '../../model/text/printable.ts';
import { ask, codeOf, connect, LostError, messageOf, type Value } from './connect.ts';
import { type Away, Link } from './session.ts';

export interface Db {
  /** Names the database in messages. */
  readonly place: string;
  /**
   * A read, or a statement that may be done twice: where the connection is lost, it waits for a new
   * one and asks again. Errors of the database are thrown as `StateWriteError` or by their own class.
   */
  readonly query: <Row>(text: string, values?: readonly Value[]) => Promise<readonly Row[]>;
  /** As `query`, in the session whose end is this process's death for others. */
  readonly inSession: <Row>(text: string, values?: readonly Value[]) => Promise<readonly Row[]>;
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
};

const readSettings = { statement_timeout: "'30s'", client_connection_check_interval: "'1s'" };

/** How often the session shows that it lives; milliseconds. */
const sessionBeat = 1_000;
/** How often a connection that waits for notifications is checked; milliseconds. */
const listenBeat = 5_000;

/** The clock of the server, carried on by the time that has passed here. */
class Clock {
  #ahead = Date.now() - performance.now();

  async measure(client: pg.Client): Promise<void> {
    const sent = performance.now();
    const [row] = await ask<{ at: number }>(
      client,
      'select extract(epoch from clock_timestamp())::float8 * 1000 as at',
    );
    if (row !== undefined) this.#ahead = row.at - (sent + performance.now()) / 2;
  }

  readonly now = (): number => Math.floor(this.#ahead + performance.now());
}

/**
 * Connects to a database. Throws a `StateAwayError` where it cannot be reached now; later it waits.
 * @param url without a password
 */
export async function openDb(url: string, { kind, about }: DbOptions): Promise<Db> {
  const clock = new Clock();
  let me: number | undefined;
  const session = new Link({
    place: url,
    beat: sessionBeat,
    open: async () => {
      const client = await connect(url, sessionSettings);
      me = await enter(client, me ?? null, kind, about);
      await clock.measure(client);
      return client;
    },
  });
  const listeners = new Set<(run: string | undefined) => void>();
  const wake = (run: string | undefined): void => {
    for (const see of listeners) see(run);
  };
  const reader = new Link({
    place: url,
    open: async () => {
      const client = await connect(url, readSettings);
      await clock.measure(client);
      return client;
    },
  });
  const listener = new Link({
    place: url,
    beat: listenBeat,
    open: async () => {
      const client = await connect(url, readSettings);
      client.on('notification', ({ payload }) => wake(payload));
      await ask(client, 'listen kmend');
      wake(undefined);
      return client;
    },
  });
  await reader.first().catch((error: unknown) => {
    throw new StateAwayError(url, messageOf(error));
  });
  const named = <Row>(answer: Promise<readonly Row[]>): Promise<readonly Row[]> =>
    answer.catch((error: unknown) => {
      throw stateErrorOf(error, url);
    });
  return {
    place: url,
    query: (text, values) => named(reader.ask(text, values)),
    inSession: (text, values) => named(session.ask(text, values)),
    me: async () => {
      while (me === undefined) await named(session.ask('select 1'));
      return me;
    },
    now: clock.now,
    away: () => session.away() ?? reader.away(),
    listen: (see) => {
      listeners.add(see);
      listener.ask('select 1').catch(() => {});
      return () => void listeners.delete(see);
    },
    close: async () => {
      await Promise.all([session, reader, listener].map((link) => link.close()));
    },
  };
}

/** The session becomes that of this process: the first time with a new id. */
async function enter(
  client: pg.Client,
  id: number | null,
  kind: string,
  about: About,
): Promise<number> {
  const [row] = await ask<{ id: number | null }>(client, 'select enter($1, $2, $3) as id', [
    id,
    kind,
    toJson(about),
  ]);
  if (typeof row?.id === 'number') return row.id;
  throw new LostError('the server has not yet ended the earlier session of this process');
}

function stateErrorOf(error: unknown, place: string): Error {
  if (error instanceof StateAwayError) return error;
  if (codeOf(error) === 'KM001') return new RunTakenError(messageOf(error));
  if (codeOf(error) === 'KM003') return new JournalLostError(place, messageOf(error));
  return new StateWriteError(place, error);
}
