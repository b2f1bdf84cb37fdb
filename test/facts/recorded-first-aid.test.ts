// A 3.10.0-1062 whose groups reached a limit of kernel memory, and one on which nothing makes
// groups any more: the numbers that docs/kmem.md gives.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixtures } from './replay.ts';

const sections = readFileSync(join(fixtures, 'leak/1062-limits.txt'), 'utf8')
  .split(/^--- /m)
  .slice(1);
const caches = (section: string): readonly string[] =>
  [...section.matchAll(/cache: ([\w-]+)\(\d+:/g)].map(([, cache = '']) => cache);

describe('leak/1062-limits.txt', () => {
  it.each([
    ['sockets', 'ENOMEM', ['dentry']],
    ['forks', 'ENOMEM', []],
    ['memory limit', 'Killed', ['dentry']],
    ['network namespaces', 'ENOBUFS', ['kmalloc-512', 'RAW']],
  ])('%s: %s, and the caches of the group in the log', (name, failed, seen) => {
    const section = sections.find((one) => one.startsWith(name)) ?? '';
    expect(section).toContain(failed);
    expect([...new Set(caches(section))]).toEqual(seen);
  });
});

describe('leak/1062-on-quieted.tsv', () => {
  const rows = readFileSync(join(fixtures, 'leak/1062-on-quieted.tsv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'));
  const after = rows.slice(rows.findIndex(([state = '']) => state.startsWith('600')));

  it('no step gives an id back, and only `shrink` the whole charge', () => {
    expect(new Set(after.map((row) => row[7]))).toEqual(new Set(['605']));
    expect(
      after.map((row) => [row[0], row[8]]).filter(([, usage]) => usage === '0')[0]?.[0],
    ).toContain('shrink');
  });
});
