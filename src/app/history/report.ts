// Reads the journal of a run.

import { fold } from '../../core/run-state/fold.ts';
import { emptyState, type RunState } from '../../core/run-state/state.ts';
import type { JournalEnd } from '../../engine/ports/history.ts';
import { JournalError } from '../../engine/ports/state-errors.ts';
import type { Event } from '../../model/run/event.ts';
import type { Session } from '../session/session.ts';
import { CommandError, noSuchRun } from '../session/world.ts';

export interface ReadRun {
  readonly state: RunState;
  readonly end: JournalEnd;
  /** The process that works on it. */
  readonly holder: string | undefined;
}

/** Takes the entries of a run, and has its state. */
export interface RunReader {
  readonly see: (event: Event) => void;
  readonly state: () => RunState;
}

/** @param reader where more than the state is wanted of the one reading */
export async function readRun(
  run: string,
  session: Session,
  reader: RunReader = stateReader(),
): Promise<ReadRun> {
  const end = await eachEvent(run, session, reader.see);
  return { state: reader.state(), end, holder: await (await session.ports.store()).holder(run) };
}

function stateReader(): RunReader {
  let state = emptyState;
  return {
    see: (event) => {
      state = fold(state, event);
    },
    state: () => state,
  };
}

/**
 * Shows every event of a run, the oldest first, each after its hash was checked.
 * @param after where an earlier reading ended
 */
export async function eachEvent(
  run: string,
  { ports, settings }: Session,
  see: (event: Event) => void,
  after?: JournalEnd,
): Promise<JournalEnd> {
  try {
    return await (await ports.store()).scanEvents(run, see, after);
  } catch (error) {
    if (error instanceof JournalError)
      throw new CommandError(
        1,
        error.message,
        'this journal was changed: trust no entry from there on',
      );
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw noSuchRun(run, settings.state);
    throw error;
  }
}
