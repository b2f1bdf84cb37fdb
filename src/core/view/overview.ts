// The overview of a state directory: what the first page of `kmend serve` shows, as plain data.
import type { DriftState } from '../history/drift-report.ts';
import type { RunHead } from './model.ts';

export interface Overview {
  /** Milliseconds since 1970, as all times here. */
  readonly at: number;
  readonly version: string;
  /** Who reads it, as the journal would name them. */
  readonly who: string;
  /** This reader may give commands. */
  readonly control: boolean;
  /** Those that are not finished first, then the newest first. */
  readonly runs: readonly RunSummary[];
  /** Runs that `runs` leaves out, because they are too many. */
  readonly olderRuns: number;
  /** The last `check` and `drift` of each inventory. */
  readonly fleets: readonly FleetSummary[];
  readonly jobs: readonly JobSummary[];
}

export interface RunSummary {
  readonly run: string;
  readonly play: string;
  readonly startedAt: number;
  readonly job?: string;
  /** Of a run that is not finished. */
  readonly head?: RunHead;
  readonly finished?: { readonly exit: number; readonly why: string };
  /** Why its journal cannot be shown. */
  readonly damaged?: string;
}

/** What a check read of a host. */
export interface CheckedHost {
  readonly host: string;
  /** `off`, `on`, `leaking`, ...; absent where it could not be read. */
  readonly verdict?: string;
  readonly remedy?: string;
  /** Why it could not be read. */
  readonly failure?: string;
  /** cgroup ids in use, of 65,534. */
  readonly idsUsed?: number;
  /** Days until no id is left; absent where they do not grow, or that is not known. */
  readonly idsDaysLeft?: number;
  /** That day, `2027-01-17`. */
  readonly idsFullOn?: string;
}

export interface FleetSummary {
  /** Paths or host lists as they were given with -i, without the directories of this machine. */
  readonly inventory: string;
  readonly check?: {
    readonly at: number;
    readonly who: string;
    readonly pattern: string;
    readonly exit: number;
    readonly hosts: number;
    /** Hosts by verdict; `unread` for those without facts. */
    readonly verdicts: Readonly<Record<string, number>>;
    readonly remedies: Readonly<Record<string, number>>;
    /** The hosts that need an operator most, at most 100: fewest days left, then leaking, ... */
    readonly worst: readonly CheckedHost[];
  };
  readonly drift?: {
    readonly at: number;
    readonly who: string;
    readonly pattern: string;
    readonly exit: number;
    readonly hosts: number;
    readonly states: Readonly<Record<DriftState, number>>;
    /** Hosts that lost their remedy, at most 100, and why. */
    readonly lost: readonly { readonly host: string; readonly why: string }[];
  };
}

export interface JobSummary {
  readonly name: string;
  readonly every: string;
  /** The command line after `kmend`, without the directories of this machine. */
  readonly command: string;
  readonly last?: { readonly at: number; readonly exit: number; readonly run?: string };
  /** Its next turn; absent where it cannot be foretold. */
  readonly next?: number;
}
