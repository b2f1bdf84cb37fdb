// The journal of a run: one JSON object a line, chained by hash. An entry is on disk before the
// effect that it announces.

import { copyFile, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { StateWriteError } from '../../engine/ports/state-errors.ts';
import type { Journal, JournalHead } from '../../engine/ports/store.ts';
import { hashOf, rootOf } from '../../engine/state/chain.ts';
import type { Event, EventBody } from '../../model/run/event.ts';
import { toJson } from '../../model/text/printable.ts';
import { scanJournal } from './journal-lines.ts';
import { writing } from './owned.ts';

/** Starts a new journal. */
export async function createJournal(
  path: string,
  run: string,
  now: () => number,
): Promise<Journal> {
  return new FileJournal(await open(path, 'ax', 0o600), path, run, now, {
    entries: 0,
    head: rootOf(run),
  });
}

/**
 * Opens a journal for appending after its last whole line, and shows its events. `torn`: half a
 * line, left by a crash, was removed.
 */
export async function openJournal(
  path: string,
  run: string,
  now: () => number,
  see: (event: Event) => void,
): Promise<{ readonly journal: Journal; readonly torn: boolean }> {
  const end = await scanJournal(path, run, see);
  const file = await writing(path, () => renew(path, end.size));
  return { journal: new FileJournal(file, path, run, now, end), torn: end.torn };
}

/**
 * Copies the whole lines to a new file and gives it the name of the old one. A controller that was
 * stopped and wakes up later then writes into the old file, which is no longer read.
 */
async function renew(path: string, size: number): Promise<FileHandle> {
  const draft = `${path}.${process.pid}.new`;
  let file: FileHandle | undefined;
  try {
    await copyFile(path, draft);
    file = await open(draft, 'a', 0o600);
    await file.truncate(size);
    await file.datasync();
    await rename(draft, path);
    return file;
  } catch (error) {
    await file?.close();
    // On a full disk half a copy would take more space.
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}

/** An open journal. Lines that wait are written and synced together. */
class FileJournal implements Journal {
  readonly run: string;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #now: () => number;
  #entries: number;
  #head: string;
  #follower: (event: Event, line: string) => void = () => {};
  #waiting: { readonly event: Event; readonly line: string }[] = [];
  #wantSync = false;
  #flushing: Promise<void> | undefined;
  /** The first write that failed. Nothing is written after it, since the chain would have a gap. */
  #broken: Error | undefined;

  constructor(
    file: FileHandle,
    path: string,
    run: string,
    now: () => number,
    { entries, head }: JournalHead,
  ) {
    this.#file = file;
    this.#path = path;
    this.run = run;
    this.#now = now;
    this.#entries = entries;
    this.#head = head;
  }

  readonly end = (): JournalHead => ({ entries: this.#entries, head: this.#head });

  follow(see: (event: Event, line: string) => void): void {
    this.#follower = see;
  }

  async append(body: EventBody, sync: boolean): Promise<Event> {
    if (this.#broken !== undefined) throw this.#broken;
    const event: Event = {
      v: 1,
      seq: this.#entries,
      at: this.#now(),
      run: this.run,
      prev: this.#head,
      ...body,
    };
    const line = toJson(event);
    this.#head = hashOf(line);
    this.#entries += 1;
    this.#waiting.push({ event, line });
    this.#wantSync ||= sync;
    await this.#flush(event.seq);
    return event;
  }

  /** A caller that comes during a write waits for the next one, which takes all lines that wait. */
  async #flush(seq: number): Promise<void> {
    while ((this.#waiting[0]?.event.seq ?? seq + 1) <= seq) {
      if (this.#broken !== undefined) throw this.#broken;
      this.#flushing ??= this.#write().finally(() => {
        this.#flushing = undefined;
      });
      await this.#flushing;
    }
    await this.#flushing;
  }

  async #write(): Promise<void> {
    const batch = this.#waiting;
    const sync = this.#wantSync;
    this.#waiting = [];
    this.#wantSync = false;
    try {
      await this.#file.appendFile(`${batch.map(({ line }) => line).join('\n')}\n`);
      if (sync) await this.#file.datasync();
    } catch (error) {
      this.#broken = new StateWriteError(this.#path, error);
      throw this.#broken;
    }
    for (const { event, line } of batch) this.#follower(event, line);
  }

  async close(): Promise<void> {
    await this.#flushing?.catch(() => {});
    if (this.#broken === undefined) await this.#file.datasync();
    await this.#file.close();
  }
}
