// The port that carries runs from one state to another, as they are.
import type { EventBody } from '../../model/run/event.ts';
import type { JournalHead, PrunedRun, RunFile } from './history.ts';
import type { KeptSlot } from './slots.ts';

/** Bytes of a host's long output; `file` as in the journal, `at` its place in the file. */
export interface OutputPiece {
  readonly file: string;
  readonly at: number;
  readonly data: Buffer;
}

/** All that a state has of a run. */
export interface CarriedRun extends JournalHead {
  readonly run: string;
  /** The whole lines of its journal, without line ends, by pieces. */
  readonly lines: AsyncIterable<readonly string[]>;
  readonly files: Readonly<Partial<Record<RunFile, string>>>;
  readonly outputs: AsyncIterable<OutputPiece>;
  /** Commands that wait, the oldest first. */
  readonly commands: readonly EventBody[];
  /** By name. */
  readonly slots: ReadonlyMap<string, KeptSlot>;
  /** Number of its controllers so far, as its journal has them. */
  readonly number: number;
}

export interface Carry {
  readonly lines: (run: string) => AsyncIterable<readonly string[]>;
  readonly outputs: (run: string) => AsyncIterable<OutputPiece>;
  /** Slots of a run, by name. */
  readonly slots: (run: string) => Promise<ReadonlyMap<string, KeptSlot>>;
  /**
   * Keeps a run that is not here yet. It is seen when all of it is here, or never. Throws where the
   * lines do not end in its head.
   */
  readonly keep: (carried: CarriedRun) => Promise<void>;
  /** Adds records of removed runs. */
  readonly keepRecords: (records: readonly PrunedRun[]) => Promise<void>;
}
