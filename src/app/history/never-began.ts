// A run whose journal has no entry: it was killed as it began, and there is nothing to go on with.
import type { Store } from '../../engine/ports/store.ts';
import { CommandError } from '../session/world.ts';

export const neverBegan = (run: string): string =>
  `run ${run} never began: it was killed before its first entry was on disk, and did nothing on any host`;

export const beginAnew = 'start it anew with `kmend apply`';

/** Ends a command that goes on with a run, where nothing was begun. */
export async function refuseNeverBegan(run: string, store: Store): Promise<void> {
  const info = (await store.runs()).find((one) => one.run === run);
  if (info?.begun === false && (await store.holder(run)) === undefined)
    throw new CommandError(3, neverBegan(run), beginAnew);
}
