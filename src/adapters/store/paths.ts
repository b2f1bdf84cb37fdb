// Where the files of a run lie.
import { join } from 'node:path';

export const runDirectory = (stateDir: string, run: string): string => join(stateDir, 'runs', run);

export const journalPath = (stateDir: string, run: string): string =>
  join(runDirectory(stateDir, run), 'journal.ndjson');

/** Where package files lie that were fetched. */
export const packagesIn =
  (stateDir: string) =>
  (sha256: string): string =>
    join(stateDir, 'packages', sha256);
