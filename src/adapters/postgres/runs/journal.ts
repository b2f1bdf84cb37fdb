// The journal of a run in the database: the server numbers, dates and chains its lines.
import { randomUUID } from 'node:crypto';
import type { SiteJournal } from '../../../engine/ports/sites.ts';
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
import { linesOf, scanRun } from './lines.ts';

/** An errand whose worker appends. */
export interface AppendingErrand {
  readonly id: number;
  readonly number: number;
}

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
      return new PgJournal(db, ownerOf(leads, run), rootEnd(run), new Standing());
    },
    openJournal: async (run, see) => {
      const standing = new Standing();
      const end = await scanRun(db, run, (event) => {
        see(event);
        standing.see(event);
      });
      const journal = new PgJournal(db, ownerOf(leads, run), end, standing);
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
  readonly bodies: readonly EventBody[];
  /** Absent: the leader of the run appends. */
  readonly errand?: AppendingErrand;
  /** Only after so many entries. */
  readonly after?: number;
  /** Gets the events; fewer than the bodies where it was not appended. */
  readonly done: (events: readonly Event[]) => void;
  readonly failed: (error: unknown) => void;
}

/** Entries that one statement appends at most: it must be answered in time. */
const batchSize = 500;
/** Bytes of a batch that one statement carries at most. */
const partBytes = 128 * 1024;

interface Batch {
  /** Run, epoch, errand, number of entries and head before it. */
  readonly after: readonly [string, number, number | null, number, string];
  readonly bodies: readonly string[];
  /** What the row of the run says with it; whether it must follow the head of `after`. */
  readonly standing: readonly [string | null, boolean | null, boolean];
}

interface Row {
  readonly line: string;
  /** It is of the batch. */
  readonly own: boolean;
}

/** Returns all lines after the head of the batch. */
async function appendTo(db: Db, { after, bodies, standing }: Batch): Promise<readonly Row[]> {
  const batch = randomUUID();
  const bytes = Buffer.from(bodies.join('\n'));
  if (bytes.length <= partBytes)
    return db.inSession<Row>(
      'select line, own from append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
      [...after, batch, bodies, ...standing],
    );
  const parts = await keepParts(db, batch, bytes);
  const rows = await db.inSession<Row>(
    'select line, own from append_parts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
    [...after, batch, parts, ...standing],
    bytes.length,
  );
  let next = 0;
  // Of its own lines only what stands before the body is sent back.
  return rows.map(({ line, own }) =>
    own ? { own, line: `${line}${bodies[next++]?.slice(1) ?? ''}` } : { own, line },
  );
}

/**
 * Sends a long batch piece by piece, so that signs of life pass between them, and the network takes
 * a piece whole: the server waits for the rest of a statement without a limit. Returns how many.
 */
export async function keepParts(db: Db, batch: string, bytes: Buffer): Promise<number> {
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

/** Who may append to the journal of a run, by epoch or number; undefined = it leads no run. */
type EpochOf = (errand: AppendingErrand | undefined) => Promise<number>;

/** An open journal. Entries that wait are appended together. */
class PgJournal implements Journal {
  readonly run: string;
  readonly #db: Db;
  readonly #epochOf: EpochOf;
  readonly #standing: Standing;
  #entries: number;
  #head: string;
  #follower: (event: Event, line: string) => void = () => {};
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  /** The first append of the leader that failed: none is tried after it. */
  #broken: { readonly error: unknown } | undefined;
  readonly close: () => Promise<void>;

  constructor(
    db: Db,
    { run, epochOf, done }: JournalOwner,
    { entries, head }: JournalHead,
    standing: Standing,
  ) {
    this.#db = db;
    this.#epochOf = epochOf;
    this.run = run;
    this.#entries = entries;
    this.#head = head;
    this.#standing = standing;
    this.close = async () => {
      await this.#flushing;
      await done();
    };
  }

  readonly end = (): JournalHead => ({ entries: this.#entries, head: this.#head });

  follow(see: (event: Event, line: string) => void): void {
    this.#follower = see;
  }

  /** Every entry is durable when its append resolves. */
  readonly append = async (body: EventBody): Promise<Event> => this.#one(await this.#add([body]));

  readonly appendAfter = async (after: number, body: EventBody): Promise<Event | undefined> =>
    (await this.#add([body], { after }))[0];

  readonly appendFor = async (body: EventBody, errand: AppendingErrand): Promise<Event> =>
    this.#one(await this.#add([body], { errand }));

  readonly catchUp = async (): Promise<void> => void (await this.#add([]));

  #one([event]: readonly Event[]): Event {
    if (event === undefined) throw new JournalError(this.run, this.#entries, 'is missing');
    return event;
  }

  #add(
    bodies: readonly EventBody[],
    how: Pick<Waiting, 'errand' | 'after'> = {},
  ): Promise<readonly Event[]> {
    return new Promise((done, failed) => {
      this.#waiting.push({ bodies, ...how, done, failed });
      this.#flushing ??= this.#flush();
    });
  }

  async #flush(): Promise<void> {
    // What is appended in the same moment goes together.
    await undefined;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, togetherFrom(this.#waiting));
      try {
        await this.#give(batch);
      } catch (error) {
        if (batch[0]?.errand === undefined) this.#broken ??= { error };
        for (const { failed } of batch) failed(error);
      }
    }
    // At once, since an append may come before this promise is seen to be resolved.
    this.#flushing = undefined;
  }

  async #give(batch: readonly Waiting[]): Promise<void> {
    const [{ errand, after } = {}] = batch;
    if (errand === undefined && this.#broken !== undefined) throw this.#broken.error;
    const bodies = batch.flatMap((one) => one.bodies);
    if (bodies.length === 0) await this.#read();
    const moved = after !== undefined && after !== this.#entries;
    const events =
      bodies.length === 0 || moved ? [] : await this.#write(bodies, errand, after !== undefined);
    let from = 0;
    for (const { bodies: own, done } of batch) {
      done(events.slice(from, from + own.length));
      from += own.length;
    }
  }

  async #read(): Promise<void> {
    for await (const lines of linesOf(this.#db, this.run, this.#entries))
      for (const { bytes } of lines) this.#see(bytes.toString());
  }

  /** Appends a batch, shows all lines that are new here, and returns the events of the batch. */
  async #write(
    bodies: readonly EventBody[],
    errand: AppendingErrand | undefined,
    current: boolean,
  ): Promise<readonly Event[]> {
    const epoch = await this.#epochOf(errand);
    const rows = await appendTo(this.#db, {
      after: [this.run, epoch, errand?.id ?? null, this.#entries, this.#head],
      bodies: bodies.map((body) => toJson(body)),
      standing: errand === undefined ? this.#standingWith(bodies, current) : [null, null, false],
    });
    const own: Event[] = [];
    for (const row of rows) {
      const event = this.#see(row.line);
      if (row.own) own.push(event);
    }
    return own;
  }

  /** What will be true of the run with these entries; the server dates them. */
  #standingWith(bodies: readonly EventBody[], current: boolean): Batch['standing'] {
    const after = this.#standing.copy();
    const envelope = { v: 1, seq: 0, at: this.#db.now(), run: this.run, prev: '' } as const;
    for (const body of bodies) after.see({ ...envelope, ...body });
    return [after.info === undefined ? null : toJson(after.info), after.open, current];
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
}

interface JournalOwner {
  readonly run: string;
  readonly epochOf: EpochOf;
  readonly done: () => Promise<void>;
}

/** How many of those that wait go together: they are of one errand, and none depends on the head. */
function togetherFrom(waiting: readonly Waiting[]): number {
  const [first] = waiting;
  if (first?.after !== undefined) return 1;
  const other = waiting.findIndex(
    ({ errand, after }, index) =>
      index === batchSize || errand?.id !== first?.errand?.id || after !== undefined,
  );
  return other < 0 ? waiting.length : other;
}

const ownerOf = (leads: Leads, run: string): JournalOwner => ({
  run,
  epochOf: async () => (await leads.of(run)).epoch,
  done: () => leads.done(run),
});

/** The journal of a run that others lead: workers append to it for their errands. */
export async function openSiteJournal(
  db: Db,
  run: string,
  see: (event: Event, line: string) => void,
): Promise<SiteJournal> {
  const owner: JournalOwner = {
    run,
    epochOf: async (errand) => errand?.number ?? 0,
    done: async () => {},
  };
  const journal = new PgJournal(db, owner, rootEnd(run), new Standing());
  journal.follow(see);
  await journal.catchUp();
  return {
    run,
    end: journal.end,
    follow: (next) => journal.follow(next),
    append: journal.appendFor,
    catchUp: journal.catchUp,
    close: journal.close,
  };
}
