// Which repositories count for a task: `enablerepo` and `disablerepo` in the look, in the
// transaction, in the download and for a rollback.
import { describe, expect, it } from 'vitest';
import { buildProbe } from '../../src/facts/index.ts';
import { type Facts, fact, viewOf } from '../../src/model/fact.ts';
import { problemsOf } from '../../src/model/shape/schema.ts';
import type { Mapping } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { el7 } from './facts.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const choice = { enablerepo: 'elrepo*', disablerepo: ['base', 'updates'] };
const flags = "--disablerepo=base --disablerepo=updates '--enablerepo=elrepo*'";
const key = '@elrepo*,!base,!updates';

const seen = (name: string, installed: string, available: readonly string[]): Facts => ({
  ...fact(`package.${name}.installed`, installed),
  ...fact(`package.${name}${key}.available`, available),
  ...fact(`package.${name}.held`, false),
});
const [old, next] = ['18.06.1.ce-3.el7', '3:18.09.9-3.el7'];
const runtime = {
  ...seen('docker-ce', old, [old, next]),
  ...seen('docker-ce-cli', '', ['1:18.09.9-3.el7']),
  ...seen('containerd.io', '', ['1.4.13-3.1.el7']),
};
const kernels = {
  'kernel.next': '3.10.0-862.el7.x86_64',
  'kernel.installed': ['3.10.0-862.el7.x86_64'],
  'boot.once': 'no',
};

const tasks: readonly (readonly [string, Mapping, Facts])[] = [
  ['package', { name: 'docker-ce', state: 'latest' }, runtime],
  ['container_runtime', { kmem: 'disabled' }, runtime],
  [
    'kernel',
    { min: '3.10.0-1062.el7' },
    { ...kernels, ...seen('kernel', '3.10.0-862.el7', ['3.10.0-1160.el7']) },
  ],
];

describe.each(tasks)('the choice of repositories in %s', (name, args, facts) => {
  const given = { ...args, ...choice };
  const scripts = (more: Mapping) =>
    planOf(name, { args: { ...given, ...more }, facts: el7(facts) })
      .changes.flatMap((change) => change.effects)
      .map((effect) => (effect.kind === 'run' ? effect.script : ''))
      .join('');

  it('is made in the look of the probe', () => {
    const module = moduleNamed(name);
    expect(buildProbe(module.facts(parseArgs(module, given), viewOf({})))).toContain(
      `yum_look "$n" ${flags}\n`,
    );
  });

  it('is made in the transaction and in the download', () => {
    expect(scripts({})).toContain(`${flags} install`);
    expect(scripts({ predownload: true })).toContain(`${flags} --downloadonly install`);
  });

  it('is refused for apt and zypper, which have no such choice', () => {
    for (const manager of ['apt', 'zypper'] as const)
      expect(
        planOf(name, { args: given, facts: el7({ ...facts, 'packages.manager': manager }) }).refuse
          ?.why,
      ).toBe(`${manager} cannot enable or disable repositories for one transaction`);
  });
});

it('a version that only another choice of repositories has is none for a rollback', () => {
  const elsewhere = {
    ...runtime,
    'package.docker-ce.available': [old],
    [`package.docker-ce${key}.available`]: [next],
  };
  const plan = planOf('container_runtime', {
    args: { kmem: 'disabled', ...choice },
    facts: el7(elsewhere),
  });
  expect(plan.refuse?.why).toMatch(/could not be rolled back/);
});

it.each(['-y', '', 'a b', 'a;b', 'x'.repeat(201)])('%j is no id of a repository', (id) => {
  for (const name of ['package', 'kernel', 'container_runtime'])
    for (const word of ['enablerepo', 'disablerepo']) {
      const args = modules.get(name)?.args;
      expect(
        args && problemsOf(args, { name: 'x', [word]: id }).some(({ path }) => path[0] === word),
      ).toBe(true);
    }
});
