// Facts of hosts for the tables of the modules: an el7 host as the probe would find it, and ways to
// vary it.
import { derive } from '../../src/facts/index.ts';
import { type Facts, fact, known } from '../../src/model/fact.ts';
import { groupFacts } from '../facts/model-hosts.ts';

const accounted = groupFacts('on docker\non docker/#d\non! docker/#c');
/** The same groups, not accounted; a container with a memory limit is among them. */
export const readsOff = groupFacts('eio docker\neio docker/#d\neio! docker/#c');
export const noSample = groupFacts('eio docker\neio docker/#d');

/**
 * CentOS 7 with docker 18.06.1 on 1160, no kubelet, kernel-memory accounting on. Derived facts are
 * made from the rest.
 */
export const el7 = (more: Facts = {}): Facts =>
  derive({
    'os.id': 'centos',
    'os.version': '7',
    'os.family': 'rhel',
    'machine.arch': 'x86_64',
    'clock.epoch': 1_700_000_000,
    'user.root': true,
    'kernel.release': '3.10.0-1160.el7.x86_64',
    'kernel.next': '3.10.0-1160.el7.x86_64',
    'kernel.installed': ['3.10.0-1160.el7.x86_64'],
    'kernel.maps': {},
    'kernel.packages': ownersOf(known(more, 'kernel.installed', ['3.10.0-1160.el7.x86_64'])),
    'kernel.default_package': 'kernel',
    'boot.id': 'b-1',
    'boot.time': 1_690_000_000,
    'boot.uptime': 10_000_000,
    'boot.cmdline': 'BOOT_IMAGE=/vmlinuz-3.10.0-1160.el7.x86_64 root=/dev/sda1 ro quiet',
    'boot.next_cmdline': 'root=/dev/sda1 ro quiet',
    'boot.cmdline_future': 'crashkernel=auto quiet',
    'boot.default_grub_text': 'GRUB_CMDLINE_LINUX="crashkernel=auto quiet"\n',
    'boot.kernel_cmdline': '',
    'boot.loader': 'grub2',
    'boot.firmware': 'bios',
    'cgroup.version': 'v1',
    'cgroup.memory': 'v1',
    'docker.installed': true,
    'docker.version': '18.06.1-ce',
    'docker.client': '18.06.1-ce',
    'docker.running': true,
    'docker.driver': 'cgroupfs',
    'docker.live_restore': false,
    'docker.package': 'docker-ce',
    'docker.evr': '18.06.1.ce-3.el7',
    'docker.installed_at': 1_600_000_000,
    'cli.evr': '',
    'containerd.package': '',
    'containerd.installed': true,
    'containerd.bundled': true,
    'containerd.evr': '',
    'containerd.installed_at': 0,
    'runc.installed': true,
    'runc.version': '1.0.0-rc5+dev',
    'runc.path': '/usr/bin/docker-runc',
    'runc.installed_at': 0,
    'kubelet.installed': false,
    'kubelet.running': false,
    'kubelet.version': '',
    'kubelet.driver': '',
    'packages.manager': 'yum',
    'packages.lock': '',
    'packages.held': [],
    'packages.broken': '',
    'space.boot_kb': 500_000,
    'space.root_kb': 20_000_000,
    'space.var_kb': 20_000_000,
    ...accounted,
    'kmem.groups': [],
    'kmem.slab_entries': 0,
    'kmem.slab_ids': 0,
    'kmem.dead_groups': 0,
    'kmem.symptoms': [],
    'kmem.active_probe': '',
    ...more,
  });

/** As the package database would say: ELRepo's kernels are those of kernel-lt. */
const ownersOf = (releases: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    releases.map((release) => [release, release.includes('elrepo') ? 'kernel-lt' : 'kernel']),
  );

export const packageFacts = (
  name: string,
  installed: string,
  available: readonly string[] = [],
  held = false,
): Facts => ({
  ...fact(`package.${name}.installed`, installed),
  ...fact(`package.${name}.available`, available),
  ...fact(`package.${name}.held`, held),
  ...fact(`package.${name}.beside`, []),
});

export const nokmemNow: Facts = {
  'boot.cmdline': 'BOOT_IMAGE=/vmlinuz ro cgroup.memory=nokmem',
  'boot.next_cmdline': 'ro cgroup.memory=nokmem',
  'boot.cmdline_future': 'ro cgroup.memory=nokmem',
};
