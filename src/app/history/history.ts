// The history in the state directory: what runs did, and how long their hosts took.
import type { Earlier } from '../../core/plan/estimate.ts';
import { fold } from '../../core/run-state/fold.ts';
import { type HostChanges, readChanges } from '../../core/run-state/host-history.ts';
import { emptyState, type RunState } from '../../core/run-state/state.ts';
import type { RunInfo, Store } from '../../engine/ports/store.ts';
import { summaryOf } from './summaries.ts';

/** The state of a run, by its journal. */
export async function stateOf(store: Store, run: string): Promise<RunState> {
  let state = emptyState;
  await store.scanEvents(run, (event) => {
    state = fold(state, event);
  });
  return state;
}

/** The changes of a run, by host. */
export async function changesIn(
  store: Store,
  run: string,
): Promise<ReadonlyMap<string, HostChanges>> {
  const { see, hostChanges } = readChanges();
  await store.scanEvents(run, see);
  return hostChanges();
}

/** Newest runs that count for durations. Older ones may be of another playbook with that name. */
const runsThatCount = 20;

/** A playbook that comes with kmend counts as the same by its name and by its path. */
const fileOf = (path: string): string =>
  path.startsWith('@') ? `${path.slice(1)}.yaml` : path.slice(path.lastIndexOf('/') + 1);

/**
 * How long hosts took in earlier runs of this play. A run counts if it had a host of this pool.
 * @param kept the runs of the store, where they were read already
 */
export async function earlierDurations(
  store: Store,
  play: { readonly playbook: string; readonly play: string; readonly pool: readonly string[] },
  kept?: readonly RunInfo[],
): Promise<readonly Earlier[]> {
  const pool = new Set(play.pool);
  const runs = (kept ?? (await store.runs())).filter(
    (run) => run.play === play.play && fileOf(run.playbook) === fileOf(play.playbook),
  );
  const all: Earlier[] = [];
  for (const info of runs.slice(-runsThatCount)) {
    const { hosts, durations } = await summaryOf(info, store);
    if (hosts.some((host) => pool.has(host))) all.push(...durations);
  }
  return all;
}
