// Character classes as Python understands them: `\d \w \s` over all of Unicode, case folding by code point.
import type { Chars } from './tree.ts';

const letterOrNumber = /[\p{L}\p{N}]/u;
const decimal = /\p{Nd}/u;
const blank = /[\s\x85]/u;
const cache = new Map<number, number>();

const matches = (pattern: RegExp, code: number): boolean => pattern.test(String.fromCodePoint(code));
const isAsciiDigit: Chars = (code) => code >= 48 && code <= 57;
const isAsciiLetter: Chars = (code) => (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
const isAsciiSpace: Chars = (code) => code === 32 || (code >= 9 && code <= 13);

const isDigit: Chars = (code) => isAsciiDigit(code) || (code > 127 && matches(decimal, code));
export const isWord: Chars = (code) =>
  isAsciiLetter(code) || isAsciiDigit(code) || code === 95 || (code > 127 && matches(letterOrNumber, code));
/** A byte-order mark is white space to JavaScript and not to Python. */
export const isSpace: Chars = (code) =>
  isAsciiSpace(code) || (code >= 28 && code <= 31) || (code > 127 && code !== 0xfeff && matches(blank, code));

const asciiWord: Chars = (code) => code < 128 && isWord(code);

const not =
  (of: Chars): Chars =>
  (code) =>
    !of(code);

/** `\d`, `\W` and so on; undefined for a letter that names no class. */
export function classOf(letter: string, ascii: boolean): Chars | undefined {
  switch (letter) {
    case 'd':
      return ascii ? isAsciiDigit : isDigit;
    case 'D':
      return not(ascii ? isAsciiDigit : isDigit);
    case 'w':
      return ascii ? asciiWord : isWord;
    case 'W':
      return not(ascii ? asciiWord : isWord);
    case 's':
      return ascii ? isAsciiSpace : isSpace;
    case 'S':
      return not(ascii ? isAsciiSpace : isSpace);
  }
  return undefined;
}

/** Lower case of one code point, where that is one code point too. */
export function folded(code: number): number {
  if (code < 128) return code >= 65 && code <= 90 ? code + 32 : code;
  const known = cache.get(code);
  if (known !== undefined) return known;
  const lower = Array.from(String.fromCodePoint(code).toLowerCase());
  const result = lower.length === 1 ? (lower[0]?.codePointAt(0) ?? code) : code;
  cache.set(code, result);
  return result;
}

const raised = (code: number): number => {
  const upper = Array.from(String.fromCodePoint(code).toUpperCase());
  return upper.length === 1 ? (upper[0]?.codePointAt(0) ?? code) : code;
};

/** The same class without regard to case. */
export const anyCase =
  (of: Chars): Chars =>
  (code) =>
    of(code) || of(folded(code)) || of(raised(code));

export const literal = (wanted: number, fold: boolean): Chars => {
  if (!fold) return (code) => code === wanted;
  const low = folded(wanted);
  return (code) => code === wanted || folded(code) === low;
};
