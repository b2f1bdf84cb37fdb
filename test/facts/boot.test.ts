// The next boot: grub.cfg, grubenv, BLS snippets and drop-ins, read through the real probe.
import { afterEach, describe, expect, it } from 'vitest';
import { readAssignments } from '../../src/facts/assignments.ts';
import type { Facts } from '../../src/model/fact.ts';
import { unknown } from '../../src/model/value.ts';
import { emptyHost, file, has, isRoot, program, type Recorded, replay } from './replay.ts';

let host: Recorded = { root: '', bin: '', remove: () => {} };
afterEach(() => host.remove());

/** A host with these files. */
function withFiles(files: Readonly<Record<string, string>>): Recorded {
  host = emptyHost();
  for (const [path, text] of Object.entries(files)) file(host, path, text);
  return host;
}
const boot = (files: Readonly<Record<string, string>>): Facts =>
  replay(
    withFiles({
      'proc/sys/kernel/osrelease': '3.10.0-862.el7.x86_64\n',
      'proc/cmdline': 'ro\n',
      ...files,
    }),
  );
const next = (facts: Facts): readonly unknown[] => [
  facts['boot.loader'],
  facts['kernel.next'],
  facts['boot.next_cmdline'],
];

const centos = { 'etc/os-release': 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n' };
const debian = { 'etc/os-release': 'ID=debian\nVERSION_ID="9"\n' };
const header = `set pager=1
if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "\${next_entry}" ] ; then
   set default="\${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="\${saved_entry}"
fi
function savedefault {
  if [ -z "\${boot_once}" ]; then
    saved_entry=\${chosen}
  fi
}
`;
const entry = (title: string, kernel: string, args: string): string =>
  `menuentry '${title}' --class os --unrestricted $menuentry_id_option 'gnulinux-${kernel}-advanced-1' {
\tload_video
\tlinux16 /vmlinuz-${kernel} root=UUID=1 ${args}
\tinitrd16 /initramfs-${kernel}.img
}
`;
const el7cfg = `${header}${entry('CentOS (1160)', '3.10.0-1160.el7.x86_64', 'ro cgroup.memory=nokmem')}${entry('CentOS (862)', '3.10.0-862.el7.x86_64', 'ro')}`;
const env = (text: string): string => `# GRUB Environment Block\n${text}${'#'.repeat(600)}`;

describe('el7', () => {
  it('boots the saved entry, by title', () => {
    const facts = boot({
      ...centos,
      'boot/grub2/grub.cfg': el7cfg,
      'boot/grub2/grubenv': env('saved_entry=CentOS (862)\n'),
    });
    expect(next(facts)).toEqual(['grub2', '3.10.0-862.el7.x86_64', 'root=UUID=1 ro']);
    expect(facts['kernel.next_parses_nokmem']).toBe('unknown');
  });
  it('a truncated menu is reported, wherever it ends inside an entry', () => {
    const whole = `${header}${entry('CentOS (1160)', '3.10.0-1160.el7.x86_64', 'ro')}menuentry 'Setup' { fwsetup }\n`;
    const broken = (text: string): unknown =>
      boot({ ...centos, 'boot/grub2/grub.cfg': text })['boot.menu_broken'];
    expect(broken(whole)).toBe('');
    expect(broken(whole.slice(0, whole.indexOf('initrd16')))).toBe(
      '/boot/grub2/grub.cfg ends inside an entry: it was written by half',
    );
    expect(broken(whole.slice(0, whole.indexOf('linux16')))).toMatch(/by half/);
    expect(broken('')).toBe('');
  });
  it('boots the first entry when nothing was saved, or what was saved is gone', () => {
    expect(next(boot({ ...centos, 'boot/grub2/grub.cfg': el7cfg }))).toEqual([
      'grub2',
      '3.10.0-1160.el7.x86_64',
      'root=UUID=1 ro cgroup.memory=nokmem',
    ]);
    host.remove();
    expect(
      boot({
        ...centos,
        'boot/grub2/grub.cfg': el7cfg,
        'boot/grub2/grubenv': env('saved_entry=gone\n'),
      })['kernel.next'],
    ).toBe('3.10.0-1160.el7.x86_64');
  });
  it('boots a one-time entry once', () => {
    const facts = boot({
      ...centos,
      'boot/grub2/grub.cfg': el7cfg,
      'boot/grub2/grubenv': env('saved_entry=CentOS (862)\nnext_entry=0\n'),
    });
    expect([facts['kernel.next'], facts['boot.next_once']]).toEqual([
      '3.10.0-1160.el7.x86_64',
      true,
    ]);
  });
  it.each(
    [['dash'], ['bash'], ['busybox', 'ash']]
      .filter(([command = '']) => has(command))
      .map((shell) => [shell.join(' '), shell] as const),
  )('reports the file system of grubenv, under %s', (_, shell) => {
    const onceOn = (mounts: string): unknown => {
      const files = {
        'boot/grub2/grub.cfg': el7cfg,
        'boot/grub2/grubenv': env('saved_entry=CentOS (862)\n'),
        'proc/mounts': mounts,
      };
      const made = withFiles({
        ...centos,
        'proc/sys/kernel/osrelease': '3.10.0-862.el7.x86_64\n',
        ...files,
      });
      const once = replay(made, { shell })['boot.once'];
      made.remove();
      return once;
    };
    expect(
      onceOn('rootfs / rootfs rw 0 0\n/dev/sda1 / xfs rw 0 0\n/dev/sdb1 /bootless xfs rw 0 0\n'),
    ).toBe('yes');
    expect(onceOn('/dev/sda1 / xfs rw 0 0\n/dev/mapper/vg-boot /boot xfs rw 0 0\n')).toMatch(
      /cannot write to \/dev\/mapper\/vg-boot/,
    );
    expect(onceOn('/dev/mapper/vg-root / xfs rw 0 0\n/dev/sda1 /boot xfs rw 0 0\n')).toBe('yes');
    expect(onceOn('proc /proc proc rw 0 0\n')).toMatch(/no grubenv, or it is not known/);
  });
  it('on UEFI reads the menu of the EFI partition, not what a mkconfig left in /boot/grub2', () => {
    const facts = boot({
      ...centos,
      'sys/firmware/efi/x': '',
      'boot/efi/EFI/centos/grub.cfg': el7cfg,
      'boot/grub2/grub.cfg': entry('old', '3.10.0-514.el7.x86_64', 'ro'),
    });
    expect([facts['boot.firmware'], facts['boot.grub_cfg'], facts['kernel.next']]).toEqual([
      'uefi',
      '/boot/efi/EFI/centos/grub.cfg',
      '3.10.0-1160.el7.x86_64',
    ]);
  });
  it('reports the arguments of a kernel that is installed later', () => {
    const facts = boot({
      ...centos,
      'boot/grub2/grub.cfg': el7cfg,
      'etc/default/grub':
        'GRUB_DEFAULT=saved\nGRUB_CMDLINE_LINUX="crashkernel=auto rhgb quiet" # ours\n',
    });
    expect([facts['boot.default_grub'], facts['boot.cmdline_future']]).toEqual([
      'crashkernel=auto rhgb quiet',
      'crashkernel=auto rhgb quiet',
    ]);
    expect(facts['boot.default_grub_text']).toBe(
      'GRUB_DEFAULT=saved\nGRUB_CMDLINE_LINUX="crashkernel=auto rhgb quiet" # ours\n',
    );
  });
  it.skipIf(!isRoot)(
    'is unknown, not empty, to somebody who may not read it (needs root to become nobody)',
    () => {
      withFiles({ ...centos, 'boot/grub2/grub.cfg': el7cfg, 'proc/cmdline': 'ro\n' });
      program(host, 'true', 'exit 0');
      replay(host);
      const { chmodSync } = process.getBuiltinModule('node:fs');
      chmodSync(`${host.root}/boot/grub2/grub.cfg`, 0o600);
      const facts = replay(host, { uid: 65_534 });
      expect(facts['boot.next_cmdline']).toEqual(
        unknown('the boot loader configuration may be read by root only'),
      );
      expect(facts['kernel.next']).toEqual(
        unknown('the boot loader configuration may be read by root only'),
      );
    },
  );
  it('reads System.map only for builds that the table leaves open, and not from a stub', () => {
    const map = (text: string): string => `ffffffff81000000 T _text\n${text}`;
    const facts = boot({
      'boot/System.map-3.10.0-862.el7.x86_64': map(''),
      'boot/System.map-3.10.0-957.el7.x86_64': map('ffffffff817b4170 b cgroup_memory_nokmem\n'),
      'boot/System.map-3.10.0-693.el7.x86_64':
        'ffffffffffffffff B The real System.map is elsewhere\n',
      'boot/System.map-3.10.0-327.el7.x86_64': map(''),
      'boot/System.map-3.10.0-1160.41.1.vz7.183.5': map(
        'ffffffff817b4170 b cgroup_memory_nokmem\n',
      ),
      'boot/System.map-4.4.0-165-generic': map(''),
      'boot/System.map-3.10.0-514.el7.x86_64': map(''),
      'boot/System.map-3.10.0-1062.el7.x86_64': map(''),
      'boot/System.map-4.4.240-1.el7.elrepo.x86_64': map(''),
      'boot/System.map-4.9.0-8-amd64': map(''),
      'boot/vmlinuz-3.10.0-862.el7.x86_64': '',
      'boot/vmlinuz-0-rescue-0d1f': '',
    });
    expect(facts['kernel.maps']).toEqual({
      '3.10.0-327.el7.x86_64': 'no',
      '3.10.0-862.el7.x86_64': 'no',
      '3.10.0-957.el7.x86_64': 'yes',
      '3.10.0-1160.41.1.vz7.183.5': 'yes',
      '4.4.0-165-generic': 'no',
    });
    expect(facts['kernel.installed']).toEqual(['3.10.0-862.el7.x86_64']);
    expect(facts['kernel.parses_nokmem']).toBe('no');
  });
});

describe('Debian and Ubuntu', () => {
  const cfg = (first: string): string => `${first}
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1' {
\tlinux\t/boot/vmlinuz-4.9.0-8-amd64 root=UUID=1 ro  quiet
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1' {
\tmenuentry 'Debian GNU/Linux, with Linux 4.9.0-8-amd64' $menuentry_id_option 'gnulinux-4.9.0-8-amd64-advanced-1' {
\t\tlinux\t/boot/vmlinuz-4.9.0-8-amd64 root=UUID=1 ro quiet
\t}
\tmenuentry 'Debian GNU/Linux, with Linux 4.9.0-6-amd64' $menuentry_id_option 'gnulinux-4.9.0-6-amd64-advanced-1' {
\t\tlinux\t/boot/vmlinuz-4.9.0-6-amd64 root=UUID=1 ro single
\t}
}
`;
  it.each([
    ['set default="0"', '4.9.0-8-amd64'],
    ['set default="1>1"', '4.9.0-6-amd64'],
    ['set default="gnulinux-advanced-1>gnulinux-4.9.0-6-amd64-advanced-1"', '4.9.0-6-amd64'],
    ['set default="Advanced options>Debian GNU/Linux, with Linux 4.9.0-6-amd64"', '4.9.0-6-amd64'],
    ['set default="1"', '4.9.0-8-amd64'],
  ])('%s boots %s', (first, release) => {
    expect(next(boot({ ...debian, 'boot/grub/grub.cfg': cfg(first) })).slice(0, 2)).toEqual([
      'grub-debian',
      release,
    ]);
  });
  it('reads drop-ins after the file, as grub-mkconfig does', () => {
    const facts = boot({
      ...debian,
      'boot/grub/grub.cfg': cfg('set default="0"'),
      'etc/default/grub': 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="a"\n',
      'etc/default/grub.d/50-cloudimg-settings.cfg': 'GRUB_CMDLINE_LINUX_DEFAULT="console=ttyS0"\n',
      'etc/default/grub.d/99-kmend.cfg':
        'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX cgroup.memory=nokmem"\n',
    });
    expect(facts['boot.cmdline_future']).toBe('a cgroup.memory=nokmem console=ttyS0');
    expect(facts['boot.dropins']).toEqual([
      {
        path: '/etc/default/grub.d/50-cloudimg-settings.cfg',
        text: 'GRUB_CMDLINE_LINUX_DEFAULT="console=ttyS0"\n',
      },
      {
        path: '/etc/default/grub.d/99-kmend.cfg',
        text: 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX cgroup.memory=nokmem"\n',
      },
    ]);
  });
});

describe('el8, el9 and Fedora', () => {
  const el9 = { 'etc/os-release': 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.3"\n' };
  const snippet = (version: string, options: string): string =>
    `title Rocky (${version})\nversion ${version}\nlinux /vmlinuz-${version}\noptions ${options}\n`;
  const files = {
    'boot/grub2/grub.cfg': `${header}set kernelopts="root=/dev/sda1 ro "\ninsmod blscfg\nblscfg\n`,
    'boot/loader/entries/abc-5.14.0-70.el9.x86_64.conf': snippet(
      '5.14.0-70.el9.x86_64',
      'root=/dev/sda1 ro old',
    ),
    'boot/loader/entries/abc-5.14.0-362.el9.x86_64.conf': snippet(
      '5.14.0-362.el9.x86_64',
      'root=/dev/sda1 ro new $tuned_params',
    ),
  };
  it('take the newest snippet, or the saved one', () => {
    expect(next(boot({ ...el9, ...files }))).toEqual([
      'bls',
      '5.14.0-362.el9.x86_64',
      'root=/dev/sda1 ro new',
    ]);
    host.remove();
    expect(
      next(
        boot({
          ...el9,
          ...files,
          'boot/grub2/grubenv': env('saved_entry=abc-5.14.0-70.el9.x86_64\n'),
        }),
      ),
    ).toEqual(['bls', '5.14.0-70.el9.x86_64', 'root=/dev/sda1 ro old']);
  });
  it('resolve $kernelopts from grubenv first', () => {
    const text = snippet('4.18.0-80.el8.x86_64', '$kernelopts');
    const facts = boot({
      ...el9,
      'boot/grub2/grub.cfg': files['boot/grub2/grub.cfg'],
      'boot/loader/entries/a-4.18.conf': text,
      'boot/grub2/grubenv': env('kernelopts=root=/dev/sda1 ro cgroup.memory=nokmem \n'),
    });
    expect(facts['boot.next_cmdline']).toBe('root=/dev/sda1 ro cgroup.memory=nokmem');
  });
  it('give new kernels what /etc/kernel/cmdline says', () => {
    expect(
      boot({
        ...el9,
        ...files,
        'etc/kernel/cmdline': 'root=/dev/sda1 ro future\n',
        'etc/default/grub': 'GRUB_CMDLINE_LINUX="x"\n',
      })['boot.cmdline_future'],
    ).toBe('root=/dev/sda1 ro future');
  });
  it('an ostree host takes the entry of the newest deployment (model)', () => {
    const facts = boot({
      'etc/os-release': 'ID=fedora\nVARIANT_ID=coreos\n',
      'run/ostree-booted': '',
      'boot/loader/entries/ostree-1.conf':
        'title one\nversion 1\nlinux /ostree/fcos-1/vmlinuz-6.1.0\noptions ro a\n',
      'boot/loader/entries/ostree-2.conf':
        'title two\nversion 2\nlinux /ostree/fcos-2/vmlinuz-6.2.0\noptions ro b\n',
    });
    expect(next(facts)).toEqual(['rpm-ostree', '6.2.0', 'ro b']);
    expect(facts['os.family']).toBe('coreos');
  });
});

describe('other loaders', () => {
  it('Flatcar: this boot, and what the OEM file appends (model)', () => {
    const facts = boot({
      'etc/os-release': 'ID=flatcar\n',
      'proc/cmdline': 'BOOT_IMAGE=/flatcar/vmlinuz-a ro\n',
      'usr/share/oem/grub.cfg': 'set linux_append="$linux_append cgroup.memory=nokmem"\n',
    });
    expect(facts['boot.next_cmdline']).toBe('ro cgroup.memory=nokmem');
    expect(facts['boot.loader']).toBe('flatcar');
  });
  it('SUSE reads /boot/grub2 like el7 (model)', () => {
    expect(
      boot({
        'etc/os-release': 'ID="sles"\nID_LIKE="suse"\n',
        'boot/grub2/grub.cfg': entry('SLES', '4.4.180-94-default', 'ro'),
      })['boot.loader'],
    ).toBe('grub-suse');
  });
  it('s390x writes its entries with zipl (model)', () => {
    withFiles({
      'etc/os-release': 'ID=rhel\n',
      'boot/loader/entries/a-4.18.0-1.el8.s390x.conf':
        'version 4.18.0-1.el8.s390x\nlinux /boot/vmlinuz-4.18.0-1.el8.s390x\noptions ro\n',
    });
    program(host, 'uname', 'case $1 in -m) echo s390x;; -r) echo 4.18.0-1.el8.s390x;; esac');
    expect(replay(host)['boot.loader']).toBe('zipl');
  });
  it('an unknown one is reported so', () => expect(next(boot({}))).toEqual(['unknown', '', '']));
  it('a half-written grub.cfg gives no next kernel, rather than a wrong one', () => {
    expect(
      next(boot({ ...centos, 'boot/grub2/grub.cfg': "menuentry 'CentOS (1160)' --class os {\n" })),
    ).toEqual(['unknown', '', '']);
  });
});

describe('assignments', () => {
  it.each([
    ['A="x y"', 'x y'],
    ["A='x y'", 'x y'],
    ['A=x y', 'x'],
    ['A=x # c', 'x'],
    ['A="a\\"b"', 'a"b'],
    ['A="$B c"', 'b c'],
    ["A='$B c'", '$B c'],
    [`A="\${B}c"`, 'bc'],
    ['A="\\$B"', '$B'],
    ['A+=more', 'more'],
    ['export A=1', '1'],
    ['A=', ''],
    ['  A=1', '1'],
  ])('%s gives %j', (text, value) => expect(readAssignments(['B=b', text]).get('A')).toBe(value));
  it('later ones win, and += adds', () =>
    expect(readAssignments(['A=1', 'A="2"', 'A+=" 3"']).get('A')).toBe('2 3'));
});
