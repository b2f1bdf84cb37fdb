// Boots a practice host: what its boot loader names is what runs, /proc and /sys are made anew,
// /run is empty, the units start.
import { randomUUID } from 'node:crypto';
import { renameSync } from 'node:fs';
import { makeGroups } from './cgroups.ts';
import { type BootEntry, defaultEntry, readEnv, takenOnce, writeEnv } from './grub.ts';
import { find, runcOnDisk } from './installed.ts';
import {
  at,
  control,
  fault,
  hostClock,
  type Machine,
  put,
  putName,
  read,
  remove,
} from './machine.ts';
import { putSettings } from './settings.ts';

export const menuPath = (machine: Machine): string =>
  machine.spec.flavour === 'el7' ? '/boot/grub2/grub.cfg' : '/boot/grub/grub.cfg';
export const envPath = (machine: Machine): string =>
  machine.spec.flavour === 'el7' ? '/boot/grub2/grubenv' : '/boot/grub/grubenv';

/** What comes up, or why nothing does. */
function chooseKernel(
  machine: Machine,
): { readonly kernel: string; readonly cmdline: string } | { readonly dead: string } {
  if (fault(machine, 'oldboot')) return machine.running;
  const entry = takeEntry(machine);
  if (!entry) return { dead: 'no entry in the boot loader file' };
  const file = `/boot/${entry.kernel.slice(entry.kernel.lastIndexOf('/') + 1)}`;
  if (read(machine, file) === '') return { dead: `no kernel ${file}` };
  if (file === `/boot/vmlinuz-${fault(machine, 'panics')}`)
    return entry.args.some((arg) => /^panic=[1-9]/.test(arg))
      ? chooseKernel(machine)
      : { dead: 'it panicked and stands still' };
  return {
    kernel: file.slice('/boot/vmlinuz-'.length),
    cmdline: [`BOOT_IMAGE=${entry.kernel}`, ...entry.args].join(' '),
  };
}

function takeEntry(machine: Machine): BootEntry | undefined {
  const [menu, env] = [read(machine, menuPath(machine)), read(machine, envPath(machine))];
  const once = takenOnce(menu, env);
  if (once !== undefined)
    put(
      machine,
      envPath(machine),
      writeEnv(new Map([...readEnv(env)].filter(([key]) => key !== 'next_entry'))),
    );
  return once ?? defaultEntry(menu, env);
}

/**
 * True when it is up. `daysAgo` gives a boot in the past, for a fleet that has been running for a
 * while.
 */
export function boot(machine: Machine, daysAgo = 0): boolean {
  const choice = chooseKernel(machine);
  if ('dead' in choice) return false;
  const bootTime = hostClock(machine) - Math.round(daysAgo * 86_400);
  machine.boots += 1;
  machine.running = {
    bootId: randomUUID(),
    bootTime,
    ...pick(choice),
    units: new Set(),
    nextGroup: 4,
    accounted: [],
  };
  control(machine, 'kernel', `${machine.running.kernel}\n`);
  for (const path of ['/run', '/var/run', '/proc']) remove(machine, path);
  putProc(machine);
  putSettings(machine);
  put(machine, '/run/lab/driver', driverOf(machine));
  put(
    machine,
    '/run/lab/live-restore',
    /"live-restore"\s*:\s*true/.test(read(machine, '/etc/docker/daemon.json')) ? 'true' : 'false',
  );
  for (const unit of ['sshd', 'containerd', 'docker', 'kubelet']) startUnit(machine, unit);
  makeGroups(machine);
  putLog(machine);
  return true;
}

const pick = ({ kernel, cmdline }: { readonly kernel: string; readonly cmdline: string }) => ({
  kernel,
  cmdline,
});

const driverOf = (machine: Machine): string =>
  read(machine, '/etc/docker/daemon.json').includes('native.cgroupdriver=systemd')
    ? 'systemd'
    : 'cgroupfs';

/** The package whose program a unit runs. */
const unitPackages: Readonly<Record<string, string>> = {
  docker: 'docker-ce',
  containerd: 'containerd.io',
  kubelet: 'kubelet',
};

export const unitExists = (machine: Machine, unit: string): boolean =>
  unit === 'sshd' ||
  unit === 'crond' ||
  (Object.hasOwn(unitPackages, unit) && find(machine, unitPackages[unit] ?? '') !== undefined);

/** The process of each unit, by number and command line. */
const processes: Readonly<Record<string, readonly [pid: number, words: readonly string[]]>> = {
  sshd: [901, ['/usr/sbin/sshd', '-D']],
  containerd: [1101, ['/usr/bin/containerd']],
  docker: [1201, ['/usr/bin/dockerd', '-H', 'fd://']],
  kubelet: [1301, ['/usr/bin/kubelet', '--kubeconfig=/etc/kubernetes/kubelet.conf']],
};

function putProcess(machine: Machine, unit: string): void {
  const [pid, words] = processes[unit] ?? [0, []];
  const program = words[0] ?? '';
  putName(machine, pid, program.slice(program.lastIndexOf('/') + 1));
  put(machine, `/proc/${pid}/cmdline`, words.map((word) => `${word}\0`).join(''));
}

/** False when it cannot start. A started engine is the one on the disk at that moment. */
export function startUnit(machine: Machine, unit: string): boolean {
  if (!unitExists(machine, unit)) return false;
  const pkg = find(machine, unitPackages[unit] ?? '');
  if (unit === 'docker') {
    if (fault(machine, 'nodocker') || !pkg) return false;
    put(machine, '/run/lab/dockerd', pkg.says);
    put(machine, '/run/lab/accounts', runcOnDisk(machine)?.accounts === true ? 'yes' : 'no');
    put(
      machine,
      '/run/lab/containers',
      ['1', '2', '3', '4', '5'].map((digit) => `${digit.repeat(12)}\n`).join(''),
    );
    put(machine, '/run/docker.sock', '');
  }
  machine.running.units.add(unit);
  if (processes[unit]) putProcess(machine, unit);
  put(machine, `/run/lab/units/${unit}`, '');
  return true;
}

export function stopUnit(machine: Machine, unit: string): void {
  machine.running.units.delete(unit);
  if (processes[unit]) remove(machine, `/proc/${processes[unit][0]}`);
  remove(machine, `/run/lab/units/${unit}`);
  if (unit === 'docker')
    for (const name of ['dockerd', 'accounts', 'containers']) remove(machine, `/run/lab/${name}`);
}

/** The parts of /proc that change while it runs; called before each command. */
export function putTime(machine: Machine): void {
  const up = Math.max(0, hostClock(machine) - machine.running.bootTime) + 0.42;
  // A reader never finds half of it, as on a real host.
  put(machine, '/proc/uptime.new', `${up.toFixed(2)} ${(up * 1.9).toFixed(2)}\n`);
  renameSync(at(machine, '/proc/uptime.new'), at(machine, '/proc/uptime'));
}

function putProc(machine: Machine): void {
  const { bootId, bootTime, kernel, cmdline } = machine.running;
  const leaking = (machine.spec.deadGroups ?? 0) > 0 && machine.boots === 1;
  const files: readonly (readonly [string, string])[] = [
    ['/proc/sys/kernel/random/boot_id', `${bootId}\n`],
    ['/proc/sys/kernel/osrelease', `${kernel}\n`],
    ['/proc/sys/kernel/hostname', `${machine.spec.name}\n`],
    ['/proc/cmdline', `${cmdline}\n`],
    ['/proc/version', `Linux version ${kernel} (builder@lab) #1 SMP\n`],
    ['/proc/stat', `cpu  1 0 1 100 0 0 0 0 0 0\nbtime ${bootTime}\nprocesses 4242\n`],
    ['/proc/loadavg', '0.10 0.20 0.15 1/120 4242\n'],
    [
      '/proc/1/cgroup',
      machine.spec.flavour === 'el7' ? '4:memory:/\n1:name=systemd:/\n' : '0::/init.scope\n',
    ],
    ['/proc/mounts', mounts(machine)],
    ['/proc/self/mounts', mounts(machine)],
    ['/proc/filesystems', 'nodev\tsysfs\nnodev\tcgroup\nnodev\tcgroup2\n\text4\n'],
    ['/proc/meminfo', meminfo(leaking ? 2_410_520 : 48_320)],
    ['/proc/sysrq-trigger', ''],
  ];
  for (const [path, text] of files) put(machine, path, text);
  putTime(machine);
}

const meminfo = (unreclaimable: number): string =>
  `MemTotal:        8010540 kB
MemFree:         1843096 kB
MemAvailable:    3954932 kB
Slab:            ${unreclaimable + 102_400} kB
SReclaimable:     102400 kB
SUnreclaim:      ${unreclaimable} kB
KernelStack:       11952 kB
`;

const mounts = (machine: Machine): string =>
  machine.spec.flavour === 'el7'
    ? `/dev/mapper/centos-root / xfs rw,relatime 0 0
/dev/sda1 /boot xfs rw,relatime 0 0
tmpfs /sys/fs/cgroup tmpfs ro,nosuid,nodev,noexec,mode=755 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,nosuid,nodev,noexec,relatime,xattr,name=systemd 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,nosuid,nodev,noexec,relatime,memory 0 0
`
    : `/dev/sda1 / ext4 rw,relatime 0 0
cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0
`;

/**
 * The kernel log of a host on which the leak has come far: the memcg caches carry container ids in
 * parentheses.
 */
function putLog(machine: Machine): void {
  const { cmdline, kernel } = machine.running;
  const start = `[    0.000000] Linux version ${kernel} (builder@lab) #1 SMP\n[    0.000000] Command line: ${cmdline}\n`;
  const leaking = (machine.spec.deadGroups ?? 0) > 0 && machine.boots === 1;
  const slub = ['3521234.101010', '3521299.202020', '3522001.303030']
    .map(
      (time) =>
        `[${time}] SLUB: Unable to allocate memory on node -1 (gfp=0x8020)\n[${time}]   cache: kmalloc-192(1184:${'5'.repeat(64)}), object size: 192, buffer size: 192, default order: 0, min order: 0\n`,
    )
    .join('');
  const lockup =
    '[3522100.404040] NMI watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [kworker/3:1:20171]\n';
  control(machine, 'dmesg', start + (leaking ? slub + lockup : ''));
}
