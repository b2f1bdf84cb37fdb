// The port to the state directory: journals, plans, locks and slots.
import type { Piece } from '../../model/run/effect.ts';
import type { Event, EventBody, EventOf, EventType } from '../../model/run/event.ts';
import type { Carry } from './carry.ts';
import type { History, JournalEnd, JournalHead, RunFile, RunInfo } from './history.ts';
import type { Sites } from './sites.ts';
import type { Slots } from './slots.ts';
import type { Turns } from './turns.ts';
import type { Workers } from './workers.ts';

export type { JournalHead, RunFile, RunInfo } from './history.ts';
export type { KeptSlot, Slot, Slots, TakenSlot } from './slots.ts';

export interface Journal {
  readonly run: string;
  readonly end: () => JournalHead;
  /**
   * Adds a line; with `sync` it resolves when the line is on disk (fdatasync). A journal that cannot
   * be written ends the run.
   */
  readonly append: (body: EventBody, sync: boolean) => Promise<Event>;
  /**
   * Adds a line to a journal of so many entries; undefined where others have appended to it since. What
   * they have appended is shown then. Absent where nobody else appends.
   */
  readonly appendAfter?: (entries: number, body: EventBody) => Promise<Event | undefined>;
  /** Shows what others have appended; absent where nobody else appends. */
  readonly catchUp?: () => Promise<void>;
  /** Calls `see` for every event, before its `append` resolves. It replaces an earlier `see`. */
  readonly follow: (see: (event: Event, line: string) => void) => void;
  readonly close: () => Promise<void>;
}

/** Where a long output is kept (below the run's directory), or why it is not. */
export type KeptOutput =
  | { readonly kept: true; readonly file: string; readonly piece: Piece }
  | { readonly kept: false; readonly why: string };

/**
 * `taken`: another run has taken these hosts over. `gone`: the state directory is not where it was.
 */
export type LockState = 'held' | 'taken' | 'gone';

/** A pod as the holder of a lock. */
export interface PodHolder {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /**
   * `booted`: the boot and the machine that its kubelet reported when the lock was taken; absent
   * where that was not the kernel of the pod.
   */
  readonly node?: {
    readonly name: string;
    readonly booted?: { readonly boot: string; readonly machine: string };
  };
}

/** The cluster in which this process is a pod. */
export interface PodWitness {
  /** Absent where it cannot be found out. */
  readonly own: () => Promise<PodHolder | undefined>;
  /** Why a pod is not proven dead; undefined = it is dead. */
  readonly doubt: (pod: PodHolder) => Promise<string | undefined>;
}

/** Times are milliseconds since 1970; without `until` it goes on. */
export interface Outage {
  readonly since: number;
  readonly until?: number;
}

export interface Store {
  /** Where the state is, for messages. */
  readonly place: string;
  /** The clock of the store, where all that use it have one; milliseconds since 1970. */
  readonly now?: () => number;
  /** Calls `changed` soon after runs or commands changed; returns how to stop. */
  readonly watch?: (changed: () => void) => () => void;
  /**
   * Shows when a run's calls are not answered any more, and when they are again, where that is no
   * error but a pause; returns how to stop.
   */
  readonly outages?: (see: (outage: Outage) => void) => () => void;
  readonly close: () => Promise<void>;
  readonly createJournal: (run: string) => Promise<Journal>;
  /**
   * For resume: opens it for appending after checking the chain and showing every event; `torn`: a
   * half-written last line was cut off.
   */
  readonly openJournal: (
    run: string,
    see: (event: Event) => void,
  ) => Promise<{ readonly journal: Journal; readonly torn: boolean }>;
  /**
   * Shows every event of a run's journal, oldest first, after checking its link; none is kept.
   * `after`: where an earlier scan ended; only what was added since is read, so a run that another
   * process writes can be followed.
   */
  readonly scanEvents: (
    run: string,
    see: (event: Event) => void,
    after?: JournalEnd,
  ) => Promise<JournalEnd>;
  /** All runs, the oldest first. A journal that has not changed is not read again. */
  readonly runs: () => Promise<readonly RunInfo[]>;
  /**
   * The newest run, and the head of its journal; none where there is none, or its journal is
   * broken.
   */
  readonly newest: () => Promise<{ readonly run: string; readonly head: string } | undefined>;
  /**
   * Locks these hosts for a run, or says who holds one of them. Time alone never frees it;
   * `takeover` names a run to set aside.
   */
  readonly lock: (
    hosts: readonly string[],
    run: string,
    takeover?: string,
  ) => Promise<
    | {
        readonly held: true;
        readonly release: () => Promise<void>;
        readonly state: () => Promise<LockState>;
        /** The number of this controller in the run, where the store counts them. */
        readonly number?: number;
      }
    | { readonly held: false; readonly run: string; readonly by: string }
  >;
  /** Slots of this run beside those of others in its pool. */
  readonly slots: (run: string, pool: ReadonlySet<string>) => Slots;
  /** The process that works on a run, where it is not proven dead. */
  readonly holder: (run: string) => Promise<string | undefined>;
  /**
   * Adds text, without secrets, to what is kept of this host's long output. Never throws, and never
   * takes the space that the journal needs.
   */
  readonly keepOutput: (run: string, host: string, text: string) => Promise<KeptOutput>;
  /**
   * Keeps what a resume and a rollback read; gives the digests, by name, for the first entry of the
   * journal.
   */
  readonly keepFiles: (
    run: string,
    texts: Readonly<Record<RunFile, string>>,
  ) => Promise<Readonly<Record<string, string>>>;
  /** Undefined where the run has none, or it must not be obeyed. */
  readonly readFile: (run: string, file: RunFile) => Promise<string | undefined>;
  /** Path of a file, for messages. */
  readonly placeOf: (run: string, file: RunFile) => string;
  /** Paths of the files that do not match their digests. */
  readonly changedFiles: (
    run: string,
    digests: Readonly<Record<string, string>>,
  ) => Promise<readonly string[]>;
  /** Control commands of other processes for this run. */
  readonly commands: (run: string) => Commands;
  /** Leaves a command for a run: an event that the process of the run will journal. */
  readonly post: (run: string, body: EventBody) => Promise<void>;
  readonly jobs: Documents;
  /** How many cgroup ids each host had in use. */
  readonly ids: Documents;
  /** What the last `check` and `drift` of each inventory found. */
  readonly fleets: Documents;
  /** Digests of the read-only tokens of `kmend serve`. */
  readonly tokens: Documents;
  /** What later commands need of each run: made from its journal, and made again where it is not there. */
  readonly summaries: Documents;
  /** Where a package file with this sha256 lies once it was fetched. */
  readonly packagePath: (sha256: string) => string;
  readonly history: History;
  /** Copies runs from one state to another. */
  readonly carry: Carry;
  /** Turns of jobs that workers carry out; absent where only timers start jobs. */
  readonly turns?: Turns;
  /** The processes that carry runs on; absent where only the machine of the state can. */
  readonly workers?: Workers;
  /** The workers of sites, where the state is shared. */
  readonly sites?: Sites;
}

/**
 * The commands that wait for a run. One stays until the journal has it: a crash in between loses
 * none and repeats none.
 */
export interface Commands {
  /** Learns from each event of the journal which commands it has. */
  readonly see: (event: Pick<Event, 'command'>) => void;
  /**
   * Those that the journal has not, the oldest first (those of one type, where it is given); the
   * others are removed.
   */
  readonly take: <T extends EventType = EventType>(type?: T) => Promise<readonly EventOf<T>[]>;
}

/** Small texts by name, each replaced as a whole. */
export interface Documents {
  readonly names: () => Promise<readonly string[]>;
  /** Undefined where there is none, or it must not be obeyed. */
  readonly read: (name: string) => Promise<string | undefined>;
  readonly write: (name: string, text: string) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
  readonly placeOf: (name: string) => string;
}
