// The state directory: runs with their journals, and locks. Everything kmend keeps on this machine
// lies under it.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodWitness, RunFile, Store } from '../../engine/ports/store.ts';
import { changedFiles } from '../../engine/state/audit.ts';
import { digestsOf, fileName, runFiles } from '../../engine/state/run-files.ts';
import { infoAfter, type RunFacts } from '../../engine/state/run-info.ts';
import { slotsOf } from '../../engine/state/slots.ts';
import { auditJournal, filesIn } from './audit.ts';
import { carryIn } from './carry.ts';
import { commandsFor, postCommand } from './control.ts';
import { documentsIn, hostDocumentsIn, type Judge, readTrusted, writeWhole } from './documents.ts';
import { createJournal, openJournal } from './journal.ts';
import { scanJournal } from './journal-lines.ts';
import { holderOf, takeLock } from './locks/lock.ts';
import { slotFiles } from './locks/slot-files.ts';
import { outputKeeper } from './output.ts';
import { ownDirectory, writing } from './owned.ts';
import { journalPath, packagesIn, runDirectory } from './paths.ts';
import { prunedRuns, pruneRuns } from './prune.ts';
import { indexedJournal, indexedRuns, journalSizes, newestRun, readRuns } from './run-index.ts';

/**
 * @param pods where this process is a pod: says which other pods are dead
 * @param judge which files may instruct kmend
 */
export function createStore(
  stateDir: string,
  now: () => number,
  pods?: PodWitness,
  judge: Judge = () => undefined,
): Store {
  const locks = join(stateDir, 'locks');
  const isAlive = async (run: string): Promise<boolean> =>
    (await holderOf(locks, run, pods)) !== undefined;
  const keepOutput = outputKeeper();
  const rows = slotFiles(stateDir, (run) => journalPath(stateDir, run), isAlive);
  return {
    place: stateDir,
    close: async () => {},
    createJournal: (run) =>
      writing(stateDir, async () => {
        await ownDirectory(stateDir, 'runs', run);
        return indexedJournal(stateDir, await createJournal(journalPath(stateDir, run), run, now));
      }),
    openJournal: async (run, see) => {
      let facts: RunFacts | undefined;
      const opened = await openJournal(journalPath(stateDir, run), run, now, (event) => {
        facts = infoAfter(facts, event);
        see(event);
      });
      return { ...opened, journal: await indexedJournal(stateDir, opened.journal, facts) };
    },
    scanEvents: (run, see, after) => scanJournal(journalPath(stateDir, run), run, see, after),
    runs: () => indexedRuns(stateDir),
    newest: () => newestRun(stateDir),
    lock: (hosts, run, takeover) =>
      writing(stateDir, async () =>
        takeLock(await ownDirectory(stateDir, 'locks'), hosts, run, takeover, pods),
      ),
    slots: (run, pool) => slotsOf(rows, run, pool),
    holder: (run) => holderOf(locks, run, pods),
    keepOutput: (run, host, text) => keepOutput(runDirectory(stateDir, run), host, text),
    ...filePorts(stateDir, judge),
    commands: (run) => commandsFor(stateDir, run),
    post: (run, body) => postCommand(stateDir, run, body, now()),
    jobs: documentsIn(stateDir, 'jobs', judge),
    ids: hostDocumentsIn(stateDir, 'ids', judge),
    fleets: documentsIn(stateDir, 'fleets', judge),
    tokens: documentsIn(stateDir, 'tokens', judge),
    summaries: documentsIn(stateDir, 'summaries', judge),
    packagePath: packagesIn(stateDir),
    history: {
      names: async () => (await readdir(join(stateDir, 'runs')).catch(() => [])).sort(),
      sizes: () => journalSizes(stateDir),
      fromJournals: () => readRuns(stateDir),
      audit: (run, heads) =>
        auditJournal(runDirectory(stateDir, run), journalPath(stateDir, run), run, heads),
      pruned: () => prunedRuns(stateDir),
      prune: (prune) => pruneRuns(stateDir, prune),
    },
    carry: carryIn(stateDir, rows, now),
  };
}

type FilePorts = Pick<Store, 'keepFiles' | 'readFile' | 'placeOf' | 'changedFiles'>;

/** The files beside a journal that a resume reads. */
function filePorts(stateDir: string, judge: Judge): FilePorts {
  const placeOf = (run: string, file: RunFile): string =>
    join(runDirectory(stateDir, run), fileName(file));
  return {
    keepFiles: (run, texts) =>
      writing(runDirectory(stateDir, run), async () => {
        await ownDirectory(stateDir, 'runs', run);
        for (const file of runFiles) await writeWhole(placeOf(run, file), texts[file]);
        return digestsOf(texts);
      }),
    readFile: (run, file) => readTrusted(stateDir, placeOf(run, file), judge),
    placeOf,
    changedFiles: async (run, digests) => {
      const directory = runDirectory(stateDir, run);
      return (await changedFiles(filesIn(directory), digests)).map((name) => join(directory, name));
    },
  };
}
