// The journal of a run under way, and the state of the run by it. No event is kept in memory.
import { fold } from '../core/run-state/fold.ts';
import type { RunState } from '../core/run-state/state.ts';
import type { Event, EventBody } from '../model/run/event.ts';
import type { Journal, JournalHead } from './ports/store.ts';

export interface RunLog {
  readonly run: string;
  readonly end: () => JournalHead;
  readonly state: () => RunState;
  /** As in `Journal`; `state` includes the event once this resolves. */
  readonly append: (body: EventBody, sync: boolean) => Promise<Event>;
  /**
   * Adds the event of a decision that was made by so many entries; undefined where others have appended
   * to the journal since.
   */
  readonly appendAfter: (entries: number, body: EventBody) => Promise<Event | undefined>;
  /** Shows what others have appended. */
  readonly catchUp: () => Promise<void>;
}

/**
 * @param from the state by the journal so far
 * @param onEvent called with every event and the state after it
 */
export function runLogOf(
  journal: Journal,
  from: RunState,
  onEvent: (event: Event, state: RunState, line: string) => void,
): RunLog {
  let state = from;
  journal.follow((event, line) => {
    state = fold(state, event);
    onEvent(event, state, line);
  });
  return {
    run: journal.run,
    end: journal.end,
    state: () => state,
    append: journal.append.bind(journal),
    appendAfter: (entries, body) =>
      journal.appendAfter?.(entries, body) ?? journal.append(body, true),
    catchUp: async () => journal.catchUp?.(),
  };
}
