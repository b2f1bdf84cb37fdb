// What a host knows its run by.

export interface FenceToken {
  readonly run: string;
  /** Grows with every controller that works on the run: an older one, woken up, is refused. */
  readonly number: number;
  /** A run whose open fence may be taken over, because an operator said so. */
  readonly takeover?: string;
  /**
   * The directory of the fence and the spool on the machine that runs kmend; absent = those of a
   * host.
   */
  readonly home?: string;
}
