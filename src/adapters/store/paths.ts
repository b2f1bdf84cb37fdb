// Where the files of a run lie.
import { join } from 'node:path';

export const runDirectory = (stateDir: string, run: string): string => join(stateDir, 'runs', run);

/** The journals of many runs: joining each path costs more than looking the file up. */
export function journalsIn(stateDir: string): (run: string) => string {
  const runs = join(stateDir, 'runs');
  return (run) => `${runs}/${run}/journal.ndjson`;
}

export const journalPath = (stateDir: string, run: string): string => journalsIn(stateDir)(run);

/** Where package files lie that were fetched. */
export const packagesIn =
  (stateDir: string) =>
  (sha256: string): string =>
    join(stateDir, 'packages', sha256);
