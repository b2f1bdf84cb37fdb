// Every filter and every test has a case: a recording from Ansible, or a row of this table.
import { describe, expect, it } from 'vitest';
import { filterNames, testNames } from '../../src/expression/index.ts';
import { shown } from './outcome.ts';
import questions from './questions.json' with { type: 'json' };
import recorded from './ref.json' with { type: 'json' };

const vars = {
  s: 'a<b',
  d: { k: 1 },
  failed: { failed: true },
  fine: { failed: false, changed: true, skipped: true },
  nan: 'x',
};

const rows: readonly (readonly [source: string, expected: unknown])[] = [
  ['s | safe', 'a<b'],
  ['s | forceescape', 'a&lt;b'],
  ["d | attr('k')", 'error'],
  ["d | attr('k') | default('none')", 'none'],
  ["'C:\\Users\\x.txt' | win_dirname", 'C:\\Users'],
  ['1 is false', false],
  ['false is false', true],
  ['1 is != 2', 'error'],
  ["[1, 2, 3] | select('!=', 2) | list", [1, 3]],
  ["[1, 2, 3] | select('<', 2) | list", [1]],
  ["[1, 2, 3] | select('<=', 2) | list", [1, 2]],
  ["[1, 2, 3] | select('>=', 2) | list", [2, 3]],
  ['1 is le(1)', true],
  ['2 is le(1)', false],
  ['[1] is issubset([1, 2])', true],
  ['[1, 3] is issubset([1, 2])', false],
  ['[1, 2] is issuperset([1])', true],
  ['[1] is issuperset([1, 2])', false],
  ['1.5 is isnan', false],
  ["'x' is isnan", false],
  ['failed is failure', true],
  ['fine is failure', false],
  ['fine is successful', true],
  ['failed is successful', false],
  ['fine is change', true],
  ['fine is skip', true],
  ["'/a' is is_abs", true],
  ["'a' is is_abs", false],
  ["'$ANSIBLE_VAULT;1.1' is vault_encrypted", true],
  ["'plain' is vault_encrypted", false],
];

describe('filters and tests that no recorded expression uses', () => {
  it.each(rows)('%s', (source, expected) => {
    expect(shown(source, 'template', vars)).toEqual(expected);
  });
});

it('every filter and test has a recorded expression or a row above', () => {
  const all = [
    ...recorded.cases.map(({ e }) => e),
    ...Object.values(questions).flat(),
    ...rows.map(([source]) => source),
  ].join('\n');
  const escaped = (name: string): string => name.replace(/[<>=!]/g, '\\$&');
  const isUsed =
    (before: string, applied: string) =>
    (name: string): boolean =>
      new RegExp(
        `${before}(?:ansible\\.builtin\\.)?${escaped(name)}(?!\\w)|(?:${applied})\\([^)]*['"]${escaped(name)}['"]`,
      ).test(all);
  expect(filterNames().filter((name) => !isUsed('\\|\\s*', 'map')(name))).toEqual([]);
  expect(
    testNames().filter(
      (name) => !isUsed('is\\s+(?:not\\s+)?', 'select|reject|selectattr|rejectattr')(name),
    ),
  ).toEqual([]);
});
