// State in a database: what a state directory has, for all machines that use it.
import type { Store } from '../../engine/ports/store.ts';
import { slotsOf } from '../../engine/state/slots.ts';
import type { Db } from './link/db.ts';
import { commandsFor, postCommand } from './rows/commands.ts';
import { documentsIn } from './rows/documents.ts';
import { filePorts, outputKeeper } from './rows/files.ts';
import { historyOf, listRuns } from './rows/history.ts';
import { holderOf } from './rows/holder.ts';
import { createSites } from './rows/sites.ts';
import { slotRows } from './rows/slots.ts';
import { turnsIn } from './rows/turns.ts';
import { createWorkers } from './rows/workers.ts';
import { carryOver } from './runs/carry.ts';
import { scanRun } from './runs/lines.ts';

export interface StoreParts {
  readonly db: Db;
  readonly journals: Pick<Store, 'createJournal' | 'openJournal' | 'lock'>;
  /** Package files stay on this machine. */
  readonly packagePath: Store['packagePath'];
}

/** The store over a database that has the schema. */
export function storeOver({ db, journals, packagePath }: StoreParts): Store {
  const rows = slotRows(db);
  return {
    place: db.place,
    now: db.now,
    watch: (changed) => db.listen(() => changed()),
    close: () => db.close(),
    ...journals,
    scanEvents: (run, see, after) => scanRun(db, run, see, after),
    runs: () => listRuns(db),
    newest: async () =>
      (
        await db.query<{ run: string; head: string }>(
          'select run, head from run where begun order by run collate "C" desc limit 1',
        )
      )[0],
    slots: (run, pool) => slotsOf(rows, run, pool),
    holder: (run) => holderOf(db, run),
    keepOutput: outputKeeper(db),
    ...filePorts(db),
    commands: (run) => commandsFor(db, run),
    post: (run, body) => postCommand(db, run, body),
    jobs: documentsIn(db, 'jobs'),
    ids: documentsIn(db, 'ids'),
    fleets: documentsIn(db, 'fleets'),
    tokens: documentsIn(db, 'tokens'),
    summaries: documentsIn(db, 'summaries'),
    packagePath,
    history: historyOf(db),
    carry: carryOver(db, rows),
    turns: turnsIn(db),
    workers: createWorkers(db),
    sites: createSites(db),
  };
}
