// stat: its script on real files in every shell, and the form of its result.
import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs } from './laws.ts';
import { everyShell, planIn } from './readings.ts';

const tree = () => {
  const made = hostTree({ '/etc/it is': 'hi\n' });
  chmodSync(join(made.root, 'etc/it is'), 0o4751);
  symlinkSync('it is', join(made.root, 'etc/link'));
  symlinkSync('nowhere', join(made.root, 'etc/dangling'));
  return made;
};

describe.each(everyShell.map((shell) => [shell.join(' '), shell] as const))(
  'stat in %s',
  (_, shell) => {
    const statOf = (args: object): unknown => planIn(tree(), 'stat', args, { shell }).result?.stat;

    it('reads a file', () => {
      const checksum = '55ca6286e3e4f4fba5d0448333fa99fc5a404a73';
      expect(statOf({ path: '/etc/it is' })).toMatchObject({
        ...{ exists: true, path: '/etc/it is', mode: '4751', size: 3, nlink: 1, checksum },
        ...{ isreg: true, isdir: false, islnk: false, isuid: true, isgid: false },
        ...{ rusr: true, wusr: true, xusr: true, rgrp: true, wgrp: false, xoth: true, roth: false },
        ...{ readable: true, writeable: true, executable: true },
        mtime: expect.closeTo(Date.now() / 1000, -3),
      });
      expect(statOf({ path: '/etc/it is', get_checksum: false })).not.toHaveProperty('checksum');
      expect(statOf({ path: '/etc/it is', checksum_algorithm: 'md5' })).toMatchObject({
        checksum: '764efa883dda1e11db47671c4a3bbd9e',
      });
    });

    it('reads a directory, a link and what a link leads to', () => {
      expect(statOf({ path: '/etc' })).toMatchObject({ isdir: true, isreg: false });
      expect(statOf({ path: '/etc/link' })).toMatchObject({
        ...{ islnk: true, isreg: false, lnk_target: 'it is', lnk_source: '/etc/it is' },
      });
      expect(statOf({ path: '/etc/link', follow: true })).toMatchObject({ isreg: true, size: 3 });
      expect(statOf({ path: '/etc/dangling' })).toMatchObject({ exists: true, islnk: true });
    });

    it('says that a path does not exist, and nothing else of it', () => {
      for (const args of [{ path: '/etc/none' }, { path: '/etc/dangling', follow: true }])
        expect(statOf(args)).toEqual({ exists: false });
    });

    it('fails where the path cannot be asked for', () => {
      expect(planIn(tree(), 'stat', { path: '/etc/it is/x' }, { shell })).toMatchObject({
        unmet: { kind: 'exit', evidence: expect.stringContaining('Not a directory') },
        result: { failed: true },
      });
    });
  },
);

describe('stat', () => {
  it.each(['x', '~/x', '/home/$USER'])('does not take the path %s', (path) => {
    expect(() => parseArgs(moduleNamed('stat'), { path })).toThrow();
  });
});
