// One run that a worker carries on, as `kmend resume` with what this machine has, or whose rest it
// carries out.
import { HandedOver } from '../../engine/hand-over.ts';
import type { Store } from '../../engine/ports/store.ts';
import type { Workers } from '../../engine/ports/workers.ts';
import { keptSettings } from '../run/kept-settings.ts';
import { resume } from '../run/resume.ts';
import { onlyVars } from '../session/extra-vars.ts';
import type { FleetFlags } from '../session/flags.ts';
import { inSession } from '../session/session.ts';
import type { Surroundings } from '../session/world.ts';
import { CommandError } from '../session/world.ts';
import { isElsewhere, refusedBySettings, refusedByState } from './refusals.ts';
import { carryOutRest } from './rest.ts';

/** The state of the worker: its session is the proof that this process lives. */
export interface Shared {
  readonly store: Store;
  readonly workers: Workers;
}

/** How it came out. `busy`: another process has it. `refused`: nothing was done. */
export type CarriedOn =
  | { readonly kind: 'ended' | 'handed_over' | 'busy' }
  | { readonly kind: 'refused' | 'broken'; readonly error: unknown };

/** @param flags of the worker: they win over those that the run keeps */
export async function carryOn(
  run: string,
  flags: FleetFlags,
  around: Surroundings,
  shared: Shared,
): Promise<CarriedOn> {
  let begun = false;
  const observer: Surroundings['observer'] = {
    ...around.observer,
    openRun: (...screen) => {
      begun = true;
      return around.observer.openRun(...screen);
    },
  };
  const store: Store = { ...shared.store, close: async () => {} };
  const world = { ...around.world, store: async () => store };
  const othersElsewhere = (): Promise<boolean> =>
    // An error hands the run over: where nobody else is, this worker takes it again.
    isElsewhere(run, shared.workers, world).catch(() => true);
  try {
    return await inSession(flags, { world, observer }, async (session) => {
      if (await isFinished(run, store))
        return { kind: kindOfRest[await carryOutRest(run, session)] };
      const kept = await keptSettings(run, session);
      const why = refusedBySettings(kept);
      if (why !== undefined) throw new CommandError(3, why);
      const own = { ...session, world: onlyVars(kept.withheld, session.world) };
      const refuse = refusedByState(othersElsewhere);
      await resume({ run, othersElsewhere, refuse }, own);
      return { kind: 'ended' };
    });
  } catch (error) {
    if (error instanceof HandedOver || world.stop.aborted) return { kind: 'handed_over' };
    if (begun) return { kind: 'broken', error };
    return error instanceof CommandError && error.exit === 7
      ? { kind: 'busy' }
      : { kind: 'refused', error };
  }
}

const kindOfRest = { done: 'ended', busy: 'busy', left: 'handed_over' } as const;

const isFinished = async (run: string, store: Store): Promise<boolean> =>
  (await store.runs()).find((one) => one.run === run)?.finished !== undefined;
