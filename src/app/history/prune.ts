// Removes old runs that no command needs. The heads of their journals are kept.

import { beyond, type Keep, type Needed, readRetention } from '../../core/history/retention.ts';
import { JournalError } from '../../engine/ports/state-errors.ts';
import type { RunInfo, Store } from '../../engine/ports/store.ts';
import type { Session } from '../session/session.ts';
import { keptChanges, removeSummaries } from './summaries.ts';

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
  for (const { previous } of runs) name(previous);
  const leaving = new Set(old);
  const reader = readRetention();
  const damaged: string[] = [];
  for (const info of runs) {
    const { run } = info;
    // Of a run that stays, only what it changed matters.
    const kept = leaving.has(run) ? undefined : await keptChanges(info, store);
    if (kept !== undefined) reader.changed(run, kept);
    else
      try {
        await store.scanEvents(run, (event) => reader.see(run, event));
      } catch (error) {
        if (!(error instanceof JournalError)) throw error;
        damaged.push(run);
      }
  }
  const needed = new Map<string, Stays>(reader.needed(old));
  for (const run of damaged) if (leaving.has(run)) needed.set(run, 'changed');
  return { needed, heads };
}
