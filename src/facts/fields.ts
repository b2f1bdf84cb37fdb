// Reads lines of the form `key rest`, which every area prints.

export interface Fields {
  /** The first value of a key, or the empty string. */
  readonly text: (key: string) => string;
  /** All values of a key, in order. */
  readonly all: (key: string) => readonly string[];
  readonly has: (key: string) => boolean;
  /** The first value as a whole number; `fallback` when it is none. */
  readonly number: (key: string, fallback?: number) => number;
}

/** A key alone on its line has the empty value. Lines without a valid key are dropped. */
export function readFields(text: string): Fields {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const end = line.indexOf(' ');
    const key = end < 0 ? line : line.slice(0, end);
    const value = end < 0 ? '' : line.slice(end + 1);
    const list = values.get(key);
    if (list) list.push(value);
    else if (/^[a-z][a-z0-9_]*$/.test(key)) values.set(key, [value]);
  }
  const all = (key: string): readonly string[] => values.get(key) ?? [];
  const text0 = (key: string): string => all(key)[0] ?? '';
  return {
    text: text0,
    all,
    has: (key) => values.has(key),
    number: (key, fallback = 0) => wholeNumber(text0(key)) ?? fallback,
  };
}

/** The whole number at the start of a text (`10.31` is 10). Very large numbers are rounded. */
export function wholeNumber(text: string): number | undefined {
  const digits = /^-?[0-9]+/.exec(text.trim())?.[0];
  return digits === undefined ? undefined : Number(digits);
}

/** Words between blanks. */
export const wordsOf = (text: string): readonly string[] =>
  text.split(/\s+/).filter((word) => word !== '');
