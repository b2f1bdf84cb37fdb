// What is known of each run without reading its journal again: a cache beside the journals. An
// entry counts only while its journal has the size and the times that it had; `audit verify` reads
// the journals themselves.

import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JournalHead, RunInfo } from '../../engine/ports/store.ts';
import { infoAfter, infoShape, jobIn } from '../../engine/state/run-info.ts';
import { present } from '../../model/present.ts';
import type { Event } from '../../model/run/event.ts';
import { dataIn, number, object, record, type Shape } from '../../model/shape/shape.ts';
import { scanJournal } from './journal-lines.ts';
import { readOwn } from './owned.ts';
import { journalPath, runDirectory } from './paths.ts';

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
  const runs = await readdir(join(stateDir, 'runs')).catch(() => []);
  const sizes = await Promise.all(
    runs.map(async (run) => {
      const found = await stat(journalPath(stateDir, run)).catch(() => undefined);
      return found === undefined ? [] : ([[run, found.size]] as const);
    }),
  );
  return new Map(sizes.flat());
}

const inOrder = (entries: readonly Entry[]): readonly RunInfo[] =>
  entries.flatMap(({ info }) => info ?? []).sort((a, b) => a.startedAt - b.startedAt);

async function entriesFor(stateDir: string, known: Index): Promise<Index> {
  const entries: Record<string, Entry> = {};
  // One after the other, since journals may be large and many.
  for (const run of await readdir(join(stateDir, 'runs')).catch(() => [])) {
    const found = await stat(journalPath(stateDir, run)).catch(() => undefined);
    if (found === undefined) continue;
    const { size, ctimeMs: changed } = found;
    const before = Object.hasOwn(known, run) ? known[run] : undefined;
    if (before?.size === size && before.changed === changed) entries[run] = before;
    else {
      const info = await infoOf(stateDir, run, found.mtimeMs);
      entries[run] = { size, changed, ...present({ info }) };
    }
  }
  return entries;
}

async function infoOf(
  stateDir: string,
  run: string,
  written: number,
): Promise<RunInfo | undefined> {
  const path = journalPath(stateDir, run);
  let info: Omit<RunInfo, keyof JournalHead> | undefined;
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
