// The summary of a journal: what later commands need of a run, so that they do not read its journal.
import type { Event } from '../../model/run/event.ts';
import { type Earlier, readDurations } from '../plan/estimate.ts';
import { type HostChanges, readChanges } from '../run-state/host-history.ts';
import type { RunState } from '../run-state/state.ts';
import { type Remains, remainsOf } from './orphans.ts';

/** Its size is that of the list of hosts. */
export interface JournalSummary extends Remains {
  /** How long its changed hosts took. */
  readonly durations: readonly Earlier[];
}

/** Takes the events of one run, oldest first, and keeps none of them. */
export interface SummaryReader {
  readonly see: (event: Event) => void;
  /** @param state the state of the run after the last event */
  readonly summary: (state: RunState) => JournalSummary;
  /** What the run changed, with the hosts on which it changed nothing. */
  readonly changes: () => readonly HostChanges[];
}

export function readSummary(): SummaryReader {
  const durations = readDurations();
  const { see, hostChanges } = readChanges();
  return {
    see: (event) => {
      durations.see(event);
      see(event);
    },
    summary: (state) => ({ ...remainsOf(state), durations: durations.durations() }),
    changes: () => [...hostChanges().values()],
  };
}
