// The diff of a plan, against diff(1) and against the texts that it is made of.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { diffCount, unifiedDiff } from '../../src/modules/file/diff.ts';

const line = fc.constantFrom('a', 'b', 'c', 'd', '', '-', '+ x', '@@');
const text = fc
  .tuple(fc.array(line, { maxLength: 30 }), fc.boolean())
  .map(([lines, isEnded]) => lines.join('\n') + (isEnded && lines.length > 0 ? '\n' : ''));

/** The text after the diff, made from the text before as patch(1) does. */
function patched(before: string, diff: string): string {
  const [old, out]: [string[], string[]] = [before.match(/[^\n]*\n|[^\n]+$/g) ?? [], []];
  let at = 0;
  for (const row of diff === '' ? [] : diff.split('\n')) {
    const [, from, count = '1'] = /^@@ -(\d+)(?:,(\d+))? \+/.exec(row) ?? [];
    const isHead = from !== undefined && / @@$/.test(row);
    if (isHead) while (at < Number(from) - (count === '0' ? 0 : 1)) out.push(old[at++] ?? '');
    else if (row.startsWith('+')) out.push(`${row.slice(1)}\n`);
    else if (row.startsWith('\\')) out.push((out.pop() ?? '').replace(/\n$/, ''));
    else {
      expect(old[at]?.replace(/\n$/, '')).toBe(row.slice(1));
      if (row.startsWith(' ')) out.push(`${row.slice(1)}\n`);
      at += 1;
    }
  }
  return [...out, ...old.slice(at)].join('');
}

it('makes the text after from the text before', () => {
  const whole = (one: string): string => `${one.replace(/\n?$/, '')}\n`;
  fc.assert(
    fc.property(text, text, (one, other) => {
      const [before, after] = [whole(one), whole(other)];
      expect(patched(before, unifiedDiff(before, after))).toBe(after);
    }),
  );
});

it.each([
  ['a\nb\nc\n', 'a\nx\nc\n'],
  ['', 'a\n'],
  ['a\n', ''],
  ['a', 'a\n'],
  ['a\nb', 'a\nc'],
  ['1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n', '1\n2\n3\nx\n4\n5\n6\n7\n8\n9\ny\n10\n'],
  ['1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n', 'x\n2\n3\n4\n5\n6\n7\n8\n9\n10\ny\n'],
])('is as diff -u writes it: %j to %j', (before, after) => {
  const folder = mkdtempSync(join(tmpdir(), 'kmend-diff-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [one, other] = [join(folder, 'a'), join(folder, 'b')];
  writeFileSync(one, before);
  writeFileSync(other, after);
  const { stdout } = spawnSync('diff', ['-u', one, other], { encoding: 'utf8' });
  expect(`${unifiedDiff(before, after)}\n`).toBe(stdout.split('\n').slice(2).join('\n'));
});

it('truncates a long one, and says so; counts all lines', () => {
  const after = Array.from({ length: 500 }, (_, index) => `${index}\n`).join('');
  const rows = unifiedDiff('', after).split('\n');
  expect([rows.length, rows.at(-1)]).toEqual([121, '... 381 more lines']);
  expect(diffCount('', after)).toBe('+500 -0 lines');
  expect(unifiedDiff('', 'x'.repeat(400)).split('\n')[1]).toHaveLength(303);
});

it('of two long texts that have little in common is one block', () => {
  const lines = (start: number): string =>
    Array.from({ length: 3000 }, (_, index) => `${start + index * 7}\n`).join('');
  expect(unifiedDiff(lines(0), lines(1)).split('\n')[0]).toBe('@@ -1,3000 +1,3000 @@');
});
