// Reads a regular expression as Python's `re` does: named groups, inline flags, possessive quantifiers, `\Z`.
import { fail } from '../errors.ts';
import { readClass } from './brackets.ts';
import { classOf, literal } from './classes.ts';
import { readEscape } from './escapes.ts';
import { bad, peek, type Reader, skip } from './reader.ts';
import type { Flags, Parsed, Pattern, Place } from './tree.ts';

/** Longest pattern, and deepest nesting of groups, that is read. */
const longestPattern = 5000;
const deepest = 60;

const noFlags: Flags = { fold: false, lines: false, dotAll: false, verbose: false, ascii: false };

export function parsePattern(source: string, flags: Partial<Flags>): Parsed {
  if (source.length > longestPattern) fail(`the regular expression is longer than ${longestPattern} characters`);
  const reader: Reader = {
    source: Array.from(source),
    at: 0,
    groups: 0,
    depth: 0,
    names: new Map(),
    closed: new Set(),
    flags: { ...noFlags, ...flags },
  };
  const pattern = readEither(reader);
  if (reader.at < reader.source.length) bad('unbalanced parenthesis', reader.at);
  return { pattern, groups: reader.groups, names: reader.names };
}

function readEither(reader: Reader): Pattern {
  const branches = [readSequence(reader)];
  while (skip(reader, '|')) branches.push(readSequence(reader));
  const [only] = branches;
  return branches.length === 1 && only !== undefined ? only : { kind: 'either', branches };
}

function readSequence(reader: Reader): Pattern {
  const items: Pattern[] = [];
  for (;;) {
    if (reader.flags.verbose) skipVerbose(reader);
    const char = peek(reader);
    if (char === undefined || char === '|' || char === ')') break;
    const start = reader.at;
    const atom = readAtom(reader);
    if (atom !== undefined) items.push(readRepeats(reader, atom, start));
  }
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : { kind: 'sequence', items };
}

function skipVerbose(reader: Reader): void {
  for (let char = peek(reader); char !== undefined && /[\s#]/.test(char); char = peek(reader)) {
    reader.at += 1;
    if (char === '#') while (peek(reader) !== undefined && peek(reader) !== '\n') reader.at += 1;
  }
}

/** Undefined for what matches nothing by itself: a comment or a flag. */
function readAtom(reader: Reader): Pattern | undefined {
  const { flags } = reader;
  const start = reader.at;
  const char = reader.source[reader.at++] ?? '';
  switch (char) {
    case '.':
      return { kind: 'one', test: flags.dotAll ? () => true : (code) => code !== 10 };
    case '^':
      return place(flags.lines ? 'lineStart' : 'start');
    case '$':
      return place(flags.lines ? 'lineEnd' : 'lastLine');
    case '(':
      return readGroup(reader, start);
    case '[':
      return readClass(reader, start);
    case '\\':
      return readBackslash(reader, start);
    case '*':
    case '+':
    case '?':
      return bad('nothing to repeat', start);
  }
  return { kind: 'one', test: literal(char.codePointAt(0) ?? 0, flags.fold) };
}

const place = (at: Place): Pattern => ({ kind: 'place', at });
const places: Readonly<Record<string, Place>> = { A: 'start', Z: 'end', b: 'word', B: 'notWord' };

function readBackslash(reader: Reader, start: number): Pattern {
  const letter = peek(reader) ?? bad('bad escape (end of pattern)', start);
  const spot = places[letter];
  const found = classOf(letter, reader.flags.ascii);
  if (spot !== undefined || found !== undefined) reader.at += 1;
  if (spot !== undefined) return place(spot);
  if (found !== undefined) return { kind: 'one', test: found };
  const number = /^[1-9]\d?/.exec(reader.source.slice(reader.at, reader.at + 2).join(''))?.[0];
  const octal = /^[0-3][0-7][0-7]/.test(reader.source.slice(reader.at, reader.at + 3).join(''));
  if (number !== undefined && !octal) {
    reader.at += number.length;
    return backReference(reader, Number(number), start);
  }
  return { kind: 'one', test: literal(readEscape(reader, start), reader.flags.fold) };
}

function backReference(reader: Reader, index: number, start: number): Pattern {
  if (index > reader.groups) bad(`invalid group reference ${index}`, start + 1);
  if (!reader.closed.has(index)) bad('cannot refer to an open group', start);
  return { kind: 'back', index, fold: reader.flags.fold };
}

function readGroup(reader: Reader, start: number): Pattern | undefined {
  if (++reader.depth > deepest) bad('groups are nested too deeply', start);
  const outer = reader.flags;
  const result = readGroupBody(reader, start);
  reader.depth -= 1;
  // A flag group `(?i)` holds for the whole pattern; scoped flags end with their group.
  if (result !== undefined) reader.flags = outer;
  return result;
}

function readGroupBody(reader: Reader, start: number): Pattern | undefined {
  if (!skip(reader, '?')) return capture(reader, start, undefined);
  if (skip(reader, 'P<')) return capture(reader, start, readName(reader, '>'));
  if (skip(reader, 'P=')) return named(reader, start);
  if (skip(reader, ':')) return close(reader, start);
  if (skip(reader, '#')) return comment(reader, start);
  if (skip(reader, '>')) return { kind: 'atomic', of: close(reader, start) };
  if (skip(reader, '=')) return { kind: 'look', behind: false, negative: false, of: close(reader, start) };
  if (skip(reader, '!')) return { kind: 'look', behind: false, negative: true, of: close(reader, start) };
  if (skip(reader, '<=')) return { kind: 'look', behind: true, negative: false, of: close(reader, start) };
  if (skip(reader, '<!')) return { kind: 'look', behind: true, negative: true, of: close(reader, start) };
  if (skip(reader, '(')) return conditional(reader, start);
  return inlineFlags(reader, start);
}

function close(reader: Reader, start: number): Pattern {
  const body = readEither(reader);
  return skip(reader, ')') ? body : bad('missing ), unterminated subpattern', start);
}

function capture(reader: Reader, start: number, name: string | undefined): Pattern {
  const index = ++reader.groups;
  if (name !== undefined && reader.names.has(name)) bad(`redefinition of group name '${name}'`, start);
  if (name !== undefined) reader.names.set(name, index);
  const of = close(reader, start);
  reader.closed.add(index);
  return { kind: 'group', index, of };
}

function readName(reader: Reader, end: string): string {
  const start = reader.at;
  while (peek(reader) !== undefined && peek(reader) !== end) reader.at += 1;
  const name = reader.source.slice(start, reader.at).join('');
  if (!skip(reader, end) || !/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) bad(`bad character in group name '${name}'`, start);
  return name;
}

function named(reader: Reader, start: number): Pattern {
  const name = readName(reader, ')');
  return backReference(reader, reader.names.get(name) ?? bad(`unknown group name '${name}'`, start), start);
}

function comment(reader: Reader, start: number): undefined {
  while (peek(reader) !== undefined && peek(reader) !== ')') reader.at += 1;
  if (!skip(reader, ')')) bad('missing ), unterminated comment', start);
  return undefined;
}

/** `(?(1)yes|no)` */
function conditional(reader: Reader, start: number): Pattern {
  let word = '';
  while (peek(reader) !== undefined && peek(reader) !== ')') word += reader.source[reader.at++] ?? '';
  reader.at += 1;
  const index = /^\d+$/.test(word) ? Number(word) : reader.names.get(word);
  if (index === undefined || index === 0 || index > reader.groups) return bad(`invalid group reference '${word}'`, start);
  const yes = readSequence(reader);
  const no: Pattern = skip(reader, '|') ? readSequence(reader) : { kind: 'sequence', items: [] };
  if (peek(reader) === '|') bad('conditional backref with more than two branches', reader.at);
  return skip(reader, ')') ? { kind: 'when', index, yes, no } : bad('missing ), unterminated subpattern', start);
}

const flagOf: Readonly<Record<string, Partial<Flags>>> = {
  i: { fold: true },
  m: { lines: true },
  s: { dotAll: true },
  x: { verbose: true },
  a: { ascii: true },
  u: {},
};

function inlineFlags(reader: Reader, start: number): Pattern | undefined {
  let flags = reader.flags;
  let turnOff = false;
  for (;;) {
    const char = reader.source[reader.at++];
    if (char === ')' && !turnOff) {
      if (start !== 0) bad('global flags not at the start of the expression', start);
      reader.flags = flags;
      return undefined;
    }
    if (char === ':') {
      reader.flags = flags;
      return close(reader, start);
    }
    if (char === '-' && !turnOff) {
      turnOff = true;
      continue;
    }
    const change = char === undefined ? undefined : flagOf[char];
    if (change === undefined) return bad(`unknown extension ?${char ?? ''}`, start + 1);
    flags = { ...flags, ...(turnOff ? Object.fromEntries(Object.keys(change).map((key) => [key, false])) : change) };
  }
}

const counted = /^\{(\d*)(?:(,)(\d*))?\}/;

function readRepeats(reader: Reader, atom: Pattern, start: number): Pattern {
  const bounds = readBounds(reader);
  if (bounds === undefined) return atom;
  if (atom.kind === 'place') bad('nothing to repeat', start);
  if (bounds.min > bounds.max) bad('min repeat greater than max repeat', start);
  const mode = skip(reader, '?') ? 'lazy' : skip(reader, '+') ? 'possessive' : 'greedy';
  if (readBounds(reader) !== undefined) bad('multiple repeat', reader.at);
  return { kind: 'repeat', of: atom, min: bounds.min, max: bounds.max, mode };
}

function readBounds(reader: Reader): { readonly min: number; readonly max: number } | undefined {
  if (reader.flags.verbose) skipVerbose(reader);
  if (skip(reader, '*')) return { min: 0, max: Number.POSITIVE_INFINITY };
  if (skip(reader, '+')) return { min: 1, max: Number.POSITIVE_INFINITY };
  if (skip(reader, '?')) return { min: 0, max: 1 };
  if (peek(reader) !== '{') return undefined;
  const [whole, low = '', comma, high = ''] = counted.exec(reader.source.slice(reader.at, reader.at + 25).join('')) ?? [];
  if (whole === undefined || (low === '' && high === '' && whole !== '{,}')) return undefined;
  reader.at += whole.length;
  return { min: Number(low || 0), max: high !== '' ? Number(high) : comma === ',' ? Number.POSITIVE_INFINITY : Number(low) };
}
