// Escapes that stand for one character, the same inside and outside of brackets.
import type { Reader } from './reader.ts';
import { bad } from './reader.ts';

const simple: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92 };
const widths: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** The code point of the escape whose backslash was just read at `start`. */
export function readEscape(reader: Reader, start: number): number {
  const letter = reader.source[reader.at++] ?? bad('bad escape (end of pattern)', start);
  const known = Object.hasOwn(simple, letter) ? simple[letter] : undefined;
  if (known !== undefined) return known;
  const width = Object.hasOwn(widths, letter) ? widths[letter] : undefined;
  if (width !== undefined) {
    const digits = reader.source.slice(reader.at, reader.at + width).join('');
    const code = Number.parseInt(digits, 16);
    if (!/^[\da-fA-F]+$/.test(digits) || digits.length < width || code > 0x10ffff) bad(`incomplete escape \\${letter}${digits}`, start);
    reader.at += width;
    return code;
  }
  if (/[0-7]/.test(letter)) return readOctal(reader, letter);
  if (/[a-zA-Z\d]/.test(letter)) bad(`bad escape \\${letter}`, start);
  return letter.codePointAt(0) ?? 0;
}

function readOctal(reader: Reader, first: string): number {
  const more = /^[0-7]{0,2}/.exec(reader.source.slice(reader.at, reader.at + 2).join(''))?.[0] ?? '';
  reader.at += more.length;
  return Number.parseInt(first + more, 8);
}
