// The journal of a run in the database: the server numbers, dates and chains its lines.
import { randomUUID } from 'node:crypto';
import {
  JournalError,
  RunTakenError,
  StateWriteError,
} from '../../../engine/ports/state-errors.ts';
import type { Journal, JournalHead, Store } from '../../../engine/ports/store.ts';
import { hashOf, rootEnd } from '../../../engine/state/chain.ts';
import { infoAfter, type RunFacts } from '../../../engine/state/run-info.ts';
import type { Event, EventBody } from '../../../model/run/event.ts';
import { toJson } from '../../../model/text/printable.ts';
import type { Db } from '../link/db.ts';
import { type Leads, leadsOf } from './lead.ts';
import { scanRun } from './lines.ts';

/** The part of a store that holds runs and appends to their journals. */
export type Journals = Pick<Store, 'createJournal' | 'openJournal' | 'lock'>;

export function journalsOf(db: Db): Journals {
  const leads = leadsOf(db);
  /** Journals that were read, and whose runs are not led yet. */
  const opened = new Map<string, Journal>();
  return {
    lock: async (hosts, run, takeover) => {
      const lock = await leads.lock(hosts, run, takeover);
      const end = opened.get(run)?.end();
      opened.delete(run);
      if (!lock.held || end === undefined) return lock;
      const [row] = await db.inSession<{ seq: number }>('select seq from run where run = $1', [
        run,
      ]);
      if (row?.seq === end.entries) return lock;
      await lock.release();
      throw new RunTakenError(
        `another process has worked on run ${run} since its journal was read`,
      );
    },
    createJournal: async (run) => {
      const { epoch } = await leads.of(run);
      const [row] = await db.inSession<{ made: boolean }>('select begin_journal($1, $2) as made', [
        run,
        epoch,
      ]);
      if (row?.made !== true) throw new StateWriteError(placeOf(db, run), alreadyThere);
      return new PgJournal(db, leads, run, rootEnd(run), new Standing());
    },
    openJournal: async (run, see) => {
      const standing = new Standing();
      const end = await scanRun(db, run, (event) => {
        see(event);
        standing.see(event);
      });
      const journal = new PgJournal(db, leads, run, end, standing);
      opened.set(run, journal);
      return { journal, torn: false };
    },
  };
}

const alreadyThere = new Error('it is there already');

const placeOf = ({ place }: Db, run: string): string => `${place}: the journal of run ${run}`;

/** What the row of a run says of it, beside its journal. */
class Standing {
  info: RunFacts | undefined;
  /** A worker may carry the run on: it was approved or has begun, and is not finished. */
  open = false;
  #agreed = false;

  see(event: Event): void {
    this.info = infoAfter(this.info, event);
    if (event.type === 'approved' && event.about !== 'unplannable') this.#agreed = true;
    if (event.type === 'wave.started') this.#agreed = true;
    this.open = this.#agreed && this.info?.finished === undefined;
  }

  copy(): Standing {
    const copy = new Standing();
    copy.info = this.info;
    copy.open = this.open;
    copy.#agreed = this.#agreed;
    return copy;
  }
}

interface Waiting {
  readonly body: EventBody;
  readonly done: (event: Event) => void;
  readonly failed: (error: unknown) => void;
}

/** Entries that one statement appends at most: it must be answered in time. */
const batchSize = 500;
/** Bytes of a batch that one statement carries at most. */
const partBytes = 128 * 1024;

interface Batch {
  /** Run, epoch, number of entries and head before it. */
  readonly after: readonly [string, number, number, string];
  readonly bodies: readonly string[];
  /** What the row of the run says with it. */
  readonly standing: readonly [string | null, boolean];
}

/** Returns all lines after the head of the batch; those of the batch are the last. */
async function appendTo(db: Db, { after, bodies, standing }: Batch): Promise<readonly string[]> {
  const batch = randomUUID();
  const bytes = Buffer.from(bodies.join('\n'));
  if (bytes.length <= partBytes) {
    const rows = await db.inSession<{ line: string }>(
      'select line from append($1, $2, $3, $4, $5, $6, $7, $8)',
      [...after, batch, bodies, ...standing],
    );
    return rows.map(({ line }) => line);
  }
  const parts = await keepParts(db, batch, bytes);
  const rows = await db.inSession<{ line: string }>(
    'select line from append_parts($1, $2, $3, $4, $5, $6, $7, $8)',
    [...after, batch, parts, ...standing],
    bytes.length,
  );
  const others = rows.length - bodies.length;
  return rows.map(({ line }, index) => `${line}${bodies[index - others]?.slice(1) ?? ''}`);
}

/**
 * Sends a long batch piece by piece, so that signs of life pass between them, and the network takes
 * a piece whole: the server waits for the rest of a statement without a limit. Returns how many.
 */
async function keepParts(db: Db, batch: string, bytes: Buffer): Promise<number> {
  let parts = 0;
  for (let from = 0; from < bytes.length; from += partBytes) {
    await db.inSession('select keep_part($1, $2, $3, $4)', [
      await db.me(),
      batch,
      parts,
      bytes.subarray(from, from + partBytes),
    ]);
    parts += 1;
  }
  return parts;
}

/** An open journal. Entries that wait are appended together. */
class PgJournal implements Journal {
  readonly run: string;
  readonly #db: Db;
  readonly #leads: Leads;
  readonly #standing: Standing;
  #entries: number;
  #head: string;
  #follower: (event: Event, line: string) => void = () => {};
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  /** The first append that failed: none is tried after it. */
  #broken: { readonly error: unknown } | undefined;

  constructor(
    db: Db,
    leads: Leads,
    run: string,
    { entries, head }: JournalHead,
    standing: Standing,
  ) {
    this.#db = db;
    this.#leads = leads;
    this.run = run;
    this.#entries = entries;
    this.#head = head;
    this.#standing = standing;
  }

  readonly end = (): JournalHead => ({ entries: this.#entries, head: this.#head });

  follow(see: (event: Event, line: string) => void): void {
    this.#follower = see;
  }

  /** Every entry is durable when its append resolves. */
  append(body: EventBody): Promise<Event> {
    return new Promise((done, failed) => {
      this.#waiting.push({ body, done, failed });
      this.#flushing ??= this.#flush();
    });
  }

  async #flush(): Promise<void> {
    // What is appended in the same moment goes together.
    await undefined;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchSize);
      try {
        if (this.#broken !== undefined) throw this.#broken.error;
        const events = await this.#write(batch.map(({ body }) => body));
        for (const [index, { done, failed }] of batch.entries()) {
          const event = events[index];
          if (event === undefined) failed(new JournalError(this.run, this.#entries, 'is missing'));
          else done(event);
        }
      } catch (error) {
        this.#broken ??= { error };
        for (const { failed } of batch) failed(error);
      }
    }
    // At once, since an append may come before this promise is seen to be resolved.
    this.#flushing = undefined;
  }

  /** Appends a batch, shows all lines that are new here, and returns the events of the batch. */
  async #write(bodies: readonly EventBody[]): Promise<readonly Event[]> {
    const { epoch } = await this.#leads.of(this.run);
    const { info, open } = this.#after(bodies);
    const lines = await appendTo(this.#db, {
      after: [this.run, epoch, this.#entries, this.#head],
      bodies: bodies.map((body) => toJson(body)),
      standing: [info === undefined ? null : toJson(info), open],
    });
    return lines.map((line) => this.#see(line)).slice(-bodies.length);
  }

  /** What will be true of the run with these entries; the server dates them. */
  #after(bodies: readonly EventBody[]): Standing {
    const after = this.#standing.copy();
    const envelope = { v: 1, seq: 0, at: this.#db.now(), run: this.run, prev: '' } as const;
    for (const body of bodies) after.see({ ...envelope, ...body });
    return after;
  }

  #see(line: string): Event {
    const event = JSON.parse(line) as Event;
    if (event.seq !== this.#entries || event.prev !== this.#head)
      throw new JournalError(
        placeOf(this.#db, this.run),
        this.#entries,
        'does not follow the one before it',
      );
    this.#entries += 1;
    this.#head = hashOf(line);
    this.#standing.see(event);
    this.#follower(event, line);
    return event;
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#leads.done(this.run);
  }
}
