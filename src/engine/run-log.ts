// The journal of a run under way, and the state that it folds to: kept up to date with every line
// written, no event is kept.
import { fold } from '../core/run-state/fold.ts';
import type { RunState } from '../core/run-state/state.ts';
import type { Event, EventBody } from '../model/run/event.ts';
import type { Journal, JournalHead } from './ports/store.ts';

export interface RunLog {
  readonly run: string;
  readonly end: () => JournalHead;
  readonly state: () => RunState;
  /** As the journal's; `state` has the event in it once this resolves. */
  readonly append: (body: EventBody, sync: boolean) => Promise<Event>;
}

/**
 * @param from what the journal folds to so far. `onEvent` sees every event with the state after it.
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
  };
}
