// Verdicts and remedies: whole hosts, in words. Rows without a recording are built from the tables and say `model`.
import { describe, expect, it } from 'vitest';
import { remedyRules } from '../../src/facts/kmem/remedy.ts';
import type { Facts } from '../../src/model/fact.ts';
import { unknown } from '../../src/model/value.ts';
import {
  allOff,
  allOn,
  bootedAt,
  docker,
  el7,
  kubelet,
  modelHost,
  nextEl7,
  noContainers,
  nokmemNext,
  nokmemNow,
  samples,
} from './model-hosts.ts';

const on1160 = { ...el7('1160'), 'kmem.samples': allOn(9) };
const slub = { 'kmem.symptoms': [{ kind: 'slub_memcg', count: 3, line: 'cache: kmalloc-192(12:aa)' }] };
const good = docker('18.09.9', '1.4.13-3.1.el7');

const containerd = (evr: string, runc: string): Facts => ({
  'containerd.installed': true,
  'containerd.package': 'containerd.io',
  'containerd.evr': evr,
  'runc.installed': true,
  'runc.version': runc,
});
const groupOf = (path: string): Facts => ({ path, limit: 1_000_000, state: 'eio', lines: 0, usage: 0, procs: 1 });

type Line = readonly [host: string, facts: Facts, says: string];

const line = (facts: Facts): string =>
  `${String(facts['kmem.verdict'])} | ${String(facts['kmem.evidence'])} | ${String(facts['kmem.remedy'])}${facts['kmem.remedy_why'] === '' ? '' : `: ${String(facts['kmem.remedy_why'])}`}`;

const hosts: readonly Line[] = [
  // The four that a newcomer sees first.
  [
    'the seed: 862, Docker 18.06.1, kubelet 1.12.3',
    { 'kmem.samples': allOn(14), ...slub, ...kubelet('1.12.3') },
    'leaking | 14 cgroups read on; SLUB node -1 (3 lines) | kernel_and_arg: 862 is not known to parse nokmem',
  ],
  [
    '1160 with a containerd.io that lost the flag',
    { ...on1160, ...docker('18.09.9', '1.2.10-3.2.el7', '1.0.0-rc8+dev'), ...kubelet('1.12.3') },
    'on | 9 of 9 non-root cgroups readable | kernel_arg: kubelet 1.12.3 accounts, containerd.io 1.2.10-3.2.el7 accounts',
  ],
  [
    '1160, all mended',
    { ...el7('1160'), ...good, ...kubelet('1.22.0'), 'kmem.samples': allOff(11, 6) },
    'off | EIO on 11 of 11, 6 memory-limited | none',
  ],
  [
    'Debian 6.1',
    { 'kernel.release': '6.1.0-28-amd64', 'os.family': 'debian', 'cgroup.memory': 'v2', ...kubelet('1.28.2') },
    'not_applicable | kernel 6.1: accounting is healthy | none',
  ],

  // Not applicable.
  ['no memory controller mounted', { 'cgroup.memory': 'absent' }, 'not_applicable | no memory controller is mounted | none'],
  [
    'memory controller switched off',
    { 'boot.cmdline': 'ro cgroup_disable=memory' },
    'not_applicable | the memory controller is switched off (cgroup_disable=memory) | none',
  ],
  [
    'el8',
    { 'kernel.release': '4.18.0-553.el8_10.x86_64', 'kmem.samples': allOn(9) },
    'not_applicable | kernel 4.18: accounting is healthy | none',
  ],
  [
    'a healthy kernel now, an el7 one at the next boot',
    { 'kernel.release': '5.4.278-1.el7.elrepo.x86_64', ...nextEl7('1160') },
    'not_applicable | kernel 5.4: accounting is healthy; but 3.10.0-1160.el7.x86_64 boots next, which leaks | none',
  ],
  ['el6', { 'kernel.release': '2.6.32-754.el6.x86_64' }, 'not_applicable | kernel 2.6 has no kernel-memory controller | none'],

  // Unknown.
  [
    'a kernel release that is no version',
    { 'kernel.release': 'custom' },
    'unknown | kernel release "custom" is not understood | unknown: kernel release "custom" is not understood',
  ],
  [
    'reads refused',
    { 'kmem.samples': samples({ denied: 12, total: 12 }) },
    'unknown | 12 of 12 non-root cgroups refused the read: needs root | runtime: docker 18.06.1-ce accounts; 862 is not known to parse nokmem',
  ],
  [
    'one read refused, the others off',
    { ...el7('1160'), ...good, 'kmem.samples': samples({ denied: 1, eio: 11, total: 12, limited: 6, limited_off: 6 }) },
    'unknown | 1 of 12 non-root cgroups refused the read: needs root | none',
  ],
  [
    'more groups than could be read',
    { ...el7('1160'), ...good, 'kmem.samples': { ...allOff(3000, 900), capped: true } },
    'unknown | more cgroups than could be read (3000 were): needs a closer look | none',
  ],
  [
    'more groups than could be read, and some are on',
    { 'kmem.samples': { ...allOn(3000), capped: true } },
    'on | 3000 of 3000 non-root cgroups readable | runtime: docker 18.06.1-ce accounts; 862 is not known to parse nokmem',
  ],
  [
    'nothing limited, nobody to account',
    { ...noContainers, 'kmem.samples': allOff(4, 0) },
    'unknown | EIO on 4 of 4, none memory-limited: no sample | none',
  ],
  [
    'nokmem in force, no limited group yet',
    { ...el7('1160'), ...nokmemNow, ...nokmemNext, 'kmem.samples': allOff(4, 0) },
    'unknown | EIO on 4 of 4, none memory-limited: no sample | none',
  ],
  [
    'the same after an active probe',
    { ...el7('1160'), ...nokmemNow, ...nokmemNext, 'kmem.samples': allOff(4, 0), 'kmem.active_probe': 'off' },
    'off | active probe: nokmem is in force | none',
  ],
  [
    'nokmem in force, and yet on',
    { ...on1160, ...nokmemNow, ...nokmemNext },
    'on | 9 of 9 non-root cgroups readable | unknown: nokmem is set and 1160 parses it, and yet cgroups read on',
  ],
  [
    'an empty slabinfo on el7 is no sample',
    { ...el7('1160'), ...good, 'kmem.samples': samples({ empty: 3, eio: 8, total: 11, limited: 6, limited_off: 5 }) },
    'unknown | EIO on 8 of 11, 5 memory-limited: no sample | none',
  ],

  [
    'reads refused, and yet the signs of this boot tell',
    { ...on1160, 'kmem.samples': samples({ denied: 12, total: 12 }), 'kmem.root_usage': 2_322_432 },
    'unknown | 12 of 12 non-root cgroups refused the read: needs root; accounting was on in this boot (root kmem.usage_in_bytes is 2322432) | kernel_arg: docker 18.06.1-ce accounts',
  ],
  [
    'a read that failed for want of memory is neither a sample nor a want of rights',
    {
      ...el7('1160'),
      ...good,
      'kmem.samples': samples({ failed: 2, failed_why: 'Cannot allocate memory', eio: 9, total: 11, limited: 6, limited_off: 6 }),
    },
    'unknown | 2 of 11 non-root cgroups could not be read (Cannot allocate memory) | none',
  ],
  [
    'a kernel built without kernel-memory accounting',
    { ...el7('1160'), 'kmem.samples': samples({ absent: 7 }) },
    'unknown | none of 7 memory cgroups has a memory.kmem.slabinfo: nothing to judge by | kernel_arg: docker 18.06.1-ce accounts',
  ],
  [
    'a limited /kubepods is no sample of the runc beside it',
    {
      ...el7('1160'),
      ...docker('20.10.5', '1.4.6-3.1.el7', '1.0.0-rc95'),
      ...kubelet('1.22.0'),
      'kmem.samples': { ...allOff(4, 1), kubelet: 3, kubelet_off: 3, kubelet_limited: 1, containers: 0, containers_off: 0 },
    },
    'unknown | EIO on 4 of 4, 1 memory-limited, no container among them: no sample | none',
  ],
  [
    'nor does it clear a runc whose build is not known',
    {
      ...el7('1160'),
      ...docker('20.10.5', '1.3.7-3.1.el7', '1.0.0-rc93'),
      ...kubelet('1.22.0'),
      'kmem.samples': { ...allOff(4, 1), kubelet: 3, kubelet_off: 3, kubelet_limited: 1, containers: 0, containers_off: 0 },
    },
    'at_risk | EIO on 4 of 4, 1 memory-limited, no container among them; containerd.io 1.3.7-3.1.el7 may account | kernel_arg: containerd.io 1.3.7-3.1.el7 may account',
  ],
  [
    'groups of a kubelet of unknown version tell nothing where none had a limit to ask for',
    {
      ...el7('1160'),
      ...good,
      ...kubelet(''),
      'kmem.samples': { ...allOff(6, 1), kubelet: 3, kubelet_off: 3, kubelet_limited: 0, containers: 1, containers_off: 1 },
    },
    'at_risk | EIO on 6 of 6, 1 memory-limited; kubelet may account | kernel_arg: kubelet may account',
  ],
  [
    'the command line switches the controller off, and it is there all the same',
    { ...on1160, 'boot.cmdline': 'ro cgroup_disable=memory' },
    'on | 9 of 9 non-root cgroups readable | kernel_arg: docker 18.06.1-ce accounts',
  ],
  [
    'nokmem on 862, whose parser nobody has read: the active probe tells',
    { ...nokmemNow, ...nokmemNext, 'kmem.samples': allOff(4, 0), 'kmem.active_probe': 'off' },
    'off | active probe: nokmem is in force | none',
  ],
  [
    'an active probe of this boot says nothing about another kernel',
    { ...nokmemNow, ...nokmemNext, ...nextEl7('957'), 'kmem.samples': allOff(4, 0), 'kmem.active_probe': 'off' },
    'at_risk | EIO on 4 of 4, none memory-limited; the next kernel (957) is not known to parse nokmem | kernel_and_arg: 957 is not known to parse nokmem',
  ],

  // Runtimes without Docker, and drivers that nobody tells.
  [
    'containerd alone under a kubelet with the systemd driver',
    {
      ...el7('1160'),
      ...noContainers,
      ...containerd('1.2.13-3.1.el7', '1.0.0-rc10'),
      ...kubelet('1.18.9', 'systemd'),
      'kmem.samples': allOff(9, 4),
    },
    'off | EIO on 9 of 9, 4 memory-limited | none',
  ],
  [
    'containerd alone under a kubelet with the cgroupfs driver',
    { ...el7('1160'), ...noContainers, ...containerd('1.2.13-3.1.el7', '1.0.0-rc10'), ...kubelet('1.22.4'), 'kmem.samples': allOff(9, 0) },
    'at_risk | EIO on 9 of 9, none memory-limited; containerd.io 1.2.13-3.1.el7 will account | kernel_arg: containerd.io 1.2.13-3.1.el7 accounts',
  ],
  [
    'cri-o with the runc of the distribution',
    {
      ...el7('1160'),
      ...noContainers,
      'runc.installed': true,
      'runc.version': '1.0.0-rc10',
      ...kubelet('1.22.4'),
      'kmem.samples': allOff(9, 0),
    },
    'at_risk | EIO on 9 of 9, none memory-limited; runc 1.0.0-rc10 may account | kernel_arg: runc 1.0.0-rc10 may account',
  ],
  [
    'podman alone, whose scopes show the systemd driver',
    {
      ...el7('1160'),
      ...noContainers,
      'runc.installed': true,
      'runc.version': '1.0.0-rc10',
      'kmem.samples': allOff(5, 1),
      'kmem.groups': [groupOf(`machine.slice/libpod-${'a'.repeat(64)}.scope`)],
    },
    'off | EIO on 5 of 5, 1 memory-limited | none',
  ],
  [
    'a Docker that hangs: its scopes show the systemd driver',
    {
      ...el7('1160'),
      'docker.version': unknown('docker did not answer'),
      'docker.driver': unknown('docker did not answer'),
      'kmem.samples': allOff(5, 1),
      'kmem.groups': [groupOf(`system.slice/docker-${'a'.repeat(64)}.scope`)],
    },
    'off | EIO on 5 of 5, 1 memory-limited | none',
  ],
  [
    'a kubelet that was not found, with the systemd driver by its tree',
    {
      ...el7('1160'),
      ...noContainers,
      'kmem.samples': { ...allOff(5, 0), kubelet: 3, kubelet_off: 3, kubelet_limited: 0 },
      'kmem.groups': [groupOf('kubepods.slice/kubepods-burstable.slice')],
    },
    'unknown | EIO on 5 of 5, none memory-limited: no sample | none',
  ],
  [
    "RHEL's docker 1.13 whose package could not be asked",
    {
      ...el7('1160'),
      'docker.package': unknown('rpm database'),
      'docker.evr': unknown('rpm database'),
      'docker.version': '1.13.1',
      'runc.path': '/usr/libexec/docker/docker-runc-current',
      'runc.version': '1.0.0-rc2',
      'kmem.samples': allOff(5, 0),
    },
    'at_risk | EIO on 5 of 5, none memory-limited; docker 1.13.1 will account | kernel_arg: docker 1.13.1 accounts',
  ],

  // At risk.
  [
    'off, but Docker 18.06 will account the next limited container',
    { ...el7('1160'), 'kmem.samples': allOff(5, 0) },
    'at_risk | EIO on 5 of 5, none memory-limited; docker 18.06.1-ce will account | kernel_arg: docker 18.06.1-ce accounts',
  ],
  [
    'the next boot loses the argument',
    { ...el7('1160'), ...nokmemNow, 'kmem.samples': allOff(11, 6) },
    'at_risk | EIO on 11 of 11, 6 memory-limited; the next boot loses cgroup.memory=nokmem | kernel_arg: the next boot loses cgroup.memory=nokmem',
  ],
  [
    'the next kernel does not parse the argument',
    { ...el7('1160'), ...nextEl7('514'), ...nokmemNow, ...nokmemNext, 'kmem.samples': allOff(11, 6) },
    'at_risk | EIO on 11 of 11, 6 memory-limited; the next kernel (514) is not known to parse nokmem | kernel_and_arg: 514 does not parse nokmem',
  ],

  // On, without a readable sample.
  [
    'slab entries of dead groups, and a cause in place',
    { 'kmem.samples': allOff(5, 0), 'kmem.slab_entries': 900, 'kmem.dead_groups': 100 },
    'on | 900 slab caches of accounted groups, about 100 of the groups dead | runtime: docker 18.06.1-ce accounts; 862 is not known to parse nokmem',
  ],
  [
    'root usage alone',
    { ...el7('1160'), ...kubelet('1.12.3'), 'kmem.samples': allOff(5, 0), 'kmem.root_usage': 4096 },
    'on | root kmem.usage_in_bytes is 4096 | kernel_arg: kubelet 1.12.3 accounts, docker 18.06.1-ce accounts',
  ],

  // Leaking.
  [
    'the kernel log shows the damage, and only the dead groups still show the cause',
    { 'kmem.samples': allOff(5, 0), 'kmem.slab_entries': 900, 'kmem.dead_groups': 100, ...slub },
    'leaking | 900 slab caches of accounted groups, about 100 of the groups dead; SLUB node -1 (3 lines) | runtime: docker 18.06.1-ce accounts; 862 is not known to parse nokmem',
  ],
  [
    'no id is left, and the log says nothing',
    { 'kmem.samples': allOn(9), 'kmem.live_groups': 9_050, 'kmem.dead_groups': 56_482 },
    'leaking | 9 cgroups read on; 65532 of 65534 cgroup ids in use; about 56482 dead groups | runtime: docker 18.06.1-ce accounts; 862 is not known to parse nokmem',
  ],
  [
    'soft lockups with accounting on',
    { 'kmem.samples': allOn(9), 'kmem.symptoms': [{ kind: 'soft_lockup', count: 1, line: '' }] },
    'leaking | 9 cgroups read on; soft lockup (1 line) | runtime: docker 18.06.1-ce accounts; 862 is not known to parse nokmem',
  ],
  [
    'SLUB lines without a cgroup are a plain shortage',
    { 'kmem.samples': allOn(9), 'kmem.symptoms': [{ kind: 'slub', count: 5, line: '' }] },
    'on | 9 of 9 non-root cgroups readable | runtime: docker 18.06.1-ce accounts; 862 is not known to parse nokmem',
  ],
  [
    'symptoms with accounting off are not ours',
    { ...el7('1160'), ...good, ...slub, 'kmem.samples': allOff(11, 6) },
    'off | EIO on 11 of 11, 6 memory-limited | none',
  ],

  // Reboot.
  [
    'the argument waits for a reboot',
    { ...on1160, ...nokmemNext, ...kubelet('1.12.3') },
    'on | 9 of 9 non-root cgroups readable | reboot: nokmem is set for the next boot, and 1160 parses it',
  ],
  [
    'kernel and argument wait for a reboot',
    { 'kmem.samples': allOn(9), ...nextEl7('1160'), ...nokmemNext },
    'on | 9 of 9 non-root cgroups readable | reboot: nokmem is set for the next boot, and 1160 parses it',
  ],
  [
    'a kernel that parses it waits, the argument is missing',
    { 'kmem.samples': allOn(9), ...nextEl7('1160') },
    'on | 9 of 9 non-root cgroups readable | kernel_arg: docker 18.06.1-ce accounts',
  ],
  [
    'the argument is set, but 514 boots next',
    { ...el7('514'), 'kmem.samples': allOn(9), ...nokmemNow, ...nokmemNext, ...kubelet('1.12.3') },
    'on | 9 of 9 non-root cgroups readable | kernel_and_arg: 514 does not parse nokmem',
  ],
  [
    'the runtime was mended after this boot, old groups remain',
    { 'kmem.samples': allOn(9), ...good, 'docker.installed_at': bootedAt + 60 },
    'on | 9 of 9 non-root cgroups readable | reboot: the runtime is mended; groups made before still account',
  ],
  [
    'an ELRepo kernel boots next',
    { 'kmem.samples': allOn(9), 'kernel.next': '5.4.278-1.el7.elrepo.x86_64' },
    'on | 9 of 9 non-root cgroups readable | reboot: kernel 5.4 boots next and is healthy with accounting',
  ],
  [
    'most ids held by dead groups, all mended',
    { ...el7('1160'), ...good, 'kmem.samples': allOff(9, 3), 'kmem.slab_entries': 50_009, 'kmem.dead_groups': 50_009 },
    'off | EIO on 9 of 9, 3 memory-limited | reboot: about 50009 of 65534 cgroup ids are held by dead groups',
  ],

  // Runtime, and where it would not do.
  [
    '862 without a kubelet',
    { 'kmem.samples': allOn(3) },
    'on | 3 of 3 non-root cgroups readable | runtime: docker 18.06.1-ce accounts; 862 is not known to parse nokmem',
  ],
  [
    '862 with a clean kubelet',
    { 'kmem.samples': allOn(3), ...kubelet('1.21.2') },
    'on | 3 of 3 non-root cgroups readable | runtime: docker 18.06.1-ce accounts; 862 is not known to parse nokmem',
  ],
  [
    '862 with an old kubelet under systemd',
    { 'kmem.samples': allOn(3), ...kubelet('1.12.3', 'systemd') },
    'on | 3 of 3 non-root cgroups readable | runtime: docker 18.06.1-ce accounts; 862 is not known to parse nokmem',
  ],
  [
    '862 whose kubelet would still account',
    { 'kmem.samples': allOn(3), ...good, ...kubelet('1.12.3') },
    'on | 3 of 3 non-root cgroups readable | kernel_and_arg: 862 is not known to parse nokmem',
  ],
  [
    "862 with RHEL's own docker",
    { 'kmem.samples': allOn(3), 'docker.package': 'docker', 'docker.evr': '2:1.13.1-94.gitb2f74b2.el7.centos', 'docker.version': '1.13.1' },
    'on | 3 of 3 non-root cgroups readable | kernel_and_arg: 862 is not known to parse nokmem',
  ],
  [
    '862 whose System.map says no',
    { 'kmem.samples': allOn(3), ...kubelet('1.12.3'), 'kernel.maps': { '3.10.0-862.el7.x86_64': 'no' } },
    'on | 3 of 3 non-root cgroups readable | kernel_and_arg: 862 does not parse nokmem',
  ],
  [
    '862 whose System.map says yes',
    { 'kmem.samples': allOn(3), ...kubelet('1.12.3'), 'kernel.maps': { '3.10.0-862.el7.x86_64': 'yes' } },
    'on | 3 of 3 non-root cgroups readable | kernel_arg: kubelet 1.12.3 accounts, docker 18.06.1-ce accounts',
  ],
  [
    'groups on by nobody that is known',
    { ...on1160, ...noContainers },
    'on | 9 of 9 non-root cgroups readable | kernel_arg: cgroups read on, made by nobody that is known here',
  ],
  [
    'runc rc93 whose build is not known',
    { ...on1160, ...docker('20.10.5', '1.3.7-3.1.el7', '1.0.0-rc93') },
    'on | 9 of 9 non-root cgroups readable | kernel_arg: containerd.io 1.3.7-3.1.el7 may account',
  ],
  [
    'the same, cleared by its own groups',
    { ...el7('1160'), ...docker('20.10.5', '1.3.7-3.1.el7', '1.0.0-rc93'), 'kmem.samples': allOff(9, 3) },
    'off | EIO on 9 of 9, 3 memory-limited | none',
  ],

  // Other kernels, and what cannot be done.
  [
    'kernel 4.4 of ELRepo, containers on',
    {
      'kernel.release': '4.4.240-1.el7.elrepo.x86_64',
      'kmem.groups': [{ path: 'docker/a', limit: 1, state: 'read', lines: 20, usage: 900, procs: 1 }],
      'kmem.samples': allOn(1),
    },
    'on | 1 of 1 non-root cgroups readable | runtime: docker 18.06.1-ce accounts; kernel 4.4 does not parse nokmem',
  ],
  [
    'UEK 4.1 with an old kubelet',
    {
      'kernel.release': '4.1.12-124.el7uek.x86_64',
      ...kubelet('1.12.3'),
      'kmem.groups': [{ path: 'docker/a', limit: 1, state: 'read', lines: 20, usage: 900, procs: 1 }],
      'kmem.samples': allOn(1),
    },
    'on | 1 of 1 non-root cgroups readable | unsupported: kernel 4.1 is not known to parse nokmem, and kmend knows no newer kernel for it',
  ],
  [
    'no boot loader that is known',
    { ...on1160, ...kubelet('1.12.3'), 'boot.loader': 'unknown', 'kernel.next': '', 'boot.next_cmdline': '' },
    'on | 9 of 9 non-root cgroups readable | unsupported: what the next boot takes cannot be told: no known boot loader',
  ],
  [
    'a grub.cfg that was written by half, though a reboot would do',
    {
      ...on1160,
      ...nokmemNext,
      ...kubelet('1.12.3'),
      'boot.menu_broken': '/boot/grub2/grub.cfg ends inside an entry: it was written by half',
    },
    'on | 9 of 9 non-root cgroups readable | unsupported: /boot/grub2/grub.cfg ends inside an entry: it was written by half; it may not boot again before somebody mends that',
  ],
  [
    'a distribution that is not known',
    { ...on1160, ...kubelet('1.12.3'), 'os.id': 'mystery', 'os.family': 'unknown' },
    'on | 9 of 9 non-root cgroups readable | unsupported: distribution "mystery" is not known: its boot loader and packages would be edited on a guess',
  ],
  [
    'a boot configuration that only root may read',
    { ...on1160, ...kubelet('1.12.3'), 'kernel.next': unknown('needs root'), 'boot.next_cmdline': unknown('needs root') },
    'on | 9 of 9 non-root cgroups readable | unknown: needs root',
  ],
];

describe('a host (model)', () => {
  it.each(hosts)('%s', (_, facts, says) => expect(line(modelHost(facts))).toBe(says));

  it('every remedy rule decides some host', () => {
    const remedies = new Set(hosts.map(([, facts]) => String(modelHost(facts)['kmem.remedy'])));
    expect([...remedies].sort()).toEqual([...new Set(remedyRules.map((rule) => rule.remedy))].sort());
  });
});

describe('what a remedy is told with', () => {
  it('names what was rejected and why', () => {
    const facts = modelHost({ 'kmem.samples': allOn(14), ...kubelet('1.12.3') });
    expect(facts['kmem.rejected']).toEqual([
      'kernel_arg: 862 is not known to parse nokmem',
      'runtime: kubelet 1.12.3 still accounts /kubepods',
    ]);
    expect(facts['kmem.causes']).toEqual(['kernel', 'argument', 'kubelet', 'runc']);
  });

  it('names what it leaves open', () => {
    expect(modelHost({ ...el7('1127'), 'kmem.samples': allOn(3) })['kmem.leaves_open']).toEqual([
      'RHSA-2019:3055 says the leak is fixed since 1062.4.1; users still saw it on 1127 and 1160: no reason to leave accounting on',
    ]);
    expect(
      modelHost({ ...el7('1160'), ...docker('18.09.9', '1.2.2-3.el7', '1.0.0-rc6+dev'), 'kmem.samples': allOff(5, 2) })['kmem.leaves_open'],
    ).toEqual(['containerd.io 1.2.2-3.el7: good by its build files, disputed by users: 1.4.5 or later is sure']);
  });

  it('has no causes where nothing is wrong', () =>
    expect(modelHost({ ...el7('1160'), ...good, 'kmem.samples': allOff(5, 2) })['kmem.causes']).toEqual([]));
});

describe('proof', () => {
  const proof = (facts: Facts): unknown => modelHost(facts)['kmem.proof'];
  it('is by samples when every group says off and a limited one is among them', () =>
    expect(proof({ 'kmem.samples': allOff(11, 6) })).toBe('samples'));
  it('is not without a limited one', () => expect(proof({ 'kmem.samples': allOff(11, 0) })).toBe('none'));
  it('is not when one group is on, refused, or was not reached', () => {
    expect(proof({ 'kmem.samples': samples({ read: 1, eio: 10, total: 11, limited: 6, limited_off: 6 }) })).toBe('none');
    expect(proof({ 'kmem.samples': samples({ denied: 1, eio: 10, total: 11, limited: 6, limited_off: 6 }) })).toBe('none');
    expect(proof({ 'kmem.samples': { ...allOff(11, 6), capped: true } })).toBe('none');
  });
  it('is by the active probe where there is no sample', () => {
    expect(proof({ 'kmem.samples': allOff(11, 0), 'kmem.active_probe': 'off' })).toBe('active_probe');
    expect(proof({ 'kmem.samples': allOff(11, 0), 'kmem.active_probe': 'on' })).toBe('none');
    expect(proof({ 'kmem.samples': allOn(2), 'kmem.active_probe': 'off' })).toBe('none');
  });
  it('on v2 needs working groups that charge nothing', () => {
    const v2 = (usage: number): Facts => ({
      'kernel.release': '6.12.94-cloud-amd64',
      'cgroup.memory': 'v2',
      ...nokmemNow,
      'kmem.samples': samples({ empty: 2, total: 2, limited: 1 }),
      'kmem.groups': [
        { path: 'system.slice/docker-a.scope', limit: 67_108_864, state: usage > 0 ? 'read' : 'empty', lines: 0, usage, procs: 1 },
        { path: 'init.scope', limit: 0, state: 'empty', lines: 0, usage: 0, procs: 0 },
      ],
    });
    expect(proof(v2(0))).toBe('samples');
    expect(proof(v2(4096))).toBe('none');
  });
});

describe('unknown in, unknown out', () => {
  it('a fact of a boot that is over makes verdict and remedy unknown', () => {
    const facts = modelHost({ 'kernel.release': unknown('after the reboot') });
    expect(facts['kmem.verdict']).toEqual(unknown('after the reboot'));
    expect(facts['kmem.remedy']).toEqual(unknown('after the reboot'));
    expect(facts['kernel.generation']).toEqual(unknown('after the reboot'));
    expect(facts['boot.pending']).toEqual(unknown('after the reboot'));
  });
  it('a Docker that hangs does not hide what its package says', () => {
    const facts = modelHost({
      'docker.version': unknown('docker did not answer'),
      'docker.driver': unknown('docker did not answer'),
      'kmem.samples': allOn(2),
    });
    expect(facts['kmem.remedy']).toBe('runtime');
  });
});

describe('a pending reboot', () => {
  const pending = (facts: Facts): unknown => modelHost(facts)['boot.pending_why'];
  it('is none where nothing waits', () => {
    expect(pending({})).toEqual([]);
    expect(modelHost()['boot.pending']).toBe(false);
  });
  it('names the argument, the kernel and the packages that wait', () => {
    expect(pending(nokmemNext)).toEqual(['cgroup.memory: not set -> nokmem']);
    expect(pending({ ...nokmemNow, 'boot.next_cmdline': 'ro cgroup.memory=nosocket,nokmem' })).toEqual([
      'cgroup.memory: nokmem -> nosocket,nokmem',
    ]);
    expect(pending(nextEl7('1160'))).toEqual(['kernel: 3.10.0-862.el7.x86_64 -> 3.10.0-1160.el7.x86_64']);
    expect(pending({ 'docker.installed_at': bootedAt + 5 })).toEqual(['docker-ce was installed after this boot']);
    // The time of boot is a difference of two cut numbers: what came just before the boot must not seem to come after it.
    expect(pending({ 'docker.installed_at': bootedAt + 2 })).toEqual([]);
  });
  it('does not wait for ever after the clock was set back', () =>
    expect(pending({ 'docker.installed_at': bootedAt + 1_000_000_000 })).toEqual([]));
  it('says nothing about a loader that it cannot read', () => expect(pending({ 'kernel.next': '', 'boot.next_cmdline': '' })).toEqual([]));
});
