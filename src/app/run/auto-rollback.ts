// `rollback: failed_host`: after a run, each host that ended badly in it is taken back by a run of its own, as `kmend rollback RUN -l HOST` would.
// The run that failed stays as it is: the host counts as its bad end and keeps its slot until a person has looked.

import { hostsToTakeBack } from '../../core/history/auto-rollback.ts';
import { hostState } from '../../core/run-state/state.ts';
import type { Store } from '../../engine/ports/store.ts';
import { dataIn } from '../../model/shape/shape.ts';
import { pasteable } from '../../model/text/quote.ts';
import { isMapping } from '../../model/value.ts';
import { stateOf } from '../history/history.ts';
import type { Settings } from '../session/settings.ts';
import type { RunLine, World } from '../session/world.ts';

/** What is done when a run is over and its hosts are no longer locked. */
export type AfterRun = (run: string, set: Settings) => Promise<void>;

export const takeBack =
  (world: World, runLine: RunLine): AfterRun =>
  async (run, set) => {
    const store = await world.store(set.stateDir);
    const hosts = hostsToTakeBack(await stateOf(store, run));
    if (hosts.length === 0) return;
    const before = await takenBackBefore(run, set, store, world);
    for (const host of hosts.filter((one) => !before.has(one))) {
      const byHand = `kmend rollback ${run} -l ${pasteable(host)}`;
      if (world.stop.aborted) {
        world.err(`${host} is not taken back, since this was stopped; by hand: ${byHand}`);
        continue;
      }
      world.err(`${host} ended badly and is taken back (rollback: failed_host)`);
      const exit = await runLine(wordsFor(run, host, set), world);
      if (exit === 0) world.err(`${host} is as it was before run ${run}; look at it, then: kmend resolve ${run} ${pasteable(host)}`);
      else world.err(`${host} was NOT taken back (exit ${exit}); look at it, then by hand: ${byHand}`);
    }
  };

/** Secrets are in no file: what was given for the run is given again. */
function wordsFor(run: string, host: string, { stateDir, flags }: Settings): readonly string[] {
  return [
    ...['rollback', run, '--limit', host, '--yes', '--takeover', run, '--state-dir', stateDir],
    ...(flags.extraVars ?? []).flatMap((word) => ['--extra-vars', word]),
    ...(flags.askPass === true ? ['--ask-pass'] : []),
    ...(flags.askBecomePass === true ? ['--ask-become-pass'] : []),
    ...(flags.json === true ? ['--json'] : []),
  ];
}

/** Hosts that a rollback of this run has brought to its end: after a resume they are not begun again. */
async function takenBackBefore(run: string, set: Settings, store: Store, world: World): Promise<ReadonlySet<string>> {
  const done = new Set<string>();
  const runs = await store.runs();
  for (const later of runs.slice(runs.findIndex((info) => info.run === run) + 1)) {
    const read = world.reader.readText(`${set.stateDir}/runs/${later.run}/plan.json`);
    const plan = read.ok ? dataIn(read.text) : undefined;
    if (!isMapping(plan) || plan.rollbackOf !== run) continue;
    const state = await stateOf(store, later.run);
    for (const host of state.indexOf.keys()) if (hostState(state, host)?.status === 'done') done.add(host);
  }
  return done;
}
