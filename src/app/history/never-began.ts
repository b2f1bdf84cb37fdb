// A run without a journal entry: it was killed when it began, so there is nothing to resume.
import type { Store } from '../../engine/ports/store.ts';
import { CommandError } from '../session/world.ts';

export const neverBegan = (run: string): string =>
  `run ${run} never began: it was killed before its first entry was on disk, and did nothing on any host`;

export const beginAnew = 'start it again with `kmend apply`';

/** Refuses a command for a run that never began. */
export async function refuseNeverBegan(run: string, store: Store): Promise<void> {
  const info = (await store.runs()).find((one) => one.run === run);
  if (info?.begun === false && (await store.holder(run)) === undefined)
    throw new CommandError(3, neverBegan(run), beginAnew);
}
