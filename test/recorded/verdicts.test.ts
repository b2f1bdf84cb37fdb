// What kmend says about hosts that it probed itself on real kernels (test/vm records them with KMEND_RECORD=1): Debian's 6.12 on cgroup v2.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { derive, parseProbe } from '../../src/facts/index.ts';
import type { Facts } from '../../src/model/fact.ts';
import type { Mapping } from '../../src/model/value.ts';
import { recordings } from './recordings.ts';

const names = readdirSync(recordings)
  .filter((name) => name.endsWith('.txt'))
  .map((name) => name.replace('.txt', ''))
  .toSorted();

function factsOf(name: string): Facts {
  const parsed = parseProbe(readFileSync(join(recordings, `${name}.txt`), 'utf8'));
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return derive(parsed.value);
}

const said = (name: string, facts: readonly string[]): readonly unknown[] => {
  const all: Mapping = factsOf(name);
  return facts.map((fact) => all[fact]);
};

describe('recordings of real kernels', () => {
  it.each(names)('%s: 6.12 on cgroup v2 has nothing to mend', (name) => {
    const judged = said(name, [
      'kernel.generation',
      'cgroup.memory',
      'kmem.verdict',
      'kmem.evidence',
      'kmem.remedy',
    ]);
    expect(judged).toEqual([
      '5.9+',
      'v2',
      'not_applicable',
      'kernel 6.12: accounting is healthy',
      'none',
    ]);
  });

  it('only a group that works, with the argument in force, proves that nothing is charged', () => {
    expect(names.map((name) => [name, factsOf(name)['kmem.proof']])).toEqual([
      ['debian-13-tiny-back', 'none'],
      ['debian-13-tiny-before', 'none'],
      ['debian-13-tiny-nokmem', 'samples'],
      ['direct-boot-default', 'none'],
      ['direct-boot-default-idle', 'none'],
      ['direct-boot-nokmem', 'samples'],
      ['direct-boot-nokmem-idle', 'none'],
    ]);
  });

  it('each says how much the slab caches hold', () => {
    for (const name of names)
      for (const kilobytes of said(name, ['memory.slab_kb', 'memory.sunreclaim_kb']))
        expect(kilobytes, name).toBeGreaterThan(1000);
  });

  it.each([
    ['direct-boot-default', 'pods/busy', true],
    ['direct-boot-nokmem', 'pods/busy', false],
    ['direct-boot-default', 'pods/idle', false],
    ['debian-13-tiny-before', 'limited', true],
    ['debian-13-tiny-nokmem', 'limited', false],
    ['debian-13-tiny-back', 'limited', true],
  ])('%s: %s is charged: %s', (name, path, charged) => {
    const groups = factsOf(name)['kmem.groups'] as readonly {
      path: string;
      usage: number;
      limit: number;
      state: string;
    }[];
    const group = groups.find((one) => one.path === path);
    expect([group?.limit, group?.state, (group?.usage ?? 0) > 0]).toEqual([
      67_108_864,
      charged ? 'read' : 'empty',
      charged,
    ]);
  });

  it("Debian's own GRUB: the loader, the entry that boots next and what a later kernel would get", () => {
    const facts = [
      'boot.loader',
      'boot.firmware',
      'boot.grub_cfg',
      'kernel.next_parses_nokmem',
      'packages.manager',
      'boot.pending',
    ];
    expect(said('debian-13-tiny-before', facts)).toEqual([
      'grub-debian',
      'bios',
      '/boot/grub/grub.cfg',
      'yes',
      'apt',
      false,
    ]);
    const lines = ['boot.cmdline', 'boot.next_cmdline', 'boot.cmdline_future'];
    const hasArgument = (name: string): readonly boolean[] =>
      said(name, lines).map((line) => String(line).includes('cgroup.memory=nokmem'));
    expect(hasArgument('debian-13-tiny-nokmem')).toEqual([true, true, true]);
    expect(hasArgument('debian-13-tiny-before')).toEqual([false, false, false]);
    expect(said('debian-13-tiny-back', lines.slice(1))).toEqual(
      said('debian-13-tiny-before', lines.slice(1)),
    );
  });
});
