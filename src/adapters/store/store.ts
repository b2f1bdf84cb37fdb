// The state directory: runs with their journals, and locks. Everything kmend keeps on this machine lies under it.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodWitness, Store } from '../../engine/ports/store.ts';
import type { Event } from '../../model/run/event.ts';
import { type Audit, auditJournal } from './audit.ts';
import { type JournalEnd, scanJournal } from './chain.ts';
import { writing } from './errors.ts';
import { createJournal, openJournal } from './journal.ts';
import { holderOf, takeLock } from './locks/lock.ts';
import { slotFiles, slotsOf } from './locks/slots.ts';
import { outputKeeper } from './output.ts';
import { ownDirectory } from './owned.ts';
import { journalPath, runDirectory } from './paths.ts';
import { indexedRuns } from './run-index.ts';

/** @param pods where this process is a pod: its cluster says which other pods are dead */
export function createStore(stateDir: string, now: () => number, pods?: PodWitness): Store {
  const locks = join(stateDir, 'locks');
  const isAlive = async (run: string): Promise<boolean> => (await holderOf(locks, run, pods)) !== undefined;
  const keepOutput = outputKeeper();
  return {
    createJournal: (run) =>
      writing(stateDir, async () => {
        await ownDirectory(stateDir, 'runs', run);
        return createJournal(journalPath(stateDir, run), run, now);
      }),
    openJournal: (run, see) => openJournal(journalPath(stateDir, run), run, now, see),
    scanEvents: async (run, see) => {
      await scanJournal(journalPath(stateDir, run), run, see);
    },
    runs: () => indexedRuns(stateDir),
    newest: async () => {
      const [run] = (await readdir(join(stateDir, 'runs')).catch(() => [])).sort().reverse();
      if (run === undefined) return undefined;
      return scanJournal(journalPath(stateDir, run), run, () => {}).then(
        ({ head }) => ({ run, head }),
        () => undefined,
      );
    },
    lock: (hosts, run, takeover) =>
      writing(stateDir, async () => takeLock(await ownDirectory(stateDir, 'locks'), hosts, run, takeover, pods)),
    slots: (run, pool) =>
      slotsOf(
        slotFiles(stateDir, (other) => journalPath(stateDir, other), isAlive),
        run,
        pool,
      ),
    holder: (run) => holderOf(locks, run, pods),
    keepOutput: (run, host, text) => keepOutput(runDirectory(stateDir, run), host, text),
  };
}

/** Shows every event of a run's journal, after checking its link; gives where it stands. Throws a JournalError. */
export const scanEvents = (stateDir: string, run: string, see: (event: Event) => void): Promise<JournalEnd> =>
  scanJournal(journalPath(stateDir, run), run, see);

/** The journal of a run and the files that it names, checked; `heads` are looked for in its chain. */
export const auditRun = (stateDir: string, run: string, heads: readonly string[]): Promise<Audit> =>
  auditJournal(runDirectory(stateDir, run), journalPath(stateDir, run), run, heads);
