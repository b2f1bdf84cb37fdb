// Control commands: left for the process of the run, which journals them.
import type { Store } from '../../engine/ports/store.ts';
import type { EventBody } from '../../model/run/event.ts';
import { stateOf } from '../history/history.ts';
import { refuseNeverBegan } from '../history/never-began.ts';
import type { Session } from '../session/session.ts';
import { CommandError, noSuchRun } from '../session/world.ts';
import { type Resolution, resolutionsIn } from './resolutions.ts';

/** A command was left for a run. Without a process, the next resume carries it out. */
export interface Left {
  readonly run: string;
  readonly holder: string | undefined;
}

/** Leaves commands for a run. */
export async function command(
  run: string,
  bodies: readonly EventBody[],
  session: Session,
): Promise<Left> {
  const store = await session.ports.store();
  await refuseUnknown(run, session);
  if (bodies.some(({ type }) => type === 'canary.promoted')) await refuseNoCanary(run, store);
  for (const body of bodies) await store.post(run, body);
  return { run, holder: await store.holder(run) };
}

/** Leaves resolutions of failed hosts for a run. Each must be of a host that can be resolved. */
export async function leaveResolutions(
  run: string,
  given: readonly Resolution[],
  session: Session,
): Promise<Left> {
  await refuseUnknown(run, session);
  return command(
    run,
    resolutionsIn(given, await stateOf(await session.ports.store(), run)),
    session,
  );
}

/** A promotion would be journalled, and mean nothing. */
async function refuseNoCanary(run: string, store: Store): Promise<void> {
  if ((await stateOf(store, run)).rollout?.canary === undefined)
    throw new CommandError(3, `run ${run} has no canary, so there is nothing to promote`);
}

/** Refuses a run that no process would take the command for: unknown, never begun, or done. */
async function refuseUnknown(run: string, { ports, settings }: Session): Promise<void> {
  const store = await ports.store();
  if ((await store.readFile(run, 'settings')) === undefined) throw noSuchRun(run, settings.state);
  await refuseNeverBegan(run, store);
  const finished = (await store.runs()).find((one) => one.run === run)?.finished;
  if (finished?.exit === 0)
    throw new CommandError(
      3,
      `run ${run} is over (exit 0: ${finished.why}), so the command is not left for it`,
      `kmend report ${run} shows it`,
    );
}
