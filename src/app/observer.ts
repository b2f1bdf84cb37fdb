// Who watches a use case while it works. Nothing in this room prints: the command line does, and
// another entry point shows it elsewhere.
import type { RunState } from '../core/run-state/state.ts';
import type { JournalHead } from '../engine/ports/store.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Event } from '../model/run/event.ts';
import type { Plan } from '../model/run/plan.ts';

export interface Observer {
  /** Something to know, as a whole sentence; with `warning` where it may be a mistake. */
  readonly notice: (text: string, level?: 'warning') => void;
  /** A step of many, where a log wants to have it. */
  readonly log: (text: string) => void;
  /** What was found in files of the operator; no error is among it. */
  readonly diagnostics: (found: readonly Diagnostic[]) => void;
  /** Hosts are about to be read. */
  readonly reading: (
    how: 'read' | 'planned' | 'looked again at',
    hosts: readonly string[],
  ) => Reading;
  /** A file is fetched; undefined when that is over. */
  readonly fetching: (url: string | undefined) => void;
  /** A plan is about to be carried out. */
  readonly planned: (plan: PlanToShow) => void;
  /** A run is resumed. */
  readonly resuming: (run: string) => void;
  readonly openRun: (run: string, title: string) => Promise<RunView>;
  /** A part failed that others survive; gives the exit code that it would have had alone. */
  readonly failed: (error: unknown) => number;
}

export interface Reading {
  readonly answered: (host: string) => void;
  readonly end: () => void;
}

export interface PlanToShow {
  readonly plan: Plan;
  /** Of each play the hosts of a canary that is named by a pattern. */
  readonly canaryHosts: readonly (readonly string[] | undefined)[];
}

/** What is seen of a run. */
export interface RunView {
  readonly onEvent: (event: Event, state: RunState) => void;
  /** For a question: a live view holds back whatever else is printed. */
  readonly aside: <T>(ask: () => Promise<T>) => Promise<T>;
  /** The run came to its end. */
  readonly ended: (end: RunEnd) => void;
  readonly close: () => Promise<void>;
}

export interface RunEnd {
  readonly run: string;
  readonly state: RunState;
  readonly head: JournalHead;
  /** Variables that were not kept: whoever goes on with the run gives them again. */
  readonly withheld: readonly string[];
}

/** Does a part that others survive. */
export async function contained(observer: Observer, part: () => Promise<number>): Promise<number> {
  try {
    return await part();
  } catch (error) {
    return observer.failed(error);
  }
}
