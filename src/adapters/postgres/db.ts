// What the parts of this room need of the database: statements over one session that is the process's
// proof of life, and reads beside it.

export type Value = string | number | boolean | null | Buffer | readonly string[];

export interface Db {
  /**
   * A read, or a statement that may be done twice: where the connection is lost, it waits for a new
   * one and asks again. Errors of the database are thrown as `StateWriteError` or by their own class.
   */
  readonly query: <Row>(text: string, values?: readonly Value[]) => Promise<readonly Row[]>;
  /** As `query`, in the session whose end is this process's death for others. */
  readonly inSession: <Row>(text: string, values?: readonly Value[]) => Promise<readonly Row[]>;
  /** The id of this process in `holder`; its session is entered when first needed. */
  readonly me: () => Promise<number>;
  /** The clock of the database; milliseconds since 1970. */
  readonly now: () => number;
  /** Calls `see` with the run that changed, or with undefined after a gap; returns how to stop. */
  readonly listen: (see: (run: string | undefined) => void) => () => void;
  readonly close: () => Promise<void>;
}
