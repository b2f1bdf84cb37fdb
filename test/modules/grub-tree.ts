// A host's directory with the real grub-mkconfig, 10_linux and grub-script-check of this machine,
// with this tree as their root; only grub-probe is emulated.
import { existsSync, readFileSync } from 'node:fs';
import { type HostTree, hostTree } from './host-tree.ts';

const mkconfig = '/usr/sbin/grub-mkconfig';
const tenLinux = '/etc/grub.d/10_linux';

/**
 * What keeps the real generator from running here, for titles of skipped tests; empty = nothing
 * does.
 */
export const grubMissing = (): string => {
  if (!existsSync(mkconfig) || !existsSync(tenLinux)) return 'needs grub-common';
  return process.getuid?.() === 0 ? '' : 'needs root';
};

const probe = `#!/bin/sh
case "$*" in *=device*|*"-t device"*) echo /dev/sda1;; *fs_uuid*) echo 11111111-2222-3333-4444-555555555555;; *partuuid*) echo 0a0b0c0d-01;; *target=fs*) echo ext2;; *partmap*) echo msdos;; *drive*) echo '(hd0,msdos1)';; esac
`;

/** `menu` is grub.cfg, as the family has it; two kernels are installed. */
export function grubTree(
  files: Readonly<Record<string, string>>,
  menu = '/boot/grub/grub.cfg',
): HostTree {
  const tree = hostTree(
    {
      '/boot/vmlinuz-4.9.0-6-amd64': 'k',
      '/boot/vmlinuz-4.9.0-8-amd64': 'k',
      [menu]: 'linux /boot/vmlinuz-4.9.0-6-amd64 ro\n',
      ...files,
    },
    'kmend-host-',
  );
  const { root } = tree;
  tree.write('/lab/probe', probe);
  const ofLinux = readFileSync(tenLinux, 'utf8')
    .replaceAll(/ \/boot\/(\S+)/g, ` "$KMEND_ROOT"/boot/$1`)
    .replaceAll(' /vmlinuz-*', '')
    .replaceAll(' /vmlinux-*', '');
  tree.write('/lab/grub.d/10_linux', `#!/bin/sh\n${ofLinux}`);
  tree.write(
    '/lab/mkconfig',
    readFileSync(mkconfig, 'utf8')
      .replaceAll('/boot/', `${root}/boot/`)
      .replaceAll('/boot`', `${root}/boot\``)
      .replace(
        `grub_mkconfig_dir="\${sysconfdir}"/grub.d`,
        'grub_mkconfig_dir="$KMEND_ROOT/lab/grub.d"',
      )
      .replace('sysconfdir="/etc"', 'sysconfdir="$KMEND_ROOT/etc"')
      .replace(`grub_probe="\${sbindir}/grub-probe"`, 'grub_probe="$KMEND_ROOT/lab/probe"'),
  );
  tree.run('chmod 755 "$KMEND_ROOT/lab/probe" "$KMEND_ROOT/lab/grub.d/10_linux"');
  const generator = menu.startsWith('/boot/grub2/') ? 'grub2-mkconfig' : 'update-grub';
  tree.program(generator, `exec sh "$KMEND_ROOT/lab/mkconfig" -o "$KMEND_ROOT${menu}" "$@"`);
  return tree;
}

/** What Linux is started with, one line an entry, from `ro` on as it stands there. */
export const argumentsOf = (menu: string): readonly string[] =>
  menu
    .split('\n')
    .filter((line) => /^\s*linux/.test(line))
    .map((line) => line.replace(/.*?( ro .*)/, '$1').trim());
