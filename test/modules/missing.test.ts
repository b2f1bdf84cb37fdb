// A version that cannot be had because a repository failed: the same words from package, kernel and
// container_runtime, in the plan and in a transaction.

import { describe, expect, it } from 'vitest';
import { repositoryCauses } from '../../src/facts/areas/packages/repository-causes.ts';
import type { Unusable, UnusableCause } from '../../src/model/facts/values.ts';
import type { Mapping } from '../../src/model/value.ts';
import { packageErrors, packageHints } from '../../src/modules/package-manager/errors.ts';
import { el7, packageFacts } from './facts.ts';
import { planOf } from './laws.ts';

const failed = (cause: UnusableCause, more: Partial<Unusable> = {}): Unusable => ({
  cause,
  repository: 'base',
  said: '',
  skipped: false,
  ...more,
});
const kernels = {
  'kernel.next': '3.10.0-862.el7.x86_64',
  'kernel.installed': ['3.10.0-862.el7.x86_64'],
};
const refusalOf = (
  name: string,
  args: Mapping,
  rows: readonly Unusable[],
  available: readonly string[] = [],
) => {
  const names =
    name === 'container_runtime'
      ? ['docker-ce', 'docker-ce-cli', 'containerd.io']
      : name === 'kernel'
        ? ['kernel']
        : ['x'];
  const facts = names.map((one) => ({
    ...packageFacts(one, '', available),
    [`package.${one}.unusable`]: rows,
  }));
  return planOf(name, { args, facts: el7(Object.assign({}, kernels, ...facts)) }).refuse;
};

describe.each<[string, Mapping, string]>([
  ['package', { name: 'x' }, 'x'],
  ['kernel', { min: '3.10.0-1062.el7' }, 'a kernel 3.10.0-1062.el7 or newer'],
  ['container_runtime', { kmem: 'disabled' }, 'docker-ce 18.09.1 or later'],
])('%s', (name, args, what) => {
  it('says which repository failed, why, in which words, and the ways out', () => {
    expect(
      refusalOf(name, args, [failed('gone', { said: 'Status code: 404 for http://a/7/x' })]),
    ).toEqual({
      why: `no enabled repository has ${what}: the repository base is gone from its server (HTTP 404 or 410, or the folder is not there) [Status code: 404 for http://a/7/x]`,
      hint: expect.stringMatching(
        /vault\.centos\.org.*vendor of extended support.*`enablerepo`.*`files`/,
      ),
    });
  });

  it('distinguishes no repository from only disabled ones', () => {
    expect(refusalOf(name, args, [failed('none', { repository: '' })])?.why).toBe(
      `no enabled repository has ${what}: this host has no repository at all`,
    );
    const disabled = refusalOf(name, args, [failed('disabled', { repository: 'base, updates' })]);
    expect(disabled?.why).toBe(
      `no enabled repository has ${what}: all repositories of this host are disabled (base, updates)`,
    );
    expect(disabled?.hint).toMatch(/^name the right one by `enablerepo`/);
  });
});

it.each<[Partial<Unusable>, string]>([
  [
    { cause: 'full', repository: '/var', said: '[Errno 28] No space left on device' },
    '/var is full [[Errno 28] No space left on device]',
  ],
  [{ cause: 'full', repository: '/var and /tmp' }, '/var and /tmp are full'],
  [{ cause: 'full', repository: '' }, 'no space is left on the host'],
  [
    { cause: 'read_only', said: "Read-only file system: '/var/log/dnf.log'" },
    "is read-only [Read-only file system: '/var/log/dnf.log']",
  ],
  [
    { cause: 'locked', said: 'The application with PID 95 is: dnf' },
    'another process holds the package manager [The application with PID 95 is: dnf]',
  ],
  [{ cause: 'failed', said: 'Error: never seen' }, 'it failed [Error: never seen]'],
])(
  'what is the matter of the host is the reason, and no repository is guessed at: %j',
  (row, why) => {
    for (const args of [{ repository: '', ...row }]) {
      const refusal = refusalOf('package', { name: 'x' }, [failed('gone'), failed('failed', args)]);
      expect(refusal?.why).toMatch(/^the package manager cannot look for x: /);
      expect(refusal?.why).toContain(why);
      expect(`${refusal?.why} ${refusal?.hint}`).not.toMatch(/enabled|reachable|repository base/);
    }
  },
);

it('what there is, and that a repository was skipped', () => {
  expect(
    refusalOf('package', { name: 'x', version: '2' }, [failed('busy', { skipped: true })], ['1-1']),
  ).toEqual({
    why: 'no enabled repository has x 2: the repository base is out of order or overloaded for now (HTTP 429 or 5xx), and was skipped (skip_if_unavailable)',
    hint: 'there are: 1-1; try again later; if it stays so, use another mirror',
  });
});

it('an old version that cannot be had names the repository that failed', () => {
  const facts = el7({
    ...packageFacts('x', '1-1', ['2-1']),
    'package.x.unusable': [failed('name', { skipped: true })],
  });
  expect(planOf('package', { args: { name: 'x', state: 'latest' }, facts }).refuse?.why).toMatch(
    /could not be rolled back \(the repository base has a name that does not resolve on this host, and was skipped/,
  );
});

it('three repositories are named at most, each once', () => {
  const rows = (['gone', 'gone', 'busy', 'key', 'name'] as const).map((cause) => failed(cause));
  expect(refusalOf('package', { name: 'x' }, rows)?.why.match(/the repository base/g)).toHaveLength(
    3,
  );
});

it('a transaction that fails for the same cause says the same', () => {
  for (const { code, message, hint } of repositoryCauses)
    expect([packageErrors[code], packageHints[code]]).toEqual([
      `a repository ${message}: nothing was changed`,
      hint,
    ]);
  expect(new Set(repositoryCauses.map(({ code }) => code)).size).toBe(repositoryCauses.length);
});
