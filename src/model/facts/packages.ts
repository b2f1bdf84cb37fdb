// Packages, their manager and its repositories.
import { type ByName, boot, disk, outside, type Texts, volatile } from './row.ts';
import type { BesideRow, PackageTool, Unusable } from './values.ts';

export const packagesFacts = {
  'packages.manager': disk<PackageTool>('yum, dnf, apt, zypper, rpm-ostree or none', 'yum'),
  'packages.held': disk<Texts>('versionlock entries, exclude patterns, held packages', [
    'exclude docker-ce*',
  ]),
  'packages.broken': disk<string>(
    'why nothing can be installed: an interrupted transaction, a database that cannot be read; empty when all is well',
    'docker-ce is half-configured',
  ),
  'packages.damaged': disk<ByName<string>>(
    'packages that are not fully installed, with their state: one of dpkg, `reinst-required`, `duplicate` (rpm has several versions of one name), `script-failed` (rpm calls it installed)',
    { 'containerd.io': 'half-configured', 'docker-ce': 'unpacked' },
  ),
  'docker.package': disk<string>(
    'the package that holds the engine; empty when none does',
    'docker-ce',
  ),
  'docker.evr': disk<string>('its [epoch:]version-release; empty when absent', '3:18.09.9-3.el7'),
  'docker.installed_at': disk<number>(
    "when it was installed by the host's clock; 0 when absent",
    1_794_000_000,
  ),
  'cli.evr': disk<string>('of docker-ce-cli', '1:18.09.9-3.el7'),
  'containerd.package': disk<string>('containerd.io, containerd, or empty', 'containerd.io'),
  'containerd.evr': disk<string>('of that package; empty when absent', '1.2.10-3.2.el7'),
  'containerd.installed_at': disk<number>(
    "when it was installed by the host's clock; 0 when absent",
    0,
  ),
  'runc.evr': disk<string>('of a package runc of its own (containerd.io brings its own)', ''),
  'runc.installed_at': disk<number>('when that package was installed; 0 when absent', 0),
  'crio.evr': disk<string>('of cri-o', ''),
  'kubelet.evr': disk<string>('of the kubelet package', '1.12.3-0'),
  'kubelet.installed_at': disk<number>(
    'when that package was installed; 0 when absent',
    1_794_000_000,
  ),
};

export const packageLocksFacts = {
  'packages.lock': volatile(
    boot<string>(
      'the process that holds a lock of the package manager to change packages, and since when; empty for none; read for plans with packages',
      'dnf (pid 4711, for 45 s) holds /var/lib/rpm/.rpm.lock',
    ),
  ),
};

export const packageFacts = {
  'package.*.installed': disk<string>(
    '[epoch:]version-release; empty when not installed',
    '3:18.09.9-3.el7',
  ),
  'package.*.state': disk<string>(
    '`installed`, a state of an installation that is not complete (as in `packages.damaged`), or empty when not installed',
    'installed',
  ),
  'package.*.available': outside<Texts>(
    'versions that the enabled repositories have, holds and excludes left aside, and those that an apt pin forbids unless it forbids all; `package.NAME@CHOICE` with `enablerepo`, `disablerepo`',
    ['3:18.09.1-3.el7', '3:18.09.9-3.el7'],
  ),
  'package.*.beside': outside<readonly BesideRow[]>(
    'the newest version of packages that were searched in the same call, with the repository: what a module may name as another way',
    [{ name: 'kernel-lt', version: '5.4.278-1.el7.elrepo', repository: 'elrepo-kernel' }],
  ),
  'package.*.unusable': outside<readonly Unusable[]>(
    'repositories that could not be used for that search: cause, id, output of the package manager, skipped or not',
    [
      {
        cause: 'gone',
        repository: 'base',
        said: 'Status code: 404 for http://mirror/7/repodata/repomd.xml',
        skipped: false,
      },
    ],
  ),
  'package.*.held': disk<boolean>(
    'a versionlock, an exclude, a hold or a negative apt pin of all its versions keeps it from being changed',
    false,
  ),
  'package.*.holds': disk<Texts>(
    'each of these: `hold`, `versionlock ENTRY`, `exclude PATTERN`, `pin`',
    ['versionlock 3:docker-ce-18.09.9-3.el7.*'],
  ),
  'package.*.lock_lists': disk<ByName<string>>(
    'for yum and dnf, where its plugin versionlock is on, the file with the locks',
    { yum: '/etc/yum/pluginconf.d/versionlock.list' },
  ),
};

export const repositoryFacts = {
  'repository.*.section': disk<string>(
    'a section of a file below /etc/yum.repos.d, its header first, passwords as ***; empty when there is none',
    '[vault-os]\nname=CentOS 7 os\nbaseurl=https://mirror.example.com/centos/7/os/$basearch/',
  ),
  'repository.*.elsewhere': disk<Texts>(
    'other files that have a repository of that id, without .repo',
    [],
  ),
};
