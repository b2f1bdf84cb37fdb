// The machine of a host, its free space, and what kmend left there.
import { boot, disk, type Texts, volatile } from './row.ts';
import type { OsFamily, StartedSample } from './values.ts';

export const osFacts = {
  'os.id': disk<string>('ID of os-release; empty when there is none', 'centos'),
  'os.version': disk<string>('VERSION_ID of os-release', '7'),
  'os.name': disk<string>('PRETTY_NAME of os-release', 'CentOS Linux 7 (Core)'),
  'os.family': disk<OsFamily>(
    'rhel, debian, suse, fedora, coreos, flatcar or unknown: how packages and the boot loader are handled',
    'rhel',
  ),
};

export const machineFacts = {
  'machine.id': disk<string>(
    '/etc/machine-id; empty when there is none',
    '0d1f2a3b4c5d6e7f8091a2b3c4d5e6f7',
  ),
  'machine.arch': disk<string>('uname -m', 'x86_64'),
  'host.name': disk<string>('the host name as the kernel knows it', 'node-a1'),
  'user.root': boot<boolean>('the probe ran as root', true),
  'clock.epoch': volatile(
    boot<number>("the host's own clock when it was asked, seconds since 1970", 1_795_000_000),
  ),
  'boot.id': boot<string>("the kernel's random boot id", '3d2023fb-c846-4e82-95ef-bce27dc2ac93'),
  'boot.uptime': volatile(boot<number>('seconds since boot', 86_400)),
  'boot.time': volatile(
    boot<number>("when it booted by the host's own clock, seconds since 1970", 1_794_913_600),
  ),
  'host.blocked': volatile(
    boot<number>(
      'processes in uninterruptible sleep (state D) at that moment: a few come and go, many that stay hold up a shutdown',
      0,
    ),
  ),
  'host.blocked_by': volatile(boot<Texts>('the first five of them', ['java (pid 4711)'])),
};

export const spaceFacts = {
  'space.boot_kb': volatile(disk<number>('kB that root can still write to /boot', 512_000)),
  'space.root_kb': volatile(disk<number>('kB that root can still write to /', 20_000_000)),
  'space.var_kb': volatile(disk<number>('kB that root can still write to /var', 20_000_000)),
};

export const marksFacts = {
  'kmem.active_probe': boot<'' | 'off' | 'on' | 'failed'>(
    'off, on or failed: the answer of an active probe of this boot; empty when none was made',
    'off',
  ),
  'kmem.started': volatile(
    boot<readonly StartedSample[]>(
      'sample containers that were started in this boot: through which runtime, what their group answered, and when',
      [{ runtime: 'docker', answer: 'off', at: 1_795_000_000 }],
    ),
  ),
  'fence.run': disk<string>(
    'run of kmend that holds this host, or that held it last; empty for none, unknown without root',
    '20261124-153012-k3f9',
  ),
  'fence.number': disk<number>(
    'controller of that run: 1, and one more with each resume; 0 for none',
    1,
  ),
  'fence.open': disk<boolean>(
    'that run still holds the host: it is under way, was interrupted, or the host failed in it and no operator has acknowledged that',
    false,
  ),
};
