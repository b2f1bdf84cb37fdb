// The journal of a run: one JSON object a line, chained by hash, on disk before the effect that it announces.
import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import type { Journal } from '../engine/ports.ts';
import type { Event, EventBody } from '../model/event.ts';

/** Journal text that cannot be trusted: which entry, and why. Thrown: a run cannot go on over it. */
export class JournalError extends Error {
  readonly entry: number;
  constructor(path: string, entry: number, why: string) {
    super(`${path}: entry ${entry}: ${why}`);
    this.entry = entry;
  }
}

/** The journal cannot be written (disk full, read-only): no further effect may be started. */
export class JournalWriteError extends Error {
  constructor(run: string, cause: unknown) {
    super(`the journal of run ${run} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

const hashOf = (line: string): string => createHash('sha256').update(line).digest('hex');

/** What the first entry names as its predecessor: bound to the run, so that a journal cannot be passed off as another's. */
const rootOf = (run: string): string => hashOf(`kmend journal ${run}`);

export interface ReadJournal {
  readonly events: readonly Event[];
  /** Hash of the last line: printed and sent with reports, since a chain alone proves nothing against someone who rewrites all of it. */
  readonly head: string;
  /** Bytes of whole lines; what comes after is a line that a crash cut in half. */
  readonly size: number;
  readonly torn: boolean;
}

/** Reads and checks every link of the chain. Throws a JournalError that names the first bad entry. */
export async function readJournal(path: string, run: string): Promise<ReadJournal> {
  const text = await readFile(path, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  let head = rootOf(run);
  const events =
    whole === ''
      ? []
      : whole
          .slice(0, -1)
          .split('\n')
          .map((line, index) => {
            const event = parseLine(path, line, index);
            if (event.seq !== index) throw new JournalError(path, index, `numbered ${event.seq}: an entry is missing or was put in`);
            if (event.prev !== head) throw new JournalError(path, index, 'does not follow the entry before it: the journal was changed');
            head = hashOf(line);
            return event;
          });
  return { events, head, size: Buffer.byteLength(whole), torn: whole.length !== text.length };
}

function parseLine(path: string, line: string, index: number): Event {
  try {
    // The journal's own writer made this line, and the chain just checked says that nobody changed it since.
    return JSON.parse(line) as Event;
  } catch {
    throw new JournalError(path, index, 'is not JSON');
  }
}

/** Starts a new journal (`fresh`), or opens one to go on after its last whole line. */
export async function openJournal(path: string, run: string, now: () => number, fresh: boolean): Promise<Journal> {
  if (fresh) return new FileJournal(await open(path, 'ax', 0o600), run, now, [], rootOf(run));
  const { events, head, size } = await readJournal(path, run);
  await renew(path, size);
  return new FileJournal(await open(path, 'a', 0o600), run, now, [...events], head);
}

/**
 * Goes on in a new file under the old name, without a line that a crash cut in half: a controller that was stopped, not killed, and that
 * wakes up later writes into the old file, which nobody reads.
 */
async function renew(path: string, size: number): Promise<void> {
  const whole = (await readFile(path)).subarray(0, size);
  const draft = `${path}.${process.pid}.new`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(whole);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/** Holds the file. Appends go one after the other; those that wait are written, and synced, together. */
class FileJournal implements Journal {
  readonly run: string;
  readonly #file: FileHandle;
  readonly #now: () => number;
  readonly #events: Event[];
  #head: string;
  #waiting: string[] = [];
  #wantSync = false;
  #flushing: Promise<void> | undefined;
  /** The first write that failed. Nothing is written after it: the chain would have a hole. */
  #broken: Error | undefined;

  constructor(file: FileHandle, run: string, now: () => number, events: Event[], head: string) {
    this.#file = file;
    this.run = run;
    this.#now = now;
    this.#events = events;
    this.#head = head;
  }

  events(): readonly Event[] {
    return this.#events;
  }

  async append(body: EventBody, sync: boolean): Promise<Event> {
    if (this.#broken !== undefined) throw this.#broken;
    const event: Event = { v: 1, seq: this.#events.length, at: this.#now(), run: this.run, prev: this.#head, ...body };
    const line = JSON.stringify(event);
    this.#head = hashOf(line);
    this.#events.push(event);
    this.#waiting.push(line);
    this.#wantSync ||= sync;
    await this.#flush();
    return event;
  }

  /** Whoever comes while a write is under way waits for the next one, which takes all lines that came meanwhile. */
  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (this.#broken !== undefined) throw this.#broken;
      this.#flushing ??= this.#write().finally(() => {
        this.#flushing = undefined;
      });
      await this.#flushing;
    }
    await this.#flushing;
  }

  async #write(): Promise<void> {
    const text = `${this.#waiting.join('\n')}\n`;
    const sync = this.#wantSync;
    this.#waiting = [];
    this.#wantSync = false;
    try {
      await this.#file.appendFile(text);
      if (sync) await this.#file.datasync();
    } catch (error) {
      this.#broken = new JournalWriteError(this.run, error);
      throw this.#broken;
    }
  }

  async close(): Promise<void> {
    await this.#flushing?.catch(() => {});
    if (this.#broken === undefined) await this.#file.datasync();
    await this.#file.close();
  }
}
