// The tree of a regular expression in Python's syntax.

/** Decides on one code point. */
export type Chars = (code: number) => boolean;

export type Pattern =
  | { readonly kind: 'one'; readonly test: Chars }
  | { readonly kind: 'sequence'; readonly items: readonly Pattern[] }
  | { readonly kind: 'either'; readonly branches: readonly Pattern[] }
  | {
      readonly kind: 'repeat';
      readonly of: Pattern;
      readonly min: number;
      readonly max: number;
      readonly mode: 'greedy' | 'lazy' | 'possessive';
    }
  | { readonly kind: 'group'; readonly index: number; readonly of: Pattern }
  | { readonly kind: 'back'; readonly index: number; readonly fold: boolean }
  | { readonly kind: 'look'; readonly behind: boolean; readonly negative: boolean; readonly of: Pattern }
  | { readonly kind: 'atomic'; readonly of: Pattern }
  | { readonly kind: 'when'; readonly index: number; readonly yes: Pattern; readonly no: Pattern }
  | { readonly kind: 'place'; readonly at: Place };

/** `start` and `end` are of the text; the `line` ones hold at line ends too, `lastLine` before a final newline. */
export type Place = 'start' | 'end' | 'lineStart' | 'lineEnd' | 'lastLine' | 'word' | 'notWord';

export interface Flags {
  readonly fold: boolean;
  readonly lines: boolean;
  readonly dotAll: boolean;
  readonly verbose: boolean;
  readonly ascii: boolean;
}

export interface Parsed {
  readonly pattern: Pattern;
  readonly groups: number;
  readonly names: ReadonlyMap<string, number>;
}

/** Start and end of each group (index 0 is the whole match); -1 where a group took no part. */
export type Spans = readonly (readonly [number, number])[];

/** Tries at one position; `advance` refuses an empty match there, so that another match after an empty one gets on. */
export type Program = (codes: ArrayLike<number>, from: number, advance: boolean) => Spans | undefined;

export interface Regex {
  readonly run: Program;
  readonly groups: number;
  readonly names: ReadonlyMap<string, number>;
}

export interface Match {
  readonly start: number;
  readonly end: number;
  /** Text of a group; undefined when it took no part. */
  readonly group: (index: number) => string | undefined;
}
