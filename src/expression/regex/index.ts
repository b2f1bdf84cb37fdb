// Python's search, match, findall and sub with RE2, which matches in linear time.
import { type Matcher, RE2JS, RE2JSException } from 're2js';
import { ExpressionError, fail } from '../errors.ts';
import { metered, reserve, spend } from '../meter.ts';
import { type Match, replacer } from './replacement.ts';
import { type Flags, type Look, type Translated, translate } from './translate.ts';

export type { Match } from './replacement.ts';

export interface Regex extends Translated {
  readonly engine: RE2JS;
  /** The same pattern, preferring the longest match. */
  readonly longest: () => RE2JS;
  /** The engines of its look-around. */
  readonly around: readonly (Look & { readonly engine: RE2JS })[];
}

const known = new Map<string, Regex>();

export function regex(
  source: string,
  { fold = false, lines = false, bytes = false }: Partial<Flags> = {},
): Regex {
  const key = `${fold ? 'i' : ''}${lines ? 'm' : ''}${bytes ? 'b' : ''}/${source}`;
  const cached = known.get(key);
  if (cached !== undefined) return cached;
  reserve(source.length);
  const translated = translate(source, { fold, lines, bytes });
  const flags = (fold ? RE2JS.CASE_INSENSITIVE : 0) | (lines ? RE2JS.MULTILINE : 0);
  const longest = (): RE2JS => compiled(translated.pattern, flags | RE2JS.LONGEST_MATCH);
  const engine = compiled(translated.pattern, flags);
  const around = translated.looks.map((look) => ({
    ...look,
    engine: compiled(look.body.pattern, 0),
  }));
  const made = { ...translated, engine, longest, around };
  if (known.size > 500) known.clear();
  known.set(key, made);
  return made;
}

function compiled(pattern: string, flags: number): RE2JS {
  try {
    return RE2JS.compile(pattern, flags);
  } catch (error) {
    if (error instanceof RE2JSException)
      return fail(`bad regular expression: ${error.message.replace('error parsing regexp: ', '')}`);
    throw error;
  }
}

/** The result of work with regular expressions, or why there is none. */
export function attempted<T>(
  work: () => T,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string } {
  try {
    return { ok: true, value: metered(work) };
  } catch (error) {
    if (error instanceof ExpressionError) return { ok: false, why: error.message };
    throw error;
  }
}

/** The error in a regular expression; found before the run. */
export function patternProblem(source: string, flags: Partial<Flags> = {}): string | undefined {
  const made = attempted(() => regex(source, flags));
  return made.ok ? undefined : made.why;
}

/** Makes the matcher for a text. Refuses texts on which RE2 differs from Python. */
function matcher({ engine, pattern, hasBoundary, looks }: Regex, text: string): Matcher {
  if (hasBoundary && /[\p{L}\p{N}]/u.test(text.replace(/[\0-\x7f]+/g, ''))) {
    fail('kmend cannot find word boundaries (\\b) in a text with letters that are not ASCII');
  }
  const patterns = [pattern, ...looks.map(({ body }) => body.pattern)];
  if (text === '' && patterns.some((one) => one.includes('\\B')))
    fail('what \\B matches in an empty text depends on the version of Python');
  return engine.matcher(text);
}

/**
 * Charges the cost of a match before it runs, because RE2 cannot be stopped. The cost grows with
 * the text and the program.
 */
const charge = (matcher: Matcher, from = 0): void =>
  spend(1 + ((matcher.inputLength() - from) * matcher.programSize()) / 10);

/** Moves by characters; undefined where the text ends before. */
function moved(text: string, from: number, characters: number): number | undefined {
  let at = from;
  for (let left = characters; left > 0; left--) {
    if (at >= text.length) return undefined;
    at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  }
  for (let left = characters; left < 0; left++) {
    if (at <= 0) return undefined;
    at -= at > 1 && (text.codePointAt(at - 2) ?? 0) > 0xffff ? 2 : 1;
  }
  return at;
}

/** Whether the look-around holds in a match that begins there. */
const holds = ({ around }: Regex, text: string, start: number): boolean =>
  around.every(({ at, behind, isWanted, engine }) => {
    const place = moved(text, start, at);
    const from = place === undefined ? undefined : moved(text, place, -(behind ?? 0));
    if (from === undefined) return !isWanted;
    const found = engine.matcher(text);
    charge(found, from);
    return (found.find(from) && found.start() === from) === isWanted;
  });

/**
 * Finds the first match at or behind a place. Each try whose look-around does not hold is charged:
 * so a text on which there are too many is refused.
 */
function findFrom(pattern: Regex, found: Matcher, text: string, from: number): boolean {
  for (let at: number | undefined = from; at !== undefined; at = moved(text, found.start(), 1)) {
    charge(found, at);
    if (!found.find(at)) return false;
    if (holds(pattern, text, found.start())) return true;
  }
  return false;
}

function matchOf({ groups, finalNewlines }: Regex, matcher: Matcher, text: string): Match {
  const last = finalNewlines.some((group) => matcher.start(group) >= 0)
    ? text.length - 1
    : text.length;
  const spans = groups.map(
    (group) =>
      [
        group < 0 ? -1 : matcher.start(group),
        group < 0 ? -1 : Math.min(last, matcher.end(group)),
      ] as const,
  );
  const [start, end] = spans[0] ?? [0, 0];
  return {
    start: Math.min(last, start),
    end,
    group: (index) => {
      const [from, to] = spans[index] ?? fail('no such group');
      return from < 0 ? undefined : text.slice(from, to);
    },
    startOf: (index) => spans[index]?.[0] ?? -1,
  };
}

function once(pattern: Regex, text: string, how: 'lookingAt' | 'matches'): Match | undefined {
  const found = matcher(pattern, text);
  charge(found);
  return found[how]() && holds(pattern, text, 0) ? matchOf(pattern, found, text) : undefined;
}

export function search(pattern: Regex, text: string): Match | undefined {
  const found = matcher(pattern, text);
  return findFrom(pattern, found, text, 0) ? matchOf(pattern, found, text) : undefined;
}

/** Matches at the beginning only. */
export const matchStart = (pattern: Regex, text: string): Match | undefined =>
  once(pattern, text, 'lookingAt');

/** Matches the whole text. */
export const matchWhole = (pattern: Regex, text: string): Match | undefined => {
  const match = once(pattern, text, 'matches');
  return match?.end === text.length ? match : undefined;
};

/**
 * The texts that a pattern matches from their beginning; undefined when the pattern is invalid or
 * takes too much work.
 */
export function startingWith(
  source: string,
  texts: readonly string[],
): readonly string[] | undefined {
  try {
    return metered(() => texts.filter((text) => matchStart(regex(source), text) !== undefined));
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

/** `Match.expand`: the replacement with the groups of the match. */
export const expand = (pattern: Regex, replacement: string, match: Match): string =>
  replacer(replacement, pattern)(match);

/** All matches from left to right. As in Python 3.7, an empty match may follow another match. */
function allMatches(pattern: Regex, text: string, most: number): Match[] {
  const found: Match[] = [];
  const next = matcher(pattern, text);
  let longest: Matcher | undefined;
  let from = 0;
  while (from <= text.length && found.length < most) {
    if (!findFrom(pattern, next, text, from)) break;
    const match = matchOf(pattern, next, text);
    found.push(match);
    from = match.end;
    if (match.start < match.end) continue;
    // After an empty match Python tries a longer one at the same position, which RE2 cannot do.
    longest ??= pattern.longest().matcher(text);
    charge(longest, from);
    if (longest.find(from) && matchOf(pattern, longest, text).end > from)
      fail('the regular expression prefers an empty match');
    from += (text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1;
  }
  return found;
}

/** `re.findall`: whole matches, or the group, or tuples of groups. */
export function findAll(pattern: Regex, text: string): (string | readonly string[])[] {
  const groups = pattern.groups.length - 1;
  const found = allMatches(pattern, text, Number.POSITIVE_INFINITY);
  const groupText = (match: Match, index: number): string => match.group(index) ?? '';
  if (groups <= 1) return found.map((match) => groupText(match, groups));
  return found.map((match) =>
    Array.from({ length: groups }, (_, index) => groupText(match, index + 1)),
  );
}

/** `re.subn`: the new text and the number of replacements; `most` 0 means no limit. */
export function substitute(
  pattern: Regex,
  replacement: string,
  text: string,
  most: number,
): { readonly text: string; readonly count: number } {
  const replace = replacer(replacement, pattern);
  const found = allMatches(pattern, text, most > 0 ? most : Number.POSITIVE_INFINITY);
  let out = '';
  let last = 0;
  for (const match of found) {
    out += text.slice(last, match.start) + replace(match);
    reserve(out.length > 100_000 ? out.length / 100 : 0);
    last = match.end;
  }
  reserve(out.length);
  return { text: out + text.slice(last), count: found.length };
}
