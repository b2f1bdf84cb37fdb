// The package database of a practice host, as files, and what installing or erasing a package does
// to its tree.
import { mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { compareDeb, compareRpm } from '../../src/model/text/versions.ts';
import { evrOf, type Package, repository } from './catalog.ts';
import { addEntry, removeEntries, writeEnv } from './grub.ts';
import { at, hostClock, type Machine, put, read, remove } from './machine.ts';
import { programs } from './programs.ts';

export interface Installed extends Package {
  /** Epoch seconds by the host's clock. */
  readonly installedAt: number;
}

const database = (machine: Machine): string =>
  machine.spec.flavour === 'el7' ? '/var/lib/rpm/Packages' : '/var/lib/dpkg/packages';

/**
 * Everything that is installed: one JSON line a package. On debian dpkg's own files are written
 * beside it.
 */
export const installed = (machine: Machine): readonly Installed[] =>
  read(machine, database(machine))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Installed);

const dpkgStatus = (pkg: Installed, held: boolean): string =>
  `Package: ${pkg.name}
Status: ${held ? 'hold' : 'install'} ok installed
Priority: optional
Architecture: ${pkg.arch}
Version: ${evrOf(pkg)}
${pkg.requires.length > 0 ? `Depends: ${pkg.requires.map((word) => word.replace(/^(\S+) (>=) (\S+)$/, '$1 ($2 $3)')).join(', ')}\n` : ''}Description: ${pkg.name}

`;

/** Names that `apt-mark hold` holds. */
export const aptHeld = (machine: Machine): readonly string[] =>
  read(machine, '/var/lib/dpkg/holds').split('\n').filter(Boolean);

export function save(machine: Machine, packages: readonly Installed[]): void {
  const sorted = [...packages].sort((a, b) =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : compareEvr(machine, a, b),
  );
  put(machine, database(machine), sorted.map((pkg) => `${JSON.stringify(pkg)}\n`).join(''));
  if (machine.spec.flavour !== 'debian') return;
  const held = aptHeld(machine);
  put(
    machine,
    '/var/lib/dpkg/status',
    sorted.map((pkg) => dpkgStatus(pkg, held.includes(pkg.name))).join(''),
  );
  for (const pkg of sorted) {
    const list = `/var/lib/dpkg/info/${pkg.name}.list`;
    put(machine, list, pkg.owns.map((path) => `${path}\n`).join(''));
    utimesSync(at(machine, list), pkg.installedAt, pkg.installedAt);
  }
}

export const compareEvr = (machine: Machine, a: Package, b: Package): number =>
  machine.spec.flavour === 'debian'
    ? compareDeb(evrOf(a), evrOf(b))
    : compareRpm(evrOf(a), evrOf(b));

/** Several versions of it may be installed side by side. */
export const isParallel = (pkg: Package): boolean =>
  pkg.name === 'kernel' || pkg.name === 'kernel-lt';

export const kernelReleases = (machine: Machine): readonly string[] =>
  readdirSync(at(machine, '/boot'))
    .filter((name) => name.startsWith('vmlinuz-'))
    .map((name) => name.slice('vmlinuz-'.length))
    .sort((a, b) => compareRpm(b, a));

export const titleOf = (machine: Machine, release: string): string =>
  machine.spec.flavour === 'el7'
    ? `CentOS Linux (${release}) 7 (Core)`
    : `Debian GNU/Linux, with Linux ${release}`;

const kernelOf = (pkg: Package): string | undefined =>
  isParallel(pkg)
    ? pkg.says
    : pkg.name.startsWith('linux-image-')
      ? pkg.name.slice('linux-image-'.length)
      : undefined;

function putKernel(machine: Machine, release: string): void {
  put(machine, `/boot/vmlinuz-${release}`, `kernel ${release}\n`.repeat(64));
  put(
    machine,
    machine.spec.flavour === 'el7'
      ? `/boot/initramfs-${release}.img`
      : `/boot/initrd.img-${release}`,
    'initramfs\n',
  );
  const build = Number(/^3\.10\.0-(\d+)/.exec(release)?.[1] ?? 0);
  const symbols = [
    ...(machine.spec.unread !== undefined && build > 514 && build < 1062
      ? []
      : ['ffffffff81000000 T _text\n']),
    ...(build >= 1062 ? ['ffffffff817b4170 b cgroup_memory_nokmem\n'] : []),
  ];
  put(machine, `/boot/System.map-${release}`, symbols.join(''));
  mkdirSync(at(machine, `/lib/modules/${release}`), { recursive: true });
}

/**
 * On el7 a new kernel's script adds a boot entry with the default entry's arguments, and makes it
 * the default where its package is DEFAULTKERNEL.
 */
function addToMenu(machine: Machine, pkg: Package, release: string): void {
  const [config, env] = [
    read(machine, '/boot/grub2/grub.cfg'),
    read(machine, '/boot/grub2/grubenv'),
  ];
  const title = titleOf(machine, release);
  if (machine.spec.flavour !== 'el7' || config === '' || config.includes(`'${title}'`)) return;
  put(machine, '/boot/grub2/grub.cfg', addEntry(config, env, { release, title }));
  if (read(machine, '/etc/sysconfig/kernel').includes(`DEFAULTKERNEL=${pkg.name}\n`))
    put(machine, '/boot/grub2/grubenv', writeEnv(new Map([['saved_entry', title]])));
}

/** Puts a package's files and its database row into the tree. */
export function addPackage(machine: Machine, pkg: Package, installedAt = hostClock(machine)): void {
  for (const [path, text] of programs(pkg)) {
    put(machine, path, text, 0o755);
    utimesSync(at(machine, path), installedAt, installedAt);
  }
  const release = kernelOf(pkg);
  if (release !== undefined) {
    putKernel(machine, release);
    addToMenu(machine, pkg, release);
  }
  const others = installed(machine).filter(
    (other) => other.name !== pkg.name || (isParallel(pkg) && evrOf(other) !== evrOf(pkg)),
  );
  save(machine, [...others, { ...pkg, installedAt }]);
}

/** Takes them out again. Files that another installed package owns stay. */
export function erasePackage(machine: Machine, pkg: Package): void {
  const others = installed(machine).filter(
    (other) => other.name !== pkg.name || evrOf(other) !== evrOf(pkg),
  );
  const owned = new Set(others.flatMap((other) => programs(other).map(([path]) => path)));
  for (const [path] of programs(pkg)) if (!owned.has(path)) remove(machine, path);
  const release = kernelOf(pkg);
  if (release !== undefined) {
    for (const name of ['vmlinuz-', 'System.map-', 'initramfs-', 'initrd.img-'])
      remove(machine, `/boot/${name}${release}`);
    remove(machine, `/boot/initramfs-${release}.img`);
    const config = read(machine, '/boot/grub2/grub.cfg');
    if (config !== '') put(machine, '/boot/grub2/grub.cfg', removeEntries(config, release));
  }
  if (machine.spec.flavour === 'debian') remove(machine, `/var/lib/dpkg/info/${pkg.name}.list`);
  save(machine, others);
}

/** The installed package that owns a program, by name. */
export const find = (machine: Machine, name: string): Installed | undefined =>
  installed(machine).find((pkg) => pkg.name === name);

/**
 * Finds a package of the repository by the words of a host's specification:
 * `docker-ce-3:18.09.9-3.el7`, `kubelet=1.28.2-1.1`.
 */
export function fromRepository(flavour: 'el7' | 'debian', words: string): Package {
  const pkg = repository(flavour).find(
    (one) => `${one.name}-${evrOf(one)}` === words || `${one.name}=${evrOf(one)}` === words,
  );
  if (!pkg) throw new Error(`the practice fleet has no package ${words}`);
  return pkg;
}

/** The runc that containers are started with, by the packages on the disk. */
export const runcOnDisk = (machine: Machine): Package['runc'] => {
  const separate = find(machine, 'containerd.io');
  return separate?.runc ?? find(machine, 'docker-ce')?.runc;
};
