// Messages of a 3.10.0-1062 whose groups reached a limit of kernel memory: the symptoms that kmend finds in them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixtures } from './replay.ts';

const sections = readFileSync(join(fixtures, 'leak/1062-limits.txt'), 'utf8').split(/^--- /m).slice(1);
const caches = (section: string): readonly string[] => [...section.matchAll(/cache: ([\w-]+)\(\d+:/g)].map(([, cache = '']) => cache);

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
