// A node whose return a run of this state directory owes: `kmend uncordon NODE` lets that run do it, so that its journal has it.
import { isInterrupted } from '../../core/history/orphans.ts';
import { hostStates } from '../../core/run-state/state.ts';
import { isRunId } from '../../model/run/run-id.ts';
import { stateOf } from '../history/history.ts';
import type { Settings } from '../session/settings.ts';
import type { RunLine, World } from '../session/world.ts';
import { returnWords } from './adopt.ts';

/** False where no run of this state directory has proven the host of this node and been interrupted before its return. */
export async function returnByRun(node: string, run: string, set: Settings, world: World, runLine: RunLine): Promise<boolean> {
  const store = await world.store(set.stateDir);
  const isKnown = isRunId(run) && (await store.runs()).some((one) => one.run === run);
  if (!isKnown || (await store.holder(run)) !== undefined) return false;
  const owed = [...hostStates(await stateOf(store, run))].find((host) => host.plan.node === node && isInterrupted(host));
  if (owed?.proof === undefined) return false;
  world.err(`node ${node}: run ${run} has proven ${owed.host} and owes its return; it is read anew, and returned to service if proven`);
  await runLine(returnWords(run, [owed.host], set), world);
  return true;
}
