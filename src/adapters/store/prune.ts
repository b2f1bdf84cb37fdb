// Removing runs. The head of each journal is kept, so that the chain from run to run can still be
// followed.
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Prune, PrunedRun } from '../../engine/ports/history.ts';
import { prunedIn, recordOf } from '../../engine/state/pruned.ts';
import { auditJournal } from './audit.ts';
import { holderOf } from './locks/lock.ts';
import { ownDirectory, readOwn, writing } from './owned.ts';
import { journalPath, runDirectory } from './paths.ts';

const recordsPath = (stateDir: string): string => join(stateDir, 'pruned.ndjson');

/** What is kept of removed runs, in the order of their removal. */
export async function prunedRuns(stateDir: string): Promise<readonly PrunedRun[]> {
  const path = recordsPath(stateDir);
  const kept = await readOwn(stateDir, path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = kept.split('\n');
  // A crash cut off a last line without its end. The run of that line was not removed yet.
  return prunedIn(lines.slice(0, -1), path);
}

/** Adds records of removed runs; they are on disk when it resolves. */
export const keepRecords = (stateDir: string, records: readonly PrunedRun[]): Promise<void> =>
  writing(stateDir, () =>
    append(recordsPath(stateDir), records.map((record) => `${JSON.stringify(record)}\n`).join('')),
  );

/**
 * Removes runs whose journals hold and that no process works on. Returns those that stay, and why.
 * The heads are on disk before the first file is removed.
 */
export async function pruneRuns(
  stateDir: string,
  { who, at, runs }: Prune,
): Promise<ReadonlyMap<string, 'changed' | 'under_way'>> {
  const stay = new Map<string, 'changed' | 'under_way'>();
  const records: PrunedRun[] = [];
  for (const [run, named] of runs) {
    const audit = await auditJournal(
      runDirectory(stateDir, run),
      journalPath(stateDir, run),
      run,
      named,
    );
    const record = recordOf(run, audit, { at, who, named });
    if (record === undefined) stay.set(run, 'changed');
    else records.push(record);
  }
  await keepRecords(stateDir, records);
  await writing(stateDir, async () => {
    const bin = await ownDirectory(stateDir, 'pruned');
    for (const { run } of records)
      if (!(await moveAway(stateDir, run, bin))) stay.set(run, 'under_way');
    // Files that a crash left there are removed too.
    for (const gone of await readdir(bin))
      await rm(join(bin, gone), { recursive: true, force: true });
  });
  return stay;
}

/**
 * Moves a run away, and back again where a process has locked it before the move. A process that
 * locks it later finds no journal.
 */
async function moveAway(stateDir: string, run: string, bin: string): Promise<boolean> {
  await rename(runDirectory(stateDir, run), join(bin, run));
  if ((await holderOf(join(stateDir, 'locks'), run)) === undefined) return true;
  await rename(join(bin, run), runDirectory(stateDir, run));
  return false;
}

/** Appends lines. Half a line, left by a crash, is removed first. */
async function append(path: string, lines: string): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const kept = await file.readFile();
    await file.truncate(kept.lastIndexOf(10) + 1);
    await file.appendFile(lines);
    await file.datasync();
  } finally {
    await file.close();
  }
}
