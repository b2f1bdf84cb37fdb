// The view model of a run: what every screen shows of it, as plain data that JSON carries unchanged.
// One fold makes it from the journal; terminal, report, page and metrics only draw it.
import type { Remedy, Verdict } from '../../model/facts/values.ts';
import type { HostStatus } from '../run-state/state.ts';

/** `left_out`: unreachable or not plannable when the plan was made. */
export type RowStatus = HostStatus | 'left_out';

/** What a host did with its time; `other`: tasks that are none of these. */
export type StepKind =
  | 'facts'
  | 'drain'
  | 'package'
  | 'boot_argument'
  | 'reboot'
  | 'proof'
  | 'soak'
  | 'wait'
  | 'other';

/** Milliseconds since 1970; `to` is absent while the step goes on. */
export interface Step {
  readonly kind: StepKind;
  readonly from: number;
  readonly to?: number;
}

export interface HostRow {
  readonly host: string;
  /** Index in `zones`. */
  readonly zone: number;
  readonly status: RowStatus;
  /** 0 for the canary, else 1, 2, ... */
  readonly wave?: number;
  /** The verdict before the run. */
  readonly before?: Verdict;
  readonly remedy?: Remedy;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly steps: readonly Step[];
  /** What it does now, since when, and how long that usually takes (seconds). */
  readonly doing?: { readonly text: string; readonly since: number; readonly usual?: number };
  readonly proof?: { readonly verdict: Verdict; readonly by: string; readonly evidence: string };
  /** Why it failed, was refused or left out; `detail`: the last lines of its output. */
  readonly reason?: {
    readonly kind: string;
    readonly text: string;
    readonly hint?: string;
    readonly detail?: string;
  };
  /** The safe state in which a failed host was left. */
  readonly left?: string;
  readonly keepsSlot?: true;
  /** A rescue saved it, after this. `counts`: for the brake, until an operator acknowledges it. */
  readonly rescued?: { readonly counts: boolean; readonly after: string };
  readonly acknowledged?: { readonly by: string; readonly as: string; readonly note: string };
}

/**
 * `asking`: a question is open. `interrupted`: not finished, and no process works on it. `failed`
 * and `done` are ends: `done` only for exit 0.
 */
export type RunPhase =
  | 'starting'
  | 'running'
  | 'waiting'
  | 'asking'
  | 'paused'
  | 'brake'
  | 'stopping'
  | 'interrupted'
  | 'stopped'
  | 'failed'
  | 'done';

/** Something that only an operator can end. */
export interface Need {
  readonly kind: 'approve' | 'promote' | 'resolve' | 'continue' | 'resume';
  readonly text: string;
  readonly host?: string;
  /** The command to type; absent: the answer belongs to the terminal of the run. */
  readonly command?: string;
}

export interface Zone {
  readonly name: string;
  readonly hosts: number;
}

/** When a run ends, as a range: milliseconds since 1970. `at`: when it was estimated. */
export interface Forecast {
  readonly at: number;
  readonly from: number;
  readonly to: number;
  /** Why there is no end: it waits for something that no clock brings. */
  readonly blocked?: string;
}

/** Hosts that had ended well at a time: a point of a curve. */
export interface Point {
  readonly at: number;
  readonly done: number;
}

export interface RunHead {
  readonly run: string;
  readonly play: string;
  /** Without the directories of the controller. */
  readonly playbook: string;
  readonly planId: string;
  readonly by: string;
  readonly tool: string;
  readonly attended: boolean;
  readonly startedAt: number;
  /** Of the last entry. */
  readonly lastAt: number;
  readonly lastSeq: number;
  readonly phase: RunPhase;
  readonly exit?: number;
  /** Why it ended, paused or stops, as a sentence. */
  readonly why?: string;
  readonly counts: Readonly<Record<RowStatus, number>>;
  readonly wave?: { readonly number: number; readonly of: number; readonly canary: boolean };
  readonly brake: {
    readonly tripped?: { readonly why: string; readonly host: string };
    readonly failures: number;
    readonly allowed: number;
  };
  readonly slots: { readonly held: number; readonly of: number; readonly kept: number };
  /** Why no further host is started now, the reasons of the decision itself. */
  readonly waits: readonly {
    readonly rule: string;
    readonly text: string;
    readonly until?: number;
  }[];
  readonly gates: readonly {
    readonly name: string;
    readonly open: boolean;
    readonly read: string;
    readonly since?: number;
  }[];
  /** The API server has not answered since then. */
  readonly away?: { readonly since: number; readonly why: string };
  /** The database that has the journal has not answered since then. */
  readonly databaseAway?: number;
  readonly needs: readonly Need[];
  readonly forecast?: Forecast;
  /** Who works on it; absent = nobody. */
  readonly holder?: string;
}

/** An entry of the journal as a line for people. */
export interface Line {
  readonly seq: number;
  readonly at: number;
  readonly text: string;
  readonly host?: string;
  readonly level: 'info' | 'good' | 'warning' | 'error';
}

export interface RunView {
  readonly head: RunHead;
  readonly zones: readonly Zone[];
  /** In the order of the plan, those left out behind them. A row keeps its index. */
  readonly hosts: readonly HostRow[];
  /** The newest lines, the oldest first: at most 200. */
  readonly lines: readonly Line[];
  readonly done: readonly Point[];
  readonly planned: readonly Point[];
}

/** What changed since an earlier view: a reader that applies each in order has the whole view. */
export interface ViewDelta {
  readonly head: RunHead;
  /** Whole rows by their index. */
  readonly hosts: readonly (readonly [index: number, row: HostRow])[];
  /** Only when the run has begun since then. */
  readonly zones?: readonly Zone[];
  /** Only once, where the whole was sent before it was known. */
  readonly planned?: readonly Point[];
  /** New lines and points: appended. */
  readonly lines: readonly Line[];
  readonly done: readonly Point[];
}
