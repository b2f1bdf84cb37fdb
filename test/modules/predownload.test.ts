// `predownload: true`: what is downloaded ahead, what is refused all the same, and what each
// package manager is called with.
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../src/model/fact.ts';
import { el7, packageFacts } from './facts.ts';
import { planOf } from './laws.ts';

const old = '18.06.1.ce-3.el7';
const next = '3:18.09.9-3.el7';
const engine = packageFacts('docker-ce', old, [old, next]);
const runtime = {
  ...engine,
  ...packageFacts('docker-ce-cli', '', ['1:18.09.9-3.el7']),
  ...packageFacts('containerd.io', '', ['1.4.13-3.1.el7']),
};
const kernels = {
  'kernel.next': '3.10.0-862.el7.x86_64',
  'kernel.installed': ['3.10.0-862.el7.x86_64'],
};
const to = { name: 'docker-ce', version: '18.09.9' };

const answerOf = (module: string, args: object, facts: Facts): string | undefined => {
  const { changes, refuse, note } = planOf(module, {
    args: { ...args, predownload: true },
    facts: el7(facts),
  });
  const [effect, ...others] = changes.flatMap((change) => change.effects);
  if (effect === undefined) return refuse?.why ?? note;
  expect([others, changes.map(({ sign, what, risk }) => [sign, what, risk])]).toEqual([
    [],
    [['!', 'download', 'write']],
  ]);
  if (effect.kind !== 'run') throw new Error(effect.kind);
  expect([effect.harmless, effect.detached]).toEqual([true, true]);
  return /^bounded (.*); rc=\$\?$/m.exec(effect.script)?.[1];
};

describe('downloads', () => {
  it.each<[string, string, object, Facts, RegExp]>([
    ['yum', 'package', to, engine, /^yum .* --downloadonly install docker-ce-18\.09\.9-3\.el7$/],
    [
      'yum, back',
      'package',
      { name: 'docker-ce', version: old, allow_downgrade: true },
      packageFacts('docker-ce', next, [old, next]),
      /--downloadonly downgrade docker-ce-18\.06\.1\.ce-3\.el7$/,
    ],
    [
      'yum, though it is held',
      'package',
      { ...to, holds: 'lift' },
      { ...engine, 'package.docker-ce.held': true },
      /--disableexcludes=all .*--downloadonly/,
    ],
    [
      'apt',
      'package',
      { name: 'x' },
      { 'packages.manager': 'apt', ...packageFacts('x', '', ['1-1']) },
      /^apt-get .* -d .* install x=1-1$/,
    ],
    [
      'zypper',
      'package',
      to,
      { ...engine, 'packages.manager': 'zypper' },
      /^zypper .* install .* --download-only docker-ce=3:18\.09\.9-3\.el7$/,
    ],
    [
      'a runtime',
      'container_runtime',
      { kmem: 'disabled' },
      runtime,
      /install docker-ce-18\.09\.9-3\.el7 docker-ce-cli-18\.09\.9-3\.el7 containerd\.io-1\.4\.13-3\.1\.el7$/,
    ],
    [
      'a kernel',
      'kernel',
      { min: '3.10.0-1062.el7' },
      { ...kernels, ...packageFacts('kernel', '', ['3.10.0-1160.el7']) },
      /install kernel-3\.10\.0-1160\.el7$/,
    ],
  ])('%s', (_, module, args, facts, command) => {
    expect(answerOf(module, args, facts)).toMatch(command);
  });

  it.each<[string, string, object, Facts, RegExp]>([
    [
      'what no repository has',
      'package',
      { name: 'docker-ce', version: '99' },
      engine,
      /no enabled repository has docker-ce 99/,
    ],
    ['what is held', 'package', to, { ...engine, 'package.docker-ce.held': true }, /is held/],
    [
      'more than there is room for',
      'kernel',
      { min: '3.10.0-1062.el7' },
      { ...kernels, ...packageFacts('kernel', '', ['3.10.0-1160.el7']), 'space.var_kb': 10 },
      /\/var has 0 MB left/,
    ],
    [
      'an engine that could not be rolled back',
      'container_runtime',
      { kmem: 'disabled' },
      { ...runtime, ...packageFacts('docker-ce', old, [next]) },
      /could not be rolled back/,
    ],
  ])('refuses %s', (_, module, args, facts, why) => {
    expect(answerOf(module, args, facts)).toMatch(why);
  });

  it.each<[string, string, object, Facts, string | undefined]>([
    ['what is there already', 'package', { name: 'docker-ce' }, engine, undefined],
    [
      'a package that goes',
      'package',
      { name: 'docker-ce', state: 'absent' },
      engine,
      'nothing to download',
    ],
    [
      'packages that come and go',
      'package',
      { packages: { 'docker-ce': old, 'docker-ce-cli': 'absent' }, allow_downgrade: true },
      {
        ...packageFacts('docker-ce', next, [old, next]),
        ...packageFacts('docker-ce-cli', '1:1-1', ['1:1-1']),
      },
      'packages that go and packages that come in one transaction are not downloaded beforehand',
    ],
    [
      'a kernel that is installed',
      'kernel',
      { min: '3.10.0-1062.el7' },
      { ...kernels, 'kernel.installed': ['3.10.0-1160.el7.x86_64'] },
      '3.10.0-1160.el7.x86_64 is installed',
    ],
  ])('leaves out %s', (_, module, args, facts, note) => {
    expect(answerOf(module, args, facts)).toBe(note);
  });
});
