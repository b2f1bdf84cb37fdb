// kernel with `package`: which installed and available kernels belong to the line that is asked
// for, what follows the default, and other ways in the plan.
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../src/model/fact.ts';
import { el7, packageFacts } from './facts.ts';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const [el, lt, ml] = [
  '3.10.0-862.el7.x86_64',
  '5.4.278-1.el7.elrepo.x86_64',
  '6.9.7-1.el7.elrepo.x86_64',
];
const args = { package: 'kernel-lt', min: '5.4' };
const owners = { [el]: 'kernel', [lt]: 'kernel-lt', [ml]: 'kernel-ml' };
const facts = (more: Facts = {}): Facts => ({
  'kernel.release': el,
  'kernel.next': el,
  'kernel.saved': el,
  'kernel.trial': '',
  'kernel.installed': [el],
  'kernel.packages': owners,
  'boot.once': 'yes',
  'boot.next_once': false,
  'boot.grub_cfg': '/boot/grub2/grub.cfg',
  ...packageFacts('kernel', '3.10.0-862.el7', ['3.10.0-957.el7', '3.10.0-1160.el7']),
  ...packageFacts('kernel-lt', '', ['5.4.277-1.el7.elrepo', '5.4.278-1.el7.elrepo']),
  ...packageFacts('kernel-ml', '', ['6.9.7-1.el7.elrepo']),
  ...more,
});
const plan = (given: unknown, more: Facts = {}) =>
  planOf('kernel', { args: given, facts: el7(facts(more)) });
const shown = (given: unknown, more: Facts = {}): readonly string[] =>
  plan(given, more).changes.map(
    ({ sign, what, before = '', after = '' }) => `${sign} ${what}: ${before} -> ${after}`,
  );
const boots = (before: string, after: string) => `~ kernel that boots next: ${before} -> ${after}`;
const follows = (before: string, after: string) =>
  `~ package whose updates become the default kernel: ${before} -> ${after}`;

describe('kernel of another package', () => {
  it.each<[string, unknown, Facts, readonly string[]]>([
    [
      'installs the newest of that line',
      args,
      {},
      [
        '+ package kernel-lt:  -> 5.4.278-1.el7.elrepo',
        boots(el, lt),
        follows('kernel', 'kernel-lt'),
      ],
    ],
    [
      'tries it first, and then nothing follows yet',
      { ...args, trial: true },
      {},
      ['+ package kernel-lt:  -> 5.4.278-1.el7.elrepo', boots(el, lt)],
    ],
    [
      'does not take an installed kernel of a third line',
      args,
      { 'kernel.installed': [el, ml] },
      [
        '+ package kernel-lt:  -> 5.4.278-1.el7.elrepo',
        boots(el, lt),
        follows('kernel', 'kernel-lt'),
      ],
    ],
    [
      'does not take a third line that boots next either',
      args,
      { 'kernel.next': ml, 'kernel.installed': [el, lt, ml] },
      [boots(ml, lt), follows('kernel', 'kernel-lt')],
    ],
    [
      'makes it the default once it runs',
      { ...args, trial: true },
      { 'kernel.release': lt, 'kernel.trial': lt, 'kernel.installed': [el, lt] },
      [boots(el, lt), follows('kernel', 'kernel-lt')],
    ],
    [
      'sees to the updates where only they are wrong',
      args,
      { 'kernel.release': lt, 'kernel.next': lt, 'kernel.installed': [el, lt] },
      [follows('kernel', 'kernel-lt')],
    ],
    [
      'is content where all is so',
      args,
      {
        'kernel.release': lt,
        'kernel.next': lt,
        'kernel.installed': [el, lt],
        'kernel.default_package': 'kernel-lt',
      },
      [],
    ],
    [
      'leaves a host alone whose updates change no default',
      args,
      { 'kernel.next': lt, 'kernel.default_package': '' },
      [],
    ],
    [
      'waits for the boot of a trial',
      { ...args, trial: true },
      { 'kernel.next': lt, 'kernel.trial': lt, 'boot.next_once': true },
      [],
    ],
    [
      'a part of the kernel from el8 on counts as the kernel',
      { package: 'kernel', min: '4.18' },
      {
        'kernel.next': '4.18.0-553.el8.x86_64',
        'kernel.packages': { '4.18.0-553.el8.x86_64': 'kernel-core' },
        'kernel.default_package': 'kernel-core',
      },
      [],
    ],
  ])('%s', (_, given, more, expected) => {
    expect(plan(given, more).refuse).toBeUndefined();
    expect(shown(given, more)).toEqual(expected);
  });

  it('the trial that fell back is refused; that of another line is not its business', () => {
    const tried = { 'kernel.installed': [el, lt], 'kernel.trial': lt };
    expect(plan({ ...args, trial: true }, tried).refuse?.why).toBe(
      `kernel ${lt} was booted once and did not come up: ${el} runs again`,
    );
    expect(shown({ min: '3.10.0-1062.el7', trial: true }, tried)[0]).toBe(
      '+ package kernel:  -> 3.10.0-1160.el7',
    );
  });

  it.each<[string, Facts, RegExp]>([
    [
      'no repository has it',
      packageFacts('kernel-lt', '', []),
      /^no enabled repository has a kernel-lt 5\.4 or newer$/,
    ],
    ['it is held', { 'package.kernel-lt.held': true }, /^kernel-lt is held/],
    [
      '/boot is too full for the larger kernel',
      { 'space.boot_kb': 80_000 },
      /\/boot has 78 MB left, this needs 100/,
    ],
  ])('refuses when %s', (_, more, why) => {
    expect(plan(args, more).refuse?.why).toMatch(why);
  });

  it('only downloads it before the drain', () => {
    expect(shown({ ...args, predownload: true })).toEqual([
      '! download:  -> kernel-lt 5.4.278-1.el7.elrepo',
    ]);
  });

  it('an exact kernel ends the trial of another one; the reboot that follows has a reason', () => {
    const onTrial = { 'kernel.release': lt, 'kernel.trial': lt, 'kernel.installed': [el, lt] };
    const back = plan({ version: '3.10.0-862.el7' }, onTrial);
    expect(shown({ version: '3.10.0-862.el7' }, onTrial)).toEqual([`- kernel on trial: ${lt} -> `]);
    expect([
      el7(facts(onTrial))['boot.pending'],
      el7({ ...facts(onTrial), ...back.promises })['boot.pending'],
    ]).toEqual([false, true]);
  });

  it.each([
    ['kernel-lt --installroot=/'],
    ['-kernel'],
    ['kernel-lt;reboot'],
    ['Kernel-lt'],
    ['kernel-devel'],
    ['kernel-core'],
    ['docker-ce'],
    ['kernel-'],
  ])('does not take the package %j', (name) => {
    expect(() => parseArgs(moduleNamed('kernel'), { package: name, min: '5.4' })).toThrow(/kernel/);
  });
  it.each([['kernel'], ['kernel-lt'], ['kernel-ml'], ['kernel-uek'], ['kernel-plus']])(
    'takes the package %j',
    (name) => {
      expect(parseArgs(moduleNamed('kernel'), { package: name, min: '5.4' })).toMatchObject({
        package: name,
      });
    },
  );
});

describe('kernel without a package', () => {
  const min = { min: '3.10.0-1062.el7' };
  it("does not take an installed kernel-lt for a new enough one of the distribution's line", () => {
    expect(shown(min, { 'kernel.installed': [el, lt] })).toEqual([
      '+ package kernel:  -> 3.10.0-1160.el7',
      boots(el, '3.10.0-1160.el7.x86_64'),
    ]);
  });
  it('is content with a healthy kernel of another line that boots next, and says whose it is', () => {
    expect(plan(min, { 'kernel.next': lt, 'kernel.installed': [el, lt] })).toEqual({
      changes: [],
      note: `${lt} boots next, of kernel-lt`,
    });
  });
  it('is not content with another line on which accounting hurts', () => {
    const old = '4.4.249-1.el7.elrepo.x86_64';
    const more = {
      'kernel.next': old,
      'kernel.installed': [el, old],
      'kernel.packages': { [el]: 'kernel', [old]: 'kernel-lt' },
    };
    expect(shown(min, more)).toContain(boots(old, '3.10.0-1160.el7.x86_64'));
  });
  it('goes by the release where no package owns the kernel', () => {
    const own = '3.10.0-1160.el7.x86_64';
    expect(
      shown(min, { 'kernel.installed': [el, own], 'kernel.packages': { [el]: 'kernel' } }),
    ).toEqual([boots(el, own)]);
    const built = '6.1.0-custom';
    expect(
      shown(min, { 'kernel.installed': [el, built], 'kernel.packages': { [el]: 'kernel' } })[0],
    ).toBe('+ package kernel:  -> 3.10.0-1160.el7');
    expect(shown(min, { 'kernel.next': built, 'kernel.packages': {} })).toEqual([]);
  });
});

describe('other ways', () => {
  const beside = (...rows: readonly (readonly [string, string, string])[]): Facts => ({
    'package.kernel.beside': rows.map(([name, version, repository]) => ({
      name,
      version,
      repository,
    })),
  });
  const both = beside(
    ['kernel-lt', '5.4.278-1.el7.elrepo', 'elrepo-kernel'],
    ['kernel-lt', '4.4.249-1.el7.elrepo', 'old'],
  );
  const way =
    'kernel-lt 5.4.278-1.el7.elrepo (repository elrepo-kernel): `kernel: {package: kernel-lt, min: "5.4"}`';

  it('are named where a repository has a kernel line on which accounting is healthy', () => {
    expect(plan({ min: '3.10.0-1062.el7' }, both).alternatives).toEqual([way]);
    expect(plan({ min: '3.10.0-1062.el7' }).alternatives).toBeUndefined();
  });
  it('are in the hint where there is no other', () => {
    const { refuse } = plan(
      { min: '3.10.0-1062.el7' },
      { ...packageFacts('kernel', '', []), ...both },
    );
    expect(refuse?.hint).toContain(`; another way: ${way}`);
  });
  it.each<[string, unknown, Facts]>([
    ['for one exact kernel', { version: '3.10.0-957.el7' }, both],
    ['where the line was chosen', args, both],
    [
      'before a drain, where the task comes again',
      { min: '3.10.0-1062.el7', predownload: true },
      both,
    ],
    [
      'on a host that leaves the affected kernels already',
      { min: '6.9' },
      {
        ...both,
        'kernel.next': lt,
        'kernel.packages': {},
        'package.kernel.available': ['6.9.1-1'],
      },
    ],
  ])('are not named %s', (_, given, more) => {
    expect(plan(given, more).alternatives).toBeUndefined();
  });
  it('name the repositories that the task enables', () => {
    const more = {
      'package.kernel@elrepo-kernel.available': ['3.10.0-1160.el7'],
      'package.kernel@elrepo-kernel.beside': both['package.kernel.beside'] ?? [],
    };
    expect(
      plan({ min: '3.10.0-1062.el7', enablerepo: 'elrepo-kernel' }, more).alternatives?.[0],
    ).toContain('min: "5.4", enablerepo: [elrepo-kernel]}`');
  });
});

describe('its script', () => {
  it('changes the package whose updates follow, keeps the rest of the file, and does not believe itself', () => {
    const effect = plan(args, { 'kernel.installed': [el, lt] }).changes.at(-1)?.effects[0];
    const script = effect?.kind === 'run' ? effect.script : '';
    const settings = '# comment\nUPDATEDEFAULT=yes\n\nDEFAULTKERNEL=kernel\nMAKEDEBUG=no\n';
    const tree = hostTree({
      [`/boot/vmlinuz-${lt}`]: 'k',
      '/boot/grub2/grub.cfg': `\tlinux16 /vmlinuz-${el} ro\n\tlinux16 /vmlinuz-${lt} ro\n`,
      '/etc/sysconfig/kernel': settings,
    });
    tree.program('grubby');
    tree.program('uname', `echo ${el}`);
    expect(tree.run(script)).toEqual({ code: 0, out: '', err: '' });
    expect(tree.read('/etc/sysconfig/kernel')).toBe(
      settings.replace('DEFAULTKERNEL=kernel', 'DEFAULTKERNEL=kernel-lt'),
    );
    tree.write('/etc/sysconfig/kernel', settings);
    tree.program('mv', 'exit 0');
    expect(tree.run(script).code).toBe(65);
    expect(effect?.kind === 'run' ? [effect.errors?.[65], effect.hints?.[65]] : []).toEqual([
      expect.any(String),
      expect.any(String),
    ]);
  });
});
