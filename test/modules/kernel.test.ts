// kernel: which kernel is installed or only chosen, what is refused, and the script that makes it
// the default.
import { describe, expect, it } from 'vitest';
import { el7, packageFacts } from './facts.ts';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const min = { min: '3.10.0-1062.el7' };
const kernels = ['3.10.0-957.el7', '3.10.0-1062.4.1.el7', '3.10.0-1160.el7'];
const old = {
  'kernel.release': '3.10.0-862.el7.x86_64',
  'kernel.next': '3.10.0-862.el7.x86_64',
  'kernel.installed': ['3.10.0-862.el7.x86_64'],
  ...packageFacts('kernel', '3.10.0-862.el7', kernels),
};
const shown = (plan: ReturnType<typeof planOf>) =>
  plan.changes.map(({ sign, what, after }) => `${sign} ${what} ${after}`);

describe('kernel', () => {
  it.each<[string, unknown, Parameters<typeof el7>[0], readonly string[]]>([
    [
      'installs the newest',
      min,
      old,
      ['+ package kernel 3.10.0-1160.el7', '~ kernel that boots next 3.10.0-1160.el7.x86_64'],
    ],
    [
      'installs the newest that is known',
      { state: 'latest' },
      old,
      ['+ package kernel 3.10.0-1160.el7', '~ kernel that boots next 3.10.0-1160.el7.x86_64'],
    ],
    [
      'is content with the newest',
      { state: 'latest' },
      {
        ...old,
        'kernel.next': '3.10.0-1160.el7.x86_64',
        'kernel.installed': ['3.10.0-862.el7.x86_64', '3.10.0-1160.el7.x86_64'],
      },
      [],
    ],
    [
      'lets a newer one boot that is installed',
      { state: 'latest' },
      { ...old, 'kernel.installed': ['3.10.0-862.el7.x86_64', '3.10.0-1200.el7.x86_64'] },
      ['~ kernel that boots next 3.10.0-1200.el7.x86_64'],
    ],
    [
      'installs the nearest on request',
      { ...min, prefer: 'nearest' },
      old,
      [
        '+ package kernel 3.10.0-1062.4.1.el7',
        '~ kernel that boots next 3.10.0-1062.4.1.el7.x86_64',
      ],
    ],
    [
      'is content with what boots next',
      min,
      { ...old, 'kernel.next': '3.10.0-1062.el7.x86_64' },
      [],
    ],
    [
      'compares builds as rpm does',
      min,
      { ...old, 'kernel.next': '3.10.0-1062.4.1.el7.x86_64' },
      [],
    ],
    [
      'prefers one that is installed to a download',
      min,
      { ...old, 'kernel.installed': ['3.10.0-862.el7.x86_64', '3.10.0-1127.el7.x86_64'] },
      ['~ kernel that boots next 3.10.0-1127.el7.x86_64'],
    ],
    [
      'goes back to the old one',
      { version: '3.10.0-862.el7' },
      {
        ...old,
        'kernel.next': '3.10.0-1160.el7.x86_64',
        'kernel.installed': ['3.10.0-862.el7.x86_64', '3.10.0-1160.el7.x86_64'],
      },
      ['~ kernel that boots next 3.10.0-862.el7.x86_64'],
    ],
    [
      "makes ELRepo's kernel that runs the default again",
      { version: '5.4.278-1.el7.elrepo.x86_64' },
      {
        ...old,
        'kernel.release': '5.4.278-1.el7.elrepo.x86_64',
        'kernel.installed': ['3.10.0-862.el7.x86_64', '5.4.278-1.el7.elrepo.x86_64'],
      },
      [
        '~ kernel that boots next 5.4.278-1.el7.elrepo.x86_64',
        '~ package whose updates become the default kernel kernel-lt',
      ],
    ],
    ['takes a release as uname prints it', { version: '3.10.0-862.el7.x86_64' }, old, []],
  ])('%s', (_, args, facts, expected) => {
    const plan = planOf('kernel', { args, facts: el7(facts) });
    expect(plan.refuse).toBeUndefined();
    expect(shown(plan)).toEqual(expected);
  });

  it.each<[string, unknown, Parameters<typeof el7>[0], RegExp]>([
    [
      'grubby does not know the default',
      min,
      { ...old, 'kernel.grubby': '' },
      /`grubby --default-kernel` answers nothing/,
    ],
    ['there is no grubby', min, { ...old, 'kernel.grubby': 'absent' }, /grubby is not installed/],
    [
      'no repository has one',
      min,
      { ...old, ...packageFacts('kernel', '3.10.0-862.el7', ['3.10.0-957.el7']) },
      /no enabled repository has a kernel 3.10.0-1062.el7 or newer/,
    ],
    ['/boot is too full', min, { ...old, 'space.boot_kb': 30_000 }, /\/boot has 29 MB left/],
    ['it is held', min, { ...old, 'package.kernel.held': true }, /kernel is held/],
    ['yum is in use', min, { ...old, 'packages.lock': 'yum (pid 3)' }, /in use/],
    [
      'it is not known which kernel boots next',
      min,
      { ...old, 'kernel.next': '' },
      /is not known which kernel/,
    ],
    [
      'the host is not of that family',
      min,
      { ...old, 'os.family': 'debian', 'boot.loader': 'grub-debian' },
      /debian with grub-debian/,
    ],
  ])('refuses when %s', (_, args, facts, why) => {
    expect(planOf('kernel', { args, facts: el7(facts) }).refuse?.why).toMatch(why);
  });

  it.each([[{}], [{ min: '1', version: '2' }], [{ min: '; reboot' }]])(
    'does not take %j',
    (args) => {
      expect(() => parseArgs(moduleNamed('kernel'), args)).toThrow();
    },
  );

  it('a dry run foresees that the new kernel parses nokmem, and the reboot', () => {
    const plan = planOf('kernel', { args: min, facts: el7(old) });
    const after = el7({ ...old, ...plan.promises });
    expect([after['kernel.next_parses_nokmem'], after['boot.pending']]).toEqual(['yes', true]);
  });
});

describe('its script', () => {
  const [change] = planOf('kernel', {
    args: { version: '3.10.0-1127.el7' },
    facts: el7({ ...old, 'kernel.installed': ['3.10.0-862.el7.x86_64', '3.10.0-1127.el7.x86_64'] }),
  }).changes;
  const [effect] = change?.effects ?? [];
  const script = effect?.kind === 'run' ? effect.script : '';
  const make = (default_: string) => {
    const tree = hostTree({
      '/boot/vmlinuz-3.10.0-1127.el7.x86_64': 'k',
      '/boot/grub2/grub.cfg':
        '\tlinux16 /vmlinuz-3.10.0-862.el7.x86_64 ro\n\tlinux16 /vmlinuz-3.10.0-1127.el7.x86_64 ro\n',
    });
    tree.program('grubby');
    tree.program('uname', 'echo 3.10.0-862.el7.x86_64');
    if (default_ !== '') tree.write('/boot/default-kernel', `${default_}\n`);
    return tree;
  };
  it('sets the default and reads it back; a second run asks for nothing', () => {
    const tree = make('');
    expect(tree.run(script)).toEqual({ code: 0, out: '', err: '' });
    expect(tree.read('/boot/default-kernel')).toBe('/boot/vmlinuz-3.10.0-1127.el7.x86_64\n');
    tree.write('/grubby.log', '');
    expect(tree.run(script).code).toBe(0);
    expect(tree.read('/grubby.log')).not.toContain('--set-default');
  });
  it('does not believe a grubby that says yes', () => {
    const tree = make('');
    tree.program('grubby', 'exit 0');
    expect(tree.run(script).code).toBe(62);
  });
  it('does not make a kernel the default whose file or initramfs is missing', () => {
    const tree = make('');
    tree.write('/boot/initramfs-3.10.0-862.el7.x86_64.img', 'i');
    expect(tree.run(script).code).toBe(60);
    tree.write('/boot/initramfs-3.10.0-1127.el7.x86_64.img', 'i');
    expect(tree.run(script).code).toBe(0);
    tree.remove('/boot/vmlinuz-3.10.0-1127.el7.x86_64');
    expect(tree.run(script).code).toBe(60);
  });
});

it('whatever can fail says what it means and what to do', () => {
  const [effect] = planOf('kernel', { args: min, facts: el7(old) }).changes.flatMap(
    (change) => change.effects,
  );
  if (effect?.kind !== 'run') throw new Error('no script');
  const codes = [...effect.script.matchAll(/exit (\d+)/g)]
    .map(([, code]) => Number(code))
    .filter((code) => code >= 40 && code < 100);
  expect(codes).toContain(45);
  expect(codes).toContain(60);
  for (const code of new Set(codes))
    expect([effect.errors?.[code], effect.hints?.[code]], `${code}`).toEqual([
      expect.any(String),
      expect.any(String),
    ]);
});
