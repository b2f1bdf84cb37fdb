// Python's `re` over our own matcher: search, match, findall and sub.

import { ExpressionError, fail } from '../errors.ts';
import { metered, reserve, spend } from '../meter.ts';
import { program } from './match.ts';
import { parsePattern } from './parse.ts';
import { replacer } from './replacement.ts';
import type { Flags, Match, Regex, Spans } from './tree.ts';

export type { Match, Regex } from './tree.ts';

/** A text and its characters, so that positions count code points as in Python. */
interface Subject {
  readonly text: string;
  readonly codes: ArrayLike<number>;
  readonly slice: (start: number, end: number) => string;
}

const known = new Map<string, Regex>();

export function regex(source: string, flags: Partial<Flags> = {}): Regex {
  const key = `${flags.fold === true ? 'i' : ''}${flags.lines === true ? 'm' : ''}/${source}`;
  const cached = known.get(key);
  if (cached !== undefined) return cached;
  const parsed = parsePattern(source, flags);
  const made: Regex = { run: program(parsed), groups: parsed.groups, names: parsed.names };
  if (known.size > 500) known.clear();
  known.set(key, made);
  return made;
}

function subject(text: string): Subject {
  reserve(text.length);
  const wide = /[\ud800-\udfff]/.test(text);
  const chars = wide ? Array.from(text) : [];
  const codes = new Uint32Array(wide ? chars.length : text.length);
  for (let i = 0; i < codes.length; i++) codes[i] = wide ? (chars[i]?.codePointAt(0) ?? 0) : text.charCodeAt(i);
  return { text, codes, slice: wide ? (start, end) => chars.slice(start, end).join('') : (start, end) => text.slice(start, end) };
}

function matchOf(spans: Spans, { slice }: Subject): Match {
  const [start, end] = spans[0] ?? [0, 0];
  return {
    start,
    end,
    group: (index) => {
      const span = spans[index] ?? fail('no such group');
      return span[1] < 0 ? undefined : slice(span[0], span[1]);
    },
  };
}

/** A deep recursion of the matcher is a pattern that needs too much, not our bug. */
function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) return fail('the regular expression needs too much memory on this text');
    throw error;
  }
}

function searchFrom({ run }: Regex, subject: Subject, from: number, advance = false): Match | undefined {
  for (let at = from; at <= subject.codes.length; at++) {
    spend(1);
    const spans = run(subject.codes, at, advance && at === from);
    if (spans !== undefined) return matchOf(spans, subject);
  }
  return undefined;
}

export const search = (pattern: Regex, text: string): Match | undefined => guarded(() => searchFrom(pattern, subject(text), 0));

/** Matches at the beginning only. */
export const matchStart = (pattern: Regex, text: string): Match | undefined =>
  guarded(() => {
    const of = subject(text);
    const spans = pattern.run(of.codes, 0, false);
    return spans === undefined ? undefined : matchOf(spans, of);
  });

/** Those texts that a pattern of an operator matches from their beginning; nothing where it cannot be read, or takes too much work on all of them. */
export function startingWith(source: string, texts: readonly string[]): readonly string[] | undefined {
  try {
    return metered(() => texts.filter((text) => matchStart(regex(source), text) !== undefined));
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

/** All matches from left to right; an empty one may follow the end of another, as in Python 3.7 and later. */
function allMatches(pattern: Regex, of: Subject, most: number): Match[] {
  const found: Match[] = [];
  let from = 0;
  let advance = false;
  while (from <= of.codes.length && found.length < most) {
    const match = searchFrom(pattern, of, from, advance);
    if (match === undefined) break;
    found.push(match);
    from = match.end;
    advance = match.start === match.end;
  }
  return found;
}

/** `re.findall`: whole matches, or the group, or tuples of groups. */
export const findAll = (pattern: Regex, text: string): (string | readonly string[])[] =>
  guarded(() => {
    const found = allMatches(pattern, subject(text), Number.POSITIVE_INFINITY);
    const groupText = (match: Match, index: number): string => match.group(index) ?? '';
    if (pattern.groups <= 1) return found.map((match) => groupText(match, pattern.groups));
    return found.map((match) => Array.from({ length: pattern.groups }, (_, index) => groupText(match, index + 1)));
  });

/** `re.subn`: the new text and how often something was replaced; `most` 0 is without limit. */
export const substitute = (
  pattern: Regex,
  replacement: string,
  text: string,
  most: number,
): { readonly text: string; readonly count: number } =>
  guarded(() => {
    const of = subject(text);
    const replace = replacer(replacement, pattern);
    const found = allMatches(pattern, of, most > 0 ? most : Number.POSITIVE_INFINITY);
    let out = '';
    let last = 0;
    for (const match of found) {
      out += of.slice(last, match.start) + replace(match);
      reserve(out.length > 100_000 ? out.length / 100 : 0);
      last = match.end;
    }
    reserve(out.length);
    return { text: out + of.slice(last, of.codes.length), count: found.length };
  });
