// The scripts of kernel_arg, run for real in a directory: what they change, that they change it
// once, and that a failure changes nothing.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ArgumentEdit } from '../../src/modules/kernel-arg/edit.ts';
import {
  blsScript,
  flatcarScript,
  grub2Script,
  grubDebianScript,
  grubSuseScript,
  rpmOstreeScript,
} from '../../src/modules/kernel-arg/scripts.ts';
import { argumentsOf, grubMissing, grubTree } from './grub-tree.ts';
import { type HostTree, hostTree, shells } from './host-tree.ts';

const nokmem: ArgumentEdit = {
  key: 'cgroup.memory',
  items: ['nokmem'],
  list: true,
  state: 'present',
};
const gone: ArgumentEdit = { ...nokmem, state: 'absent' };

const backups = /\.kmend-before$|\.log$/;
const entry = (version: string, args: string, word = 'linux16') =>
  `menuentry 'CentOS Linux (${version})' {\n\t${word} /boot/vmlinuz-${version} root=/dev/sda1 ${args}\n\tinitrd16 /boot/initramfs-${version}.img\n}\n`;

function el7(
  args: readonly string[] = ['ro quiet'],
  defaults = 'crashkernel=auto rhgb quiet',
): HostTree {
  const tree = hostTree({
    '/boot/grub2/grub.cfg': `set default="0"\n${args.map((line, index) => entry(`3.10.0-${1160 - index}.el7.x86_64`, line)).join('')}`,
    '/etc/default/grub': `GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="${defaults}"\nGRUB_DISABLE_RECOVERY="true"\n`,
  });
  symlinkSync('../boot/grub2/grub.cfg', join(tree.root, 'etc/grub2.cfg'));
  tree.program('grubby');
  tree.program('grub2-script-check', 'test -s "$1" && ! grep -q BROKEN "$1"');
  return tree;
}

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))(
  'el7 with grubby, under %s',
  (_, shell) => {
    it('sets the argument on every entry and for later kernels; a second run changes no byte', () => {
      const tree = el7(['ro quiet', 'ro single']);
      expect(tree.run(grub2Script(nokmem), shell)).toEqual({ code: 0, out: '', err: '' });
      expect(tree.read('/boot/grub2/grub.cfg').match(/ro .*/g)).toEqual([
        'ro quiet cgroup.memory=nokmem',
        'ro single cgroup.memory=nokmem',
      ]);
      expect(tree.read('/etc/default/grub')).toContain(
        'GRUB_CMDLINE_LINUX="crashkernel=auto rhgb quiet cgroup.memory=nokmem"\n',
      );
      const after = tree.picture();
      expect(tree.run(grub2Script(nokmem), shell).code).toBe(0);
      expect(tree.picture()).toEqual(after);
    });

    it('restores every byte when the argument is removed again', () => {
      const tree = el7(['ro cgroup.memory=nosocket', 'ro'], 'cgroup.memory=nosocket quiet');
      const before = tree.picture();
      tree.run(grub2Script(nokmem), shell);
      expect(tree.read('/etc/default/grub')).toContain('"cgroup.memory=nosocket,nokmem quiet"');
      expect(tree.run(grub2Script(gone), shell).code).toBe(0);
      expect(tree.picture(backups)).toEqual(before);
    });
  },
);

describe('el7 with grubby', () => {
  it('keeps what each entry says beside it: grubby alone would replace it', () => {
    const tree = el7(['ro cgroup.memory=nosocket', 'ro cgroup.memory=other', 'ro']);
    expect(tree.run(grub2Script(nokmem)).code).toBe(0);
    expect(tree.read('/boot/grub2/grub.cfg').match(/ro.*/g)?.slice(0, 3)).toEqual([
      'root=/dev/sda1 ro cgroup.memory=nosocket,nokmem',
      'root=/dev/sda1 ro cgroup.memory=other,nokmem',
      'root=/dev/sda1 ro cgroup.memory=nokmem',
    ]);
  });

  it('keeps a copy of what was before beside each file that it changed', () => {
    const tree = el7();
    const before = tree.read('/boot/grub2/grub.cfg');
    tree.run(grub2Script(nokmem));
    expect(tree.read('/boot/grub2/grub.cfg.kmend-before')).toBe(before);
    expect(tree.read('/etc/default/grub.kmend-before')).toContain('rhgb quiet"');
  });

  it('changes nothing when the new text has errors', () => {
    const tree = el7(['ro BROKEN']);
    const before = tree.picture(backups);
    const ran = tree.run(grub2Script(nokmem));
    expect(ran.code).toBe(24);
    expect(tree.picture(backups)).toEqual(before);
  });

  it('takes the configuration of UEFI where the host booted by it', () => {
    const tree = el7();
    tree.write('/sys/firmware/efi/fw', '');
    tree.write('/boot/efi/EFI/centos/grub.cfg', entry('3.10.0-1160.el7.x86_64', 'ro', 'linuxefi'));
    expect(tree.run(grub2Script(nokmem)).code).toBe(0);
    expect(tree.read('/boot/efi/EFI/centos/grub.cfg')).toContain(
      'linuxefi /boot/vmlinuz-3.10.0-1160.el7.x86_64 root=/dev/sda1 ro cgroup.memory=nokmem',
    );
    expect(tree.read('/boot/grub2/grub.cfg')).not.toContain('nokmem');
  });

  it.each<[string, readonly string[], ArgumentEdit, readonly string[]]>([
    ['the same word twice', ['ro cgroup.memory=nokmem cgroup.memory=nokmem'], gone, ['ro']],
    [
      'two words of a list',
      ['ro cgroup.memory=nosocket cgroup.memory=nokmem quiet'],
      gone,
      ['ro cgroup.memory=nosocket quiet'],
    ],
    ['words for init', ['ro -- single'], nokmem, ['ro cgroup.memory=nokmem -- single']],
    ['quoted blanks', ['ro dyndbg="a b"'], nokmem, ['ro dyndbg="a b" cgroup.memory=nokmem']],
    [
      'one of several consoles',
      ['console=tty0 console=ttyS0 ro'],
      { key: 'console', items: ['ttyS0'], list: false, state: 'absent' },
      ['console=tty0 ro'],
    ],
  ])('edits %s, which grubby cannot', (_, lines, edit, expected) => {
    const tree = el7(lines);
    tree.program('grubby', 'exit 1');
    expect(tree.run(grub2Script(edit))).toMatchObject({ code: 0, err: '' });
    expect(
      argumentsOf(
        tree.read('/boot/grub2/grub.cfg').replaceAll('root=/dev/sda1', 'root=/dev/sda1 ro'),
      ),
    ).toEqual(expected.map((line) => `ro ${line}`));
  });

  it('leaves entries alone that are not of Linux, where the generator marked them', () => {
    const tree = el7();
    const other = `### BEGIN /etc/grub.d/30_os-prober ###\n${entry('other', 'ro')}### END /etc/grub.d/30_os-prober ###\n`;
    tree.write(
      '/boot/grub2/grub.cfg',
      `### BEGIN /etc/grub.d/10_linux ###\n${entry('1160', 'ro')}### END /etc/grub.d/10_linux ###\n${other}`,
    );
    expect(tree.run(grub2Script(nokmem)).code).toBe(0);
    expect(tree.read('/boot/grub2/grub.cfg')).toContain(other);
    expect(tree.read('/boot/grub2/grub.cfg').match(/nokmem/g)).toHaveLength(1);
  });

  it.each<[string, string, string]>([
    [
      'single quotes',
      "GRUB_CMDLINE_LINUX='quiet'",
      "GRUB_CMDLINE_LINUX='quiet cgroup.memory=nokmem'\n",
    ],
    [
      'no quotes, a comment',
      'GRUB_CMDLINE_LINUX=quiet # mine',
      'GRUB_CMDLINE_LINUX=quiet # mine\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX cgroup.memory=nokmem"\n',
    ],
    [
      'no quotes, the key',
      'GRUB_CMDLINE_LINUX=cgroup.memory=nosocket',
      'GRUB_CMDLINE_LINUX=cgroup.memory=nosocket,nokmem\n',
    ],
    [
      'nothing',
      'GRUB_TIMEOUT=1',
      'GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX cgroup.memory=nokmem"\n',
    ],
    ['an empty value', 'GRUB_CMDLINE_LINUX=""', 'GRUB_CMDLINE_LINUX="cgroup.memory=nokmem"\n'],
    [
      'escaped quotes',
      'GRUB_CMDLINE_LINUX="a=\\"b c\\" quiet"',
      'GRUB_CMDLINE_LINUX="a=\\"b c\\" quiet cgroup.memory=nokmem"\n',
    ],
    [
      'a value over two lines',
      'GRUB_CMDLINE_LINUX="a \\\nb"',
      'GRUB_CMDLINE_LINUX="a \\\nb"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX cgroup.memory=nokmem"\n',
    ],
    [
      'the key in the _DEFAULT line',
      'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX_DEFAULT="cgroup.memory=nosocket"',
      'GRUB_CMDLINE_LINUX="a cgroup.memory=nokmem"\nGRUB_CMDLINE_LINUX_DEFAULT="cgroup.memory=nosocket"\n',
    ],
    [
      'two assignments',
      'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX b"',
      'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX b cgroup.memory=nokmem"\n',
    ],
  ])('/etc/default/grub with %s', (__, text, expected) => {
    const tree = el7();
    tree.write('/etc/default/grub', `${text}\n`);
    expect(tree.run(grub2Script(nokmem))).toMatchObject({ code: 0 });
    expect(tree.read('/etc/default/grub')).toBe(expected);
    tree.run(grub2Script(gone));
    expect(
      tree.run(
        `. "$KMEND_ROOT/etc/default/grub"; echo $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT`,
      ).out,
    ).not.toContain('nokmem');
  });

  it('says so when there is no grub.cfg', () => {
    const tree = el7();
    tree.remove('/boot/grub2/grub.cfg');
    expect(tree.run(grub2Script(nokmem)).code).toBe(20);
    expect(tree.read('/etc/default/grub')).not.toContain('nokmem');
  });
});

describe('boot loader entries', () => {
  const files = {
    '/boot/loader/entries/a-4.18.0-1.conf':
      'title A\nlinux /vmlinuz-4.18.0-1\noptions ro quiet $tuned_params\n',
    '/boot/loader/entries/a-4.18.0-2.conf':
      'title B\nlinux /vmlinuz-4.18.0-2\noptions ro cgroup.memory=nosocket\n',
    '/etc/default/grub': 'GRUB_CMDLINE_LINUX="quiet"\n',
    '/etc/kernel/cmdline': 'root=UUID=1 ro\n',
  };
  it('are all edited, and what later kernels get; a second run changes no byte; taken away, every byte is back', () => {
    const tree = hostTree(files);
    tree.program('grubby');
    const before = tree.picture(backups);
    expect(tree.run(blsScript(nokmem, false))).toEqual({ code: 0, out: '', err: '' });
    expect(tree.read('/boot/loader/entries/a-4.18.0-1.conf')).toContain(
      'options ro quiet $tuned_params cgroup.memory=nokmem\n',
    );
    expect(tree.read('/boot/loader/entries/a-4.18.0-2.conf')).toContain(
      'options ro cgroup.memory=nosocket,nokmem\n',
    );
    expect(tree.read('/etc/kernel/cmdline')).toBe('root=UUID=1 ro cgroup.memory=nokmem\n');
    const after = tree.picture();
    expect(tree.run(blsScript(nokmem, false)).code).toBe(0);
    expect(tree.picture()).toEqual(after);
    expect(tree.run(blsScript(gone, false)).code).toBe(0);
    expect(tree.picture(backups)).toEqual(before);
  });

  it('are as before when grubby fails half way, and zipl is run where it is the loader', () => {
    const tree = hostTree(files);
    tree.program('grubby');
    tree.program('zipl', 'echo ran >> "$KMEND_ROOT/zipl.log"; [ ! -e "$KMEND_ROOT/no-zipl" ]');
    expect(tree.run(blsScript(nokmem, true)).code).toBe(0);
    expect(tree.read('/zipl.log')).toBe('ran\n');
    const before = tree.picture(/\.log$|kmend-before$/);
    tree.write('/no-zipl', '');
    expect(tree.run(blsScript(gone, true)).code).toBe(23);
    tree.remove('/no-zipl');
    expect(tree.picture(/\.log$|kmend-before$/)).toEqual(before);
  });
});

describe('SUSE, rpm-ostree, Flatcar', () => {
  it('SUSE: the shell file, then grub2-mkconfig into a copy', () => {
    const tree = hostTree({
      '/etc/default/grub': 'GRUB_CMDLINE_LINUX_DEFAULT="splash=silent"\n',
      '/boot/grub2/grub.cfg': '\tlinux /boot/vmlinuz-1 splash=silent\n',
    });
    tree.program(
      'grub2-mkconfig',
      '. "$KMEND_ROOT/etc/default/grub"; echo "\tlinux /boot/vmlinuz-1 $GRUB_CMDLINE_LINUX_DEFAULT $GRUB_CMDLINE_LINUX" > "$2"',
    );
    tree.program('grub2-script-check', 'true');
    expect(tree.run(grubSuseScript(nokmem))).toEqual({ code: 0, out: '', err: '' });
    expect(tree.read('/boot/grub2/grub.cfg')).toMatch(/splash=silent +cgroup.memory=nokmem\n$/);
    const after = tree.picture();
    expect(tree.run(grubSuseScript(nokmem)).code).toBe(0);
    expect(tree.picture()).toEqual(after);
  });

  it('rpm-ostree: one new deployment with one word for the key', () => {
    const tree = hostTree({ '/kargs': 'ro cgroup.memory=nosocket quiet\n' });
    tree.program(
      'rpm-ostree',
      `shift; [ $# -gt 0 ] || exec cat "$KMEND_ROOT/kargs"
echo "$*" >> "$KMEND_ROOT/calls.log"; l=" $(cat "$KMEND_ROOT/kargs") "
for a; do case $a in --delete=*) d=\${a#*=}; l="\${l%% $d *} \${l#* $d }";; --append=*) l="$l\${a#*=} ";; esac; done; echo $l > "$KMEND_ROOT/kargs"`,
    );
    expect(tree.run(rpmOstreeScript(nokmem))).toEqual({ code: 0, out: '', err: '' });
    expect(tree.read('/kargs')).toBe('ro quiet cgroup.memory=nosocket,nokmem\n');
    expect(tree.run(rpmOstreeScript(nokmem)).code).toBe(0);
    expect(tree.read('/calls.log')).toBe(
      '--delete=cgroup.memory=nosocket --append=cgroup.memory=nosocket,nokmem\n',
    );
    expect(tree.run(rpmOstreeScript(gone)).code).toBe(0);
    expect(tree.read('/kargs')).toBe('ro quiet cgroup.memory=nosocket\n');
  });

  it('Flatcar: a line in the OEM grub.cfg, made where there is none', () => {
    const tree = hostTree({ '/usr/share/oem/oem-release': '' });
    expect(tree.run(flatcarScript(nokmem))).toEqual({ code: 0, out: '', err: '' });
    expect(tree.read('/usr/share/oem/grub.cfg')).toBe(
      '# Written by kmend: boot arguments\nset linux_append="$linux_append cgroup.memory=nokmem"\n',
    );
    const after = tree.picture();
    expect(tree.run(flatcarScript(nokmem)).code).toBe(0);
    expect(tree.picture()).toEqual(after);
    expect(tree.run(flatcarScript(gone)).code).toBe(0);
    expect(tree.picture(backups)).toEqual({ 'usr/share/oem/oem-release': expect.anything() });
  });
});

const debian = grubTree;
const linesOf = (tree: HostTree): readonly string[] =>
  argumentsOf(tree.read('/boot/grub/grub.cfg'));

describe.skipIf(grubMissing() !== '')(
  'Debian with the real grub-mkconfig (needs grub-common and root)',
  () => {
    const plain = {
      '/etc/default/grub':
        'GRUB_TIMEOUT=5\nGRUB_DISABLE_OS_PROBER=true\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n',
    };

    it('a drop-in of ours reaches every entry, recovery too; a second run changes no byte; taken away, the words are back', () => {
      const tree = debian(plain);
      const ran = tree.run(grubDebianScript(nokmem));
      expect(ran).toEqual({ code: 0, out: '', err: '' });
      expect(tree.read('/etc/default/grub.d/99-kmend.cfg')).toContain(
        '\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX cgroup.memory=nokmem"\n',
      );
      expect(tree.read('/etc/default/grub')).toBe(plain['/etc/default/grub']);
      expect(linesOf(tree).length).toBeGreaterThanOrEqual(4);
      for (const line of linesOf(tree)) expect(line).toContain('cgroup.memory=nokmem');
      const after = tree.picture();
      expect(tree.run(grubDebianScript(nokmem)).code).toBe(0);
      expect(tree.picture()).toEqual(after);
      expect(tree.run(grubDebianScript(gone)).code).toBe(0);
      expect(tree.run('ls "$KMEND_ROOT/etc/default/grub.d"').out).not.toMatch(/99-kmend\.cfg$/m);
      for (const line of linesOf(tree)) expect(line).not.toContain('nokmem');
    });

    it('the configuration keeps its mode: what all could read, all can read afterwards', () => {
      const tree = debian(plain);
      const mode = () => tree.run('stat -c %a "$KMEND_ROOT/boot/grub/grub.cfg"').out;
      tree.run('chmod 644 "$KMEND_ROOT/boot/grub/grub.cfg"');
      expect(tree.run(grubDebianScript(nokmem)).code).toBe(0);
      expect(mode()).toBe('644\n');
      expect(tree.run(grubDebianScript(gone)).code).toBe(0);
      expect(mode()).toBe('644\n');
    });

    it("a cloud image's drop-in that assigns the words again does not swallow it", () => {
      const tree = debian({
        ...plain,
        '/etc/default/grub.d/50-cloudimg-settings.cfg':
          'GRUB_CMDLINE_LINUX_DEFAULT="console=tty1 console=ttyS0"\n',
      });
      expect(tree.run(grubDebianScript(nokmem)).code).toBe(0);
      expect(linesOf(tree)[0]).toMatch(/^ro +cgroup.memory=nokmem console=tty1 console=ttyS0$/);
    });

    it('an argument that somebody set for normal entries stays as it is, and recovery entries get ours', () => {
      const cloud = 'GRUB_CMDLINE_LINUX_DEFAULT="console=tty1 cgroup.memory=nosocket"\n';
      const tree = debian({ ...plain, '/etc/default/grub.d/50-cloudimg-settings.cfg': cloud });
      expect(tree.run(grubDebianScript(nokmem)).code).toBe(0);
      expect(linesOf(tree)[0]).toMatch(
        /^ro +cgroup.memory=nokmem console=tty1 cgroup.memory=nosocket$/,
      );
      expect(tree.run(grubDebianScript(gone)).code).toBe(0);
      expect(tree.read('/etc/default/grub.d/50-cloudimg-settings.cfg')).toBe(cloud);
    });

    it('changes nothing when update-grub fails', () => {
      const tree = debian(plain);
      tree.program('update-grub', 'echo half > "$2"; exit 1');
      const before = tree.picture(backups);
      expect(tree.run(grubDebianScript(nokmem)).code).toBe(23);
      expect(tree.picture(backups)).toEqual(before);
    });

    it('a half-written grub.cfg is made whole', () => {
      const tree = debian({ ...plain, '/boot/grub/grub.cfg': '\tlinux /boot/vmlinuz-4.9.0-6-am' });
      expect(tree.run(grubDebianScript(nokmem)).code).toBe(0);
      expect(linesOf(tree).length).toBeGreaterThanOrEqual(4);
    });
  },
);
