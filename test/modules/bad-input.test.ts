// Bad input, by a person or by a host: each is named, and nothing is changed.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { editLine } from '../../src/modules/kernel-arg/edit.ts';
import { grub2Script, grubDebianScript } from '../../src/modules/kernel-arg/scripts.ts';
import { el7, packageFacts } from './facts.ts';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const nokmem = { key: 'cgroup.memory', items: ['nokmem'], list: true, state: 'present' } as const;
const ours = /kmend-(?:before|text|new)|\.log$/;

describe('what a person wrote', () => {
  it.each<[string, unknown, RegExp]>([
    ['package', { name: 'docker-ce; reboot' }, /name.*should be the name of a package/],
    ['package', { name: '$(reboot)' }, /should be the name of a package/],
    ['package', { name: ['docker-ce', 'a b'] }, /should be the name of a package/],
    ['package', { name: '--nogpgcheck' }, /should be the name of a package/],
    ['package', { packages: { 'docker-ce`id`': '18.09.9' } }, /names of packages/],
    ['package', { name: 'docker-ce', version: "1' || reboot '" }, /version/],
    ['kernel_arg', { key: 'dyndbg', value: 'file x.c +p' }, /blanks, quotes/],
    ['kernel_arg', { key: 'dyndbg', value: '"file"' }, /blanks, quotes/],
    ['kernel_arg', { key: 'a b', value: '1' }, /name of a boot argument/],
    ['kernel_arg', { key: 'cgroup.memory=nokmem' }, /without =/],
    ['kernel_arg', { key: 'x', value: '$HOME' }, /blanks, quotes, \$/],
    ['service', { name: 'docker; reboot', state: 'started' }, /name of a unit/],
    ['service', { name: '--root=/', state: 'started' }, /name of a unit/],
    ['container_runtime', { versions: { 'docker-ce': '18.09.9 && reboot' } }, /version/],
    ['reboot', { escalate: 'sysrq; halt' }, /escalate/],
  ])('%s %j', (name, args, said) => {
    expect(() => parseArgs(moduleNamed(name), args)).toThrow(said);
  });
});

describe('what a host has', () => {
  const quoted = 'root=/dev/sda1 ro dyndbg="file x.c +p" name=\'a b\'';

  it('arguments with blanks and quotes stay as they are, byte for byte', () => {
    expect(editLine(quoted, nokmem)).toBe(`${quoted} cgroup.memory=nokmem`);
    expect(editLine(`${quoted} cgroup.memory=nokmem`, { ...nokmem, state: 'absent' })).toBe(quoted);
  });

  it('a loader that is not known is refused with its name', () => {
    const facts = el7({ 'boot.loader': 'unknown' });
    expect(
      planOf('kernel_arg', { args: { key: 'cgroup.memory', value: 'nokmem' }, facts }),
    ).toMatchObject({
      changes: [],
      refuse: { why: 'the boot loader (unknown) is none that kmend can edit' },
    });
    expect(
      planOf('kernel', {
        args: { min: '3.10.0-1062.el7' },
        facts: el7({ ...facts, ...packageFacts('kernel', '', []) }),
      }).changes,
    ).toEqual([]);
  });

  it('a grub.cfg that was written by half refuses the argument and the reboot', () => {
    const facts = el7({
      'boot.menu_broken': '/boot/grub2/grub.cfg ends inside an entry: it was written by half',
    });
    expect(
      planOf('kernel_arg', { args: { key: 'cgroup.memory', value: 'nokmem' }, facts }).refuse?.why,
    ).toContain('ends inside an entry');
    expect(planOf('reboot', { args: { force: true }, facts }).refuse?.why).toContain(
      'it may not boot again',
    );
  });
  it('a distribution that is not known is refused with its name', () => {
    const facts = el7({ 'os.id': 'mystery', 'os.family': 'unknown' });
    expect(
      planOf('kernel_arg', { args: { key: 'cgroup.memory', value: 'nokmem' }, facts }).refuse?.why,
    ).toContain('"mystery"');
  });
  it('a kernel release that does not parse is not taken for one that knows the argument', () => {
    const odd = el7({ 'kernel.release': 'vendor-kernel', 'kernel.next': 'vendor-kernel' });
    expect(
      planOf('kernel_arg', { args: { key: 'cgroup.memory', value: 'nokmem' }, facts: odd }).refuse
        ?.why,
    ).toMatch(/kernel vendor-kernel is not known to parse/);
  });
});

const hasCheck = spawnSync('grub-script-check', ['--version']).error === undefined;

describe.skipIf(!hasCheck)(
  `a grub.cfg that was written by half (${hasCheck ? 'all there' : 'needs grub-script-check'})`,
  () => {
    const half = `set default=0\nmenuentry 'CentOS' {\n\tlinux16 /vmlinuz-3.10.0-1160.el7.x86_64 root=/dev/sda1 ro quiet\n\tinitrd16 /initramfs-3.10`;
    it('on el7: named, and every byte is as before, also in /etc/default/grub', () => {
      const tree = hostTree({
        '/boot/grub2/grub.cfg': half,
        '/etc/default/grub': 'GRUB_CMDLINE_LINUX="quiet"\n',
      });
      tree.program('grubby');
      tree.program('grub2-script-check', 'exec grub-script-check "$@"');
      const before = tree.picture(ours);
      const ran = tree.run(grub2Script(nokmem));
      expect([ran.code, ran.err]).toEqual([24, expect.stringMatching(/grub\.cfg/)]);
      expect(tree.picture(ours)).toEqual(before);
    });
    it('on Debian, where the tool itself writes half of it: named, and the old one stays', () => {
      const tree = hostTree({
        '/boot/grub/grub.cfg': 'menuentry x {\n\tlinux /vmlinuz-1 ro\n}\n',
        '/etc/default/grub': 'GRUB_CMDLINE_LINUX=""\n',
      });
      tree.program(
        'grub-mkconfig',
        `while [ $# -gt 1 ]; do shift; done; printf "menuentry x {\\n\\tlinux /vmlinuz-1 ro cgroup.memory=nokmem" > "$1"`,
      );
      tree.program('update-grub', 'exec grub-mkconfig -o "$2"');
      const before = tree.picture(ours);
      expect(tree.run(grubDebianScript(nokmem)).code).toBe(24);
      expect(tree.picture(ours)).toEqual(before);
    });
  },
);
