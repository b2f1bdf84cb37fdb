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

/** Look-around, which RE2 lacks: what must match, or must not, at one place of each match. */
export interface Look {
  /** Characters from the beginning of the match to the place. */
  readonly at: number;
  /** Look-behind: characters that end at the place; undefined = look-ahead. */
  readonly behind: number | undefined;
  readonly isWanted: boolean;
  readonly body: Translated;
}

/** A pattern for RE2, with the map of Python's groups. */
export interface Translated {
  readonly pattern: string;
  /** The RE2 group of each Python group, -1 = none; group 0 is the whole match. */
  readonly groups: readonly number[];
  /** The pattern is without them. */
  readonly looks: readonly Look[];
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

/** Where a group began, or the last item that a repeat may follow. */
interface Start {
  /** Characters of a match before it; undefined = it varies. */
  readonly width: number | undefined;
  /** Number of looks before it. */
  readonly looks: number;
}

interface Group extends Start {
  readonly flags: Draft['flags'];
  readonly isEnded: boolean;
  /** The ends of its branches but the last. */
  readonly ends: Pick<Draft, 'width' | 'isEnded'>[];
}

interface Draft {
  readonly source: string;
  readonly bytes: boolean;
  /** This is the body of look-around. */
  readonly isBody: boolean;
  at: number;
  before: Before;
  /** `lines` is the flag `m`. */
  flags: { readonly fold: boolean; readonly lines: boolean; readonly dots: boolean };
  /** Characters of a match up to here; undefined = it varies. */
  width: number | undefined;
  /** A `$` may be before this place. */
  isEnded: boolean;
  last: Start;
  /** The open groups; the first is the whole pattern. */
  readonly open: [Group, ...Group[]];
  readonly looks: Look[];
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

export function translate(source: string, { fold, lines, bytes }: Flags): Translated {
  const draft = draftOf({ source, bytes, isBody: false, at: 0 }, { fold, lines, dots: false });
  let pattern = '';
  while (draft.at < source.length) pattern += next(draft, pattern);
  return { ...draft, pattern };
}

const draftOf = (
  of: Pick<Draft, 'source' | 'bytes' | 'isBody' | 'at'>,
  flags: Draft['flags'],
): Draft => ({
  ...of,
  before: 'nothing',
  flags,
  width: 0,
  isEnded: false,
  last: { width: 0, looks: 0 },
  open: [{ width: 0, looks: 0, flags, isEnded: false, ends: [] }],
  looks: [],
  count: 0,
  groups: [0],
  names: new Map(),
  finalNewlines: [],
  hasBoundary: false,
});

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
      return closeGroup(draft, start);
    case '|':
      return branch(draft, start);
    case '^':
      return place(draft, '^');
    case '$':
      return draft.flags.lines ? place(draft, '$') : lastLine(draft);
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

/** Python's `$` may stand before a newline, which this may match. */
const mayBeNewline = ({ flags }: Draft, pattern: string): boolean =>
  /^\[|^\\x\{a\}$|^\n$/.test(pattern) || (pattern === '.' && flags.dots);

function item(draft: Draft, pattern: string): string {
  if (draft.before === 'end' || (draft.isEnded && mayBeNewline(draft, pattern)))
    lacking('a character after `$`', draft.at - 1);
  draft.before = 'item';
  draft.last = { width: draft.width, looks: draft.looks.length };
  if (draft.width !== undefined) draft.width += 1;
  return pattern;
}

function place(draft: Draft, pattern: string): string {
  draft.before = 'place';
  return pattern;
}

/** Translates `$`, which matches at the end and before a final newline. */
function lastLine(draft: Draft): string {
  draft.before = 'end';
  draft.isEnded = true;
  draft.width = undefined;
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
  [/^P=/, 'a back-reference'],
  [/^>/, 'an atomic group'],
  [/^\(/, 'a condition'],
];

function openGroup(draft: Draft, start: number, done: string): string {
  const rest = draft.source.slice(draft.at, draft.at + 300);
  if (!rest.startsWith('?')) return capture(draft, undefined, start);
  const head = rest.slice(1);
  const [look = ''] = /^<?[=!]/.exec(head) ?? [];
  if (look !== '') return lookAround(draft, look, start);
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
  if (isScoped) open(draft);
  const isOn = (was: boolean, flag: string): boolean =>
    (was || flags.includes(flag)) && !off.includes(flag);
  const { fold, lines, dots } = draft.flags;
  draft.flags = { fold: isOn(fold, 'i'), lines: isOn(lines, 'm'), dots: isOn(dots, 's') };
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
  open(draft);
  draft.before = 'nothing';
  return '(';
}

function open(draft: Draft): void {
  const { width, flags, isEnded, looks } = draft;
  draft.open.push({ width, flags, isEnded, looks: looks.length, ends: [] });
}

function closeGroup(draft: Draft, start: number): string {
  const group = draft.open.length > 1 ? draft.open.pop() : undefined;
  if (group === undefined) return bad('unbalanced parenthesis', start);
  draft.width = commonWidth(group, draft);
  draft.isEnded ||= group.ends.some(({ isEnded }) => isEnded);
  draft.last = group;
  draft.flags = group.flags;
  draft.before = 'item';
  return ')';
}

/** The width of all branches; undefined where it varies. */
const commonWidth = ({ ends }: Group, { width }: Draft): number | undefined =>
  ends.every((end) => end.width === width) ? width : undefined;

function branch(draft: Draft, start: number): string {
  const group = draft.open.at(-1) ?? draft.open[0];
  if (draft.looks.length > group.looks) lacking('look-around in one of several branches', start);
  group.ends.push({ width: draft.width, isEnded: draft.isEnded });
  draft.width = group.width;
  draft.isEnded = group.isEnded;
  draft.before = 'nothing';
  return '|';
}

/**
 * Reads look-around. It can be tried apart from the pattern where its place in a match is known: no
 * repeat and no branch is around it, and what is before it has one length. Then a match of the
 * pattern without it is one of the pattern where it holds, with the same groups: each way to match
 * what is before it ends at that place.
 */
function lookAround(draft: Draft, sign: string, start: number): string {
  if (draft.isBody) return lacking('look-around in look-around', start);
  if (draft.open.some(({ ends }) => ends.length > 0))
    return lacking('look-around in one of several branches', start);
  const { width, flags, source, bytes } = draft;
  if (width === undefined) return lacking('look-around behind a part whose length varies', start);
  const body = draftOf({ source, bytes, isBody: true, at: draft.at + 1 + sign.length }, flags);
  const on = (flags.fold ? 'i' : '') + (flags.lines ? 'm' : '') + (flags.dots ? 's' : '');
  let pattern = on === '' ? '(?:' : `(?${on}:`;
  while (source[body.at] !== ')' || body.open.length > 1) {
    if (body.at >= source.length) return bad('missing ), unterminated subpattern', start);
    pattern += next(body, pattern);
  }
  const isWanted = sign.endsWith('=');
  const groups = body.groups.length - 1;
  if (body.names.size > 0 || (isWanted && groups > 0))
    return lacking('a group in look-around', start);
  const isBehind = sign.startsWith('<');
  const bodyWidth = commonWidth(body.open[0], body);
  if (isBehind && bodyWidth === undefined)
    return bad('look-behind requires fixed-width pattern', start);
  draft.at = body.at + 1;
  draft.groups.push(...Array.from({ length: groups }, () => -1));
  draft.hasBoundary ||= body.hasBoundary;
  draft.looks.push({
    at: width,
    behind: isBehind ? bodyWidth : undefined,
    isWanted,
    body: { ...body, pattern: `${pattern})` },
  });
  return place(draft, '(?:)');
}

/** A repeat of the last item, `times` if that is one number. */
function repeated(draft: Draft, start: number, times: number | undefined): void {
  const { last, looks, width } = draft;
  if (looks.length > last.looks) lacking('look-around in a repeat', start);
  if (width === last.width) return;
  draft.width =
    width === undefined || last.width === undefined || times === undefined
      ? undefined
      : last.width + times * (width - last.width);
}

function repeat(draft: Draft, sign: string, start: number, times?: number): string {
  const { before } = draft;
  if (before === 'nothing' || before === 'place' || before === 'end')
    return bad('nothing to repeat', start);
  if (before === 'repeat' && sign === '+') return lacking('a possessive repeat', start);
  if (before === 'lazy' || (before === 'repeat' && sign !== '?'))
    return bad('multiple repeat', start);
  if (before === 'item') repeated(draft, start, times);
  draft.before = before === 'repeat' ? 'lazy' : 'repeat';
  return sign;
}

/** Reads `{2}`, `{2,}` or `{,2}`; any other brace is a character. */
function bounds(draft: Draft, start: number): string {
  const [whole, low = '', comma, high = ''] =
    /^(\d{0,9})(,)?(\d{0,9})\}/.exec(draft.source.slice(draft.at, draft.at + 20)) ?? [];
  if (whole === undefined || whole === '}') return item(draft, '\\{');
  draft.at += whole.length;
  const times = comma === undefined || low === high ? Number(low) : undefined;
  return repeat(draft, `{${low || '0'}${comma ?? ''}${high}}`, start, times);
}
