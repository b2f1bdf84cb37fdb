// Python's regular expressions with RE2: the same result as in Python, or an error, but never another
// result.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpressionError } from '../../src/expression/errors.ts';
import { compile } from '../../src/expression/index.ts';
import { metered } from '../../src/expression/meter.ts';
import {
  findAll,
  matchStart,
  matchWhole,
  patternProblem,
  regex,
  search,
  substitute,
} from '../../src/expression/regex/index.ts';
import { shown } from './outcome.ts';

/** The pattern, the text, `ignorecase` and `multiline`. */
type Question = readonly [source: string, text: string, fold: boolean, lines: boolean];

/**
 * The groups of a search, whether the pattern matches the beginning and the whole text, all matches,
 * and the text with `<>` around each match.
 */
function answer([source, text, fold, lines]: Question): unknown {
  try {
    return metered(() => {
      const pattern = regex(source, { fold, lines });
      const match = search(pattern, text);
      return [
        match === undefined ? null : pattern.groups.map((_, index) => match.group(index) ?? null),
        matchStart(pattern, text) !== undefined,
        matchWhole(pattern, text) !== undefined,
        findAll(pattern, text),
        substitute(pattern, '<\\g<0>>', text, 0).text,
      ];
    });
  } catch (error) {
    if (error instanceof ExpressionError) return error.message;
    throw error;
  }
}

describe('a regular expression', () => {
  it.each<readonly [string, string, unknown]>([
    ['\\w+', 'é_1 x', 'é_1'],
    ['\\d+', '5٣', '5٣'],
    ['\\s', 'a\u00a0', '\u00a0'],
    ['[\\W_]+', 'ab-_ c', '-_ '],
    ['[^\\W\\d]+', '12ab', 'ab'],
    ['[\\s\\S]+', 'a\nb', 'a\nb'],
    ['[[:a]+', 'x[a', '[a'],
    ['[]a]+', 'x]a', ']a'],
    ['a.c', 'a\nc', null],
    ['(?s)a.c', 'a\nc', 'a\nc'],
    ['fo{,2}', 'fooo', 'foo'],
    ['{o', 'f{o', '{o'],
    ['x{}', 'x{}', 'x{}'],
    ['a$', 'a\n', 'a'],
    ['a\\s*$', 'a\n', 'a\n'],
    ['a\\Z', 'a\n', null],
    ['(?i)É', 'é', 'é'],
    ['a(?#note)b', 'ab', 'ab'],
    ['\\x41\\u0042\\103', 'ABC', 'ABC'],
    ['😀.', '😀😃', '😀😃'],
    ['^k="(?!.*\\bno\\b)(.*)"$', 'k="a no b"', null],
    ['^k="(?!.*\\bno\\b)(.*)"$', 'k="a nob"', 'k="a nob"'],
    ['a(?=b)', 'aab', 'a'],
    ['(?<!b)a', 'bab a', 'a'],
    ['(?<=😀)a', 'a😀a', 'a'],
    ['😀{2}(?!a)(.)', '😀😀a😀😀b', '😀😀b'],
    ['(?i)x(?!B)', 'xbXc', 'X'],
    ['(a|b)(?!(c))(.)', 'acbd', 'bd'],
  ])('%s finds in %j what Python finds', (pattern, text, expected) => {
    expect(shown('text | regex_search(pattern)', 'template', { pattern, text })).toBe(expected);
  });

  it.each([
    ['\\w+', 'na\u00c3\u00afve', ['na', 've']],
    ['\\S+', '\u00a0 \u00ff', ['\u00a0', '\u00ff']],
    ['\\bve', 'na\u00c3\u00afve', ['ve']],
    ['[^a]', 'a\u00ffa', ['\u00ff']],
    ['\\xc3.', '\u00c3\u00af', ['\u00c3\u00af']],
    ['\\d', '5\u00b2', ['5']],
  ])('%s of bytes finds in %j what Python finds', (source, text, expected) => {
    expect(metered(() => findAll(regex(source, { bytes: true }), text))).toEqual(expected);
  });

  it('of bytes has no escape for characters', () => {
    expect(patternProblem('\\u00e9', { bytes: true })).toMatch(/bad escape/);
    expect(patternProblem('\\u00e9')).toBeUndefined();
  });

  it.each([
    ['x*', 'abxd', '-a-b--d-'],
    ['$', 'a\n', 'a-\n-'],
    ['^|$', 'a', '-a-'],
    ['(?m)^', 'a\nb', '-a\n-b'],
    ['😀?', '😀a', '--a-'],
  ])('%s in %j is replaced everywhere', (pattern, text, expected) => {
    expect(shown("text | regex_replace(pattern, '-')", 'template', { pattern, text })).toBe(
      expected,
    );
  });

  it.each([
    [
      "x is match('a*(?=b)')",
      11,
      'the regular expression has look-around behind a part whose length varies at position 2, which kmend refuses: it matches in linear time',
    ],
    [
      "x is search('((?!a)b)*')",
      12,
      'the regular expression has look-around in a repeat at position 8, which kmend refuses: it matches in linear time',
    ],
    [
      "x is search('a|(?<!a)b')",
      12,
      'the regular expression has look-around in one of several branches at position 2, which kmend refuses: it matches in linear time',
    ],
    [
      "x is search('(?=(?!a)b)')",
      12,
      'the regular expression has look-around in look-around at position 3, which kmend refuses: it matches in linear time',
    ],
    [
      "x is search('(?=(a))b')",
      12,
      'the regular expression has a group in look-around at position 0, which kmend refuses: it matches in linear time',
    ],
    [
      "x is search('(?<=a+)b')",
      12,
      'bad regular expression: look-behind requires fixed-width pattern at position 0',
    ],
    [
      "x | regex_search('(?P<x>a)(?P=x)')",
      17,
      'the regular expression has a back-reference at position 8, which kmend refuses: it matches in linear time',
    ],
    [
      "x | regex_findall(regex='(?>a)')",
      24,
      'the regular expression has an atomic group at position 0, which kmend refuses: it matches in linear time',
    ],
    [
      "x | regex_replace('a++')",
      18,
      'the regular expression has a possessive repeat at position 2, which kmend refuses: it matches in linear time',
    ],
    [
      "x | map('regex_search', '(a)(?(1)b)') | list",
      24,
      'the regular expression has a condition at position 3, which kmend refuses: it matches in linear time',
    ],
    [
      "x | select('match', '(?x)a') | list",
      20,
      'the regular expression has the flag x at position 0, which kmend refuses: it matches in linear time',
    ],
    [
      "x | selectattr('a', 'search', '$a') | list",
      30,
      'the regular expression has a character after `$` at position 1, which kmend refuses: it matches in linear time',
    ],
    [
      "x is search('(a$)\\\\s')",
      12,
      'the regular expression has a character after `$` at position 5, which kmend refuses: it matches in linear time',
    ],
    ["x is match('(')", 11, 'bad regular expression: missing closing ): `(`'],
    ["x is match('*')", 11, 'bad regular expression: nothing to repeat at position 0'],
    ["x is match('a{1001}')", 11, 'bad regular expression: invalid repeat count: `{1001}`'],
    ["x is match('\\y')", 11, 'bad regular expression: bad escape \\y at position 0'],
  ])('%s is refused before the run', (source, offset, message) => {
    expect(compile(source, 'condition')).toMatchObject({ kind: 'problem', offset, message });
  });

  it.each([
    [
      '\\bx',
      'é x',
      'kmend cannot find word boundaries (\\b) in a text with letters that are not ASCII',
    ],
    ['a*?', 'aa', 'the regular expression prefers an empty match'],
    ['\\d', '1 '.repeat(30_000), 'the expression takes too much work and was stopped'],
  ])('%s on %.9s is refused during the run', (source, text, message) => {
    expect(answer([source, text, false, false])).toBe(message);
  });
});

const oracle = `
import json, re, sys, warnings
warnings.simplefilter('ignore')
def answer(question):
    source, text, fold, lines = question
    try: pattern = re.compile(source, (re.I if fold else 0) | (re.M if lines else 0))
    except re.error: return None
    found = pattern.search(text)
    return [[found.group(0)] + list(found.groups()) if found else None, bool(pattern.match(text)), bool(pattern.fullmatch(text)),
        [list(one) if isinstance(one, tuple) else one for one in pattern.findall(text)], pattern.sub('<\\\\g<0>>', text)]
json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
`;
const python = '/usr/bin/python3';
/** Possessive repeats and the meaning of `\B` depend on the version of Python. */
const installed =
  spawnSync(python, ['-c', 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))'])
    .status === 0;

const pieces =
  'a b c . ( ) (?: (?P<n> (?i: (?s: (?m: (?-i: ) ) ) * + ? *? +? ?? {2} {,2} {1,} {2}? { } | | [ab] [^a] [\\w-] [^\\W\\d] [\\s\\S] [\\S] [\\D_] [a-c] []a] [^]a] [[:a] [a\\]b] [\\b] \\d \\w \\s \\D \\W \\S \\b \\B \\A \\Z ^ $ \\n \\. \\_ \\x61 \\u0062 \\141 \\0 \\z \\y - é É 1 _ (?i) (?m) (?#x) ſ K && / ~ \\e \\8'.split(
    ' ',
  );
const characters = [
  'a',
  'b',
  'c',
  'A',
  'B',
  '\n',
  ' ',
  '1',
  '_',
  '-',
  'é',
  'É',
  '٣',
  '\u00a0',
  '\x1f',
  '😀',
  '{',
  ']',
  'ſ',
  '\u212a',
  '²',
  '‿',
  '\x85',
];
const questions: fc.Arbitrary<Question> = fc.tuple(
  fc
    .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 7 })
    .map((parts) => parts.join('')),
  fc.array(fc.constantFrom(...characters), { maxLength: 8 }).map((parts) => parts.join('')),
  fc.boolean(),
  fc.boolean(),
);

/** Patterns with look-around, mostly where kmend takes it. */
const looking: fc.Arbitrary<Question> = fc.tuple(
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          ...'a b . (a|b) (.) [^a] ^ $ \\b a{2} (?:ab) (?i:A) a? .* (b+) | (?s:.)'.split(' '),
        ),
        fc
          .tuple(
            fc.constantFrom('?=', '?!', '?<=', '?<!'),
            fc.constantFrom(
              ...'a b . .*b [^a] ^ $ ^a a$ \\b a\\b a|b ab|b (a) a* (?i:B)'.split(' '),
            ),
          )
          .map(([sign, body]) => `(${sign}${body})`),
      ),
      { minLength: 1, maxLength: 6 },
    )
    .map((parts) => parts.join('')),
  fc
    .array(fc.constantFrom('a', 'b', 'a', 'b', 'A', 'B', '\n', ' ', '😀'), { maxLength: 10 })
    .map((parts) => parts.join('')),
  fc.boolean(),
  fc.boolean(),
);

it.each([
  ['(?!.*b)a', `${'a'.repeat(20_000)}b`],
  ['a(?!a)b?', `${'a'.repeat(1_000_000)}`],
  ['(?<!x)(?=a*b)a', 'xa'.repeat(500_000)],
])(
  'look-around of %s is stopped on a long text by the work it takes, whatever the length',
  (source, text) => {
    expect(answer([source, text, false, false])).toMatch(/takes too much work/);
  },
);

describe.skipIf(!installed)("against Python's own re", () => {
  it.each<[string, fc.Arbitrary<Question>, number]>([
    ['random patterns', questions, 0.9],
    ['patterns with look-around', looking, 0.4],
  ])(
    '%s have the same result or are refused, like every pattern that Python refuses',
    (_, all, share) => {
      const asked = fc.sample(all, { numRuns: 6_000, seed: 14 });
      const oracleRun = spawnSync(python, ['-c', oracle], {
        input: JSON.stringify(asked),
        encoding: 'utf8',
        maxBuffer: 2 ** 26,
      });
      const theirs = JSON.parse(oracleRun.stdout) as readonly unknown[];
      const ours = asked.map(answer);
      const refused = ours.map((one) => typeof one === 'string');
      const wrong = asked.filter(
        (_, index) =>
          refused[index] !== true && JSON.stringify(ours[index]) !== JSON.stringify(theirs[index]),
      );
      expect(wrong).toEqual([]);
      const accepted = theirs.filter((one) => one !== null).length;
      expect(accepted).toBeGreaterThan(2_000);
      expect(ours.filter((_, index) => refused[index] !== true).length).toBeGreaterThan(
        share * accepted,
      );
    },
  );
});
