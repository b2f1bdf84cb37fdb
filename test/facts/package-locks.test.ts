// Who holds a lock of the package manager, as every shell of a host finds it.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageLocks, packageLocksArea } from '../../src/facts/areas/packages/package-locks.ts';
import { withPrelude } from '../../src/facts/probe/prelude.ts';
import { hostTree, shells } from '../modules/host-tree.ts';

/** `/proc/PID` of a process that began at second 955 of 1000. */
const processOf = (pid: number, name: string, ...words: readonly string[]) => ({
  [`/proc/${pid}/comm`]: `${name}\n`,
  [`/proc/${pid}/stat`]: `${pid} (${name}) S 1 ${'0 '.repeat(17)}95500 1 2\n`,
  [`/proc/${pid}/cmdline`]: words.map((word) => `${word}\0`).join(''),
});
const uptime = { '/proc/uptime': '1000.50 1.00\n' };

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))('under %s', (_, shell) => {
  const found = (
    files: Readonly<Record<string, string>>,
    rows?: (inode: number) => string,
  ): string => {
    const tree = hostTree({ ...uptime, '/var/lib/rpm/.rpm.lock': '', '/proc/locks': '', ...files });
    if (rows !== undefined)
      tree.write('/proc/locks', rows(statSync(join(tree.root, 'var/lib/rpm/.rpm.lock')).ino));
    return tree.run(withPrelude(`${packageLocks}locks\n`), shell).out.trim();
  };

  it.each([
    [
      'a write lock',
      (inode: number) => `1: POSIX  ADVISORY  WRITE 4711 fd:00:${inode} 0 EOF\n`,
      'rpm (pid 4711, for 45 s) holds /var/lib/rpm/.rpm.lock',
    ],
    [
      'a lock whose holder is in another namespace',
      (inode: number) => `1: OFDLCK ADVISORY  WRITE -1 fd:00:${inode} 0 EOF\n`,
      'an unseen process holds /var/lib/rpm/.rpm.lock',
    ],
    [
      'a lock for reading',
      (inode: number) => `1: POSIX  ADVISORY  READ 4711 fd:00:${inode} 0 EOF\n`,
      '',
    ],
    [
      'who waits for a lock',
      (inode: number) => `1: -> POSIX  ADVISORY  WRITE 4711 fd:00:${inode} 0 EOF\n`,
      '',
    ],
    [
      'another file',
      (inode: number) => `1: POSIX  ADVISORY  WRITE 4711 fd:00:1${inode} 0 EOF\n`,
      '',
    ],
    [
      'a process that has ended',
      (inode: number) => `1: POSIX  ADVISORY  WRITE 4712 fd:00:${inode} 0 EOF\n`,
      '',
    ],
  ])('%s', (_title, rows, expected) =>
    expect(found(processOf(4711, 'rpm', 'rpm'), rows)).toBe(expected),
  );

  it('an inode of another file system is not taken for the lock, where the open files of its process can be seen', () =>
    expect(
      found(
        { ...processOf(4711, 'postgres'), '/proc/4711/fd/3': '' },
        (inode) => `1: POSIX  ADVISORY  WRITE 4711 fd:00:${inode} 0 EOF\n`,
      ),
    ).toBe(''));

  it.each([
    [
      'yum update',
      processOf(4711, 'yum', '/usr/bin/python', '/usr/bin/yum', '-y', 'update'),
      'yum (pid 4711, for 45 s) holds /var/run/yum.pid',
    ],
    [
      'yum list',
      processOf(4711, 'yum', '/usr/bin/python', '/usr/bin/yum', '-q', 'list', 'kernel'),
      '',
    ],
    [
      'yum install list',
      processOf(4711, 'yum', '/usr/bin/yum', 'install', 'list'),
      'yum (pid 4711, for 45 s) holds /var/run/yum.pid',
    ],
    ['a process that got the number later', processOf(4711, 'sshd', 'sshd', 'update'), ''],
    ['a process that has ended', {}, ''],
  ])('the pid file of yum with %s', (_title, files, expected) =>
    expect(found({ '/var/run/yum.pid': '4711', ...files })).toBe(expected),
  );
});

it('reads the first holder', () => {
  expect(packageLocksArea.parse('locked a (pid 1) holds /x\n', { cut: false, args: {} })).toEqual({
    'packages.lock': 'a (pid 1) holds /x',
  });
});
