// Translates a regular expression of Python into RE2. Refuses what RE2 lacks and what Python does not
// accept.
import { fail } from '../errors.ts';
import { type Escape, readEscape } from './escapes.ts';

export interface Flags {
  readonly fold: boolean;
  readonly lines: boolean;
  /** A pattern of bytes, for texts with one character for each byte. */
  readonly bytes: boolean;
}

/** A pattern for RE2, with the map of Python's groups. */
export interface Translated {
  readonly pattern: string;
  /** The RE2 group of each Python group; group 0 is the whole match. */
  readonly groups: readonly number[];
  readonly names: ReadonlyMap<string, number>;
  /**
   * Groups that consume the final newline, because RE2 cannot match `$` before it. The match drops
   * the newline again.
   */
  readonly finalNewlines: readonly number[];
  /** Whether the pattern has `\b`, which knows only ASCII in RE2. */
  readonly hasBoundary: boolean;
}

/** What precedes a repeat; `end` is a `$`. */
type Before = 'nothing' | 'place' | 'end' | 'item' | 'repeat' | 'lazy';

interface Draft {
  readonly source: string;
  readonly bytes: boolean;
  at: number;
  before: Before;
  lines: boolean;
  /** `lines` outside of each open group. */
  readonly outer: boolean[];
  count: number;
  readonly groups: number[];
  readonly names: Map<string, number>;
  readonly finalNewlines: number[];
  hasBoundary: boolean;
}

export const bad = (what: string, at: number): never =>
  fail(`bad regular expression: ${what} at position ${at}`);
const lacking = (what: string, at: number): never =>
  fail(
    `the regular expression has ${what} at position ${at}, which kmend refuses: it matches in linear time`,
  );

export function translate(source: string, { lines, bytes }: Flags): Translated {
  const draft: Draft = {
    source,
    bytes,
    at: 0,
    before: 'nothing',
    lines,
    outer: [],
    count: 0,
    groups: [0],
    names: new Map(),
    finalNewlines: [],
    hasBoundary: false,
  };
  let pattern = '';
  while (draft.at < source.length) pattern += next(draft, pattern);
  return { ...draft, pattern };
}

function next(draft: Draft, done: string): string {
  const start = draft.at;
  const char = String.fromCodePoint(draft.source.codePointAt(start) ?? 0);
  draft.at += char.length;
  switch (char) {
    case '\\':
      return outside(draft, start);
    case '[':
      return item(draft, readClass(draft, start));
    case '(':
      return openGroup(draft, start, done);
    case ')':
      draft.lines = draft.outer.pop() ?? bad('unbalanced parenthesis', start);
      draft.before = 'item';
      return ')';
    case '|':
      draft.before = 'nothing';
      return '|';
    case '^':
      return place(draft, '^');
    case '$':
      return draft.lines ? place(draft, '$') : lastLine(draft);
    case '*':
    case '+':
    case '?':
      return repeat(draft, char, start);
    case '{':
      return bounds(draft, start);
    case '.':
      return item(draft, '.');
  }
  return item(draft, char === ']' || char === '}' ? `\\${char}` : char);
}

function item(draft: Draft, pattern: string): string {
  if (draft.before === 'end') lacking('a character after `$`', draft.at - 1);
  draft.before = 'item';
  return pattern;
}

function place(draft: Draft, pattern: string): string {
  draft.before = 'place';
  return pattern;
}

/** Translates `$`, which matches at the end and before a final newline. */
function lastLine(draft: Draft): string {
  draft.before = 'end';
  draft.finalNewlines.push(++draft.count);
  return '(?:(\\n)\\z|\\z)';
}

const places: Readonly<Record<string, string>> = { A: '\\A', Z: '\\z', b: '\\b', B: '\\B' };

function outside(draft: Draft, start: number): string {
  const letter = draft.source[draft.at] ?? '';
  const at = Object.hasOwn(places, letter) ? places[letter] : undefined;
  if (at !== undefined) {
    draft.at += 1;
    draft.hasBoundary ||= !draft.bytes && (letter === 'b' || letter === 'B');
    return place(draft, at);
  }
  if (/^[1-9]/.test(letter) && !/^[1-3][0-7]{2}/.test(draft.source.slice(draft.at, draft.at + 3)))
    lacking('a back-reference', start);
  const read = takeEscape(draft, start);
  return item(draft, read.kind === 'class' ? `[${read.set}]` : hex(read.code));
}

function takeEscape(draft: Draft, start: number): Escape {
  const read =
    readEscape(draft.source, draft.at, draft.bytes) ??
    bad(`bad escape ${draft.source.slice(start, start + 2)}`, start);
  draft.at += read.length;
  return read;
}

const hex = (code: number): string => `\\x{${code.toString(16)}}`;

/** Reads a class whose `[` at `start` was just read. */
function readClass(draft: Draft, start: number): string {
  let out = '[';
  if (draft.source[draft.at] === '^') {
    draft.at += 1;
    out += '^';
  }
  for (let first = true; first || draft.source[draft.at] !== ']'; first = false) {
    const low = readMember(draft, start);
    const after = draft.source[draft.at + 1];
    if (draft.source[draft.at] !== '-' || after === undefined || after === ']') {
      out += low.kind === 'class' ? low.set : hex(low.code);
      continue;
    }
    draft.at += 1;
    const high = readMember(draft, start);
    if (low.kind === 'class' || high.kind === 'class' || low.code > high.code)
      return bad('bad character range', draft.at);
    out += `${hex(low.code)}-${hex(high.code)}`;
  }
  draft.at += 1;
  return `${out}]`;
}

function readMember(draft: Draft, start: number): Escape {
  const at = draft.at;
  const code = draft.source.codePointAt(at) ?? bad('unterminated character set', start);
  draft.at += code > 0xffff ? 2 : 1;
  if (code !== 92) return { kind: 'code', code, length: 0 };
  if (draft.source[draft.at] !== 'b') return takeEscape(draft, at);
  draft.at += 1;
  return { kind: 'code', code: 8, length: 0 };
}

const refusedGroups: readonly (readonly [RegExp, string])[] = [
  [/^<?[=!]/, 'look-around'],
  [/^P=/, 'a back-reference'],
  [/^>/, 'an atomic group'],
  [/^\(/, 'a condition'],
];

function openGroup(draft: Draft, start: number, done: string): string {
  const rest = draft.source.slice(draft.at, draft.at + 300);
  if (!rest.startsWith('?')) return capture(draft, undefined, start);
  const head = rest.slice(1);
  const refused = refusedGroups.find(([form]) => form.test(head));
  if (refused !== undefined) lacking(refused[1], start);
  const [whole, name, , flags, off = '', end] =
    /^(?:P<([^>]*)>|(#[^)]*\))|([a-zA-Z]*)(-[a-zA-Z]+)?([:)]))/.exec(head) ?? [];
  if (whole === undefined) return bad('unknown extension', start);
  draft.at += 1 + whole.length;
  if (name !== undefined) return capture(draft, name, start);
  if (flags === undefined) {
    // After a comment, `?` does not make a repeat lazy.
    if (draft.before === 'repeat') draft.before = 'lazy';
    return '';
  }
  return flagGroup(
    draft,
    { flags, off: off.slice(1), isScoped: end === ':', isFirst: /^(?:\(\?[ims]+\))*$/.test(done) },
    start,
  );
}

interface FlagGroup {
  readonly flags: string;
  readonly off: string;
  readonly isScoped: boolean;
  readonly isFirst: boolean;
}

function flagGroup(
  draft: Draft,
  { flags, off, isScoped, isFirst }: FlagGroup,
  start: number,
): string {
  const other = /[^imsu]/.exec(flags + off)?.[0];
  if (other !== undefined)
    return /[axL]/.test(other)
      ? lacking(`the flag ${other}`, start)
      : bad(`unknown extension ?${other}`, start);
  if (!isScoped && (off !== '' || flags === '')) return bad('missing flag', start);
  if (!isScoped && !isFirst) return bad('global flags not at the start of the expression', start);
  if (isScoped) draft.outer.push(draft.lines);
  draft.lines = (draft.lines || flags.includes('m')) && !off.includes('m');
  draft.before = 'nothing';
  const known = flags.replaceAll('u', '');
  if (!isScoped) return known === '' ? '' : `(?${known})`;
  return `(?${known}${off === '' ? '' : `-${off}`}:`;
}

function capture(draft: Draft, name: string | undefined, start: number): string {
  draft.groups.push(++draft.count);
  if (name !== undefined) {
    if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name))
      bad(`bad character in group name '${name}'`, start);
    if (draft.names.has(name)) bad(`redefinition of group name '${name}'`, start);
    draft.names.set(name, draft.groups.length - 1);
  }
  draft.outer.push(draft.lines);
  draft.before = 'nothing';
  return '(';
}

function repeat(draft: Draft, sign: string, start: number): string {
  const { before } = draft;
  if (before === 'nothing' || before === 'place' || before === 'end')
    return bad('nothing to repeat', start);
  if (before === 'repeat' && sign === '+') return lacking('a possessive repeat', start);
  if (before === 'lazy' || (before === 'repeat' && sign !== '?'))
    return bad('multiple repeat', start);
  draft.before = before === 'repeat' ? 'lazy' : 'repeat';
  return sign;
}

/** Reads `{2}`, `{2,}` or `{,2}`; any other brace is a character. */
function bounds(draft: Draft, start: number): string {
  const [whole, low = '', comma, high = ''] =
    /^(\d{0,9})(,)?(\d{0,9})\}/.exec(draft.source.slice(draft.at, draft.at + 20)) ?? [];
  if (whole === undefined || whole === '}') return item(draft, '\\{');
  draft.at += whole.length;
  return repeat(draft, `{${low || '0'}${comma ?? ''}${high}}`, start);
}
