// Runs as the database has them: their journals, the list of them, and old ones as evidence.
import { setTimeout as sleep } from 'node:timers/promises';
import type { History, RunInfo } from '../../../engine/ports/history.ts';
import { JournalError, MissingRunError } from '../../../engine/ports/state-errors.ts';
import { auditRun } from '../../../engine/state/audit.ts';
import { prunedIn, recordOf } from '../../../engine/state/pruned.ts';
import { factsIn, infoAfter, jobIn, type RunFacts } from '../../../engine/state/run-info.ts';
import type { Event } from '../../../model/run/event.ts';
import type { Db } from '../link/db.ts';
import { scanRun } from '../runs/lines.ts';
import { filesOf } from './files.ts';
import { lookEvery } from './holder.ts';

interface RunRow {
  readonly run: string;
  readonly entries: number;
  readonly head: string;
  readonly started: number;
  readonly info: string | null;
  readonly job: string | null;
}

/** All runs, the oldest first; a run whose first entry is no beginning is left out. */
export async function listRuns(db: Db): Promise<readonly RunInfo[]> {
  const rows = await db.query<RunRow>(
    `select r.run, r.seq as entries, r.head, r.info, nullif(j.body, '') as job,
       r.started::float8 as started
     from run r left join run_file j on j.run = r.run and j.file = 'job'
     where r.begun order by r.run collate "C"`,
  );
  return inOrder(
    rows.flatMap(({ run, entries, head, started, info, job }) => {
      const facts = entries === 0 ? neverBegan(run, started) : factsIn(info ?? '');
      return facts === undefined
        ? []
        : [{ ...facts, startedAt: started, ...(job === null ? {} : { job }), entries, head }];
    }),
  );
}

const neverBegan = (run: string, startedAt: number): RunFacts => ({
  run,
  startedAt,
  playbook: '',
  play: '',
  begun: false,
});

const inOrder = (infos: readonly RunInfo[]): readonly RunInfo[] =>
  infos.toSorted((a, b) => a.startedAt - b.startedAt);

export const historyOf = (db: Db): History => ({
  names: () => namesOf(db),
  sizes: async () =>
    new Map(
      (
        await db.query<{ run: string; size: number }>(
          'select run, size::float8 as size from run where begun',
        )
      ).map(({ run, size }) => [run, size]),
    ),
  fromJournals: async () => {
    const infos: RunInfo[] = [];
    // One after the other, since journals may be large and many.
    for (const run of await namesOf(db)) infos.push(...(await infoOf(db, run)));
    return inOrder(infos);
  },
  audit: (run, heads) => auditRun((see) => scanRun(db, run, see), filesOf(db, run), heads),
  pruned: async () =>
    prunedIn(
      (await db.query<{ record: string }>('select record from pruned order by id')).map(
        ({ record }) => record,
      ),
      `records of removed runs in ${db.place}`,
    ),
  prune: async ({ who, at, runs }) => {
    const stay = new Map<string, 'changed' | 'under_way'>();
    for (const [run, named] of runs) {
      const audit = await auditRun((see) => scanRun(db, run, see), filesOf(db, run), named);
      const record = recordOf(run, audit, { at, who, named });
      const left =
        record === undefined
          ? 'changed'
          : await remove(db, run, record.head, JSON.stringify(record));
      if (left !== undefined) stay.set(run, left);
    }
    await sweep(db);
    return stay;
  },
});

const namesOf = async (db: Db): Promise<readonly string[]> =>
  (await db.query<{ run: string }>('select run from run where begun order by run collate "C"')).map(
    ({ run }) => run,
  );

/** What is known of a run by its journal and its settings; none where the journal is damaged. */
async function infoOf(db: Db, run: string): Promise<readonly RunInfo[]> {
  const [row] = await db.query<{ started: number; settings: string | null }>(
    `select r.started::float8 as started, f.body as settings
     from run r left join run_file f on f.run = r.run and f.file = 'settings' where r.run = $1`,
    [run],
  );
  let facts: RunFacts | undefined;
  const see = (event: Event): void => {
    facts = infoAfter(facts, event);
  };
  try {
    const { entries, head } = await scanRun(db, run, see);
    if (entries === 0 && row !== undefined) facts = neverBegan(run, row.started);
    return facts === undefined ? [] : [{ ...facts, ...jobIn(row?.settings ?? ''), entries, head }];
  } catch (error) {
    if (error instanceof JournalError || error instanceof MissingRunError) return [];
    throw error;
  }
}

/** Removes a run; undefined, or why it stays. */
async function remove(
  db: Db,
  run: string,
  head: string,
  record: string,
): Promise<'changed' | 'under_way' | undefined> {
  const me = await db.me();
  for (;;) {
    const [row] = await db.inSession<{ outcome: 'gone' | 'changed' | 'under_way' | 'watch' }>(
      'select outcome from prune($1, $2, $3, $4)',
      [me, run, head, record],
    );
    if (row?.outcome !== 'watch') return row?.outcome === 'gone' ? undefined : row?.outcome;
    await sleep(lookEvery);
  }
}

/** Removes what removed runs have left. */
async function sweep(db: Db): Promise<void> {
  const me = await db.me();
  const more = async (): Promise<boolean> =>
    (await db.inSession<{ more: boolean }>('select sweep($1) as more', [me]))[0]?.more === true;
  while (await more());
}
