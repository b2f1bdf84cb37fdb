// Follows a run that another process works on, until it has ended.
import { fold } from '../../core/run-state/fold.ts';
import { emptyState } from '../../core/run-state/state.ts';
import type { JournalEnd } from '../../engine/ports/history.ts';
import { Wakeup } from '../../engine/wakeup.ts';
import type { Event } from '../../model/run/event.ts';
import type { Session } from '../session/session.ts';
import { endIfStopped } from '../session/settings.ts';
import { eachEvent } from './report.ts';

/** Milliseconds between two readings, and where the state reports changes: a report may be lost. */
const [readEvery, readAtLeast] = [500, 5_000];

/**
 * Shows every entry of a run, the oldest first, also those that come, and returns its exit code. It
 * goes on where nobody works on the run: another process may carry it on.
 */
export async function followRunUntilEnd(
  run: string,
  session: Session,
  see: (event: Event) => void,
): Promise<number> {
  const { world } = session;
  const store = await session.ports.store();
  const changed = new Wakeup(world.clock);
  const unwatch = store.watch?.(() => changed.notify());
  const stopped = (): void => changed.notify();
  world.stop.addEventListener('abort', stopped);
  let state = emptyState;
  let end: JournalEnd | undefined;
  try {
    for (;;) {
      const before = changed.count;
      const seen = (event: Event): void => {
        state = fold(state, event);
        see(event);
      };
      end = await eachEvent(run, session, seen, end);
      if (state.finished !== undefined) return state.finished.exit;
      endIfStopped(world, `run ${run} goes on; it is no longer followed`);
      await changed.sleep(unwatch === undefined ? readEvery : readAtLeast, before);
    }
  } finally {
    unwatch?.();
    world.stop.removeEventListener('abort', stopped);
  }
}
