// The port to old runs: their journals as evidence, and the records of runs that were removed.

/** The length of a journal and its head. A head that is kept elsewhere proves that all before it is intact. */
export interface JournalHead {
  readonly entries: number;
  /** sha256 of the last line. */
  readonly head: string;
}

export interface JournalEnd extends JournalHead {
  /** Bytes of the whole lines. */
  readonly size: number;
  /** A crash truncated the last line after them: the step of that line was not begun. */
  readonly torn: boolean;
}

export interface RunInfo extends JournalHead {
  readonly run: string;
  readonly startedAt: number;
  readonly playbook: string;
  readonly play: string;
  readonly finished?: { readonly exit: number; readonly why: string };
  readonly previous?: { readonly run: string; readonly head: string };
  /** The job whose turn it was. */
  readonly job?: string;
  /** Its journal is empty: it was killed before its first entry, and did nothing. */
  readonly begun?: false;
}

export interface History {
  /** Every run with a directory, also if its journal cannot be read. */
  readonly names: () => Promise<readonly string[]>;
  /** Bytes of each run's journal: a run that grows or is new is seen without reading any. */
  readonly sizes: () => Promise<ReadonlyMap<string, number>>;
  /** All runs, the oldest first, from their journals alone. */
  readonly fromJournals: () => Promise<readonly RunInfo[]>;
  /** Checks the journal of a run and the files that it names; searches its chain for `heads`. */
  readonly audit: (run: string, heads: readonly string[]) => Promise<Audit>;
  /** Records of the runs that were removed, the oldest first. */
  readonly pruned: () => Promise<readonly PrunedRun[]>;
  /** Removes runs that are intact and not under way; returns those that stay, and why. */
  readonly prune: (prune: Prune) => Promise<ReadonlyMap<string, 'changed' | 'under_way'>>;
}

export interface Audit extends JournalHead {
  /** A crash truncated its last line. */
  readonly torn: boolean;
  /** Its last entry closes it. Otherwise the run goes on, was killed, or its end was removed. */
  readonly closed: boolean;
  /** Of the heads asked for: after how many entries the chain had them. */
  readonly heads: ReadonlyMap<string, number>;
  /** The run before it that its first entry names, and its head then. */
  readonly previous?: { readonly run: string; readonly head: string };
  /** Number of files and pieces of files that match their entries. */
  readonly files: number;
  /** What contradicts the journal. */
  readonly wrong: readonly string[];
  /** What no entry mentions. */
  readonly notes: readonly string[];
}

/** The record of a run that was removed. */
export interface PrunedRun {
  readonly schema: 'kmend.pruned/1';
  readonly run: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly who: string;
  readonly entries: number;
  readonly head: string;
  /** Heads of its journal that other runs name: all were in its chain when it was removed. */
  readonly named: readonly string[];
  /** What its own first entry named. */
  readonly previous?: { readonly run: string; readonly head: string };
}

export interface Prune {
  readonly who: string;
  readonly at: number;
  /** The runs, each with the heads of its journal that other runs name. */
  readonly runs: ReadonlyMap<string, readonly string[]>;
}

/** What is kept beside a journal for a resume and a rollback. */
export type RunFile = 'plan' | 'settings';
