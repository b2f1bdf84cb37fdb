// What the state directory remembers of earlier runs: who was mended, and how long hosts of a pool
// took.
import { type Earlier, readDurations } from '../../core/plan/estimate.ts';
import { fold } from '../../core/run-state/fold.ts';
import {
  type HostChanges,
  type Remediated,
  readChanges,
  remember,
} from '../../core/run-state/host-history.ts';
import { emptyState, type RunState } from '../../core/run-state/state.ts';
import type { Store } from '../../engine/ports/store.ts';

/** Where a run stands, by its journal. */
export async function stateOf(store: Store, run: string): Promise<RunState> {
  let state = emptyState;
  await store.scanEvents(run, (event) => {
    state = fold(state, event);
  });
  return state;
}

/** What a run did, by host. Its events pass by one at a time. */
export async function changesIn(
  store: Store,
  run: string,
): Promise<ReadonlyMap<string, HostChanges>> {
  const { see, hostChanges } = readChanges();
  await store.scanEvents(run, see);
  return hostChanges();
}

/** What all journals remember, the oldest run first. */
export async function remediatedHosts(store: Store): Promise<ReadonlyMap<string, Remediated>> {
  let memory: ReadonlyMap<string, Remediated> = new Map();
  for (const { run } of await store.runs())
    memory = remember(memory, run, await changesIn(store, run));
  return memory;
}

/**
 * So many of the newest runs of a pool say how long its hosts take; older ones were perhaps another
 * playbook of the same name.
 */
const runsThatCount = 20;

const fileOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/**
 * How long hosts took in earlier runs of this playbook and play over this pool: a run counts that
 * had one of its hosts.
 */
export async function earlierDurations(
  store: Store,
  play: { readonly playbook: string; readonly play: string; readonly pool: readonly string[] },
): Promise<readonly Earlier[]> {
  const pool = new Set(play.pool);
  const runs = (await store.runs()).filter(
    (run) => run.play === play.play && fileOf(run.playbook) === fileOf(play.playbook),
  );
  const all: Earlier[] = [];
  for (const { run } of runs.slice(-runsThatCount)) {
    const { see, hosts, durations } = readDurations();
    await store.scanEvents(run, see);
    if ([...hosts()].some((host) => pool.has(host))) all.push(...durations());
  }
  return all;
}
