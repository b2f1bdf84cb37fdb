// Reads the replacement text of `regex_replace`: `\1`, `\g<name>` and Python's escapes.
import { controlEscapes } from '../../model/text/control-escapes.ts';
import { fail } from '../errors.ts';
import type { Translated } from './translate.ts';

export interface Match {
  readonly start: number;
  readonly end: number;
  /** Text of a group; undefined when the group did not match. */
  readonly group: (index: number) => string | undefined;
  /** Where a group begins; -1 when it did not match. */
  readonly startOf: (index: number) => number;
}

const simple: Readonly<Record<string, string>> = { ...controlEscapes, '\\': '\\' };
const piece = /\\(?:g<([^>]*)>|(0[0-7]{0,2}|[1-3][0-7]{2}(?![89])|[1-9]\d?)|([\s\S]?))/g;

type Part = string | number;

/** Parses the replacement once, and returns a function that writes it for a match. */
export function replacer(replacement: string, regex: Translated): (match: Match) => string {
  const parts: Part[] = [];
  let last = 0;
  for (const found of replacement.matchAll(piece)) {
    const [whole, name, number, letter] = found;
    parts.push(replacement.slice(last, found.index), partOf(name, number, letter, regex));
    last = found.index + whole.length;
  }
  parts.push(replacement.slice(last));
  return (match) =>
    parts.map((part) => (typeof part === 'string' ? part : (match.group(part) ?? ''))).join('');
}

function partOf(
  name: string | undefined,
  number: string | undefined,
  letter: string | undefined,
  regex: Translated,
): Part {
  if (name !== undefined)
    return groupIndex(/^\d+$/.test(name) ? Number(name) : regex.names.get(name), name, regex);
  if (number !== undefined) {
    return number.startsWith('0') || number.length === 3
      ? String.fromCodePoint(Number.parseInt(number, 8))
      : groupIndex(Number(number), number, regex);
  }
  if (letter === undefined || letter === '') return fail('bad replacement: a backslash at its end');
  if (Object.hasOwn(simple, letter)) return simple[letter] ?? '';
  return /[a-zA-Z]/.test(letter) ? fail(`bad replacement: bad escape \\${letter}`) : `\\${letter}`;
}

const groupIndex = (index: number | undefined, name: string, regex: Translated): number =>
  index === undefined || index >= regex.groups.length
    ? fail(`bad replacement: no group '${name}' in the pattern`)
    : index;
