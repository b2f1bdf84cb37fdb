// Removes old runs that no command needs. The heads of their journals are kept.

import { beyond, type Keep, type Needed, readRetention } from '../../core/history/retention.ts';
import { JournalError } from '../../engine/ports/state-errors.ts';
import type { RunInfo, Store } from '../../engine/ports/store.ts';
import type { Session } from '../session/session.ts';
import { removeSummaries } from './summaries.ts';

/** Why an old run stays. */
export type Stays = Needed | 'changed' | 'under_way';

export interface Pruned {
  readonly removed: readonly string[];
  /** Runs that are old enough and stay. */
  readonly stays: ReadonlyMap<string, Stays>;
}

/** @param isCheck only reports what would be removed */
export async function pruneRuns(
  keep: Keep,
  { ports, world }: Session,
  isCheck = false,
): Promise<Pruned> {
  const store = await ports.store();
  const runs = await store.runs();
  const old = beyond(runs, keep, world.clock.now()).map(({ run }) => run);
  if (old.length === 0) return { removed: [], stays: new Map() };
  const { needed, heads } = await readAll(runs, old, store);
  const stays = new Map<string, Stays>(needed);
  for (const run of old)
    if (!stays.has(run) && (await store.holder(run)) !== undefined) stays.set(run, 'under_way');
  const going = new Map(
    old.filter((run) => !stays.has(run)).map((run) => [run, heads.get(run) ?? []]),
  );
  const left = isCheck
    ? new Map<string, Stays>()
    : await store.history.prune({ who: world.who, at: world.clock.now(), runs: going });
  if (!isCheck) await removeSummaries(store);
  return {
    removed: [...going.keys()].filter((run) => !left.has(run)),
    stays: new Map([...stays, ...left]),
  };
}

/** Which old runs are still needed, and which heads other runs name. A broken chain is `changed`. */
async function readAll(
  runs: readonly RunInfo[],
  old: readonly string[],
  store: Store,
): Promise<{
  readonly needed: ReadonlyMap<string, Stays>;
  readonly heads: ReadonlyMap<string, readonly string[]>;
}> {
  const heads = new Map<string, string[]>();
  const name = (previous: RunInfo['previous']): void => {
    if (previous !== undefined)
      heads.set(previous.run, [...(heads.get(previous.run) ?? []), previous.head]);
  };
  for (const { previous } of await store.history.pruned()) name(previous);
  const reader = readRetention();
  const damaged: string[] = [];
  for (const { run } of runs) {
    try {
      await store.scanEvents(run, (event) => {
        reader.see(run, event);
        if (event.type === 'run.started') name(event.previous);
      });
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      damaged.push(run);
    }
  }
  const needed = new Map<string, Stays>(reader.needed(old));
  for (const run of damaged) if (old.includes(run)) needed.set(run, 'changed');
  return { needed, heads };
}
