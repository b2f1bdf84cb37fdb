// The history in the state directory: which hosts earlier runs remediated, and how long they took.
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

/** Hosts that were remediated, by all journals, the oldest run first. */
export async function remediatedHosts(store: Store): Promise<ReadonlyMap<string, Remediated>> {
  let memory: ReadonlyMap<string, Remediated> = new Map();
  for (const { run } of await store.runs())
    memory = remember(memory, run, await changesIn(store, run));
  return memory;
}

/** Newest runs that count for durations. Older ones may be of another playbook with that name. */
const runsThatCount = 20;

/** A playbook that comes with kmend counts as the same by its name and by its path. */
const fileOf = (path: string): string =>
  path.startsWith('@') ? `${path.slice(1)}.yaml` : path.slice(path.lastIndexOf('/') + 1);

/** How long hosts took in earlier runs of this play. A run counts if it had a host of this pool. */
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
