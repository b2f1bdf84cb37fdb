// What is known for the rollback of a run: per host the variables of the way back, or why there is none; from journals alone.
import { deedsOf, type HostDeeds } from '../core/host-history.ts';
import { type LaterRun, rollbackOf } from '../core/rollback.ts';
import type { Store } from '../engine/ports.ts';
import type { Failure } from '../model/failure.ts';
import type { Mapping } from '../model/value.ts';
import type { RollbackSettings, Settings } from './setup.ts';
import { CommandError, type World } from './world.ts';

export interface WaysBack extends RollbackSettings {
  /** Hosts on which the run changed nothing that could be taken back. */
  readonly unchanged: readonly string[];
  /** What stays as the run made it, by host. */
  readonly left: ReadonlyMap<string, readonly string[]>;
}

/** The deeds of a run. A run that is not there is the user's mistake. */
export async function deedsOfRun(run: string, store: Store, stateDir: string): Promise<ReadonlyMap<string, HostDeeds>> {
  const events = await store.readEvents(run).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new CommandError(3, `there is no run ${run} under ${stateDir}`, 'kmend runs lists them');
    throw new CommandError(1, `the journal of run ${run} cannot be trusted: ${error instanceof Error ? error.message : String(error)}`);
  });
  return deedsOf(events);
}

/** The ways back of these hosts. */
export async function rollbackSettings(run: string, hosts: readonly string[], set: Settings, world: World): Promise<WaysBack> {
  const store = await world.store(set.stateDir);
  const deeds = await deedsOfRun(run, store, set.stateDir);
  const later = await laterRuns(run, store);
  const vars = new Map<string, Mapping>();
  const left = new Map<string, readonly string[]>();
  const refused: { readonly host: string; readonly failure: Failure }[] = [];
  const unchanged: string[] = [];
  for (const host of hosts) {
    const own = deeds.get(host);
    if (own === undefined || own.changes.length === 0) {
      unchanged.push(host);
      continue;
    }
    const since = later.flatMap(({ run: other, deeds: all }): LaterRun[] => {
      const theirs = all.get(host);
      return theirs === undefined ? [] : [{ run: other, deeds: theirs }];
    });
    const back = rollbackOf(run, own, since);
    if (back.kind === 'refused') refused.push({ host, failure: back.failure });
    else if (back.kind === 'nothing') unchanged.push(host);
    else vars.set(host, back.way.vars);
    const stays = back.kind === 'way_back' ? back.way.left : back.kind === 'nothing' ? back.left : [];
    if (stays.length > 0) left.set(host, stays);
  }
  return { run, vars, refused, unchanged, left };
}

interface RunDeeds {
  readonly run: string;
  readonly deeds: ReadonlyMap<string, HostDeeds>;
}

async function laterRuns(run: string, store: Store): Promise<readonly RunDeeds[]> {
  const runs = await store.runs();
  const at = runs.findIndex((info) => info.run === run);
  return Promise.all(runs.slice(at + 1).map(async (info) => ({ run: info.run, deeds: deedsOf(await store.readEvents(info.run)) })));
}
