// Tests whether a text matches a pattern.
import { flagArg, textArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { type Callable, define, defineMatching } from '../python/callable.ts';
import { text } from '../python/printing.ts';
import type { PyValue } from '../python/py-value.ts';
import { matchStart, matchWhole, regex, search } from '../regex/index.ts';

const matchers = { search, match: matchStart, fullmatch: matchWhole } as const;
type How = keyof typeof matchers;

function holds(
  value: PyValue,
  pattern: PyValue | undefined,
  fold: boolean,
  lines: boolean,
  how: How,
): boolean {
  const source = textArg(pattern, 'the pattern', '');
  return matchers[how](regex(source, { fold, lines }), text(value)) !== undefined;
}

const isHow = (name: string): name is How => Object.hasOwn(matchers, name);

/** An absolute path begins with a slash: paths are paths of hosts. */
const absolute = define('', (value) => textArg(value, 'a path').startsWith('/'));
const scheme = /^[a-zA-Z][a-zA-Z\d+.-]*:/;

export const matchTests: Readonly<Record<string, Callable>> = {
  match: defineMatching('pattern? ignorecase? multiline?', (value, { at }) =>
    holds(value, at(0), flagArg(at(1)), flagArg(at(2)), 'match'),
  ),
  search: defineMatching('pattern? ignorecase? multiline?', (value, { at }) =>
    holds(value, at(0), flagArg(at(1)), flagArg(at(2)), 'search'),
  ),
  regex: defineMatching('pattern? ignorecase? multiline? match_type?', (value, { at }) => {
    const how = textArg(at(3), 'match_type', 'search');
    return isHow(how)
      ? holds(value, at(0), flagArg(at(1)), flagArg(at(2)), how)
      : fail(`invalid match_type '${how}'`);
  }),
  abs: absolute,
  is_abs: absolute,
  url: define(
    '',
    (value) => typeof value === 'string' && /^[a-zA-Z][a-zA-Z\d+.-]*:\/\/[^/?#]+/.test(value),
  ),
  uri: define('', (value) => typeof value === 'string' && scheme.test(value)),
  urn: define('', (value) => typeof value === 'string' && /^urn:/i.test(value)),
  vault_encrypted: define(
    '',
    (value) => typeof value === 'string' && value.startsWith('$ANSIBLE_VAULT;'),
  ),
};
