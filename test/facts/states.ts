// States of hosts: what runs there, what is true of it, and what kmend must say. Expected values
// follow from the truth; none was copied from the code's output.
import { type Facts, known } from '../../src/model/fact.ts';
import type { SampleCounts } from '../../src/model/facts/values.ts';
import { unknown } from '../../src/model/value.ts';
import {
  argument,
  argumentNext,
  argumentNow,
  bootedAt,
  containerd,
  containers,
  crio,
  custom,
  dockerWith,
  engine,
  hostFacts,
  idlePods,
  kubelet,
  literal,
  next,
  type Program,
  podman,
  pods,
  slices,
  units,
} from './model-hosts.ts';

interface Host {
  readonly programs: readonly Program[];
  readonly facts: Facts;
}

/** State, host, truth, `verdict remedy proof`, and what evidence or reason must name. */
type State = readonly [name: string, host: Host, truth: string, expected: string, says?: RegExp];

const host = (
  kernel: string,
  programs: readonly Program[],
  groups: string,
  more: Facts = {},
): Host => ({
  programs,
  facts: hostFacts(kernel, programs, groups, more),
});

// Kubelets.
const kubelet18 = kubelet('1.8.15', 'no');
const kubelet19 = kubelet('1.9.11', 'yes');
const kubelet112 = kubelet('1.12.3', 'yes');
const kubelet122 = kubelet('1.22.17', 'no');
const kubelet112systemd = kubelet('1.12.3', 'no', 'systemd');
const kubelet122systemd = kubelet('1.22.17', 'no', 'systemd');
const hiddenDocker: Program = { part: 'docker', asks: 'perhaps', facts: {} };
const hiddenKubelet: Program = { part: 'kubelet', asks: 'perhaps', facts: {} };

// Dockers.
const docker1703 = engine('docker-ce', '17.03.2-ce', 'no');
const docker1806 = engine('docker-ce', '18.06.1-ce', 'yes');
const docker1806systemd = engine('docker-ce', '18.06.1-ce', 'no', 'systemd');
const cleanDocker = dockerWith('1.4.13-3.1.el7', '1.0.2', 'no');
const badDocker = dockerWith('1.2.10-3.2.el7', '1.0.0-rc8+dev', 'yes');
const unknownDocker = dockerWith('1.3.7-3.1.el7', '1.0.0-rc93', 'perhaps');
const disputedDocker = dockerWith('1.2.2-3.3.el7', '1.0.0-rc6+dev', 'perhaps');
const rhelDocker = (driver: string): Program =>
  engine('docker', '1.13.1', driver === 'systemd' ? 'no' : 'yes', driver);

// Other runtimes. A static runc of rc6 to rc93 asks, but its version does not say so.
const staticContainerd = containerd('1.0.0-rc10', 'perhaps');
const cleanContainerd = containerd('1.0.2', 'no');
const k3s = (version: string, asks: Program['asks'], runc: string): readonly Program[] => [
  kubelet(version, asks, 'cgroupfs', { 'kubelet.program': 'k3s' }),
  containerd(runc, runc.includes('rc') ? 'perhaps' : 'no'),
];
const nvidia = (of: 'docker' | 'containerd'): Program =>
  custom(of, '/usr/bin/nvidia-container-runtime', 'runc version 1.0.0-rc6+dev', 'perhaps');

// Others' groups with a memory limit.
const yarn = `
  eio hadoop-yarn
  eio! hadoop-yarn/container_1
`;
const byHand = 'eio! apps/oracle\n';

const slub: Facts = {
  'kmem.symptoms': [
    { kind: 'slub_memcg', from: 'kernel', count: 3, line: 'cache: kmalloc-192(12:aa)' },
  ],
};
const fixedNow = {
  'docker.installed_at': bootedAt + 60,
  'containerd.installed_at': bootedAt + 60,
};
const dead = (count: number): Facts => ({
  'kmem.dead_groups': count,
  'kmem.slab_ids': count,
  'kmem.slab_entries': count * 3,
});
/** An earlier reading of this boot. */
const deadBefore = (count: number): Facts => ({
  'kmem.ids.before': { at: bootedAt + 100, uptime: 100, live: 4, dead: count },
});
const counts = (host: Host, samples: SampleCounts): Host => ({
  ...host,
  facts: {
    ...host.facts,
    'kmem.samples': { ...known(host.facts, 'kmem.samples', {}), ...samples },
  },
});
const argumentLast = {
  'boot.cmdline': 'ro -- cgroup.memory=nokmem',
  'boot.next_cmdline': 'ro -- cgroup.memory=nokmem',
};
const args = (text: string): Facts => ({
  'boot.cmdline': `ro ${text}`,
  'boot.next_cmdline': `ro ${text}`,
});
const suse: Facts = { 'os.family': 'suse', 'os.id': 'sles' };
const debian: Facts = { 'os.family': 'debian', 'os.id': 'debian', 'boot.loader': 'grub-debian' };

const elrepo54 = '5.4.278-1.el7.elrepo.x86_64';
const lt44 = '4.4.240-1.el7.elrepo.x86_64';
const ubuntu44 = '4.4.0-165-generic';
const vz7 = '3.10.0-1160.41.1.vz7.183.5';

const accounted: readonly State[] = [
  [
    'runtime and kubelet replaced in this boot, the old tree is still there',
    host('1160', [kubelet122, cleanDocker], pods('on') + containers('eio'), {
      ...fixedNow,
      'kubelet.installed_at': bootedAt + 90,
    }),
    'on: groups made before the repair stay accounted; only a reboot ends them',
    'on reboot none',
  ],
  [
    'runtime clean, kubelet old',
    host('1160', [kubelet112, cleanDocker], pods('on') + containers('eio')),
    'on: the kubelet asks, and its pods pass it on',
    'on kernel_arg none',
    /kubelet 1\.12\.3 accounts/,
  ],
  [
    "RHEL's docker 1.13 with the cgroupfs driver",
    host('1160', [rhelDocker('cgroupfs')], containers('on') + units),
    'on: this docker asks; another docker would be a migration, so the argument',
    'on kernel_arg none',
    /needs no change of runtime \(Red Hat's docker: no build without accounting is known/,
  ],
  [
    'docker 17.03 with kubelet 1.9 on 693',
    host('693', [kubelet19, docker1703], pods('on') + containers('eio')),
    'on: from 1.9 the kubelet asks; nobody has read whether 693 obeys',
    'on kernel_and_arg none',
    /693 is not known to parse nokmem/,
  ],
  [
    'docker 18.06.3 on 957',
    host('957', [engine('docker-ce', '18.06.3-ce', 'yes')], containers('on') + units),
    'on: only a docker-ce asks, which can be upgraded in place',
    'on runtime none',
  ],
  [
    'docker 18.09 whose containerd.io 1.2.13 lost the flag',
    host('1160', [dockerWith('1.2.13-3.1.el7', '1.0.0-rc10', 'yes')], containers('on') + units),
    'on: this build of containerd.io asks',
    'on kernel_arg none',
  ],
  [
    'containerd from an archive (runc rc10) under a clean kubelet',
    host('1160', [kubelet122, staticContainerd], `${idlePods('eio')}on! kubepods/pod3/#c`),
    'on: upstream rc10 asks for each container with a limit',
    'on kernel_arg none',
    /runc 1\.0\.0-rc10 may account/,
  ],
  [
    'the same on 862',
    host('862', [kubelet122, staticContainerd], `${idlePods('eio')}on! kubepods/pod3/#c`),
    'on: kmend does not upgrade an archive, and 862 has not been read',
    'on kernel_and_arg none',
  ],
  [
    'k3s 1.18',
    host('1160', k3s('1.18.9+k3s1', 'yes', '1.0.0-rc92'), pods('on')),
    'on: the kubelet inside asks',
    'on kernel_arg none',
  ],
  [
    'k3s 1.20 on 862',
    host('862', k3s('1.20.15+k3s1', 'yes', '1.0.0-rc93'), pods('on')),
    'on: the kubelet inside asks, and 862 has not been read',
    'on kernel_and_arg none',
  ],
  [
    "Oracle's UEK 4.1 with docker-engine",
    host(
      '4.1.12-124.48.6.el7uek.x86_64',
      [engine('docker-engine', '18.03.1.ol', 'yes')],
      containers('on') + units,
    ),
    'on, a suspect kernel; no newer one is known, and that engine is not docker-ce',
    'on unsupported none',
    /not known to parse nokmem/,
  ],
  [
    "ELRepo's kernel-lt 4.4 with containerd from an archive",
    host(lt44, [kubelet122, staticContainerd], `${idlePods('eio')}on! kubepods/pod3/#c`),
    'on, a suspect kernel; 4.4 of kernel.org does not know the argument',
    'on unsupported none',
    /does not parse nokmem/,
  ],
  [
    'SLES 12 with an old kubelet',
    host('4.4.180-94.164-default', [kubelet112, badDocker], pods('on'), suse),
    'on, a suspect kernel that nobody has read: nothing is promised',
    'on unsupported none',
    /not known to parse nokmem/,
  ],
  [
    'the argument in upper case',
    host('1160', [kubelet112, badDocker], pods('on'), args('cgroup.memory=NOKMEM')),
    'on: el7 does not know that spelling',
    'on kernel_arg none',
  ],
  [
    'the argument with an underscore',
    host('1160', [kubelet112, badDocker], pods('on'), args('cgroup_memory=nokmem')),
    'on: that is another name',
    'on kernel_arg none',
  ],
  [
    'the argument set on 862, and groups read on',
    host('862', [kubelet112, badDocker], pods('on'), argument),
    'on: this kernel does not obey',
    'on kernel_and_arg none',
  ],
  [
    'the argument set on 514',
    host('514', [kubelet112, docker1806], pods('on') + containers('on'), argument),
    'on: 514 does not parse it (booted)',
    'on kernel_and_arg none',
    /514 does not parse nokmem/,
  ],
  [
    '957 whose System.map names the switch',
    host('957', [kubelet112, badDocker], pods('on'), {
      'kernel.maps': { '3.10.0-957.el7.x86_64': 'yes' },
    }),
    'on: this 957 would obey, so the argument will do',
    'on kernel_arg none',
  ],
  [
    '862 whose System.map does not name the switch',
    host('862', [kubelet112, badDocker], pods('on'), {
      'kernel.maps': { '3.10.0-862.el7.x86_64': 'no' },
    }),
    'on: this 862 does not obey',
    'on kernel_and_arg none',
    /862 does not parse nokmem/,
  ],
  [
    'an RT kernel of 1160',
    host('3.10.0-1160.119.1.rt56.1268.el7.x86_64', [docker1806], containers('on') + units),
    'on: the same tree as 1160, so it obeys',
    'on kernel_arg none',
  ],
  [
    'centosplus',
    host('3.10.0-1127.el7.centos.plus.x86_64', [docker1806], containers('on') + units),
    'on: the same tree as 1127, so it obeys',
    'on kernel_arg none',
  ],
  [
    "Tencent's 3.10.107 with docker-ce",
    host('3.10.107-1-tlinux2_kvm_guest-0052', [docker1806], containers('on') + units),
    'on; nobody has read that tree, but only docker-ce asks',
    'on runtime none',
    /not known to parse nokmem/,
  ],
  [
    'Virtuozzo 7 with docker-ce',
    host(vz7, [docker1806], containers('on') + units),
    'on; nobody has read that tree, but only docker-ce asks',
    'on runtime none',
    /not known to parse nokmem/,
  ],
  [
    'Virtuozzo 7 with an old kubelet',
    host(vz7, [kubelet112, cleanDocker], pods('on')),
    'on; a new kernel would be another product: nothing is promised',
    'on unsupported none',
    /not known to parse nokmem/,
  ],
  [
    'Virtuozzo 7 whose System.map names the switch',
    host(vz7, [kubelet112, cleanDocker], pods('on'), { 'kernel.maps': { [vz7]: 'yes' } }),
    'on: this tree obeys, so the argument will do',
    'on kernel_arg none',
  ],
  [
    'kubelet 1.21.1 of EKS',
    host('1160', [kubelet('v1.21.1-eks-55daa9d', 'yes'), cleanDocker], pods('on')),
    'on: the repair came with 1.21.2',
    'on kernel_arg none',
  ],
  [
    '7.2 (327)',
    host('327', [kubelet112, badDocker], pods('on')),
    'on; 327 has not been read',
    'on kernel_and_arg none',
    /327 is not known to parse nokmem/,
  ],
  [
    'docker beside Mesos on 957',
    host('957', [docker1806], `${containers('on')}eio! mesos/6c5f`),
    'on: docker asks, Mesos does not',
    'on runtime none',
  ],
  [
    'the argument is on the disk, not booted yet',
    host('1160', [kubelet112, badDocker], pods('on'), argumentNext),
    'on until the reboot, which is all that is needed',
    'on reboot none',
  ],
  [
    'el7 now, a healthy ELRepo kernel next',
    host('1160', [kubelet112, badDocker], pods('on'), next(elrepo54)),
    'on until the reboot into a kernel that accounts without leaking',
    'on reboot none',
  ],
  [
    'header lines only',
    host('1160', [kubelet112, cleanDocker], 'header! kubepods\nheader kubepods/besteffort'),
    'on: on 3.10 the header alone says accounted',
    'on kernel_arg none',
  ],
  [
    'containerd that takes the names of slices for paths, accounted',
    host('1160', [kubelet122systemd, staticContainerd], literal('on!')),
    'on: containerd uses cgroupfs here, whatever the kubelet uses',
    'on kernel_arg none',
    /runc 1\.0\.0-rc10/,
  ],
  [
    'cri-o that takes the names of slices for paths, accounted',
    host(
      '1160',
      [kubelet122systemd, crio('1.0.0-rc10', 'perhaps', 'cgroupfs')],
      'eio! kubepods.slice\non! system.slice/crio.service/kubepods-burstable-pod1.slice:crio:#a',
    ),
    'on: cri-o uses cgroupfs here',
    'on kernel_arg none',
    /cri-o with runc 1\.0\.0-rc10/,
  ],
  [
    'a runtime with a runc of its own (nvidia-container-runtime 2), accounted beside a clean docker',
    host('1160', [cleanDocker, nvidia('docker')], containers('on')),
    'on: the runtime of its own asks',
    'on kernel_arg none',
    /nvidia-container-runtime/,
  ],
  [
    'nerdctl on containerd from an archive',
    host('1160', [staticContainerd], 'eio default\non! default/#a'),
    'on: rc10 asks',
    'on kernel_arg none',
  ],
  [
    'groups on, and nothing here that is known to make them',
    host('1160', [], 'on! apps/oracle'),
    'on: somebody asked by hand; the argument stops everybody',
    'on kernel_arg none',
    /no known program/,
  ],
  [
    'a container with --kernel-memory under the systemd driver',
    host(
      '1160',
      [kubelet112systemd, docker1806systemd],
      `${slices('docker')}on* system.slice/docker-#e.scope`,
    ),
    'on: nobody asks by itself; one container was started with a limit, and would be again',
    'on kernel_arg none',
    /kernel-memory limit of its own: container redis \(eeeeeeeeeeee\).*container redis \(eeeeeeeeeeee\) asked for a kernel-memory limit$/,
  ],
  [
    'the same on 862, and a clean docker with cgroupfs whose other containers are off',
    host('862', [cleanDocker], `${containers('eio')}on* docker/#e`),
    'on: a runtime that never asks by itself obeys --kernel-memory; 862 has not been read',
    'on kernel_and_arg none',
    /redis \(eeeeeeeeeeee\)/,
  ],
  [
    'a container with --kernel-memory beside a docker that accounts, on 957',
    host('957', [docker1806], `${containers('on')}on* docker/#e`),
    'on: an upgraded docker would still account that container, so it is not enough',
    'on kernel_and_arg none',
    /957 is not known to parse nokmem/,
  ],
  [
    'a container with --kernel-memory, and a build whose version does not show it, with other containers off',
    host('1160', [unknownDocker], `${containers('eio')}on* docker/#e`),
    'on: that container alone; the others show that this build does not ask',
    'on kernel_arg none',
    /^(?!.*may account)/,
  ],
  [
    'a container with --kernel-memory, and a group by hand beside it',
    host(
      '1160',
      [docker1806systemd],
      `${slices('docker')}on* system.slice/docker-#e.scope\non! apps/oracle`,
    ),
    'on: one is explained, the other is not; the argument stops everybody',
    'on kernel_arg none',
    /redis \(eeeeeeeeeeee\) asked for a kernel-memory limit, cgroups read on, made by no known program/,
  ],
  [
    'a container with --kernel-memory, runtime replaced in this boot, the argument set for the next boot',
    host('1160', [cleanDocker], `${containers('eio')}on* docker/#e`, {
      ...argumentNext,
      ...fixedNow,
    }),
    'on until the reboot: the argument covers an explicit limit as well',
    'on reboot none',
  ],
  [
    'a kubelet that is declared clean, and yet its pods read on',
    host('1160', [kubelet('1.15.3', 'yes'), cleanDocker], pods('on'), {
      'kmem.asks': { kubelet: 'no' },
    }),
    'on: the declaration is wrong, the reads stand',
    'on kernel_arg none',
  ],
  [
    'the walk ended early, and yet some groups read on',
    counts(host('862', [docker1806], containers('on') + units), { capped: true }),
    'on: one group that reads on is enough',
    'on runtime none',
  ],
  [
    'some reads refused, others on',
    host('1160', [docker1806], `${containers('on')}denied kubepods`),
    'on: one group that reads on is enough',
    'on kernel_arg none',
  ],
  [
    'the argument in force, and groups read on',
    host('1160', [kubelet112, badDocker], pods('on'), argument),
    'on, against all that is known: nobody can say what would help',
    'on unknown none',
    /yet cgroups read on/,
  ],
  [
    'no boot loader that is known',
    host('1160', [kubelet112, badDocker], pods('on'), {
      'boot.loader': 'unknown',
      'kernel.next': '',
      'boot.next_cmdline': '',
    }),
    'on; nobody knows what boots next',
    'on unsupported none',
  ],
  [
    'a boot configuration that only root may read',
    host('1160', [kubelet112, badDocker], pods('on'), {
      'kernel.next': unknown('needs root'),
      'boot.next_cmdline': unknown('needs root'),
    }),
    'on; what boots next may be read by root only',
    'on unknown none',
    /needs root/,
  ],
  [
    'a boot menu that was written by half',
    host('1160', [kubelet112, badDocker], pods('on'), {
      ...argumentNext,
      'boot.menu_broken': '/boot/grub2/grub.cfg ends inside an entry',
    }),
    'on; a reboot would help, and may not come back',
    'on unsupported none',
    /ends inside an entry/,
  ],
  [
    'a distribution that is not known',
    host('1160', [kubelet112, badDocker], pods('on'), {
      'os.id': 'mystery',
      'os.family': 'unknown',
    }),
    'on; its packages and loader would be edited on a guess',
    'on unsupported none',
    /mystery/,
  ],
  [
    '862 without the argument, 1160 boots next without it',
    host('862', [kubelet112, badDocker], pods('on'), next('1160')),
    'on; the next kernel obeys, the argument is missing',
    'on kernel_arg none',
  ],
  [
    '862 now, 1160 with the argument next',
    host('862', [kubelet112, badDocker], pods('on'), {
      ...next('1160'),
      ...argumentNow,
      ...argumentNext,
    }),
    'on until the reboot',
    'on reboot none',
  ],
  [
    '862 with an old kubelet under the systemd driver, and docker-ce with cgroupfs',
    host('862', [kubelet112systemd, docker1806], containers('on')),
    'on: docker alone asks',
    'on runtime none',
  ],
  [
    "862 with RHEL's docker",
    host('862', [rhelDocker('cgroupfs')], containers('on')),
    'on; that docker cannot be upgraded in place',
    'on kernel_and_arg none',
    /Red Hat's docker/,
  ],
  [
    '1160 with docker-ee 17.06.2-ee-4',
    host(
      '1160',
      [
        engine('docker-ee', '17.06.2-ee-4', 'yes', 'cgroupfs', {
          'docker.evr': '17.06.2.ee.4-3.el7',
        }),
      ],
      containers('on'),
    ),
    'on: an EE build from before the fix; only its vendor has others, so the argument',
    'on kernel_arg none',
    /needs no change of runtime \(Docker EE: .*17\.06\.2-ee-18, 18\.03\.1-ee-5/,
  ],
  [
    '3.16 of Debian 8 with docker-ce',
    host('3.16.0-6-amd64', [docker1806], containers('on'), debian),
    'on: 3.16 leaks, and nobody has read its tree',
    'on runtime none',
    /not known to parse nokmem/,
  ],
  [
    'an accounted past: root usage above 0, and the cause is still here',
    host('1160', [kubelet112, cleanDocker], idlePods('eio'), { 'kmem.root_usage': 4096 }),
    'on: groups of this boot were accounted, and the kubelet will ask again',
    'on kernel_arg none',
    /root kmem\.usage_in_bytes is 4096/,
  ],
  [
    'slab caches of dead groups, and the cause is still here',
    host('862', [docker1806], containers('none'), dead(100)),
    'on: groups of this boot were accounted, and docker will ask again',
    'on runtime none',
    /about 100 of the groups dead/,
  ],
  [
    'a disputed build, and slab caches of accounted groups',
    host('1160', [disputedDocker], containers('none'), dead(100)),
    'on: somebody asked in this boot, and the disputed build may be who',
    'on kernel_arg none',
  ],
  [
    'clean programs that were not replaced in this boot, and slab caches of dead groups',
    host('1160', [kubelet122, cleanDocker], idlePods('eio'), dead(100)),
    'on: somebody asked in this boot, whom nobody here knows, and may ask again',
    'on kernel_arg none',
    /no known program/,
  ],
  [
    'nothing that makes containers, and slab caches of dead groups',
    host('1160', [], units, dead(100)),
    'on: somebody asked in this boot, whom nobody here knows, and may ask again',
    'on kernel_arg none',
  ],
  [
    'dead groups hold a tenth of the ids, and do not grow',
    host('862', [docker1806], containers('on'), { ...dead(6553), ...deadBefore(6553) }),
    'on: accounted, and not yet damaged',
    'on runtime none',
  ],
];

const leaking: readonly State[] = [
  [
    'the kernel log shows failed allocations of a group',
    host('862', [kubelet112, docker1806], pods('on') + containers('on'), slub),
    'leaking: accounted and damaged; a kernel that obeys, and the argument',
    'leaking kernel_and_arg none',
    /SLUB node -1 \(3 lines\)/,
  ],
  [
    'the table of ids is full',
    host('1160', [docker1806], containers('on'), { ...dead(65_298), 'kmem.live_groups': 4 }),
    'leaking: the next container cannot start',
    'leaking kernel_arg none',
    /65302 of 65534 cgroup ids in use/,
  ],
  [
    'soft lockups with accounting on',
    host('862', [docker1806], containers('on'), {
      'kmem.symptoms': [{ kind: 'soft_lockup', from: 'kernel', count: 1, line: '' }],
    }),
    'leaking: accounted, and the machine stalls',
    'leaking runtime none',
    /soft lockup \(1 line\)/,
  ],
  [
    'failed allocations without a group in the name',
    host('862', [docker1806], containers('on'), {
      'kmem.symptoms': [{ kind: 'slub', from: 'kernel', count: 5, line: '' }],
    }),
    'on: a plain shortage of memory is not this leak',
    'on runtime none',
  ],
  [
    'dead groups hold a quarter of the ids',
    host('862', [docker1806], containers('on'), dead(16_383)),
    'leaking: damage by number, whatever the log says',
    'leaking runtime none',
    /25 % of the cgroup ids/,
  ],
  [
    'one dead group less than a quarter of the ids, no growth known',
    host('862', [docker1806], containers('on'), dead(16_382)),
    'on: accounted, and not yet damaged',
    'on runtime none',
  ],
  [
    'dead groups hold a tenth of the ids, and grow',
    host('862', [docker1806], containers('on'), { ...dead(6553), ...deadBefore(6543) }),
    'leaking: a tenth, and seen to grow',
    'leaking runtime none',
    /10 % of the cgroup ids/,
  ],
  [
    'less than a tenth of the ids, and growing',
    host('862', [docker1806], containers('on'), { ...dead(6552), ...deadBefore(6542) }),
    'on: it grows, and there is time',
    'on runtime none',
  ],
  [
    'no live group reads on, dead ones hold half of the ids, and the cause is here',
    host('1160', [kubelet112, badDocker], idlePods('eio'), dead(33_000)),
    'leaking: by what this boot left behind',
    'leaking kernel_arg none',
  ],
  [
    'mkdir fails for want of ids',
    host('1160', [kubelet112, badDocker], pods('on'), {
      'kmem.symptoms': [{ kind: 'cgroup_mkdir', from: 'runtime', count: 9, line: '' }],
    }),
    'leaking: no container can start',
    'leaking kernel_arg none',
  ],
  [
    'nobody here asks, no container with a limit, dead groups hold half of the ids',
    host('1160', [kubelet122, cleanDocker], idlePods('eio'), dead(33_000)),
    'leaking: by what this boot left behind; a reboot frees the ids',
    'leaking reboot none',
  ],
  [
    'a leaking host that waits for its reboot',
    host('1160', [kubelet112, badDocker], pods('on'), { ...argumentNext, ...slub }),
    'leaking until the reboot',
    'leaking reboot none',
  ],
  [
    'damage in the log, accounting off: another fault',
    host('1160', [kubelet122, cleanDocker], pods('eio'), slub),
    'off: these lines are not this leak',
    'off none samples',
  ],
  [
    'dead groups hold a quarter of the ids, everything repaired without a reboot',
    host('1160', [kubelet122, cleanDocker], pods('eio'), dead(16_383)),
    'off: nobody asks any more; only a reboot frees the ids',
    'off reboot samples',
  ],
  [
    'dead groups hold a little, everything repaired without a reboot',
    host('1160', [kubelet122, cleanDocker], pods('eio'), dead(300)),
    'off: nobody asks any more, and the ids will last',
    'off none samples',
  ],
];

const off: readonly State[] = [
  [
    "RHEL's docker 1.13 with the systemd driver",
    host(
      '1160',
      [rhelDocker('systemd')],
      `${units}eio! system.slice/docker-#a.scope\neio system.slice/docker-#b.scope`,
    ),
    'off: the systemd driver never asks, and a limited container shows it',
    'off none samples',
  ],
  [
    'docker 17.03 with kubelet 1.8 on 693',
    host('693', [kubelet18, docker1703], pods('eio') + containers('eio')),
    'off: both are too old to ask',
    'off none samples',
  ],
  [
    'a disputed containerd.io, cleared by its own container',
    host('1160', [disputedDocker], containers('eio')),
    'off: its limited container is not accounted, so this build does not ask',
    'off none samples',
  ],
  [
    'a containerd.io of unknown build, cleared by its own container',
    host('1160', [unknownDocker], containers('eio')),
    'off: its limited container is not accounted, so this build does not ask',
    'off none samples',
  ],
  [
    'k3s 1.21.5',
    host('1160', k3s('1.21.5+k3s1', 'no', '1.0.2'), pods('eio')),
    'off: neither asks',
    'off none samples',
  ],
  [
    'RKE2 1.22 on 862',
    host('862', k3s('1.22.4+rke2r1', 'no', '1.0.2'), pods('eio'), { 'kubelet.program': 'rke2' }),
    'off: neither asks, so the kernel does not matter',
    'off none samples',
  ],
  [
    'podman of el7, a limited container',
    host(
      '1160',
      [podman('1.0.0-rc10', 'no', 'systemd')],
      `${units}eio! machine.slice/libpod-#a.scope`,
    ),
    'off: podman has systemd make its scopes',
    'off none samples',
  ],
  [
    'cri-o with the systemd driver under an old kubelet with the same',
    host('1160', [kubelet112systemd, crio('1.0.0-rc10', 'no', 'systemd')], slices('crio')),
    'off: the systemd driver never asks',
    'off none samples',
  ],
  [
    'OpenShift 3.9 (docker 1.13, systemd)',
    host('862', [kubelet('1.9.1', 'no', 'systemd'), rhelDocker('systemd')], slices('docker')),
    'off: the systemd driver never asks',
    'off none samples',
  ],
  [
    'docker 18.06 and kubelet 1.12, both with the systemd driver',
    host('862', [kubelet112systemd, docker1806systemd], slices('docker')),
    'off: the systemd driver never asks',
    'off none samples',
  ],
  [
    'containerd with SystemdCgroup under an old kubelet with the same',
    host(
      '862',
      [kubelet112systemd, containerd('1.0.0-rc10', 'no', 'systemd')],
      slices('cri-containerd'),
    ),
    'off: the systemd driver never asks',
    'off none samples',
  ],
  [
    'docker-ee 17.06.2-ee-18',
    host(
      '862',
      [
        engine('docker-ee', '17.06.2-ee-18', 'no', 'cgroupfs', {
          'docker.evr': '17.06.2.ee.18-3.el7',
        }),
      ],
      containers('eio'),
    ),
    'off: the first EE build without accounting',
    'off none samples',
  ],
  [
    "RHEL's docker 1.12",
    host('1160', [engine('docker', '1.12.6', 'no')], containers('eio')),
    'off: before runc could ask',
    'off none samples',
  ],
  [
    'kubelet 1.21.2 and a clean docker',
    host('1160', [kubelet('1.21.2', 'no'), cleanDocker], pods('eio')),
    'off: the first kubelet of 1.21 that does not ask',
    'off none samples',
  ],
  [
    'a docker that was not found, a limited container of it',
    host('1160', [hiddenDocker], containers('eio')),
    'off: its own limited container is not accounted',
    'off none samples',
  ],
  [
    'RKE1: a kubelet in a container, version not readable',
    host('1160', [hiddenKubelet, cleanDocker], pods('eio') + containers('eio')),
    'off: its own limited pods are not accounted',
    'off none samples',
  ],
  [
    'kubelet 1.15.3 rebuilt without accounting',
    host('1160', [kubelet('1.15.3', 'perhaps'), cleanDocker], pods('eio')),
    'off: its limited pods are not accounted on a kernel that refuses nobody',
    'off none samples',
  ],
  [
    'a kubelet that is declared clean, confirmed by its pods',
    host('1160', [kubelet('1.15.3', 'perhaps'), cleanDocker], pods('eio'), {
      'kmem.asks': { kubelet: 'no' },
    }),
    'off: declared, and seen',
    'off none samples',
  ],
  [
    'a runc that is declared clean, confirmed by its container',
    host('1160', [unknownDocker], containers('eio'), { 'kmem.asks': { runc: 'no' } }),
    'off: declared, and seen',
    'off none samples',
  ],
  [
    'containerd from an archive (rc10 with the tag), names of slices taken for paths',
    host('1160', [kubelet122systemd, staticContainerd], literal('eio!')),
    'off: its limited container was made through cgroupfs and is not accounted',
    'off none samples',
  ],
  [
    'nerdctl on a containerd from an archive that does not ask',
    host('1160', [staticContainerd], 'eio default\neio! default/#a'),
    'off: its limited container is not accounted',
    'off none samples',
  ],
  [
    'cri-o with cgroupfs and a runc that does not ask',
    host(
      '1160',
      [kubelet122, crio('1.0.0-rc10', 'perhaps', 'cgroupfs')],
      'eio! kubepods\neio! kubepods/pod1\neio! kubepods/pod1/crio-#a',
    ),
    'off: its limited container is not accounted',
    'off none samples',
  ],
  [
    'podman with cgroupfs and a runc that does not ask',
    host(
      '1160',
      [podman('1.0.0-rc10', 'perhaps', 'cgroupfs')],
      'eio libpod_parent\neio! libpod_parent/libpod-#a',
    ),
    'off: its limited container is not accounted',
    'off none samples',
  ],
  [
    'a clean docker and podman of el7 side by side',
    host(
      '1160',
      [cleanDocker, podman('1.0.2', 'no', 'systemd')],
      `${containers('eio')}eio! machine.slice/libpod-#a.scope`,
    ),
    'off: neither asks',
    'off none samples',
  ],
  [
    'docker and containerd with the same clean runc, limited pods',
    host('1160', [kubelet122, cleanDocker, containerd('1.0.2', 'no', 'cgroupfs', {})], pods('eio')),
    'off: whoever made the container, the same runc did it',
    'off none samples',
  ],
  [
    'a runtime that is crun beside a clean docker',
    host(
      '1160',
      [cleanDocker, custom('docker', '/usr/bin/crun', 'crun version 1.4', 'no')],
      containers('eio'),
    ),
    'off: crun never asks; which of the two made the container is not known, so it proves nothing of docker',
    'off none none',
  ],
  [
    'gVisor beside a clean docker',
    host(
      '1160',
      [cleanDocker, custom('docker', '/usr/local/bin/runsc', 'runsc version release-2021', 'no')],
      containers('eio'),
    ),
    'off: runsc never asks; which of the two made the container is not known',
    'off none none',
  ],
  [
    'nvidia-container-runtime 3 that passes on to runc 1.0.2',
    host(
      '1160',
      [
        cleanDocker,
        custom('docker', '/usr/bin/nvidia-container-runtime', 'runc version 1.0.2', 'no'),
      ],
      containers('eio'),
    ),
    'off: it says the version of the runc that it starts; no container of its own has shown it',
    'off none none',
  ],
  [
    'a docker that hangs, whose scopes show the systemd driver',
    host(
      '1160',
      [
        engine('docker-ce', '18.06.1-ce', 'no', '', {
          'docker.driver': unknown('docker did not answer'),
          'docker.version': unknown('docker did not answer'),
        }),
      ],
      'eio! system.slice/docker-#a.scope',
    ),
    'off: docker has one driver, and its scopes name it',
    'off none samples',
  ],
  [
    'repaired without a reboot: the whole tree was made again',
    host('1160', [kubelet122, cleanDocker], pods('eio'), {
      'kmem.root_usage': 589_824,
      ...dead(3),
    }),
    'off: what is left is of before the repair',
    'off none samples',
  ],
  [
    'Mesos, Slurm and YARN beside a clean docker with a limited container',
    host(
      '1160',
      [cleanDocker],
      `${containers('eio')}${yarn}eio! slurm/uid_0/job_1\neio! mesos/6c5f`,
    ),
    'off: docker is clean, the others never ask',
    'off none samples',
  ],
  [
    'a clean docker that was installed in this boot, with a limited container of before',
    host('1160', [cleanDocker], containers('eio'), fixedNow),
    'off: nobody asks; what proves it is a container that the new runc starts',
    'off none none',
  ],
  [
    'docker with a parent of its own for its containers',
    host('1160', [unknownDocker], 'eio apps\neio! apps/#a'),
    'off: only docker can have made that group here',
    'off none samples',
  ],
];

const risks: readonly State[] = [
  [
    'docker 17.06 on 957, no container with a limit',
    host('957', [engine('docker-ce', '17.06.2-ce', 'yes')], containers('none') + units),
    'at risk: the next container with a limit is accounted; only docker-ce asks',
    'at_risk runtime none',
    /docker 17\.06\.2-ce will account/,
  ],
  [
    'a containerd.io of unknown build beside a limited YARN group',
    host('1160', [unknownDocker], containers('none') + yarn),
    'at risk: YARN never asks, so its group says nothing of docker',
    'at_risk kernel_arg none',
    /1\.3\.7-3\.1\.el7 may account/,
  ],
  [
    'k3s beside a docker of an unknown build; only pods have a limit',
    host(
      '1160',
      [...k3s('1.21.5+k3s1', 'no', '1.0.2'), unknownDocker],
      pods('eio') + containers('none'),
    ),
    'at risk: k3s starts its pods through a runc of its own, which says nothing of the one that docker starts',
    'at_risk kernel_arg none',
    /1\.3\.7-3\.1\.el7 may account/,
  ],
  [
    'a second runc as a runtime of docker',
    host(
      '1160',
      [cleanDocker, custom('docker', '/opt/old/runc', 'runc version 1.0.0-rc5', 'yes')],
      containers('eio'),
    ),
    'at risk: containers that are started through it will be accounted',
    'at_risk kernel_arg none',
    /\/opt\/old\/runc 1\.0\.0-rc5 will account/,
  ],
  [
    'k3s 1.18 on 862, nothing started yet',
    host('862', k3s('1.18.9+k3s1', 'yes', '1.0.0-rc92'), 'eio system.slice'),
    'at risk: the kubelet inside will ask',
    'at_risk kernel_and_arg none',
  ],
  [
    'the argument in force, 957 boots next',
    host('1160', [kubelet112, badDocker], pods('eio'), { ...argument, ...next('957') }),
    'at risk: nobody has read whether 957 obeys',
    'at_risk kernel_and_arg samples',
    /the next kernel \(957\) is not known to parse nokmem/,
  ],
  [
    'the argument in force, 514 boots next with it',
    host('1062', [kubelet112, badDocker], pods('eio'), { ...argument, ...next('514') }),
    'at risk: 514 does not obey',
    'at_risk kernel_and_arg samples',
  ],
  [
    'the argument in force, the next boot loses it',
    host('1160', [kubelet112, badDocker], pods('eio'), argumentNow),
    'at risk: a kernel update dropped the argument',
    'at_risk kernel_arg samples',
    /the next boot loses/,
  ],
  [
    'Ubuntu 16.04 with 4.4, header lines everywhere',
    host(
      ubuntu44,
      [
        kubelet('1.14.10', 'yes'),
        dockerWith('1.2.6-3', '1.0.0-rc8', 'yes', { 'docker.evr': '5:18.09.9~3-0~ubuntu-xenial' }),
      ],
      'header! kubepods\nheader! kubepods/pod1\nheader! kubepods/pod1/#a',
      debian,
    ),
    'at risk: the header proves nothing on 4.4, and both will ask; nobody has read that tree',
    'at_risk unsupported none',
    /not known to parse nokmem/,
  ],
  [
    'Ubuntu 16.04 with 4.4 and the argument set',
    host(
      ubuntu44,
      [dockerWith('1.2.6-3', '1.0.0-rc8', 'yes', { 'docker.evr': '5:18.09.9~3-0~ubuntu-xenial' })],
      'header docker\nheader docker/#a',
      { ...debian, ...argument },
    ),
    'at risk: whether that tree obeys is unknown, docker will ask',
    'at_risk runtime none',
    /not known to parse nokmem/,
  ],
  [
    'containerd that takes the names of slices for paths, none limited',
    host('1160', [kubelet122systemd, staticContainerd], literal('eio')),
    'at risk: containerd uses cgroupfs here, and rc10 asks for the next limited container',
    'at_risk kernel_arg none',
    /runc 1\.0\.0-rc10 may account/,
  ],
  [
    'the same with an old kubelet that uses systemd',
    host('1160', [kubelet112systemd, staticContainerd], literal('eio')),
    'at risk: the kubelet does not ask, rc10 will',
    'at_risk kernel_arg none',
  ],
  [
    'a memory limit on a unit of systemd only',
    host('1160', [docker1806], containers('none') + units),
    'at risk: systemd never asks, docker will',
    'at_risk kernel_arg none',
  ],
  [
    'a healthy ELRepo kernel, el7 862 boots next',
    host(elrepo54, [kubelet112, badDocker], pods('on'), next('862')),
    'at risk: the next boot leaks again',
    'at_risk default_kernel none',
    /862\.el7\.x86_64 boots next/,
  ],
  [
    'a healthy ELRepo kernel, el7 1160 boots next',
    host(elrepo54, [kubelet122, cleanDocker], pods('on'), next('1160')),
    'at risk: the next boot is an affected kernel without the argument',
    'at_risk default_kernel none',
  ],
  [
    'a healthy ELRepo kernel, el7 862 boots next with the argument',
    host(elrepo54, [kubelet112, badDocker], pods('on'), { ...next('862'), ...argumentNext }),
    'at risk: nobody has read whether 862 obeys',
    'at_risk default_kernel none',
  ],
  [
    'containerd from an archive (rc10), best-effort pods only, beside a limited YARN group',
    host('1160', [kubelet122, staticContainerd], idlePods('eio') + yarn),
    'at risk: rc10 asks for the next limited container; YARN never asks',
    'at_risk kernel_arg none',
    /runc 1\.0\.0-rc10 may account/,
  ],
  [
    'the same without the YARN group',
    host('1160', [kubelet122, staticContainerd], idlePods('eio')),
    'at risk: rc10 asks for the next limited container',
    'at_risk kernel_arg none',
  ],
  ...(
    [
      ['libvirt', 'eio! machine.slice/machine-qemu1.scope'],
      ['LXC', 'eio! lxc/web'],
      ['LXC 4', 'eio! lxc.payload/web'],
      ['Slurm', 'eio! slurm/uid_1000/job_7/step_0'],
      ['Mesos', 'eio! mesos/6c5f'],
      ['HTCondor', 'eio! htcondor/condor_slot1'],
      ['cgconfig', 'eio! apps/oracle'],
      ['an administrator, nested', 'eio! db/oracle/prod'],
      ['a limited unit', 'eio! system.slice/httpd.service'],
      ['a conmon of podman', 'eio! libpod_parent/conmon'],
      ['a container in a container', 'eio! docker/#a/docker/#b'],
    ] as const
  ).map(
    ([who, group]): State => [
      `containerd from an archive (rc10) beside a limited group of ${who}`,
      host('1160', [kubelet122, staticContainerd], `${idlePods('eio')}${group}`),
      'at risk: that group says nothing of the runc beside it',
      'at_risk kernel_arg none',
      /runc 1\.0\.0-rc10 may account/,
    ],
  ),
  [
    "podman's limited scope beside a docker of unknown build",
    host(
      '1160',
      [unknownDocker, podman('1.0.0-rc93', 'no', 'systemd')],
      `${containers('none')}eio! machine.slice/libpod-#a.scope`,
    ),
    'at risk: a scope that systemd made says nothing of docker',
    'at_risk kernel_arg none',
  ],
  [
    "podman's limited cgroupfs group beside a docker of unknown build",
    host(
      '1160',
      [unknownDocker, podman('1.0.0-rc93', 'perhaps', 'cgroupfs')],
      `${containers('none')}eio! libpod_parent/libpod-#a`,
    ),
    'at risk: it speaks for podman only',
    'at_risk kernel_arg none',
  ],
  [
    "docker's limited container beside a cri-o of unknown build",
    host(
      '1160',
      [crio('1.0.0-rc10', 'perhaps', 'cgroupfs'), docker1703],
      `${containers('eio')}eio crio/crio-#a`,
      {
        'runc.path': '/usr/bin/docker-runc',
        'runc.evr': '1.0.0-69.rc10.el7_9',
      },
    ),
    'at risk: it speaks for docker only',
    'at_risk kernel_arg none',
    /cri-o with runc 1\.0\.0-rc10 may account/,
  ],
  [
    'a limited container below pods, made by docker or by containerd',
    host(
      '1160',
      [
        kubelet122,
        engine('docker-ce', '17.03.2-ce', 'no', 'cgroupfs', {}),
        containerd('1.0.0-rc10', 'perhaps'),
      ],
      pods('eio'),
    ),
    'at risk: nobody can say which of the two runcs made it, and rc10 asks',
    'at_risk kernel_arg none',
  ],
  [
    'a runtime with a runc of its own beside a clean docker',
    host('1160', [cleanDocker, nvidia('docker')], containers('eio')),
    'at risk: the container does not show which of the two started it',
    'at_risk kernel_arg none',
    /nvidia-container-runtime 1\.0\.0-rc6\+dev may account/,
  ],
  [
    'a runtime with a runc of its own beside a clean containerd',
    host('1160', [kubelet122, cleanContainerd, nvidia('containerd')], pods('eio')),
    'at risk: the container does not show which of the two started it',
    'at_risk kernel_arg none',
  ],
  [
    'a runtime of its own that does not say its version',
    host(
      '1160',
      [cleanDocker, custom('docker', '/opt/acme/runtime', '', 'perhaps')],
      containers('eio'),
    ),
    'at risk: nothing is known of it',
    'at_risk kernel_arg none',
    /runtime may account/,
  ],
  [
    'containerd whose configuration says systemd, and whose group says cgroupfs',
    host(
      '1160',
      [kubelet122systemd, containerd('1.0.0-rc10', 'perhaps', 'systemd')],
      literal('eio'),
    ),
    'at risk: the running containerd has not read that configuration',
    'at_risk kernel_arg none',
  ],
  [
    'containerd that was changed from systemd to cgroupfs, with a limited scope of before',
    host('1160', [kubelet122systemd, staticContainerd], slices('cri-containerd')),
    'at risk: that scope was made by systemd, which never asks; the next container is made by rc10',
    'at_risk kernel_arg none',
  ],
  [
    'containerd whose configuration cannot be read, under a kubelet with the systemd driver',
    host(
      '1160',
      [kubelet122systemd, containerd('1.0.0-rc10', 'perhaps', '')],
      'eio! kubepods.slice',
    ),
    "at risk: the kubelet's driver says nothing of containerd's",
    'at_risk kernel_arg none',
  ],
  [
    'a docker that hangs, and no group of it is there',
    host(
      '1160',
      [
        engine('docker-ce', '18.06.1-ce', 'yes', '', {
          'docker.driver': unknown('docker did not answer'),
        }),
      ],
      'eio system.slice',
    ),
    'at risk: its driver is not known, its version asks',
    'at_risk kernel_arg none',
  ],
  [
    "RHEL's docker 1.13 whose package could not be asked",
    host(
      '1160',
      [
        engine('docker', '1.13.1', 'yes', 'cgroupfs', {
          'docker.package': unknown('rpm database'),
          'docker.evr': unknown('rpm database'),
          'runc.path': '/usr/libexec/docker/docker-runc-current',
          'runc.version': '1.0.0-rc2',
        }),
      ],
      containers('none'),
    ),
    "at risk: where its runc lies says that it is RHEL's",
    'at_risk kernel_arg none',
    /docker 1\.13\.1 will account/,
  ],
  [
    'docker 18.06, a container that was limited later',
    host('1160', [docker1806], containers('later')),
    'at risk: it was born without a limit, so nobody asked',
    'at_risk kernel_arg none',
  ],
  [
    'containerd from an archive, a container that was limited later',
    host('1160', [staticContainerd], 'eio default\neio~ default/#a'),
    'at risk: it was born without a limit, so it says nothing of rc10',
    'at_risk kernel_arg none',
  ],
  [
    'docker 18.06, a limited container that is not accounted',
    host('1160', [docker1806], containers('eio')),
    'at risk: that version asks; somebody changed the limits of a living container',
    'at_risk kernel_arg none',
  ],
  [
    'a limited /kubepods beside a runc of unknown build',
    host('1160', [kubelet122, unknownDocker], idlePods('eio')),
    'at risk: /kubepods says what the kubelet does, and nothing of the runc',
    'at_risk kernel_arg none',
    /no container among them/,
  ],
  [
    'a kubelet of unknown version, none of its pods limited',
    host(
      '1160',
      [kubelet('', 'perhaps'), cleanDocker],
      `${idlePods('eio')}${containers('eio')}`.replace('eio! kubepods\n', 'eio kubepods\n'),
    ),
    'at risk: nothing of its own shows that it does not ask',
    'at_risk kernel_arg samples',
    /kubelet may account/,
  ],
  [
    'a kubelet of unknown version, /kubepods limited, no pod',
    host('1160', [kubelet('', 'perhaps'), cleanDocker], `${idlePods('eio')}${containers('eio')}`),
    'at risk: the limit of /kubepods may be younger than /kubepods',
    'at_risk kernel_arg samples',
  ],
  [
    'a kubelet that was not found, its pods without limits',
    host(
      '1160',
      [hiddenKubelet, cleanDocker],
      `eio kubepods\neio kubepods/pod2\n${containers('eio')}`,
    ),
    'at risk: nothing of its own shows that it does not ask',
    'at_risk kernel_arg samples',
    /a kubelet that was not found/,
  ],
  [
    'a docker that was not found beside a clean containerd with a limited pod',
    host(
      '1160',
      [kubelet122, cleanContainerd, hiddenDocker],
      `${pods('eio')}eio docker\neio docker/#d`,
    ),
    'at risk: nothing shows what that docker does',
    'at_risk kernel_arg none',
    /a docker that was not found/,
  ],
  [
    "the kubelet was replaced in this boot; its pods are its predecessor's",
    host(
      '1160',
      [kubelet('', 'perhaps', 'cgroupfs', { 'kubelet.changed_at': bootedAt + 50 }), cleanDocker],
      pods('eio'),
    ),
    'at risk: the old pods say nothing of the new kubelet',
    'at_risk kernel_arg samples',
  ],
  [
    "the runc was replaced in this boot; the limited container is its predecessor's",
    host('1160', [staticContainerd], 'eio default\neio! default/#a', {
      'runc.changed_at': bootedAt + 50,
    }),
    'at risk: the old container says nothing of the new runc',
    'at_risk kernel_arg none',
  ],
  [
    'a kubelet that was configured for systemd and still makes cgroupfs pods',
    host('1160', [kubelet('1.12.3', 'yes', 'systemd'), cleanDocker], idlePods('eio')),
    'at risk: the process has not read that configuration, and its version asks',
    'at_risk kernel_arg none',
    /kubelet 1\.12\.3 will account/,
  ],
  [
    'podman that is configured for systemd and made a cgroupfs group',
    host(
      '1160',
      [podman('1.0.0-rc10', 'perhaps', 'systemd')],
      'eio libpod_parent\neio libpod_parent/libpod-#a',
    ),
    'at risk: somebody runs it with the other manager, and rc10 asks there',
    'at_risk kernel_arg none',
  ],
  [
    'docker was downgraded in this boot',
    host('862', [docker1806], containers('none'), { 'docker.installed_at': bootedAt + 50 }),
    'at risk: the next container with a limit is accounted',
    'at_risk runtime none',
  ],
  [
    'a kubelet that is declared to ask',
    host('1160', [kubelet('1.22.17', 'yes'), cleanDocker], idlePods('eio'), {
      'kmem.asks': { kubelet: 'yes' },
    }),
    'at risk: the operator knows',
    'at_risk kernel_arg none',
  ],
  [
    'cri-o with cgroupfs and a runc of unknown build',
    host(
      '1160',
      [kubelet122, crio('1.0.0-rc10', 'perhaps', 'cgroupfs')],
      'eio! kubepods\neio! kubepods/pod1\neio kubepods/pod1/crio-#a',
    ),
    'at risk: the next limited container is accounted',
    'at_risk kernel_arg none',
  ],
  [
    'podman with cgroupfs and a runc of unknown build',
    host(
      '862',
      [podman('1.0.0-rc10', 'perhaps', 'cgroupfs')],
      'eio libpod_parent\neio libpod_parent/libpod-#a',
    ),
    'at risk: the next limited container is accounted; kmend does not upgrade podman',
    'at_risk kernel_and_arg none',
  ],
  [
    'the argument set on 862, docker asks, none limited',
    host('862', [docker1806], containers('none'), argument),
    'at risk: whether 862 obeys is unknown; the active probe settles it',
    'at_risk runtime none',
    /not known to parse nokmem/,
  ],
  [
    'the active probe of another kernel says nothing of the next',
    host('862', [docker1806], containers('none'), {
      ...argument,
      ...next('957'),
      'kmem.active_probe': 'off',
    }),
    'at risk: 957 has not been asked',
    'at_risk kernel_and_arg active_probe',
  ],
  [
    '862, all pods of an old kubelet without limits',
    host('862', [kubelet112, cleanDocker], idlePods('eio')),
    'at risk: a kubelet that asks gives /kubepods accounting only when it makes it with a limit',
    'at_risk kernel_and_arg none',
  ],
];

const arguments_: readonly State[] = [
  [
    '1127 with the argument, old kubelet and docker',
    host('3.10.0-1127.19.1.el7.x86_64', [kubelet112, badDocker], pods('eio'), argument),
    'off: the kernel refuses whoever asks, and the pods show it',
    'off none samples',
    /asked by kubelet 1\.12\.3 and .*, answered EIO/,
  ],
  [
    'the argument written twice',
    host(
      '1160',
      [kubelet112, badDocker],
      pods('eio'),
      args('cgroup.memory=nosocket cgroup.memory=nokmem'),
    ),
    'off: occurrences add up',
    'off none samples',
  ],
  [
    'the argument in quotes',
    host('1160', [kubelet112, badDocker], pods('eio'), args('cgroup.memory="nokmem"')),
    'off: el7 obeys a quoted value (booted)',
    'off none samples',
  ],
  [
    'the argument after --',
    host('1160', [kubelet112, badDocker], pods('eio'), argumentLast),
    'off: el7 obeys it there (booted)',
    'off none samples',
  ],
  [
    'the argument in the middle of a list',
    host('1160', [kubelet112, badDocker], pods('eio'), args('cgroup.memory=nosocket,nokmem,bogus')),
    'off: the list is read word by word',
    'off none samples',
  ],
  [
    'the argument set on 862, limited pods of an asking kubelet read off',
    host('862', [kubelet112, badDocker], pods('eio'), argument),
    'off: this kernel obeys, as seen; no new kernel is needed',
    'off none samples',
    /862 obeys \(seen\); `--active` confirms it/,
  ],
  [
    'the argument set on 862, and the active probe says off',
    host('862', [docker1806], containers('none'), { ...argument, 'kmem.active_probe': 'off' }),
    'off: this kernel was asked',
    'off none active_probe',
  ],
  [
    'an active probe of the argument',
    host('1160', [kubelet122, cleanDocker], idlePods('eio'), {
      ...argument,
      'kmem.active_probe': 'off',
    }),
    'off: the kernel was asked',
    'off none active_probe',
  ],
  [
    'Virtuozzo 7 with the argument, and the active probe says off',
    host(vz7, [docker1806], containers('none'), { ...argument, 'kmem.active_probe': 'off' }),
    'off: this kernel was asked',
    'off none active_probe',
  ],
  [
    'the argument in force, only a hand-made group is limited',
    host('1160', [badDocker], containers('none') + byHand, argument),
    'unknown: that group reads EIO with and without the argument',
    'unknown none none',
    /`--active` proves it/,
  ],
  [
    'the argument in force, only /kubepods of kubelet 1.22 is limited',
    host('1160', [kubelet122, cleanDocker], idlePods('eio'), argument),
    'unknown: that kubelet never asks, so its groups prove nothing',
    'unknown none none',
    /not proven/,
  ],
  [
    'the argument in force, only a YARN group is limited',
    host('1160', [badDocker], containers('none') + yarn, argument),
    'unknown: YARN never asks',
    'unknown none none',
  ],
  [
    'the argument in force, only a scope of systemd is limited',
    host('1160', [docker1806systemd], 'eio! system.slice/docker-#a.scope', argument),
    'off, for nobody asks; the argument itself is not proven',
    'off none none',
    /the argument is set, not proven/,
  ],
  [
    'the argument in force, nobody here asks, limited pods',
    host('1160', [kubelet122, cleanDocker], pods('eio'), argument),
    'off, for nobody asks; the argument itself is not proven',
    'off none none',
    /the argument is set, not proven/,
  ],
  [
    'the argument in force, docker asks, its container was limited later',
    host('1160', [docker1806], containers('later'), argument),
    'unknown: nobody asked for that container',
    'unknown none none',
  ],
  [
    'the argument in force, docker asks, its container was born limited',
    host('1160', [docker1806], containers('eio'), argument),
    'off: docker asked, the kernel refused',
    'off none samples',
    /asked by docker 18\.06\.1-ce, answered EIO/,
  ],
  [
    'the argument in force, docker was refused, and yet the root counts kernel memory',
    host('1160', [docker1806], containers('eio'), { ...argument, 'kmem.root_usage': 4096 }),
    'off: what was asked and refused stands; the proof names what speaks against it',
    'off none samples',
  ],
  [
    'the argument in force, and a new group was accounted',
    host('1160', [kubelet122, cleanDocker], idlePods('eio'), {
      ...argument,
      'kmem.active_probe': 'on',
    }),
    'unknown, against all that is known',
    'unknown unknown none',
    /the active probe was accounted/,
  ],
  [
    'the argument in force, and the active probe failed',
    host('1160', [kubelet122, cleanDocker], idlePods('eio'), {
      ...argument,
      'kmem.active_probe': 'failed',
    }),
    'unknown: nothing proves it',
    'unknown none none',
  ],
  [
    'the argument in force, nothing started yet',
    host('1160', [kubelet112, badDocker], 'eio system.slice', argument),
    'unknown until something asks or the active probe is made',
    'unknown none none',
  ],
  [
    'the argument in force, a runc of unknown build, its limited container reads off',
    host('1160', [staticContainerd], 'eio default\neio! default/#a', argument),
    'off: either it does not ask, or the kernel refused; which of them is not proven',
    'off none none',
  ],
  [
    'the argument in force, the next boot loses it, and nobody here asks',
    host('1160', [kubelet122, cleanDocker], pods('eio'), argumentNow),
    'off: without the argument nobody would ask either, so nothing is at risk',
    'off none none',
  ],
  [
    'the argument in force, a healthy kernel boots next without it',
    host('1160', [kubelet112, badDocker], pods('eio'), { ...argumentNow, ...next(elrepo54) }),
    'off: the next kernel accounts without leaking',
    'off none samples',
  ],
  [
    'the argument set on 957, which its System.map does not name',
    host('957', [kubelet112, badDocker], idlePods('eio'), {
      ...argument,
      'kernel.maps': { '3.10.0-957.el7.x86_64': 'no' },
    }),
    'at risk: this 957 does not obey',
    'at_risk kernel_and_arg none',
  ],
  [
    'the argument set on 957, which its System.map names',
    host('957', [kubelet112, badDocker], pods('eio'), {
      ...argument,
      'kernel.maps': { '3.10.0-957.el7.x86_64': 'yes' },
    }),
    'off: this 957 obeys, and the pods show it',
    'off none samples',
  ],
  [
    'the argument set on 862, limited pods of an asking kubelet read off, beside a docker that could ask',
    host('862', [kubelet112, docker1806], pods('eio') + containers('none'), argument),
    'off: below pods everything was refused, and the same docker made their containers',
    'off none samples',
  ],
];

const noSwap = { 'boot.cmdline': 'ro swapaccount=0', 'boot.next_cmdline': 'ro swapaccount=0' };

const doubts: readonly State[] = [
  [
    'swap is not counted, a docker of unknown build, its limited container reads off',
    host('1160', [unknownDocker], containers('eio'), noSwap),
    'at risk: nothing shows whether that limit was set later',
    'at_risk kernel_arg none',
  ],
  [
    'swap is not counted, a docker of unknown build, its limited pods read off',
    host('1160', [kubelet122, unknownDocker], pods('eio'), noSwap),
    'off: nobody changes the limits of a container in a pod',
    'off none samples',
  ],
  [
    'the argument set on 862, a docker of unknown build, its limited container reads off',
    host('862', [unknownDocker], containers('eio'), argument),
    'off: either this kernel obeys or this build does not ask; which of them is not proven',
    'off none none',
  ],
  [
    'the same, and the next boot loses the argument',
    host('862', [unknownDocker], containers('eio'), argumentNow),
    'at risk: if the kernel was what held it off, the next boot accounts',
    'at_risk kernel_and_arg none',
    /the next boot loses/,
  ],
  [
    'a runtime with a runc of its own, under a docker with the systemd driver',
    host(
      '1160',
      [docker1806systemd, { ...nvidia('docker'), asks: 'no' }],
      'eio! system.slice/docker-#a.scope',
    ),
    'off: systemd makes the groups of that runtime too',
    'off none samples',
  ],
];

/** What kmend found in this boot when it started a limited container through a runtime. */
const sample = (runtime: string, answer: 'off' | 'on'): Facts => ({
  'kmem.started': [{ runtime, answer, at: bootedAt + 500 }],
});

const samples: readonly State[] = [
  [
    'a clean docker, and a sample container that read off',
    host('1160', [cleanDocker], containers('none'), sample('docker', 'off')),
    'off: docker was asked in this boot',
    'off none samples',
    /asked by containerd\.io 1\.4\.13-3\.1\.el7, answered EIO/,
  ],
  [
    'a disputed containerd.io, and a sample container that read off',
    host('862', [disputedDocker], containers('none') + yarn, sample('docker', 'off')),
    'off: this very build was asked in this boot',
    'off none samples',
  ],
  [
    'a disputed containerd.io, and a sample container that read on',
    host('1160', [disputedDocker], containers('none'), sample('docker', 'on')),
    'at risk: this very build asks',
    'at_risk kernel_arg none',
  ],
  [
    'a clean docker, and a sample container that read on',
    host('1160', [cleanDocker], containers('none'), sample('docker', 'on')),
    'at risk: it asks, whatever its version says',
    'at_risk kernel_arg none',
  ],
  [
    'the argument in force, and a sample container read on',
    host('1160', [docker1806], containers('none'), { ...argument, ...sample('docker', 'on') }),
    'unknown, against all that is known',
    'unknown unknown none',
    /a sample container was accounted/,
  ],
  [
    'a runtime with a runc of its own, and a sample container of it that read off',
    host('1160', [cleanDocker, nvidia('docker')], containers('none'), {
      'kmem.started': [
        { runtime: 'docker', answer: 'off', at: bootedAt + 500 },
        { runtime: 'nvidia-container-runtime', answer: 'off', at: bootedAt + 510 },
      ],
    }),
    'off: both were asked in this boot',
    'off none samples',
  ],
  [
    'a sample container of docker says nothing of the runtime beside it',
    host('1160', [cleanDocker, nvidia('docker')], containers('none'), sample('docker', 'off')),
    'at risk: the other runtime was not asked',
    'at_risk kernel_arg none',
  ],
  [
    'a sample container of a time that has not come yet',
    host('1160', [unknownDocker], containers('none'), {
      'kmem.started': [{ runtime: 'docker', answer: 'off', at: bootedAt + 5000 }],
      'runc.changed_at': bootedAt + 600,
    }),
    'at risk: the clock was moved, and nobody knows whether this runc was asked',
    'at_risk kernel_arg none',
  ],
  [
    'a sample container that was started before the runtime was replaced',
    host('1160', [unknownDocker], containers('none'), {
      ...sample('docker', 'off'),
      'runc.changed_at': bootedAt + 600,
    }),
    'at risk: the new runc was not asked',
    'at_risk kernel_arg none',
  ],
  [
    'the argument in force, docker asks, and a sample container read off',
    host('1160', [docker1806], containers('none'), { ...argument, ...sample('docker', 'off') }),
    'off: docker asked, the kernel refused',
    'off none samples',
  ],
  [
    'the argument in force, and a sample container of a clean docker read off',
    host('1160', [cleanDocker], containers('none'), { ...argument, ...sample('docker', 'off') }),
    'off, for nobody asks; the argument itself is not proven',
    'off none none',
  ],
];

const unknowns: readonly State[] = [
  [
    'LXC only',
    host('1160', [], 'eio! lxc/web'),
    'unknown: nothing here is known to make containers',
    'unknown none none',
    /no container runtime and no kubelet was found/,
  ],
  [
    'nothing installed, nothing running',
    host('1160', [], units),
    'unknown, with that reason',
    'unknown none none',
    /no container runtime/,
  ],
  [
    'podman of el7 without a limited container',
    host(
      '1160',
      [podman('1.0.0-rc10', 'no', 'systemd')],
      `${units}eio machine.slice/libpod-#a.scope`,
    ),
    'unknown: no sample; but podman with systemd never asks, so no remedy',
    'unknown none none',
    /no sample/,
  ],
  [
    'a disputed containerd.io, no container with a limit, a limited YARN group',
    host('862', [disputedDocker], containers('none') + yarn),
    'unknown: its build files say clean, users say otherwise, and YARN never asks',
    'unknown none none',
    /has no limited container/,
  ],
  [
    'a kubelet that is declared clean, and no pod with a limit',
    host('1160', [kubelet('1.15.3', 'perhaps'), cleanDocker], idlePods('eio') + containers('eio'), {
      'kmem.asks': { kubelet: 'no' },
    }),
    'unknown: declared, not seen',
    'unknown none samples',
    /declared: does not ask/,
  ],
  [
    'clean programs, no container with a limit',
    host('1160', [kubelet122, cleanDocker], idlePods('eio')),
    'unknown: no sample, and nothing at risk',
    'unknown none none',
    /no sample/,
  ],
  [
    'a runtime that was replaced in this boot, no container with a limit, slab caches of dead groups',
    host('1160', [cleanDocker], containers('none'), { ...fixedNow, ...dead(100) }),
    'unknown: what was accounted is of before the repair, and there is no sample yet',
    'unknown none none',
  ],
  [
    'clean programs, only a container that was limited later',
    host('1160', [cleanDocker], containers('later')),
    'unknown: that container would read off in any case',
    'unknown none none',
  ],
  [
    'an old kubelet whose driver cannot be read, and that makes slices',
    host('1160', [kubelet('1.12.3', 'no', ''), cleanDocker], slices('docker', '')),
    'unknown: no sample; its slices show the systemd driver, so nothing is at risk',
    'unknown none none',
  ],
  [
    'old kubelet and docker with systemd, no container with a limit',
    host('862', [kubelet112systemd, docker1806systemd], slices('docker', '')),
    'unknown: no sample, and nothing at risk',
    'unknown none none',
  ],
  [
    'all reads refused, clean programs',
    host('1160', [kubelet122, cleanDocker], 'denied kubepods\ndenied docker'),
    'unknown: needs root',
    'unknown none none',
    /2 of 2 non-root cgroups refused the read: needs root/,
  ],
  [
    'all reads refused, docker asks',
    host('862', [docker1806], 'denied docker'),
    'unknown: needs root; what would help is known all the same',
    'unknown runtime none',
  ],
  [
    'one read refused, the others off',
    host('1160', [cleanDocker], `${containers('eio')}denied apps`),
    'unknown: that one may be on',
    'unknown none none',
  ],
  [
    'reads refused, but signs of this boot show it',
    host('1160', [docker1806], 'denied docker', { 'kmem.root_usage': 2_322_432 }),
    'on: the root usage alone shows that groups were accounted, and the cause is here',
    'on kernel_arg none',
    /root kmem\.usage_in_bytes is 2322432/,
  ],
  [
    'a read that failed for want of memory',
    host('1160', [cleanDocker], `${containers('eio')}failed apps`),
    'unknown: that one may be on',
    'unknown none none',
    /could not be read/,
  ],
  [
    'the walk ended early, all off so far',
    counts(host('1160', [cleanDocker], containers('eio')), { capped: true }),
    'unknown: the rest may be on',
    'unknown none none',
    /did not come to the end/,
  ],
  [
    'the walk ended early, and slab caches show accounted groups',
    counts(host('1160', [kubelet112, badDocker], idlePods('eio'), dead(41_579)), { capped: true }),
    'leaking: the slab alone shows it',
    'leaking kernel_arg none',
  ],
  [
    'an empty slabinfo on el7',
    host('1160', [cleanDocker], `${containers('eio')}empty apps`),
    'unknown: 3.10 never answers so',
    'unknown none none',
  ],
  [
    'a kernel release that is no version',
    host('custom', [docker1806], containers('on')),
    'unknown',
    'unknown unknown none',
    /"custom"/,
  ],
  [
    'no group at all',
    host('1160', [cleanDocker], ''),
    'unknown: nothing to judge by',
    'unknown none none',
    /no non-root memory cgroup/,
  ],
  [
    'a pod whose limit changed while the kubelet cannot be found, with the systemd driver',
    host('1160', [cleanDocker], 'eio! kubepods.slice\neio kubepods.slice/kubepods-burstable.slice'),
    'unknown: no container with a limit; the systemd driver never asks',
    'unknown none none',
  ],
];

const healthy = (name: string, release: string, more: Facts = {}, groups = pods('on')): State => [
  name,
  host(release, [kubelet112, badDocker], groups, more),
  'accounting is on and healthy there',
  'not_applicable none none',
];
const v2: Facts = { 'cgroup.memory': 'v2', 'cgroup.version': 'v2' };

const notApplicable: readonly State[] = [
  healthy('UEK 4.14', '4.14.35-2047.el7uek.x86_64'),
  healthy("ELRepo's 5.4", elrepo54),
  healthy("ELRepo's kernel-ml 6.9", '6.9.7-1.el7.elrepo.x86_64', {}, 'charged! docker/#a'),
  healthy('Ubuntu 16.04 with 4.15', '4.15.0-112-generic', debian),
  healthy('Ubuntu 18.04, hybrid tree', '4.15.0-213-generic', {
    ...debian,
    'cgroup.version': 'hybrid',
  }),
  healthy('Debian 9', '4.9.0-8-amd64', debian),
  healthy('Amazon Linux 2', '4.14.334-252.552.amzn2.x86_64'),
  healthy('Flatcar', '5.15.119-flatcar', {
    'os.id': 'flatcar',
    'boot.loader': 'flatcar',
    'kernel.next': '',
  }),
  healthy('CentOS 7 on ARM (4.14)', '4.14.0-115.el7a.0.1.aarch64'),
  healthy('CoreOS with 4.6', '4.6.3-coreos', { 'boot.loader': 'flatcar', 'kernel.next': '' }),
  healthy('RHEL 8', '4.18.0-553.el8_10.x86_64'),
  healthy(
    'RHEL 9 with cgroup v2',
    '5.14.0-427.el9.x86_64',
    v2,
    'charged! system.slice/docker-#a.scope',
  ),
  healthy('SLES 12 SP5 (4.12)', '4.12.14-122.37-default', suse),
  healthy(
    'Debian 12 with cgroup v2',
    '6.1.0-28-amd64',
    { ...debian, ...v2 },
    'charged! system.slice/docker-#a.scope',
  ),
  healthy('el6', '2.6.32-754.el6.x86_64', {}, ''),
  healthy('a healthy ELRepo kernel, el7 1160 boots next with the argument', elrepo54, {
    ...next('1160'),
    ...argumentNext,
  }),
  healthy(
    'a healthy ELRepo kernel, el7 957 boots next with the argument, and its System.map names the switch',
    elrepo54,
    {
      ...next('957'),
      ...argumentNext,
      'kernel.maps': { '3.10.0-957.el7.x86_64': 'yes' },
    },
  ),
  healthy('a healthy ELRepo kernel, what boots next is not known', elrepo54, {
    'kernel.next': '',
    'boot.loader': 'unknown',
  }),
  [
    'Alibaba Cloud Linux 2 with its argument',
    host('4.19.91-27.al7.x86_64', [kubelet112, badDocker], 'empty! kubepods/pod1/#a', argument),
    'healthy in any case; and nothing is charged to a container that works, so the argument is in force',
    'not_applicable none samples',
  ],
  [
    'a kernel built without kernel-memory accounting',
    counts(host('1160', [kubelet112, badDocker], '', { 'kmem.files': false }), { absent: 7 }),
    'nothing can be accounted: no group has memory.kmem files',
    'not_applicable none none',
    /built without kernel-memory accounting/,
  ],
  [
    'the memory controller is switched off',
    host('1160', [kubelet112, badDocker], '', { 'boot.cmdline': 'ro cgroup_disable=memory' }),
    'there are no memory cgroups',
    'not_applicable none none',
    /switched off/,
  ],
  [
    'the command line switches the controller off, and it is there all the same',
    host('1160', [docker1806], containers('on'), { 'boot.cmdline': 'ro cgroup_disable=memory' }),
    'on: the tree decides, not the command line',
    'on kernel_arg none',
  ],
  [
    'no memory controller is mounted',
    host('1160', [docker1806], '', { 'cgroup.memory': 'absent' }),
    'there are no memory cgroups',
    'not_applicable none none',
    /no memory controller/,
  ],
];

export const states = [
  ...accounted,
  ...leaking,
  ...off,
  ...risks,
  ...arguments_,
  ...doubts,
  ...samples,
  ...unknowns,
  ...notApplicable,
].map(([name, { programs, facts }, truth, expected, says]) => ({
  name,
  programs,
  facts,
  truth,
  expected,
  says,
}));
