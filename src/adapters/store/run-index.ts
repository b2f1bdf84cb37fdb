// What is known of each run without reading its journal again: a cache beside the journals. An
// entry counts only while its journal has the size and the times that it had; `audit verify` reads
// the journals themselves.

import { type Stats, statSync } from 'node:fs';
import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Journal, RunInfo } from '../../engine/ports/store.ts';
import { infoAfter, infoShape, jobIn, type RunFacts } from '../../engine/state/run-info.ts';
import { present } from '../../model/present.ts';
import type { Event } from '../../model/run/event.ts';
import { dataIn, number, object, record, type Shape } from '../../model/shape/shape.ts';
import { scanJournal } from './journal-lines.ts';
import { readOwn } from './owned.ts';
import { journalPath, journalsIn, runDirectory } from './paths.ts';

interface Entry {
  readonly size: number;
  /** The change time (ctime) of the journal: unlike the modification time, no program can set it. */
  readonly changed: number;
  /** Absent where the journal is damaged: `audit verify RUN` says how. */
  readonly info?: RunInfo;
}

type Index = Readonly<Record<string, Entry>>;

const indexShape: Shape = record(object({ size: number, changed: number }, { info: infoShape }));

/** All runs, the oldest first; only journals that changed since the last time are read. */
export async function indexedRuns(stateDir: string): Promise<readonly RunInfo[]> {
  const before = await readIndex(stateDir);
  const entries = await entriesFor(stateDir, before);
  const names = Object.keys(entries);
  if (
    names.length !== Object.keys(before).length ||
    names.some((run) => entries[run] !== before[run])
  )
    await keep(stateDir, entries);
  return inOrder(Object.values(entries));
}

/** All runs, the oldest first, from their journals alone. */
export const readRuns = async (stateDir: string): Promise<readonly RunInfo[]> =>
  inOrder(Object.values(await entriesFor(stateDir, {})));

/** Bytes of each run's journal. */
export async function journalSizes(stateDir: string): Promise<ReadonlyMap<string, number>> {
  const runs = await runNames(stateDir);
  const found = await statsOf(stateDir, runs);
  return new Map(
    runs.flatMap((run, index) => {
      const size = found[index]?.size;
      return size === undefined ? [] : ([[run, size]] as const);
    }),
  );
}

const inOrder = (entries: readonly Entry[]): readonly RunInfo[] =>
  entries.flatMap(({ info }) => info ?? []).sort((a, b) => a.startedAt - b.startedAt);

async function entriesFor(stateDir: string, known: Index): Promise<Index> {
  const runs = await runNames(stateDir);
  const found = await statsOf(stateDir, runs);
  const entries: Record<string, Entry> = {};
  // One after the other, since journals may be large and many.
  for (const [index, run] of runs.entries()) {
    const entry = await entryFor(stateDir, run, found[index], known);
    if (entry !== undefined) entries[run] = entry;
  }
  return entries;
}

const runNames = (stateDir: string): Promise<readonly string[]> =>
  readdir(join(stateDir, 'runs')).catch(() => []);

/** Journals that are looked up between two turns of the event loop. */
const mostLookUps = 100;

/**
 * A look-up takes microseconds, and in a thread of its own ten times that: with a thousand runs it
 * would be a third of the time in which a command starts.
 */
async function statsOf(
  stateDir: string,
  runs: readonly string[],
): Promise<readonly (Stats | undefined)[]> {
  const found: (Stats | undefined)[] = [];
  const pathOf = journalsIn(stateDir);
  for (const run of runs) {
    if (found.length % mostLookUps === mostLookUps - 1) await setImmediate();
    found.push(lookUp(pathOf(run)));
  }
  return found;
}

function lookUp(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

const statOf = (stateDir: string, run: string): Promise<Stats | undefined> =>
  stat(journalPath(stateDir, run)).catch(() => undefined);

/** What is known of a run with this journal file; the journal is read where it has changed since. */
async function entryFor(
  stateDir: string,
  run: string,
  found: Stats | undefined,
  known: Index,
): Promise<Entry | undefined> {
  if (found === undefined) return undefined;
  const { size, ctimeMs: changed } = found;
  const before = Object.hasOwn(known, run) ? known[run] : undefined;
  if (before?.size === size && before.changed === changed) return before;
  const info = await infoOf(stateDir, run, found.mtimeMs);
  return { size, changed, ...present({ info }) };
}

/** The newest run, and the head of its journal; none where its journal is damaged. */
export async function newestRun(
  stateDir: string,
): Promise<Pick<RunInfo, 'run' | 'head'> | undefined> {
  const run = [...(await runNames(stateDir))].sort().at(-1);
  if (run === undefined) return undefined;
  const found = await statOf(stateDir, run);
  const { info } = (await entryFor(stateDir, run, found, await readIndex(stateDir))) ?? {};
  return info && { run, head: info.head };
}

/**
 * A journal whose run is in the index once it is closed, so that the next command does not read it
 * again.
 * @param seen what is known of the run by its entries so far
 */
export async function indexedJournal(
  stateDir: string,
  journal: Journal,
  seen?: RunFacts,
): Promise<Journal> {
  let facts = seen;
  const { run } = journal;
  const opened = await statOf(stateDir, run);
  return {
    run,
    end: () => journal.end(),
    follow: (see) => journal.follow(see),
    append: async (body, sync) => {
      const event = await journal.append(body, sync);
      facts = infoAfter(facts, event);
      return event;
    },
    close: async () => {
      await journal.close();
      const found = await statOf(stateDir, run);
      // Another controller replaces the file by a copy, which this one has not read.
      if (facts === undefined || found === undefined || found.ino !== opened?.ino) return;
      const info = { ...facts, ...(await jobOf(stateDir, run)), ...journal.end() };
      const entry = { size: found.size, changed: found.ctimeMs, info };
      await keep(stateDir, { ...(await readIndex(stateDir)), [run]: entry });
    },
  };
}

async function infoOf(
  stateDir: string,
  run: string,
  written: number,
): Promise<RunInfo | undefined> {
  const path = journalPath(stateDir, run);
  let info: RunFacts | undefined;
  const see = (event: Event): void => {
    info = infoAfter(info, event);
  };
  try {
    const { entries, head } = await scanJournal(path, run, see);
    if (entries === 0)
      info = { run, startedAt: Math.floor(written), playbook: '', play: '', begun: false };
    return info && { ...info, ...(await jobOf(stateDir, run)), entries, head };
  } catch {
    return undefined;
  }
}

/** The job that started the run, by its stored settings. */
async function jobOf(stateDir: string, run: string): Promise<{ readonly job?: string }> {
  return jobIn(
    await readOwn(stateDir, join(runDirectory(stateDir, run), 'settings.json')).catch(() => ''),
  );
}

const indexPath = (stateDir: string): string => join(stateDir, 'index.json');

async function readIndex(stateDir: string): Promise<Index> {
  const data = dataIn(await readOwn(stateDir, indexPath(stateDir)).catch(() => ''));
  return indexShape(data, '') === undefined ? (data as Index) : {};
}

/**
 * Two processes may write it at once, since both write the same facts. Where it cannot be written,
 * the next command reads the journals again.
 */
async function keep(stateDir: string, index: Index): Promise<void> {
  const draft = `${indexPath(stateDir)}.${process.pid}.new`;
  try {
    await writeFile(draft, JSON.stringify(index), { mode: 0o600, flag: 'wx' });
    await rename(draft, indexPath(stateDir));
  } catch {
    await rm(draft, { force: true }).catch(() => {});
  }
}
