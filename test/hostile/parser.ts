// A row of the table of parsers.

export interface Parser {
  readonly name: string;
  /** May give a promise. It never throws: what is wrong with a text is part of the answer. */
  readonly parse: (text: string) => unknown;
  /** Texts as honest hosts and files have them: inputs are made of their lines and words. */
  readonly seeds: readonly string[];
  /**
   * Memory where 64 MiB do not suffice: the YAML library keeps every token and node, each part of a
   * pattern has a warning, and an expression may split an output (of which 256 KiB are kept) into
   * words. Such rows compare 256 KiB.
   */
  readonly megabytes?: number;
  /** Inputs that repetition does not find, as they were found once. */
  readonly attacks?: readonly ((size: number) => string)[];
}
