// Where the files of a run lie.
import { join } from 'node:path';

/** Journals by the names of their folders. Joining costs more than looking a file up. */
export function journalsIn(stateDir: string): (folder: string) => string {
  const runs = join(stateDir, 'runs');
  return (folder) => `${runs}/${folder}/journal.ndjson`;
}

export const runDirectory = (stateDir: string, run: string): string => join(stateDir, 'runs', run);

export const journalPath = (stateDir: string, run: string): string =>
  join(runDirectory(stateDir, run), 'journal.ndjson');

/** Where package files lie that were fetched. */
export const packagesIn =
  (stateDir: string) =>
  (sha256: string): string =>
    join(stateDir, 'packages', sha256);
