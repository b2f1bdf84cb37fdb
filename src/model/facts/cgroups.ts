// Memory cgroups and process limits.
import { boot, disk, type Texts, volatile } from './row.ts';
import type { Controller, ExplicitLimit, GroupRow, SampleCounts, WitnessRow } from './values.ts';

export const memoryFacts = {
  'memory.slab_kb': volatile(boot<number>('Slab of /proc/meminfo, kB', 412_000)),
  'memory.sunreclaim_kb': volatile(
    boot<number>('SUnreclaim of /proc/meminfo, kB: a trend, not a level', 361_276),
  ),
};

export const cgroupFacts = {
  'cgroup.version': boot<'v1' | 'v2' | 'hybrid' | 'none'>(
    'v1, v2, hybrid (v1 controllers beside a v2 tree) or none',
    'v1',
  ),
  'cgroup.memory': boot<Controller>('where the memory controller is: v1, v2 or absent', 'v1'),
  'kmem.samples': volatile(
    boot<SampleCounts>(
      'non-root memory cgroups by what their slabinfo answered (failed: any other error, failed_why names it; absent: groups without that file); how many have a memory limit from the kubelet or a runtime since they were made (limited) and answered EIO (limited_off), and how many of those are containers (containers, containers_off) or below kubepods (kubelet_limited); how many the kubelet, docker and others made, and how many of theirs could be read (kubelet_read); whether the walk was capped',
      {
        read: 0,
        eio: 11,
        empty: 0,
        denied: 0,
        failed: 0,
        gone: 0,
        absent: 0,
        total: 11,
        limited: 6,
        limited_off: 6,
        containers: 4,
        containers_off: 4,
        kubelet: 7,
        docker: 2,
        other: 2,
        capped: false,
      },
    ),
  ),
  'kmem.groups': volatile(
    boot<readonly GroupRow[]>(
      'examples of the groups, the most informative first, at most 40; lines and procs are counted up to 3',
      [
        {
          path: 'docker',
          row: 'docker-parent',
          limit: 0,
          state: 'eio',
          lines: 0,
          usage: 0,
          procs: 0,
          by: 'docker',
        },
      ],
    ),
  ),
  'kmem.witnesses': volatile(
    boot<readonly WitnessRow[]>(
      'all non-root memory cgroups in buckets of equal ones: row of the creator, what slabinfo answered, limited (later: the limit came after the group was made), caches behind the header, kernel memory charged, a process in it, explicit (a kernel-memory limit of its own, or of a group above it)',
      [
        {
          row: 'docker',
          state: 'eio',
          limited: 'yes',
          caches: false,
          charged: false,
          procs: true,
          count: 4,
        },
      ],
    ),
  ),
  'kmem.unknown_limited': boot<Texts>(
    'memory-limited groups whose creator is not known, at most 5: they are no samples',
    ['batch/job-7'],
  ),
  'kmem.explicit': boot<readonly ExplicitLimit[]>(
    "accounted groups with a kernel-memory limit of their own (memory.kmem.limit_in_bytes below the largest value), at most 5: somebody asked for it; the container's name where docker's files say it",
    [{ path: `system.slice/docker-${'8a'.repeat(32)}.scope`, limit: 67_108_864, name: 'redis' }],
  ),
  'kmem.files': boot<boolean>('the memory hierarchy has memory.kmem files', true),
  'kmem.root_usage': volatile(
    boot<number>('memory.kmem.usage_in_bytes of the root group; 0 when absent', 0),
  ),
  'kmem.slab_entries': volatile(
    boot<number>(
      'entries cache(id:name) in /sys/kernel/slab: one per cache of every accounted group, dead ones too; counted before kernel 4.5',
      42,
    ),
  ),
  'kmem.slab_ids': volatile(
    boot<number>('different ids among them: accounted groups that have a cache', 3),
  ),
  'kmem.dead_groups': volatile(
    boot<number>(
      'about how many of those are gone but not freed (of 65,534 ids); where reads were refused or capped, at least so many',
      0,
    ),
  ),
  'kmem.live_groups': volatile(
    boot<number>(
      'non-root memory cgroups that exist: those that were walked, and by /proc/cgroups where the walk was capped',
      12,
    ),
  ),
};

export const pidsFacts = {
  'pids.controller': volatile(
    boot<Controller>('where the pids controller is: v1, v2 or absent', 'v1'),
  ),
  'pids.kernel_max': volatile(
    boot<number>(
      'kernel.pid_max: processes and threads of the whole host; 0 when not known',
      32_768,
    ),
  ),
  'pids.pods': volatile(boot<number>('pods that have a pids.max', 14)),
  'pids.pods_unlimited': volatile(boot<number>('how many of them have no limit of their own', 12)),
  'pids.containers': volatile(boot<number>('containers that have a pids.max', 31)),
  'pids.containers_unlimited': volatile(
    boot<number>('how many of them are limited neither by themselves nor by their pod', 28),
  ),
  'pids.pod_limit': volatile(
    disk<number>(
      "the kubelet's --pod-max-pids, else podPidsLimit of its configuration; -1 where neither sets a limit",
      1_024,
    ),
  ),
  'pids.pod_limit_gate': volatile(
    disk<string>(
      'the feature gate SupportPodPidsLimit as it is configured: true, false, or empty; kubelets before 1.14 need true',
      '',
    ),
  ),
  'pids.system_reserved': volatile(
    disk<string>(
      "the kubelet's --system-reserved, else systemReserved of its configuration; empty for none",
      'cpu=200m,memory=1Gi,pid=1000',
    ),
  ),
  'pids.kube_reserved': volatile(disk<string>('the same for --kube-reserved', 'memory=500Mi')),
};
