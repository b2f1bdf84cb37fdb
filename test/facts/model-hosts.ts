// Hosts built from the tables, for rows that no recording covers. Facts as the probe would give them.
import { derive } from '../../src/facts/index.ts';
import type { Facts } from '../../src/model/fact.ts';

const now = 1_790_000_000;

/** An el7 host of 862 with Docker 18.06.1 and no kubelet, nothing read on; overridden fact by fact. */
export function modelHost(overrides: Facts = {}): Facts {
  const release = typeof overrides['kernel.release'] === 'string' ? overrides['kernel.release'] : '3.10.0-862.el7.x86_64';
  return derive({
    'os.family': 'rhel',
    'kernel.release': release,
    'kernel.next': release,
    'kernel.installed': [release],
    'kernel.maps': {},
    'boot.cmdline': 'BOOT_IMAGE=/vmlinuz ro quiet',
    'boot.next_cmdline': 'ro quiet',
    'boot.loader': 'grub2',
    'boot.time': now - 1000,
    'clock.epoch': now,
    'cgroup.memory': 'v1',
    ...docker18_06,
    ...noKubelet,
    'kmem.samples': samples({}),
    'kmem.groups': [],
    'kmem.root_usage': 0,
    'kmem.slab_entries': 0,
    'kmem.slab_ids': 0,
    'kmem.dead_groups': 0,
    'kmem.symptoms': [],
    'kmem.active_probe': '',
    ...overrides,
  });
}

export const bootedAt = now - 1000;

export const samples = (counts: Facts): Facts => ({
  read: 0,
  eio: 0,
  empty: 0,
  denied: 0,
  gone: 0,
  total: 0,
  limited: 0,
  limited_off: 0,
  kubelet: 0,
  kubelet_off: 0,
  docker: 0,
  capped: false,
  ...counts,
});

/** Every group off: `total` of them, `limited` of those with a memory limit. */
export const allOff = (total: number, limited: number): Facts => samples({ eio: total, total, limited, limited_off: limited });
export const allOn = (total: number, limited = 1): Facts => samples({ read: total, total, limited });

const docker18_06: Facts = {
  'docker.installed': true,
  'docker.version': '18.06.1-ce',
  'docker.client': '18.06.1-ce',
  'docker.driver': 'cgroupfs',
  'docker.package': 'docker-ce',
  'docker.evr': '18.06.1.ce-3.el7',
  'docker.installed_at': now - 100_000,
  'containerd.installed': true,
  'containerd.bundled': true,
  'containerd.package': '',
  'containerd.evr': '',
  'containerd.installed_at': 0,
  'runc.installed': true,
  'runc.version': '1.0.0-rc5+dev',
  'runc.installed_at': 0,
};

const noKubelet: Facts = { 'kubelet.installed': false, 'kubelet.version': '', 'kubelet.driver': '' };

export const kubelet = (version: string, driver = 'cgroupfs'): Facts => ({
  'kubelet.installed': true,
  'kubelet.version': version,
  'kubelet.driver': driver,
});

export const docker = (version: string, containerdIo: string, runc = ''): Facts => ({
  'docker.version': version,
  'docker.evr': `3:${version}-3.el7`,
  'containerd.bundled': false,
  'containerd.package': 'containerd.io',
  'containerd.evr': containerdIo,
  'containerd.installed_at': now - 100_000,
  'runc.version': runc,
});

export const noContainers: Facts = {
  'docker.installed': false,
  'docker.version': '',
  'docker.client': '',
  'docker.driver': '',
  'docker.package': '',
  'docker.evr': '',
  'containerd.installed': false,
  'containerd.bundled': false,
  'runc.installed': false,
  'runc.version': '',
};

export const nokmemNow: Facts = { 'boot.cmdline': 'ro cgroup.memory=nokmem' };
export const nokmemNext: Facts = { 'boot.next_cmdline': 'ro cgroup.memory=nokmem' };
export const el7 = (build: string): Facts => ({ 'kernel.release': `3.10.0-${build}.el7.x86_64` });
export const nextEl7 = (build: string): Facts => ({ 'kernel.next': `3.10.0-${build}.el7.x86_64` });
