// What the state directory remembers of earlier runs: who was mended, and how long hosts of a pool took.
import { durationsOf, type Earlier } from '../core/estimate.ts';
import { deedsOf, type Mended, remember } from '../core/host-history.ts';
import type { Store } from '../engine/ports.ts';

/** What all journals remember, the oldest run first. One run is held in memory at a time. */
export async function mendedHosts(store: Store): Promise<ReadonlyMap<string, Mended>> {
  let memory: ReadonlyMap<string, Mended> = new Map();
  for (const { run } of await store.runs()) memory = remember(memory, run, deedsOf(await store.readEvents(run)));
  return memory;
}

/** So many of the newest runs of a pool say how long its hosts take; older ones were perhaps another playbook of the same name. */
const runsThatCount = 20;

const fileOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** How long hosts took in earlier runs of this playbook and play over this pool: a run counts that had one of its hosts. */
export async function earlierDurations(
  store: Store,
  play: { readonly playbook: string; readonly play: string; readonly pool: readonly string[] },
): Promise<readonly Earlier[]> {
  const pool = new Set(play.pool);
  const runs = (await store.runs()).filter((run) => run.play === play.play && fileOf(run.playbook) === fileOf(play.playbook));
  const all: Earlier[] = [];
  for (const { run } of runs.slice(-runsThatCount)) {
    const events = await store.readEvents(run);
    const ofPool = events.some((event) => event.type === 'run.started' && event.hosts.some(({ host }) => pool.has(host)));
    if (ofPool) all.push(...durationsOf(events));
  }
  return all;
}
