// kernel_arg as a table: facts and arguments in, changes out.
import { describe, expect, it } from 'vitest';
import { el7, nokmemNow } from './facts.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const nokmem = { key: 'cgroup.memory', value: 'nokmem' };
const shown = (plan: ReturnType<typeof planOf>) =>
  plan.changes.map(({ sign, what, before, after }) =>
    [sign, what, before, after].filter((part) => part !== undefined).join(' '),
  );

describe('kernel_arg', () => {
  it.each<[string, unknown, Parameters<typeof el7>[0], readonly string[]]>([
    ['adds it', nokmem, {}, ['+ boot argument cgroup.memory cgroup.memory=nokmem']],
    [
      'merges it',
      nokmem,
      { 'boot.next_cmdline': 'ro cgroup.memory=nosocket' },
      ['~ boot argument cgroup.memory cgroup.memory=nosocket cgroup.memory=nosocket,nokmem'],
    ],
    ['leaves it alone', nokmem, nokmemNow, []],
    [
      'sets it for later kernels though the next boot has it',
      nokmem,
      { ...nokmemNow, 'boot.cmdline_future': 'quiet' },
      ['~ boot argument cgroup.memory cgroup.memory=nokmem cgroup.memory=nokmem'],
    ],
    [
      'does not ask a file that is not there',
      nokmem,
      { ...nokmemNow, 'boot.cmdline_future': '', 'boot.default_grub_text': '' },
      [],
    ],
    [
      'takes it away',
      { ...nokmem, state: 'absent' },
      nokmemNow,
      ['- boot argument cgroup.memory cgroup.memory=nokmem'],
    ],
    [
      'restores the value of before',
      { ...nokmem, state: 'absent' },
      { 'boot.next_cmdline': 'cgroup.memory=nosocket,nokmem' },
      ['~ boot argument cgroup.memory cgroup.memory=nosocket,nokmem cgroup.memory=nosocket'],
    ],
    [
      'takes any value away',
      { key: 'crashkernel', state: 'absent' },
      { 'boot.next_cmdline': 'crashkernel=auto' },
      ['- boot argument crashkernel crashkernel=auto'],
    ],
    [
      'replaces a single value',
      { key: 'panic', value: '30' },
      { 'boot.next_cmdline': 'panic=10' },
      ['~ boot argument panic panic=10 panic=30'],
    ],
    ['sets a bare word', { key: 'nosmt' }, {}, ['+ boot argument nosmt nosmt']],
    [
      'rpm-ostree has one command line',
      nokmem,
      { ...nokmemNow, 'boot.loader': 'rpm-ostree', 'boot.cmdline_future': '' },
      [],
    ],
    [
      'works with every loader it knows',
      nokmem,
      { 'boot.loader': 'bls' },
      ['+ boot argument cgroup.memory cgroup.memory=nokmem'],
    ],
    [
      'Debian',
      nokmem,
      { 'boot.loader': 'grub-debian' },
      ['+ boot argument cgroup.memory cgroup.memory=nokmem'],
    ],
    [
      'SUSE',
      nokmem,
      { 'boot.loader': 'grub-suse' },
      ['+ boot argument cgroup.memory cgroup.memory=nokmem'],
    ],
    [
      'Flatcar',
      nokmem,
      { 'boot.loader': 'flatcar' },
      ['+ boot argument cgroup.memory cgroup.memory=nokmem'],
    ],
    [
      'zipl',
      nokmem,
      { 'boot.loader': 'zipl' },
      ['+ boot argument cgroup.memory cgroup.memory=nokmem'],
    ],
  ])('%s', (_, args, facts, expected) => {
    const plan = planOf('kernel_arg', { args, facts: el7(facts) });
    expect(plan.refuse).toBeUndefined();
    expect(shown(plan)).toEqual(expected);
  });

  it.each<[string, unknown, Parameters<typeof el7>[0], RegExp]>([
    [
      'a loader that it does not know',
      nokmem,
      { 'boot.loader': 'unknown', 'boot.next_cmdline': '' },
      /boot loader \(unknown\)/,
    ],
    [
      'nokmem on a kernel that is not known to parse it',
      nokmem,
      { 'kernel.next': '3.10.0-862.el7.x86_64' },
      /862.* is not known to parse/,
    ],
    [
      'nokmem on a kernel that does not parse it',
      nokmem,
      { 'kernel.next': '3.10.0-514.el7.x86_64' },
      /514.* does not know/,
    ],
    [
      'the same, though the argument is there already: it proves nothing',
      nokmem,
      { ...nokmemNow, 'kernel.next': '3.10.0-514.el7.x86_64' },
      /would change nothing/,
    ],
    [
      'a key that stands several times',
      { key: 'console', value: 'ttyS1' },
      { 'boot.next_cmdline': 'console=tty0 console=ttyS0' },
      /several times/,
    ],
    [
      'words for init, where grubby appends',
      nokmem,
      { 'boot.loader': 'bls', 'boot.next_cmdline': 'ro -- single' },
      /words for init/,
    ],
  ])('refuses %s', (_, args, facts, why) => {
    expect(planOf('kernel_arg', { args, facts: el7(facts) }).refuse?.why).toMatch(why);
  });

  it.each([
    [{ key: 'a b', value: 'x' }],
    [{ key: 'a=b' }],
    [{ key: 'dyndbg', value: 'file foo +p' }],
    [{ key: 'x', value: 'a"b' }],
    [{ key: 'x', value: '$(reboot)' }],
    [{ key: 'x', value: "'" }],
    [{}],
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('kernel_arg'), args)).toThrow();
  });

  it('a plan foresees the reboot that the new argument needs', async () => {
    const { derive } = await import('../../src/facts/index.ts');
    const facts = el7();
    expect(facts['boot.pending']).toBe(false);
    const { promises } = planOf('kernel_arg', { args: nokmem, facts });
    expect(derive({ ...facts, ...promises })['boot.pending']).toBe(true);
  });
});
