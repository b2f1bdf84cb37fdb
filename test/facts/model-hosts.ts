// Hosts built from the tables, for rows that no recording covers: programs, groups by their real
// paths, and the facts that the probe would give.

import { derive } from '../../src/facts/index.ts';
import { creatorOf } from '../../src/facts/kmem/creators.ts';
import { type Facts, fact } from '../../src/model/fact.ts';
import type { GroupRow, ReadState, WitnessRow } from '../../src/model/facts/values.ts';

const now = 1_790_000_000;
export const bootedAt = now - 1000;
const long = now - 100_000;

// ---- groups ----

const words: Readonly<
  Record<string, { readonly state: ReadState; readonly lines: number; readonly usage: number }>
> = {
  eio: { state: 'eio', lines: 0, usage: 0 },
  on: { state: 'read', lines: 16, usage: 774_144 },
  header: { state: 'read', lines: 2, usage: 0 },
  empty: { state: 'empty', lines: 0, usage: 0 },
  charged: { state: 'empty', lines: 0, usage: 962_560 },
  denied: { state: 'denied', lines: 0, usage: 0 },
  failed: { state: 'failed', lines: 0, usage: 0 },
};

/**
 * Facts of these groups, a line each: what slabinfo answers, a mark, and the path. `!` = limited
 * since it was made, `~` = limited later, `.` = no process,
 * `*` = limited, and with a kernel-memory limit that somebody asked for. `#a` stands for an id of
 * 64 digits.
 */
export function groupFacts(text: string): Facts {
  const groups = text
    .split('\n')
    .map((line) => /^\s*([a-z]+)([!~.*]?) (\S+)$/.exec(line))
    .filter((parts) => parts !== null)
    .map(([line, word = '', mark = '', path = '']) => {
      const answer = words[word];
      if (answer === undefined) throw new Error(`no such answer: ${line}`);
      return {
        ...answer,
        path: path.replace(/#([0-9a-f])/g, (_, digit: string) => digit.repeat(64)),
        limit: mark === '!' || mark === '~' || mark === '*' ? 104_857_600 : 0,
        later: mark === '~',
        explicit: mark === '*',
        procs: mark === '.' ? 0 : 1,
        created_after_boot: true,
        by: 'other',
      } as const;
    });
  const count = (state: ReadState): number =>
    groups.filter((group) => group.state === state).length;
  return {
    'kmem.witnesses': groups.flatMap(({ later, explicit, ...group }) =>
      witnessesOf([group]).map((bucket) => ({
        ...bucket,
        ...(later ? { limited: 'later' as const } : {}),
        ...(explicit ? { explicit: true as const } : {}),
      })),
    ),
    'kmem.explicit': groups.flatMap(({ path, explicit }) =>
      explicit ? [{ path, limit: 67_108_864, name: 'redis' }] : [],
    ),
    'kmem.samples': {
      read: count('read'),
      eio: count('eio'),
      empty: count('empty'),
      denied: count('denied'),
      failed: count('failed'),
      total: groups.length,
      absent: 0,
      capped: false,
    },
    'kmem.unknown_limited': groups
      .filter(({ path, limit }) => limit > 0 && creatorOf(path).key === 'unknown')
      .map(({ path }) => path),
    'kmem.root_usage': groups.reduce((sum, { usage }) => sum + usage, 0),
    'kmem.live_groups': groups.length,
  };
}

type Answer = 'eio' | 'on';

/** Groups below kubepods: what the kubelet made, and what a runtime made in its pods. */
export const pods = (kubelet: Answer, runtime: Answer = kubelet): string => `
  ${kubelet}! kubepods
  ${kubelet} kubepods/burstable
  ${kubelet} kubepods/besteffort
  ${kubelet}! kubepods/burstable/pod1
  ${runtime}! kubepods/burstable/pod1/#a
  ${kubelet} kubepods/besteffort/pod2
  ${runtime} kubepods/besteffort/pod2/#b
`;

/**
 * The same where no pod and no container has a memory limit: /kubepods has one as soon as the
 * kubelet reserves memory.
 */
export const idlePods = (kubelet: Answer = 'eio', runtime: Answer = kubelet): string => `
  ${kubelet}! kubepods
  ${kubelet} kubepods/burstable
  ${kubelet} kubepods/besteffort
  ${kubelet} kubepods/besteffort/pod2
  ${runtime} kubepods/besteffort/pod2/#b
`;

/** The same of a kubelet with the systemd driver; the runtime's scopes have that prefix. */
export const slices = (prefix: string, limit = '!'): string => `
  eio! kubepods.slice
  eio kubepods.slice/kubepods-burstable.slice
  eio${limit} kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice
  eio${limit} kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/${prefix}-#a.scope
  eio kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/${prefix}-#b.scope
`;

/** A kubelet with the systemd driver, and a containerd that takes its names for paths. */
export const literal = (limited: 'eio!' | 'eio' | 'on!'): string => `
  eio! kubepods.slice
  eio kubepods.slice/kubepods-burstable.slice
  eio! kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice
  ${limited} system.slice/containerd.service/kubepods-burstable-pod1.slice:cri-containerd:#a
`;

/** Docker's own containers: one with a memory limit, one without. */
export const containers = (limited: Answer | 'none' | 'later'): string => `
  eio docker
  eio docker/#d
  ${{ eio: 'eio! docker/#c', on: 'on! docker/#c', none: '', later: 'eio~ docker/#c' }[limited]}
`;

/** Units of systemd: a limit on one of them says nothing. */
export const units = `
  eio system.slice
  eio! system.slice/sshd.service
`;

// ---- programs ----

/**
 * A program of the host, and the truth about it: does it ask for accounting when it makes a limited
 * group?
 */
export interface Program {
  readonly part: 'kubelet' | 'docker' | 'containerd' | 'cri-o' | 'podman' | 'custom';
  readonly asks: 'yes' | 'no' | 'perhaps';
  readonly facts: Facts;
}

export const kubelet = (
  version: string,
  asks: Program['asks'],
  driver = 'cgroupfs',
  more: Facts = {},
): Program => ({
  part: 'kubelet',
  asks,
  facts: {
    'kubelet.installed': true,
    'kubelet.version': version,
    'kubelet.driver': driver,
    ...more,
  },
});

/** An engine with a runc of its own: everything before 18.09, and other vendors'. */
export const engine = (
  name: string,
  version: string,
  asks: Program['asks'],
  driver = 'cgroupfs',
  more: Facts = {},
): Program => ({
  part: 'docker',
  asks,
  facts: {
    'docker.installed': true,
    'docker.version': version,
    'docker.client': version,
    'docker.driver': driver,
    'docker.package': name,
    'docker.evr': `${version.replace('-', '.')}-3.el7`,
    'docker.installed_at': long,
    'containerd.installed': true,
    'containerd.bundled': true,
    'runc.installed': true,
    'runc.version': '1.0.0-rc5+dev',
    ...more,
  },
});

/** Docker 18.09 or later, whose runc comes with containerd.io. */
export const dockerWith = (
  evr: string,
  runc: string,
  asks: Program['asks'],
  more: Facts = {},
): Program => ({
  part: 'docker',
  asks,
  facts: {
    'docker.installed': true,
    'docker.version': '18.09.9',
    'docker.client': '18.09.9',
    'docker.driver': 'cgroupfs',
    'docker.package': 'docker-ce',
    'docker.evr': '3:18.09.9-3.el7',
    'docker.installed_at': long,
    'containerd.installed': true,
    'containerd.bundled': false,
    'containerd.package': 'containerd.io',
    'containerd.evr': evr,
    'containerd.installed_at': long,
    'runc.installed': true,
    'runc.version': runc,
    ...more,
  },
});

/** containerd from an archive, or with `more` from a package, and its CRI plugin. */
export const containerd = (
  runc: string,
  asks: Program['asks'],
  driver = 'cgroupfs',
  more: Facts = {},
): Program => ({
  part: 'containerd',
  asks,
  facts: {
    'containerd.installed': true,
    'containerd.bundled': false,
    'containerd.driver': driver,
    'runc.installed': true,
    'runc.version': runc,
    'kubelet.endpoint': 'unix:///run/containerd/containerd.sock',
    ...more,
  },
});

export const crio = (runc: string, asks: Program['asks'], driver: string): Program => ({
  part: 'cri-o',
  asks,
  facts: {
    'crio.installed': true,
    'crio.driver': driver,
    'runc.installed': true,
    'runc.version': runc,
  },
});

export const podman = (runc: string, asks: Program['asks'], driver: string): Program => ({
  part: 'podman',
  asks,
  facts: {
    'podman.installed': true,
    'podman.driver': driver,
    'runc.installed': true,
    'runc.version': runc,
  },
});

/**
 * A runtime that docker or containerd starts instead of runc; `says` is the first line of its
 * --version.
 */
export const custom = (
  of: 'docker' | 'containerd',
  path: string,
  says: string,
  asks: Program['asks'],
): Program => ({
  part: 'custom',
  asks,
  facts: fact(`${of}.runtimes`, [{ name: path.split('/').at(-1) ?? '', path, says }]),
});

// ---- hosts ----

const release = (build: string): string =>
  /^\d+$/.test(build) ? `3.10.0-${build}.el7.x86_64` : build;

/**
 * Facts of a host, not yet derived: a kernel (`1160`, or a release), programs, groups, and what
 * else is to be said.
 */
export function hostFacts(
  kernel: string,
  programs: readonly Program[],
  groups: string,
  more: Facts = {},
): Facts {
  return {
    'os.family': 'rhel',
    'os.id': 'centos',
    'kernel.release': release(kernel),
    'kernel.next': release(kernel),
    'kernel.installed': [release(kernel)],
    'kernel.maps': {},
    'boot.cmdline': 'BOOT_IMAGE=/vmlinuz ro quiet',
    'boot.next_cmdline': 'ro quiet',
    'boot.loader': 'grub2',
    'boot.time': bootedAt,
    'boot.uptime': now - bootedAt,
    'clock.epoch': now,
    'cgroup.memory': 'v1',
    'kmem.files': true,
    'kmem.slab_entries': 0,
    'kmem.slab_ids': 0,
    'kmem.dead_groups': 0,
    'kmem.symptoms': [],
    'kmem.active_probe': '',
    'kmem.groups': [],
    'docker.installed': false,
    'docker.package': '',
    'docker.evr': '',
    'docker.version': '',
    'kubelet.installed': false,
    'kubelet.version': '',
    'kubelet.driver': '',
    'containerd.installed': false,
    'containerd.package': '',
    'containerd.evr': '',
    'runc.installed': false,
    'runc.version': '',
    ...groupFacts(groups),
    ...Object.assign({}, ...programs.map(({ facts }) => facts)),
    ...more,
  };
}

export const argumentNow: Facts = { 'boot.cmdline': 'ro cgroup.memory=nokmem' };
export const argumentNext: Facts = { 'boot.next_cmdline': 'ro cgroup.memory=nokmem' };
export const argument: Facts = { ...argumentNow, ...argumentNext };
export const next = (build: string): Facts => ({ 'kernel.next': release(build) });

/** An el7 host with Docker 18.06.1 and no kubelet, derived; for tests of single facts. */
export const modelHost = (more: Facts = {}, groups = containers('none')): Facts =>
  derive(hostFacts('862', [engine('docker-ce', '18.06.1-ce', 'yes')], groups, more));

/** The fact `kmem.witnesses` of these groups. */
function witnessesOf(
  groups: readonly Pick<GroupRow, 'path' | 'limit' | 'state' | 'lines' | 'usage' | 'procs'>[],
): readonly WitnessRow[] {
  const sums = new Map<string, WitnessRow & { count: number }>();
  for (const group of groups) {
    if (group.state === 'gone') continue;
    const bucket = {
      row: creatorOf(group.path).key,
      state: group.state,
      limited: group.limit > 0 ? ('yes' as const) : ('no' as const),
      caches: group.lines > 2,
      charged: group.usage > 0,
      procs: group.procs > 0,
    };
    const key = JSON.stringify(bucket);
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { ...bucket, count: 1 });
    else sum.count += 1;
  }
  return [...sums.values()];
}
