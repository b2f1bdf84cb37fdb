// A connection that is made again when it is lost. Statements wait for it; they are asked again where
// nothing is known of them.
import type pg from 'pg';
import { StateAwayError } from '../../engine/ports/state-errors.ts';
import { ask, LostError, leave, messageOf, type Value } from './connect.ts';

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
  /** Milliseconds without a statement after which it is asked for a sign of life. */
  readonly beat?: number;
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** How long to wait before the next attempt to connect; milliseconds. */
const retryAfter = 250;

/** One statement at a time, so that each has its own time to be answered in. */
export class Link {
  readonly #options: LinkOptions;
  #client: Promise<pg.Client> | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #busy = 0;
  #lastAnswer = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #away: Away | undefined;
  #end: () => void = () => {};
  readonly #ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Set while the connection is lost. */
  readonly away = (): Away | undefined => this.#away;

  /**
   * Asks, as often as it needs until there is an answer. Throws errors of the database, and a
   * `StateAwayError` when it is closed.
   */
  async ask<Row>(text: string, values?: readonly Value[]): Promise<readonly Row[]> {
    for (;;) {
      const client = await this.#open();
      try {
        return await this.#inTurn(() => ask<Row>(client, text, values));
      } catch (error) {
        if (!(error instanceof LostError)) throw error;
        this.#drop(client, error);
      }
    }
  }

  /** Connects once; throws the error of the first attempt. */
  async first(): Promise<void> {
    this.#client ??= this.#options.open().then((client) => this.#use(client));
    await this.#client.catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
  }

  /** Ends it; the server has ended the session then, unless it is away. */
  async close(): Promise<void> {
    const client = this.#away === undefined ? this.#client : undefined;
    this.#closed = true;
    this.#end();
    clearInterval(this.#timer);
    await client?.then(leave, () => {});
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1;
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#busy -= 1;
      this.#lastAnswer = performance.now();
    }
  }

  async #open(): Promise<pg.Client> {
    if (this.#closed) throw this.#isAway('it was closed');
    this.#client ??= this.#connect();
    const client = await Promise.race([this.#client, this.#ended]);
    if (client === undefined) throw this.#isAway(this.#away?.why ?? 'it was closed');
    return client;
  }

  async #connect(): Promise<pg.Client> {
    while (!this.#closed) {
      try {
        return this.#use(await this.#options.open());
      } catch (error) {
        this.#away = { since: this.#away?.since ?? Date.now(), why: messageOf(error) };
        await Promise.race([pause(retryAfter), this.#ended]);
      }
    }
    throw this.#isAway('it was closed');
  }

  #use(client: pg.Client): pg.Client {
    this.#away = undefined;
    this.#lastAnswer = performance.now();
    client.once('end', () => this.#drop(client, new LostError('the connection was closed')));
    const { beat } = this.#options;
    if (beat !== undefined) this.#timer ??= setInterval(() => void this.#beat(beat), beat / 2);
    return client;
  }

  #drop(client: pg.Client, error: LostError): void {
    void leave(client);
    void this.#client?.then(
      (current) => {
        if (current !== client || this.#closed) return;
        this.#away = { since: Date.now(), why: error.message };
        // A process that shows that it lives comes back at once.
        this.#client = this.#options.beat === undefined ? undefined : this.#connect();
        this.#client?.catch(() => {});
      },
      () => {},
    );
  }

  async #beat(beat: number): Promise<void> {
    if (this.#away !== undefined || this.#busy > 0) return;
    if (performance.now() - this.#lastAnswer < beat * 0.9) return;
    await this.ask('select 1').catch(() => {});
  }

  #isAway(why: string): StateAwayError {
    return new StateAwayError(this.#options.place, why);
  }
}
