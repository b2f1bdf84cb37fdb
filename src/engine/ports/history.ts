// The port to old runs: journals as evidence, and what is kept of those that were removed.

/**
 * How far a journal goes. Who keeps the head can prove later that nothing before it was changed or
 * cut off.
 */
export interface JournalHead {
  readonly entries: number;
  /** sha256 of the last line. */
  readonly head: string;
}

export interface JournalEnd extends JournalHead {
  /** Bytes of the whole lines. */
  readonly size: number;
  /**
   * After them comes half a line that was cut off by a crash: whatever it began to say was not
   * begun.
   */
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
  /** Its journal has no entry: it was killed as it began, and did nothing. */
  readonly begun?: false;
}

export interface History {
  /** Every run that has a place of its own, also one whose journal cannot be read. */
  readonly names: () => Promise<readonly string[]>;
  /** All runs, the oldest first, from their journals alone. */
  readonly fromJournals: () => Promise<readonly RunInfo[]>;
  /**
   * The journal of a run and the files that it names, checked; `heads` are looked for in its chain.
   */
  readonly audit: (run: string, heads: readonly string[]) => Promise<Audit>;
  /** What is kept of the runs that were removed, the first first. */
  readonly pruned: () => Promise<readonly PrunedRun[]>;
  /** Removes runs whose journals hold and that nobody works on; gives those that stay, and why. */
  readonly prune: (prune: Prune) => Promise<ReadonlyMap<string, 'changed' | 'under_way'>>;
}

export interface Audit extends JournalHead {
  /** Half a line at its end was cut off by a crash. */
  readonly torn: boolean;
  /** Its last entry closes it. Otherwise the run goes on, was killed, or its end was cut off. */
  readonly closed: boolean;
  /** Of the heads asked for: after how many entries the chain had them. */
  readonly heads: ReadonlyMap<string, number>;
  /** The run before it that its first entry names, and its head then. */
  readonly previous?: { readonly run: string; readonly head: string };
  /** So many files and pieces of files are as their entries say. */
  readonly files: number;
  /** What is not as the journal says. */
  readonly wrong: readonly string[];
  /** What no entry speaks of. */
  readonly notes: readonly string[];
}

/** What is kept of a run that was removed. */
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
