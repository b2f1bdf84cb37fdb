// Filters by regular expression, in Python's syntax.

import { flagArg, printedArg, textArg, wholeArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { type Callable, define, defineMatching } from '../python/callable.ts';
import { text } from '../python/printing.ts';
import { type PyValue, tuple } from '../python/py-value.ts';
import { findAll, type Match, type Regex, regex, search, substitute } from '../regex/index.ts';

/** The group that an argument of `regex_search` names: `'\\1'` or `'\\g<name>'`. */
function groupOf(given: string): string {
  const name = /^\\g<(\S+)>/.exec(given)?.[1] ?? /^\\(\d+)/.exec(given)?.[1];
  if (name !== undefined) return name;
  return fail(
    given.startsWith('\\')
      ? `regex_search cannot read the group '${given}': in a template one backslash is enough`
      : 'Unknown argument',
  );
}

function groupAt(match: Match, name: string, pattern: Regex): PyValue {
  const index = /^\d+$/.test(name) ? Number(name) : pattern.names.get(name);
  return index === undefined || index >= pattern.groups.length
    ? fail(`no such group: ${name}`)
    : (match.group(index) ?? null);
}

const escaped = (value: string, type: string): string => {
  if (type === 'python') return value.replace(/[()[\]{}?*+\-|^$\\.&~# \t\n\r\v\f]/g, '\\$&');
  if (type === 'posix_basic') return value.replace(/[[\].^$*\\]/g, '\\$&');
  return fail(`regex_escape knows the types python and posix_basic, not '${type}'`);
};

export const regexFilters: Readonly<Record<string, Callable>> = {
  regex_search: defineMatching('regex * ignorecase? multiline?', (value, { at, rest }) => {
    const pattern = regex(textArg(at(0), 'the pattern'), {
      fold: flagArg(at(1)),
      lines: flagArg(at(2)),
    });
    const groups = rest.map((given) => groupOf(textArg(given, 'the group')));
    const match = search(pattern, text(value));
    if (match === undefined) return null;
    return groups.length === 0
      ? groupAt(match, '0', pattern)
      : groups.map((name) => groupAt(match, name, pattern));
  }),
  regex_findall: defineMatching('regex multiline? ignorecase?', (value, { at }) =>
    findAll(
      regex(textArg(at(0), 'the pattern'), { lines: flagArg(at(1)), fold: flagArg(at(2)) }),
      text(value),
    ).map((found) => (typeof found === 'string' ? found : tuple(found))),
  ),
  regex_replace: defineMatching(
    'pattern? replacement? ignorecase? multiline? count? mandatory_count?',
    (value, { at }) => {
      const pattern = regex(textArg(at(0), 'the pattern', ''), {
        fold: flagArg(at(2)),
        lines: flagArg(at(3)),
      });
      const result = substitute(
        pattern,
        printedArg(at(1)),
        text(value),
        wholeArg(at(4), 'count', 0),
      );
      const wanted = wholeArg(at(5), 'mandatory_count', 0);
      return wanted > 0 && wanted !== result.count
        ? fail(`the pattern should match ${wanted} times, but matches ${result.count} times`)
        : result.text;
    },
  ),
  regex_escape: define('re_type?', (value, { at }) =>
    escaped(text(value), textArg(at(0), 're_type', 'python')),
  ),
};
