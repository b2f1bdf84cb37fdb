// What a rollback does on each host: its variables, or why the host is refused; from journals
// alone.

import { type LaterRun, rollbackOf } from '../../core/history/rollback.ts';
import type { HostChanges } from '../../core/run-state/host-history.ts';
import type { Store } from '../../engine/ports/store.ts';
import { attempt, type Failure, ok } from '../../model/run/failure.ts';
import type { Mapping } from '../../model/value.ts';
import { changesIn } from '../history/history.ts';
import { changesOf } from '../history/summaries.ts';
import type { Session } from '../session/session.ts';
import type { RollbackSettings } from '../session/settings.ts';
import { CommandError, noSuchRun } from '../session/world.ts';
import { keptSettings } from './kept-settings.ts';

export interface Rollbacks extends RollbackSettings {
  /** Hosts on which the run changed nothing that could be rolled back. */
  readonly unchanged: readonly string[];
  /** What stays as the run left it, by host. */
  readonly left: ReadonlyMap<string, readonly string[]>;
}

/** The changes of a run, by host. */
export async function changesOfRun(
  run: string,
  { ports, settings }: Session,
): Promise<ReadonlyMap<string, HostChanges>> {
  return changesIn(await ports.store(), run).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw noSuchRun(run, settings.state);
    throw new CommandError(
      1,
      `the journal of run ${run} cannot be trusted: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
}

/** The rollbacks of these hosts. */
export async function rollbackSettings(
  run: string,
  hosts: readonly string[],
  session: Session,
): Promise<Rollbacks> {
  const hostChanges = await changesOfRun(run, session);
  const later = await laterRuns(run, hosts, await session.ports.store());
  const vars = new Map<string, Mapping>();
  const left = new Map<string, readonly string[]>();
  const refused: { readonly host: string; readonly failure: Failure }[] = [];
  const unchanged: string[] = [];
  for (const host of hosts) {
    const own = hostChanges.get(host);
    if (own === undefined || own.changes.length === 0) {
      unchanged.push(host);
      continue;
    }
    const found = attempt(`what the journals say of ${host}`, () =>
      ok(rollbackOf(run, own, later.get(host) ?? [])),
    );
    const back = found.ok ? found.value : { kind: 'refused' as const, failure: found.failure };
    if (back.kind === 'refused') refused.push({ host, failure: back.failure });
    else if (back.kind === 'nothing') unchanged.push(host);
    else vars.set(host, back.rollback.vars);
    const stays =
      back.kind === 'rollback' ? back.rollback.left : back.kind === 'nothing' ? back.left : [];
    if (stays.length > 0) left.set(host, stays);
  }
  const { playVars } = await keptSettings(run, session);
  return { run, playVars, vars, refused, unchanged, left };
}

/** What later runs did on these hosts, the oldest first. Nothing is kept of other hosts. */
async function laterRuns(
  run: string,
  hosts: readonly string[],
  store: Store,
): Promise<ReadonlyMap<string, readonly LaterRun[]>> {
  const runs = await store.runs();
  const later = new Map(hosts.map((host): [string, LaterRun[]] => [host, []]));
  for (const info of runs.slice(runs.findIndex((one) => one.run === run) + 1)) {
    for (const hostChanges of await changesOf(info, store))
      later.get(hostChanges.host)?.push({ run: info.run, hostChanges });
  }
  return later;
}
