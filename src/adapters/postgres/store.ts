// State in a database: what a state directory has, for all machines that use it.
import type { Store } from '../../engine/ports/store.ts';
import { slotsOf } from '../../engine/state/slots.ts';
import { commandsFor, postCommand } from './commands.ts';
import type { Db } from './db.ts';
import { documentsIn } from './documents.ts';
import { filePorts, outputKeeper } from './files.ts';
import { historyOf, listRuns, scanRun } from './history.ts';
import { holderOf } from './holder.ts';
import { slotRows } from './slots.ts';
import { turnsIn } from './turns.ts';
import { createWorkers } from './workers.ts';

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
    packagePath,
    history: historyOf(db),
    turns: turnsIn(db),
    workers: createWorkers(db),
  };
}
