// Makes the directory tree of a practice host, as an installed machine has it before its first
// boot.
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultName, HostSpec } from '../spec.ts';
import { envPath, menuPath } from './boot.ts';
import { makeConfig, writeEnv } from './grub.ts';
import { addPackage, fromRepository, kernelReleases, save, titleOf } from './installed.ts';
import { control, hostClock, link, type Machine, put } from './machine.ts';

const day = 86_400;

/** How long ago a practice host was installed and last booted. */
export const age = { installed: 90, booted: 41 } as const;

export function makeHost(spec: HostSpec, dir: string): Machine {
  rmSync(dir, { recursive: true, force: true });
  const machine: Machine = {
    spec,
    dir,
    root: join(dir, 'root'),
    faults: new Map(Object.entries(spec.faults ?? {}) as [FaultName, unknown][]),
    running: {
      bootId: '',
      bootTime: 0,
      kernel: spec.kernel,
      cmdline: '',
      units: new Set(),
      nextGroup: 4,
      accounted: [],
    },
    boots: 0,
  };
  for (const path of [
    '/boot',
    '/root',
    '/tmp',
    '/var/tmp',
    '/var/run',
    '/var/log',
    '/var/lib/rpm',
    '/home',
  ])
    mkdirSync(join(machine.root, path), { recursive: true });
  for (const [path, text] of spec.flavour === 'el7' ? el7Files(spec) : debianFiles(spec))
    put(machine, path, text);
  put(machine, '/etc/hostname', `${spec.name}\n`);
  put(machine, '/etc/machine-id', `${randomUUID().replaceAll('-', '')}\n`);
  link(machine, '/bin', 'usr/bin');
  link(machine, '/sbin', 'usr/sbin');
  installAll(machine);
  putMenu(machine);
  enableUnits(machine);
  control(machine, 'sudo', 'nopasswd\n');
  if (spec.faults?.clock !== undefined) control(machine, 'clock', `${spec.faults.clock}\n`);
  return machine;
}

function installAll(machine: Machine): void {
  const { flavour, kernel, packages, held = [] } = machine.spec;
  const image = flavour === 'el7' ? `kernel-${kernel.replace(/\.x86_64$/, '')}` : undefined;
  const installedAt = hostClock(machine) - age.installed * day;
  const all = [
    ...(image === undefined ? [] : [fromRepository('el7', image)]),
    ...packages.map((words) => fromRepository(flavour, words)),
  ];
  for (const pkg of all) addPackage(machine, pkg, installedAt);
  if (held.length === 0) return;
  if (flavour === 'debian') {
    put(machine, '/var/lib/dpkg/holds', held.map((name) => `${name}\n`).join(''));
    save(
      machine,
      all.map((pkg) => ({ ...pkg, installedAt })),
    );
    return;
  }
  const locked = all.filter((pkg) => held.includes(pkg.name));
  put(
    machine,
    '/etc/yum/pluginconf.d/versionlock.list',
    locked.map((pkg) => `${pkg.epoch}:${pkg.name}-${pkg.version}-${pkg.release}.*\n`).join(''),
  );
}

function putMenu(machine: Machine): void {
  const { flavour, args = [] } = machine.spec;
  const root =
    flavour === 'el7'
      ? 'root=/dev/mapper/centos-root'
      : 'root=UUID=11111111-2222-3333-4444-555555555555';
  const words = [
    root,
    'ro',
    ...(flavour === 'el7' ? ['crashkernel=auto', 'rhgb'] : []),
    'quiet',
    ...args,
  ].join(' ');
  const kernels = kernelReleases(machine).map((release) => ({
    release,
    title: titleOf(machine, release),
    args: words,
  }));
  put(machine, menuPath(machine), makeConfig(flavour, kernels), 0o600);
  put(
    machine,
    envPath(machine),
    writeEnv(
      new Map(flavour === 'el7' ? [['saved_entry', titleOf(machine, machine.spec.kernel)]] : []),
    ),
  );
  if (flavour === 'el7') link(machine, '/etc/grub2.cfg', '../boot/grub2/grub.cfg');
}

function enableUnits(machine: Machine): void {
  for (const unit of ['docker', 'containerd', 'kubelet', 'sshd']) {
    link(
      machine,
      `/etc/systemd/system/multi-user.target.wants/${unit}.service`,
      `../../../../usr/lib/systemd/system/${unit}.service`,
    );
  }
  put(machine, '/usr/lib/systemd/system/sshd.service', '[Unit]\nDescription=sshd\n');
}

type Files = readonly (readonly [path: string, text: string])[];

const commandLine = (spec: HostSpec, usual: string): string =>
  [usual, ...(spec.args ?? [])].filter(Boolean).join(' ');

const el7Files = (spec: HostSpec): Files => [
  [
    '/etc/os-release',
    'NAME="CentOS Linux"\nVERSION="7 (Core)"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\nPRETTY_NAME="CentOS Linux 7 (Core)"\n',
  ],
  ['/etc/redhat-release', 'CentOS Linux release 7.5.1804 (Core)\n'],
  [
    '/etc/default/grub',
    `GRUB_TIMEOUT=5\nGRUB_DISTRIBUTOR="$(sed 's, release .*$,,g' /etc/system-release)"\nGRUB_DEFAULT=saved\nGRUB_DISABLE_SUBMENU=true\nGRUB_CMDLINE_LINUX="${commandLine(spec, 'crashkernel=auto rhgb quiet')}"\nGRUB_DISABLE_RECOVERY="true"\n`,
  ],
  ['/etc/sysconfig/kernel', 'UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel\n'],
  [
    '/etc/yum.conf',
    '[main]\ncachedir=/var/cache/yum\nkeepcache=0\ngpgcheck=0\nplugins=1\ninstallonly_limit=5\n',
  ],
  [
    '/etc/yum.repos.d/lab.repo',
    '[lab]\nname=lab\nbaseurl=file:///srv/repo\nenabled=1\ngpgcheck=0\n',
  ],
  ...(spec.elrepo === undefined
    ? []
    : [
        [
          '/etc/yum.repos.d/elrepo.repo',
          `[elrepo-kernel]\nname=ELRepo.org Community Enterprise Linux Kernel Repository - el7\nbaseurl=file:///srv/elrepo\nenabled=${spec.elrepo === 'enabled' ? 1 : 0}\ngpgcheck=0\n`,
        ] as const,
      ]),
  [
    '/etc/yum/pluginconf.d/versionlock.conf',
    '[main]\nenabled = 1\nlocklist = /etc/yum/pluginconf.d/versionlock.list\n',
  ],
  ['/etc/docker/daemon.json', '{"exec-opts": ["native.cgroupdriver=cgroupfs"]}\n'],
];

const debianFiles = (spec: HostSpec): Files => [
  [
    '/etc/os-release',
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n',
  ],
  ['/etc/debian_version', '12.8\n'],
  [
    '/etc/default/grub',
    `GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="${commandLine(spec, '')}"\n`,
  ],
  ['/etc/default/grub.d/.keep', ''],
  ['/etc/apt/sources.list', 'deb [trusted=yes] file:/srv/repo ./\n'],
  ['/var/lib/apt/lists/_srv_repo_._Packages', ''],
  ['/etc/docker/daemon.json', '{"exec-opts": ["native.cgroupdriver=systemd"]}\n'],
  ['/etc/default/kubelet', 'KUBELET_EXTRA_ARGS=--cgroup-driver=systemd\n'],
];
