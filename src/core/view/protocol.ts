// What `kmend serve` sends to its page, and what the page sends back: plain data in JSON.
import type { Remedy, Verdict } from '../../model/facts/values.ts';
import type { RowStatus, RunPhase, RunView } from './model.ts';

/**
 * The first event of a stream (`event: snapshot`). After it come deltas (`event: delta`, a
 * `ViewDelta`); `event: gone` says that the run was pruned. `id` is the `seq` of the last entry.
 */
export interface Snapshot {
  readonly view: RunView;
  /** The server takes commands from this reader. */
  readonly control: boolean;
  /** Time of the server: clocks of browsers differ. */
  readonly now: number;
}

export type PageCommand =
  | 'pause'
  | 'continue'
  | 'promote'
  | 'abort'
  | 'retry'
  | 'skip'
  | 'done'
  | 'approve';

/** Body of `POST /api/runs/RUN/command`; answered with 202 and, once journalled, by a delta. */
export interface CommandRequest {
  readonly command: PageCommand;
  /** For `retry`, `skip` and `done`. */
  readonly host?: string;
  readonly reason: string;
}

export interface RunSummary {
  readonly run: string;
  readonly play: string;
  readonly by: string;
  readonly startedAt: number;
  readonly lastAt: number;
  readonly phase: RunPhase;
  readonly exit?: number;
  readonly why?: string;
  readonly counts: Readonly<Record<RowStatus, number>>;
  /** Needs of an operator. */
  readonly needs: number;
  /** Job whose turn it was. */
  readonly job?: string;
}

/** Cgroup ids of a host: used of `limit`, and the day they run out. */
export interface IdsLeft {
  readonly host: string;
  readonly used: number;
  readonly limit: number;
  readonly exhaustedAt?: number;
}

/** The last `check` of an inventory. */
export interface FleetSummary {
  readonly inventory: string;
  readonly checkedAt: number;
  readonly hosts: number;
  /** Hosts by verdict; those that did not answer are `unreachable`. */
  readonly verdicts: Readonly<Partial<Record<Verdict | 'unreachable', number>>>;
  readonly remedies: Readonly<Partial<Record<Remedy, number>>>;
  /** Those that run out first, at most 20. */
  readonly ids: readonly IdsLeft[];
  readonly drift?: { readonly at: number; readonly hosts: number; readonly drifted: number };
}

export interface JobSummary {
  readonly name: string;
  readonly next?: number;
  readonly paused?: true;
  readonly last?: { readonly at: number; readonly exit: number; readonly run?: string };
}

/** `GET /api/overview`. */
export interface Overview {
  readonly now: number;
  readonly control: boolean;
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  readonly fleets: readonly FleetSummary[];
  readonly jobs: readonly JobSummary[];
}
