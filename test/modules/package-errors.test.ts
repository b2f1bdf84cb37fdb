// What dnf and apt-get really said when something was wrong (recorded with dnf 4 and apt of Debian
// 13 on local repositories), and what kmend calls it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withPrelude } from '../../src/facts/probe/prelude.ts';
import { packageErrors, packageHints } from '../../src/modules/package-manager/errors.ts';
import { packageSteps } from '../../src/modules/package-manager/script.ts';
import type { Manager } from '../../src/modules/package-manager/version.ts';
import { hostTree } from './host-tree.ts';

const folder = join(import.meta.dirname, 'recorded');
const step = { name: 'lab', from: '', to: '1-1', kind: 'install' } as const;

/**
 * The script, with a tool that says this and ends with that; `installed` is what the query finds
 * afterwards.
 */
function ranWith(manager: Manager, said: string, code: number, installed = '') {
  const tree = hostTree({ '/said': said });
  tree.program('sleep', ':');
  const tool = `case "$*" in *-s\\ *) exit 0;; esac; cat "$KMEND_ROOT/said"; exit ${code}`;
  for (const name of ['yum', 'dnf', 'zypper', 'apt-get']) tree.program(name, tool);
  tree.program('rpm', installed === '' ? 'exit 1' : `echo ${installed}`);
  tree.program('dpkg-query', installed === '' ? 'exit 1' : `echo "${installed}"`);
  return tree.run(withPrelude(packageSteps(manager, [step], 3)));
}

describe('recorded', () => {
  it.each<[string, number, number, string]>([
    ['dnf-not-signed', 1, 47, ''],
    ['dnf-no-key', 1, 47, ''],
    ['dnf-other-key', 1, 47, ''],
    ['dnf-repository-down', 1, 46, ''],
    ['dnf-package-gone', 1, 46, ''],
    ['dnf-mirror-name-gone', 1, 49, ''],
    ['dnf-boot-full', 1, 45, ''],
    ['dnf-read-only', 1, 36, ''],
    ['dnf-database-damaged', 1, 48, ''],
    ['dnf-file-conflict', 1, 58, ''],
    ['apt-file-conflict', 100, 58, ''],
    ['apt-interrupted', 100, 48, ''],
    ['apt-not-authenticated', 100, 47, ''],
    ['apt-package-gone', 100, 26, ''],
    ['apt-repository-down', 100, 33, ''],
    ['apt-boot-full', 100, 45, ''],
    ['apt-held', 100, 41, ''],
    ['apt-script-failed', 100, 43, 'install ok half-configured 1-1'],
  ])('%s (rc %i) is %i', (name, rc, code, installed) => {
    const ran = ranWith(
      name.startsWith('dnf') ? 'dnf' : 'apt',
      readFileSync(join(folder, `${name}.txt`), 'utf8'),
      rc,
      installed,
    );
    expect([ran.code, ran.err === '']).toEqual([code, false]);
  });

  it('the line that shows the cause comes last, as the reader sees only the last few', () => {
    const said = readFileSync(join(folder, 'apt-file-conflict.txt'), 'utf8');
    const ran = ranWith('apt', said, 100);
    expect(ran.err.trimEnd().split('\n').at(-1)).toBe(
      " trying to overwrite '/usr/bin/containerd', which is also in package own (1)",
    );
  });

  it('has a row for every recording', () => {
    expect(readdirSync(folder).filter((name) => /^(?:dnf|apt)-.*\.txt$/.test(name))).toHaveLength(
      18,
    );
  });
});

describe('from the sources of yum 3 and zypper, not recorded (model)', () => {
  it.each<[Manager, string, number, number]>([
    ['yum', 'Cannot find a valid baseurl for repo: base/7/x86_64', 1, 35],
    [
      'yum',
      'Could not retrieve mirrorlist http://mirrorlist.centos.org/?release=7 error was\n14: curl#6 - "Could not resolve host: mirrorlist.centos.org"',
      1,
      49,
    ],
    [
      'yum',
      'http://10.0.0.1/x.rpm: [Errno 14] curl#7 - "Failed connect"\nTrying other mirror.\n[Errno 256] No more mirrors to try.',
      1,
      33,
    ],
    ['yum', 'Public key for docker-ce-18.09.9-3.el7.x86_64.rpm is not installed', 1, 47],
    [
      'yum',
      'There are unfinished transactions remaining. You might consider running yum-complete-transaction',
      1,
      48,
    ],
    [
      'yum',
      'error: db5 error(-30973) from dbenv->open: BDB0087 DB_RUNRECOVERY: Fatal error, run database recovery',
      1,
      48,
    ],
    ['yum', 'Insufficient space in download directory /var/cache/yum', 1, 45],
    [
      'yum',
      'Another app is currently holding the yum lock; exiting as configured by exit_on_lock',
      200,
      40,
    ],
    ['zypper', 'System management is locked by the application with pid 4711 (zypper).', 7, 40],
    ['zypper', 'Problem: nothing provides containerd.io needed by docker-ce', 4, 56],
    ['zypper', "No provider of 'lab = 1-1' found.", 104, 41],
  ])('%s: %s', (manager, said, rc, code) => {
    expect(ranWith(manager, said, rc).code).toBe(code);
  });

  it('zypper: advice is no failure, and 107 is a script that failed', () => {
    for (const rc of [0, 102, 103, 106]) expect(ranWith('zypper', '', rc, '1-1').code).toBe(0);
    expect(ranWith('zypper', '', 107, '1-1').code).toBe(43);
    expect(ranWith('zypper', '', 0).code).toBe(42);
  });
});

it.each<[Manager, string]>([
  [
    'yum',
    'http://me:secret@mirror.example/repodata/repomd.xml?token=hidden: [Errno 14] HTTP Error 403 - Forbidden',
  ],
  [
    'apt',
    'E: Failed to fetch https://me:secret@mirror.example/x.deb?token=hidden  403  Forbidden [IP: 10.0.0.1]',
  ],
])('%s: logins and tokens of addresses do not leave the host', (manager, said) => {
  const ran = ranWith(manager, said, 100);
  expect([ran.code, ran.err]).toEqual([22, expect.stringContaining('://***@mirror.example/')]);
  expect(ran.err).not.toMatch(/secret|hidden/);
});

it('every code has a hint, and none runs a repair', () => {
  expect(Object.keys(packageHints)).toEqual(Object.keys(packageErrors));
  for (const manager of ['yum', 'dnf', 'apt', 'zypper'] as const)
    expect(packageSteps(manager, [step], 3)).not.toMatch(
      /rebuilddb|complete-transaction|--configure/,
    );
});
