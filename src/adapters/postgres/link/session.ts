// A connection that is made again when it is lost. Statements wait for it; they are asked again where
// nothing is known of them.
import type pg from 'pg';
import { DatabaseError, StateAwayError } from '../../../engine/ports/state-errors.ts';
import { answerLimit, ask, isLoss, LostError, leave, messageOf, type Value } from './connect.ts';

/** Since when the database cannot be reached (milliseconds since 1970), and why. */
export interface Away {
  readonly since: number;
  readonly why: string;
}

export interface LinkOptions {
  /** Names the database in errors. */
  readonly place: string;
  /** Makes a connection, ready for statements. */
  readonly open: () => Promise<pg.Client>;
  /** A sign of life: how often (milliseconds), and what is asked. Such a link is never left lost. */
  readonly beat?: { readonly every: number; readonly ask: (client: pg.Client) => Promise<unknown> };
}

/** How long to wait before the next attempt to connect; milliseconds. */
const retryAfter = 250;

/** Bytes that a busy server appends in a millisecond at least. */
const slowestWork = 2_000;

/** Asks what takes the server longer than a statement of its session may. */
async function longAsk<Row>(
  client: pg.Client,
  text: string,
  values: readonly Value[] | undefined,
  work: number,
): Promise<readonly Row[]> {
  const more = Math.ceil(work / slowestWork);
  const [before] = await ask<{ statement_timeout: string }>(client, 'show statement_timeout');
  await ask(client, `set statement_timeout = ${2 * answerLimit + more}`);
  try {
    return await ask<Row>(client, text, values, more);
  } finally {
    await ask(client, `set statement_timeout = '${before?.statement_timeout}'`);
  }
}

/** One statement at a time, so that each has its own time to be answered in. */
export class Link {
  readonly #options: LinkOptions;
  #client: pg.Client | undefined;
  #opening: Promise<pg.Client> | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #beating = false;
  #closed = false;
  #wasOpen = false;
  #away: Away | undefined;
  #end: () => void = () => {};
  readonly #ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Set while something waits for the connection. */
  readonly away = (): Away | undefined => this.#away;

  /**
   * Asks, as often as it needs until there is an answer. Throws errors of the database, and a
   * `StateAwayError` when it is closed.
   * @param work bytes that the server works on, where they are many and not in the values
   */
  async ask<Row>(text: string, values?: readonly Value[], work = 0): Promise<readonly Row[]> {
    for (;;) {
      const client = await this.open();
      try {
        return await this.#inTurn(() =>
          work === 0 ? ask<Row>(client, text, values) : longAsk<Row>(client, text, values, work),
        );
      } catch (error) {
        if (!(error instanceof LostError)) throw error;
        this.#drop(client, error);
      }
    }
  }

  /**
   * Connects, and tries it again until it is closed. Throws what the database itself says to the
   * first connection, and a `DatabaseError` of `open`.
   */
  async open(): Promise<pg.Client> {
    if (this.#closed) throw this.#isAway();
    if (this.#client !== undefined) return this.#client;
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    const client = await Promise.race([this.#opening, this.#ended]);
    if (client === undefined) throw this.#isAway();
    return client;
  }

  /** Connects once; throws the error of this attempt. */
  async first(): Promise<void> {
    this.#use(await this.#options.open());
  }

  /** Ends it; the server has ended the session then, unless it is away. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#end();
    clearInterval(this.#timer);
    if (this.#client !== undefined) await leave(this.#client);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => {});
    return turn;
  }

  async #connect(): Promise<pg.Client> {
    while (!this.#closed) {
      try {
        const client = await this.#options.open();
        if (!this.#closed) return this.#use(client);
        await leave(client);
      } catch (error) {
        // A role without the right, or a schema that is another: no wait makes that good.
        if (error instanceof DatabaseError || (!this.#wasOpen && !isLoss(error))) throw error;
        this.#away = { since: this.#away?.since ?? Date.now(), why: messageOf(error) };
        await Promise.race([this.#ended, sleep(retryAfter)]);
      }
    }
    throw this.#isAway();
  }

  #use(client: pg.Client): pg.Client {
    this.#away = undefined;
    this.#client = client;
    this.#wasOpen = true;
    client.once('end', () => this.#drop(client, new LostError('the connection was closed')));
    const { beat } = this.#options;
    if (beat !== undefined) this.#timer ??= setInterval(() => void this.#beat(), beat.every);
    return client;
  }

  #drop(client: pg.Client, error: LostError): void {
    if (this.#client !== client || this.#closed) return;
    this.#client = undefined;
    void leave(client);
    if (this.#options.beat === undefined) return;
    this.#away = { since: Date.now(), why: error.message };
    this.open().catch(() => {});
  }

  async #beat(): Promise<void> {
    const client = this.#client;
    if (client === undefined || this.#beating) return;
    this.#beating = true;
    try {
      await this.#inTurn(async () => this.#options.beat?.ask(client));
    } catch (error) {
      if (error instanceof LostError) this.#drop(client, error);
    } finally {
      this.#beating = false;
    }
  }

  #isAway(): StateAwayError {
    return new StateAwayError(this.#options.place, this.#away?.why ?? 'it was closed');
  }
}

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
