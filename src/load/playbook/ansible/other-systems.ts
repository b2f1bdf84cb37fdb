// Modules of systems that kmend does not manage. Behind a `when`, a playbook may have them.
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import type { Entry } from '../../text/tree.ts';

/** The modules of `community.general` for each system; those of Windows begin with `win_`. */
export const otherSystems: Readonly<Record<string, readonly string[]>> = {
  'Alpine Linux': ['apk', 'awall', 'lbu'],
  'Arch Linux': ['pacman', 'pacman_key'],
  'ALT Linux': ['apt_rpm'],
  'Clear Linux': ['swupd'],
  Gentoo: ['layman', 'portage'],
  Mageia: ['urpmi'],
  OpenWrt: ['openwrt_init', 'opkg'],
  Slackware: ['slackpkg'],
  'Source Mage': ['simpleinit_msb', 'sorcery'],
  'Void Linux': ['xbps'],
  macOS: [
    ...['homebrew', 'homebrew_cask', 'homebrew_services', 'homebrew_tap'],
    ...['launchd', 'macports', 'mas', 'osx_defaults'],
  ],
  FreeBSD: ['pkgng', 'portinstall', 'sysrc'],
  NetBSD: ['pkgin'],
  OpenBSD: ['openbsd_pkg', 'syspatch', 'sysupgrade'],
  Solaris: ['beadm', 'pkg5', 'pkg5_publisher', 'pkgutil', 'solaris_zone', 'svr4pkg'],
  SmartOS: ['imgadm', 'nictagadm', 'smartos_image_info', 'vmadm'],
  AIX: [
    ...['aix_devices', 'aix_filesystem', 'aix_inittab', 'aix_lvg', 'aix_lvol'],
    ...['installp', 'mksysb'],
  ],
  'HP-UX': ['swdepot'],
};

/** All modules of these are for Windows. */
const ofWindows = [
  ...['ansible.windows', 'community.windows', 'chocolatey.chocolatey'],
  ...['microsoft.ad', 'microsoft.iis'],
];

/** Ansible finds most of them by the names that they had before they were moved, too. */
const collections = ['', 'community.general', 'ansible.builtin', 'ansible.legacy'];

const systems = new Map(
  Object.entries(otherSystems).flatMap(([system, names]) => names.map((name) => [name, system])),
);

/** Names of them, for the schema of editors. */
export const otherSystemPattern = [
  `^(community\\.general\\.|ansible\\.(builtin|legacy)\\.)?(${[...systems.keys()].join('|')})$`,
  '^win_\\w+$',
  `^(${ofWindows.join('|').replaceAll('.', '\\.')})\\.\\w+$`,
].join('|');

/** The system that a module is for; undefined where kmend manages it, or knows no such module. */
export function otherSystem(key: string): string | undefined {
  const dot = Math.max(0, key.lastIndexOf('.'));
  const [collection, name] = [key.slice(0, dot), key.slice(dot === 0 ? 0 : dot + 1)];
  if (ofWindows.includes(collection) || (dot === 0 && name.startsWith('win_'))) return 'Windows';
  return collections.includes(collection) ? systems.get(name) : undefined;
}

export function warnOfSystem(collector: DiagnosticsCollector, { key, keyAt }: Entry): void {
  collector.warn(
    keyAt,
    'other-system',
    `kmend has no module \`${key}\`: it is for ${otherSystem(key)}`,
    {
      detail: 'the plan refuses each host on which the `when` of this task holds or is not known',
    },
  );
}
