// Reads escapes of Python's regular expressions: one character, or a Unicode class.
export type Escape =
  | { readonly kind: 'code'; readonly code: number; readonly length: number }
  /** `set` is the class as written between brackets. */
  | { readonly kind: 'class'; readonly set: string; readonly length: number };

const word = '\\p{L}\\p{N}_';
const space = '\\t-\\r\\x1c-\\x20\\x85\\p{Z}';
/** The complements, in a form that may be one of several members of a class. */
const notWord =
  '\\p{M}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\\p{Po}\\p{S}\\p{Z}\\p{C}\\x{203f}\\x{2040}\\x{2054}\\x{fe33}\\x{fe34}\\x{fe4d}-\\x{fe4f}\\x{ff3f}';
const notSpace =
  '\\x00-\\x08\\x0e-\\x1b\\x21-\\x84\\x86-\\x9f\\xa1-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}';

const classes: Readonly<Record<string, string>> = {
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: word,
  W: notWord,
  s: space,
  S: notSpace,
};
/** Of a pattern of bytes. */
const asciiClasses: Readonly<Record<string, string>> = {
  d: '\\d',
  D: '\\D',
  w: '\\w',
  W: '\\W',
  s: '\\t-\\r\\x20',
  S: '\\x00-\\x08\\x0e-\\x1f\\x21-\\xff',
};
const simple: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const numeric = /^(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3}))/;

/**
 * Reads the escape after the backslash at `at - 1`; undefined where Python has no such escape. A
 * pattern of bytes knows ASCII only.
 */
export function readEscape(source: string, at: number, bytes: boolean): Escape | undefined {
  const code = source.codePointAt(at);
  if (code === undefined) return undefined;
  const letter = String.fromCodePoint(code);
  if (bytes && /[uU]/.test(letter)) return undefined;
  const known = bytes ? asciiClasses : classes;
  const set = Object.hasOwn(known, letter) ? known[letter] : undefined;
  if (set !== undefined) return { kind: 'class', set, length: 1 };
  const control = Object.hasOwn(simple, letter) ? simple[letter] : undefined;
  if (control !== undefined) return { kind: 'code', code: control, length: 1 };
  const [whole, byte, short, long, octal = ''] = numeric.exec(source.slice(at, at + 9)) ?? [];
  if (whole !== undefined) {
    const digits = byte ?? short ?? long;
    const value = digits === undefined ? Number.parseInt(octal, 8) : Number.parseInt(digits, 16);
    return value > (digits === undefined ? 0xff : 0x10ffff)
      ? undefined
      : { kind: 'code', code: value, length: whole.length };
  }
  return /^[a-zA-Z\d]/.test(letter) ? undefined : { kind: 'code', code, length: letter.length };
}
