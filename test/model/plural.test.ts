// One and many, by one function, in every text.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { plural } from '../../src/model/text/plural.ts';

it('says 1 host and 2 hosts, and takes another plural', () => {
  expect([0, 1, 2].map((count) => plural(count, 'host'))).toEqual(['0 hosts', '1 host', '2 hosts']);
  expect(plural(2, 'entry', 'entries')).toBe('2 entries');
});

it('is what each text of the program uses that counts', () => {
  /** Counts that are never 1. */
  const fixed = [
    'src/cli/commands/about/demo.ts',
    'src/cli/commands/about/lab.ts',
    'src/load/inventory/draft.ts',
    'src/load/inventory/range.ts',
  ];
  const counted =
    /\$\{[^}]+\} (?:hosts|plays|nodes|slots)\b|=== 1 \? '(host|pod|node|slot|line)' : '\1s'/;
  const wrong = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map((path) => join('src', path))
    .filter((path) => path.endsWith('.ts') && !fixed.includes(path))
    .flatMap((path) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => counted.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
  expect(wrong).toEqual([]);
});
