// The observer of a use case. Use cases print nothing themselves: the command line does.
import type { RunState } from '../core/run-state/state.ts';
import type { RunView } from '../core/view/model.ts';
import type { JournalHead } from '../engine/ports/store.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Facts } from '../model/fact.ts';
import type { Event } from '../model/run/event.ts';
import type { Failure, Outcome } from '../model/run/failure.ts';
import type { HostPlan, Plan } from '../model/run/plan.ts';

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
  readonly planned: (plan: PlanToShow) => Promise<void>;
  /** A run is resumed. */
  readonly resuming: (run: string) => void;
  readonly openRun: (run: string, title: string, shown: ShownRun) => Promise<RunScreen>;
  /** Reports an error that does not end the command, and gives its exit code. */
  readonly failed: (error: unknown) => number;
}

export interface Reading {
  readonly answered: (answer: Answer) => void;
  readonly end: () => void;
  /** Ends, because a signal came: says what was read so far, as far as nobody else does. */
  readonly stopped: () => void;
}

/** What was read of a host. */
export interface Answer {
  readonly host: string;
  readonly facts?: Facts;
  readonly plan?: HostPlan;
  readonly failure?: Failure;
}

export const answerOf = (host: string, outcome: Outcome<HostPlan>): Answer =>
  outcome.ok ? { host, plan: outcome.value } : { host, failure: outcome.failure };

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
