// blockinfile: what it plans, as a table. test/hosts/file-modules-differential.test.ts compares its
// edits with Ansible's.
import { describe, expect, it } from 'vitest';
import { fileFacts } from './file-facts.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const planned = (args: object, text: string | undefined) =>
  planOf('blockinfile', {
    args: { path: '/etc/f', marker: '# {mark}', ...args },
    facts: fileFacts(text),
  });
const written = (args: object, text: string | undefined): unknown =>
  planned(args, text).changes.flatMap(({ effects }) =>
    effects.map((effect) => (effect.kind === 'write' ? effect.content : effect.kind)),
  )[0];
const block = '# BEGIN\nx\n# END\n';

describe('the edit', () => {
  it.each<[string, object, string | undefined, string | undefined]>([
    ['adds a block', { block: 'x' }, 'a\n', `a\n${block}`],
    ['ends the last line first', { block: 'x\n' }, 'a', `a\n${block}`],
    ['leaves a block that is there', { block: 'x' }, `a\n${block}b\n`, undefined],
    ['replaces it in its place', { block: 'y' }, `${block}b\n`, '# BEGIN\ny\n# END\nb\n'],
    ['removes it', { state: 'absent' }, `a\n${block}b\n`, 'a\nb\n'],
    ['removes it without a block', {}, `a\n${block}b\n`, 'a\nb\n'],
    ['finds markers in another order', { block: 'x' }, '# END\n# BEGIN\nb\n', `${block}b\n`],
    [
      'adds it behind the last match',
      { block: 'x', insertafter: '^a' },
      'a\nb\n',
      `a\n${block}b\n`,
    ],
    [
      'adds it before the last match',
      { block: 'x', insertbefore: '^b' },
      'a\nb\n',
      `a\n${block}b\n`,
    ],
    ['adds it at the beginning', { block: 'x', insertbefore: 'BOF' }, 'a\n', `${block}a\n`],
    ['adds it at the end without a match', { block: 'x', insertbefore: 'z' }, 'a\n', `a\n${block}`],
    [
      'finds a place over several lines',
      { block: 'x', insertafter: '(?m)^a\nb$' },
      'a\nb\nc\na\n',
      `a\nb\n${block}c\na\n`,
    ],
    [
      'has empty lines around it once',
      { block: 'x', insertafter: 'a', append_newline: true, prepend_newline: true },
      'a\nb\n',
      `a\n\n${block}\nb\n`,
    ],
    ['makes the file', { block: 'x', create: true }, undefined, block],
    [
      'has words of its own in the markers',
      { block: 'x', marker_begin: '$&', marker_end: 'B' },
      '',
      '# $&\nx\n# B\n',
    ],
  ])('%s', (_, args, before, after) => {
    expect(written(args, before)).toBe(after);
  });

  it('shows a diff', () => {
    expect(planned({ block: 'x' }, 'a\n').changes[0]?.diff).toBe(
      '@@ -1 +1,4 @@\n a\n+# BEGIN\n+x\n+# END',
    );
  });
});

it.each<[string, object, string | undefined, RegExp]>([
  ['a file that is not there', { block: 'x' }, undefined, /\/etc\/f is not there/],
  ['a block with a marker in it', { block: '# BEGIN\nx' }, '', /done again by each run/],
])('does not edit %s', (_, args, text, why) => {
  const plan = planned(args, text);
  expect(plan.unmet?.evidence ?? plan.refuse?.why).toMatch(why);
});

it('leaves a file that is not there without the block', () => {
  expect(planned({ state: 'absent', create: true }, undefined).note).toBe('/etc/f is not there');
});

it.each<[object, RegExp]>([
  [{ marker: '# x' }, /should have {mark} in it/],
  [{ marker: '# {mark}\n' }, /should be one line/],
  [{ marker_begin: 'a\\b' }, /without a backslash/],
  [{ marker_end: 'BEGIN' }, /is not `marker_end`/],
  [{ insertafter: 'a', insertbefore: 'b' }, /not both/],
  [{ insertafter: '(' }, /cannot be used/],
])('refuses %j', (args, why) => {
  expect(() => parseArgs(moduleNamed('blockinfile'), { path: '/etc/f', ...args })).toThrow(why);
});
