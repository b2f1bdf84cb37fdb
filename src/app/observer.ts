// The observer of a use case. Use cases print nothing themselves: the command line does.
import type { RunState } from '../core/run-state/state.ts';
import type { RunView } from '../core/view/model.ts';
import type { JournalHead } from '../engine/ports/store.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Event } from '../model/run/event.ts';
import type { Plan } from '../model/run/plan.ts';

export interface Observer {
  /** A message to the operator, as a whole sentence; `warning` where something may be wrong. */
  readonly notice: (text: string, level?: 'warning') => void;
  /** A step of a longer work, for a log. */
  readonly log: (text: string) => void;
  /** Warnings and notes about files of the operator. */
  readonly diagnostics: (found: readonly Diagnostic[]) => void;
  /** Hosts are about to be read. */
  readonly reading: (how: 'read' | 'planned' | 're-checked', hosts: readonly string[]) => Reading;
  /** A download begins; undefined = it is over. */
  readonly fetching: (url: string | undefined) => void;
  /** A plan is about to be carried out. */
  readonly planned: (plan: PlanToShow) => void;
  /** A run is resumed. */
  readonly resuming: (run: string) => void;
  readonly openRun: (run: string, title: string, shown: ShownRun) => Promise<RunScreen>;
  /** Reports an error that does not end the command, and gives its exit code. */
  readonly failed: (error: unknown) => number;
}

export interface Reading {
  readonly answered: (host: string) => void;
  readonly end: () => void;
}

export interface PlanToShow {
  readonly plan: Plan;
  /** For each play the hosts of a canary that is a pattern. */
  readonly canaryHosts: readonly (readonly string[] | undefined)[];
}

/** A run that a screen shows. */
export interface ShownRun {
  /** The run as it is now. */
  readonly view: () => RunView;
  readonly now: () => number;
}

/** The screen of a run that goes on. */
export interface RunScreen {
  readonly onEvent: (event: Event) => void;
  /** The database has not answered since then (milliseconds since 1970); undefined = it does again. */
  readonly away: (since: number | undefined) => void;
  /** The run has ended. */
  readonly ended: (end: RunEnd) => void;
  readonly close: () => Promise<void>;
}

export interface RunEnd {
  readonly run: string;
  readonly state: RunState;
  readonly head: JournalHead;
  /** Names of variables that were not kept, and that a resume has to be given again. */
  readonly withheld: readonly string[];
}

/** Does a part of a command. Its error is reported, and the command goes on. */
export async function contained(observer: Observer, part: () => Promise<number>): Promise<number> {
  try {
    return await part();
  } catch (error) {
    return observer.failed(error);
  }
}
