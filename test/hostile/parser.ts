// A row of the table of parsers.

export interface Parser {
  readonly name: string;
  /** May give a promise. It never throws: what is wrong with a text is part of the answer. */
  readonly parse: (text: string) => unknown;
  /** Texts as they are in good hosts and files: inputs are made of their lines and words. */
  readonly seeds: readonly string[];
}
