// The state directory: runs with their journals, and locks. Everything kmend keeps on this machine lies under it.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunInfo, Store } from '../engine/ports.ts';
import type { Event } from '../model/event.ts';
import { openJournal, readJournal } from './journal.ts';
import { takeLock } from './lock.ts';

/** Where a run's files lie. */
export const runDirectory = (stateDir: string, run: string): string => join(stateDir, 'runs', run);

const journalPath = (stateDir: string, run: string): string => join(runDirectory(stateDir, run), 'journal.ndjson');

export function createStore(stateDir: string, now: () => number): Store {
  return {
    createJournal: async (run) => {
      await mkdir(runDirectory(stateDir, run), { recursive: true, mode: 0o700 });
      return openJournal(journalPath(stateDir, run), run, now, true);
    },
    openJournal: (run) => openJournal(journalPath(stateDir, run), run, now, false),
    readEvents: async (run) => (await readJournal(journalPath(stateDir, run), run)).events,
    runs: async () => {
      const names = await readdir(join(stateDir, 'runs')).catch(() => []);
      const infos = await Promise.all(names.map((run) => infoOf(stateDir, run)));
      return infos.filter((info) => info !== undefined).sort((a, b) => a.startedAt - b.startedAt);
    },
    lock: (hosts, run, takeover) => takeLock(join(stateDir, 'locks'), hosts, run, takeover),
  };
}

/** The head hash of a run's journal, after checking every link: what `audit verify` prints. Throws a JournalError. */
export const verifyJournal = async (
  stateDir: string,
  run: string,
): Promise<{ readonly entries: number; readonly head: string; readonly torn: boolean }> => {
  const { events, head, torn } = await readJournal(journalPath(stateDir, run), run);
  return { entries: events.length, head, torn };
};

async function infoOf(stateDir: string, run: string): Promise<RunInfo | undefined> {
  try {
    return describe(run, (await readJournal(journalPath(stateDir, run), run)).events);
  } catch {
    // A directory that is no run, or a broken journal: `audit verify RUN` says what is wrong with it.
    return undefined;
  }
}

function describe(run: string, events: readonly Event[]): RunInfo | undefined {
  const start = events.find((event) => event.type === 'run.started');
  if (start?.type !== 'run.started') return undefined;
  const end = events.findLast((event) => event.type === 'run.finished' || event.type === 'run.resumed');
  const info: RunInfo = { run, startedAt: start.at, playbook: start.playbook, play: start.play };
  return end?.type === 'run.finished' ? { ...info, finished: { exit: end.exit, why: end.why } } : info;
}
