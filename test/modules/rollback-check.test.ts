// Changes that could not be rolled back: refused before anything is changed, with what to do about
// it, unless the play says `rollback: none`.
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../src/model/fact.ts';
import { el7, packageFacts } from './facts.ts';
import { planOf } from './laws.ts';

const good = {
  ...packageFacts('docker-ce-cli', '', ['1:18.09.9-3.el7']),
  ...packageFacts('containerd.io', '', ['1.4.13-3.1.el7']),
};
const gone = { ...good, ...packageFacts('docker-ce', '18.06.1.ce-3.el7', ['3:18.09.9-3.el7']) };
const kept = {
  ...good,
  ...packageFacts('docker-ce', '18.06.1.ce-3.el7', ['18.06.1.ce-3.el7', '3:18.09.9-3.el7']),
};
const deb: Facts = { 'packages.manager': 'apt', 'docker.evr': '5:18.09.1~3-0~debian-stretch' };
const runtime = { kmem: 'disabled' };

describe.each<[string, string, unknown, Facts, RegExp, Facts]>([
  [
    'an engine',
    'container_runtime',
    runtime,
    gone,
    /^no enabled repository has docker-ce 18\.06\.1\.ce-3\.el7, which is installed now/,
    kept,
  ],
  [
    'a package',
    'package',
    { name: 'docker-ce', version: '18.09.9' },
    gone,
    /docker-ce 18\.06\.1\.ce-3\.el7.*could not be rolled back/,
    kept,
  ],
  [
    'several packages',
    'package',
    { packages: { kubelet: '1.22.17', kubectl: '1.22.17' } },
    {
      ...packageFacts('kubelet', '1.12.3-0', ['1.22.17-0']),
      ...packageFacts('kubectl', '1.12.3-0', ['1.22.17-0']),
    },
    /has kubelet 1\.12\.3-0, kubectl 1\.12\.3-0, which are installed now/,
    {
      ...packageFacts('kubelet', '1.12.3-0', ['1.12.3-0', '1.22.17-0']),
      ...packageFacts('kubectl', '1.12.3-0', ['1.12.3-0', '1.22.17-0']),
    },
  ],
  [
    'a package that is taken away',
    'package',
    { name: 'docker-ce', state: 'absent' },
    packageFacts('docker-ce', '3:18.09.9-3.el7', ['3:18.09.1-3.el7']),
    /3:18\.09\.9-3\.el7, which is installed now/,
    packageFacts('docker-ce', '3:18.09.9-3.el7', ['3:18.09.9-3.el7']),
  ],
  [
    'a package of Debian',
    'package',
    { name: 'docker-ce', state: 'latest' },
    {
      ...deb,
      ...packageFacts('docker-ce', '5:18.09.1~3-0~debian-stretch', [
        '5:18.09.9~3-0~debian-stretch',
      ]),
    },
    /could not be rolled back/,
    {
      ...deb,
      ...packageFacts('docker-ce', '5:18.09.1~3-0~debian-stretch', [
        '5:18.09.1~3-0~debian-stretch',
        '5:18.09.9~3-0~debian-stretch',
      ]),
    },
  ],
  [
    'an argument that stands twice',
    'kernel_arg',
    { key: 'console', state: 'absent' },
    { 'boot.next_cmdline': 'console=tty0 console=ttyS0' },
    /^console=tty0 console=ttyS0 stands on the next command line.*rollback/,
    { 'boot.next_cmdline': 'console=ttyS0,115200n8' },
  ],
  [
    'an argument with blanks',
    'kernel_arg',
    { key: 'dyndbg', value: 'x' },
    { 'boot.next_cmdline': 'ro dyndbg="file a.c +p"' },
    /a rollback could not set it again/,
    { 'boot.next_cmdline': 'ro dyndbg' },
  ],
])('%s', (_, module, args, facts, why, better) => {
  it('that could not come back is refused, with what to do', () => {
    const { changes, refuse } = planOf(module, { args, facts: el7(facts) });
    expect([changes, refuse?.why, refuse?.hint]).toEqual([
      [],
      expect.stringMatching(why),
      expect.stringContaining('rollback: none'),
    ]);
  });

  it('is changed all the same where the play says `rollback: none`', () => {
    const { changes, refuse } = planOf(module, {
      args,
      facts: el7(facts),
      context: { acceptNoRollback: true },
    });
    expect([changes.length > 0, refuse]).toEqual([true, undefined]);
  });

  it('is changed where it could', () => {
    const { changes, refuse } = planOf(module, { args, facts: el7(better) });
    expect([changes.length > 0, refuse]).toEqual([true, undefined]);
  });
});

it('an argument in a list that others share is taken out again by itself', () => {
  const facts = el7({ 'boot.next_cmdline': 'cgroup.memory=nosocket cgroup.memory=nobpf' });
  expect(
    planOf('kernel_arg', { args: { key: 'cgroup.memory', value: 'nokmem' }, facts }).refuse,
  ).toBeUndefined();
});

it('nothing to do needs no rollback', () => {
  const facts = el7(packageFacts('docker-ce', '3:18.09.9-3.el7', []));
  expect(
    planOf('package', { args: { name: 'docker-ce', version: '18.09.9' }, facts }).refuse,
  ).toBeUndefined();
});

it('no room for the copies beside the files of the boot loader is reported before anything is changed', () => {
  const facts = el7({ 'space.boot_kb': 900 });
  expect(
    planOf('kernel_arg', { args: { key: 'cgroup.memory', value: 'nokmem' }, facts }).refuse?.why,
  ).toMatch(/\/boot has 0 MB left/);
});
