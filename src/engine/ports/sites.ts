// The port to the workers of sites: a process without a way to the hosts of a site hands work on them
// to workers that have one.
import type { Event, EventBody } from '../../model/run/event.ts';
import type { JournalHead } from './history.ts';

/**
 * What is done with a host of a run: its walk, the repeated proof at the end of its soak, closing its
 * fence, or fencing another run out.
 */
export type HostWork = 'walk' | 'proof' | 'free' | 'take_over';

/** What is read of hosts, for a command: their facts, or their plans. */
export type Reading = 'check' | 'plan';

/** Work on a host of a run that its leader hands over. */
export interface HostErrand {
  readonly host: string;
  readonly site: string;
  readonly work: HostWork;
}

/** What became of it. */
export interface HandedErrand extends HostErrand {
  readonly ended: boolean;
  /** Machine of the live worker that has it. */
  readonly worker?: string;
}

/** A question of a command to the workers of a site; `request` is text of the caller, without secrets. */
export interface NewReading {
  readonly site: string;
  readonly reading: Reading;
  readonly request: string;
}

/** Work that a worker has claimed. */
export type Errand = { readonly id: number } & (
  | ({
      readonly kind: 'host';
      readonly run: string;
      /** Number of its steps on the host: greater than that of everybody who had it before. */
      readonly number: number;
    } & HostErrand)
  | ({ readonly kind: 'reading' } & NewReading)
);

/** What a worker may claim. */
export interface Claim {
  readonly sites: readonly string[];
  /** The runs that this worker is ready for. Readings need none. */
  readonly runs: readonly string[];
  /** Version of kmend: only work of the same version is claimed. */
  readonly version: string;
  /** Boot id of this machine: what a worker here has left is not claimed again. */
  readonly bootId: string;
  /** What this worker has: what it was given and did not learn of is given again. */
  readonly have: readonly number[];
  /** How much more at most. */
  readonly most: number;
}

/** A journal to which a worker appends for the errands that it has. */
export interface SiteJournal {
  readonly run: string;
  readonly end: () => JournalHead;
  /** As in `Journal`. */
  readonly follow: (see: SeeLine) => void;
  readonly catchUp: () => Promise<void>;
  readonly close: () => Promise<void>;
  /** As `Journal.append`. Throws `RunTakenError` where another has the errand now. */
  readonly append: (
    body: EventBody,
    errand: { readonly id: number; readonly number: number },
  ) => Promise<Event>;
}

type SeeLine = (event: Event, line: string) => void;

/** For the process that leads a run. */
export interface LeadsSites {
  /** Says which sites a run has, and the version that its workers need. */
  readonly announce: (run: string, sites: readonly string[], version: string) => Promise<void>;
  /** Work that is handed over already goes on where it is. Without a worker it waits. */
  readonly hand: (run: string, errand: HostErrand, version: string) => Promise<void>;
  /** Has its worker end it, with the reason that its signal gets. */
  readonly abort: (run: string, host: string, reason: string) => Promise<void>;
  /** All that this run has handed over, until it is forgotten. */
  readonly handed: (run: string) => Promise<readonly HandedErrand[]>;
  readonly forget: (run: string, hosts: readonly string[]) => Promise<void>;
}

/** For a command that reads hosts. */
export interface AsksSites {
  readonly ask: (reading: NewReading, version: string) => Promise<number>;
  /** Answers that have come, by the id of their question; each is given once. */
  readonly answers: (ids: readonly number[]) => Promise<ReadonlyMap<number, string>>;
  readonly withdraw: (ids: readonly number[]) => Promise<void>;
}

/** For a worker. */
export interface WorksAtSites {
  /** Runs under way with hosts at these sites, and the version that they need. */
  readonly runsAt: (
    sites: readonly string[],
  ) => Promise<readonly { readonly run: string; readonly version: string }[]>;
  /** What nobody has, or whose worker is proven dead; the oldest first. */
  readonly claim: (claim: Claim) => Promise<readonly Errand[]>;
  /** Those of this worker that its leader ended, with the reasons; and those that it has lost. */
  readonly stopped: (ids: readonly number[]) => Promise<ReadonlyMap<number, string>>;
  /** For a worker on another machine than this one, where `bootId` is given. */
  readonly leave: (id: number, bootId?: string) => Promise<void>;
  /** With the answer of a reading. */
  readonly end: (id: number, answer?: string) => Promise<void>;
  /** Shows every event so far to `see`, which `follow` replaces. */
  readonly openJournal: (run: string, see: SeeLine) => Promise<SiteJournal>;
}

export interface Sites extends LeadsSites, AsksSites, WorksAtSites {}
