// What kmend sees of a model host: the facts that its probe gives, as pure data.

import { creatorOf } from '../../src/facts/kmem/creators.ts';
import type { Facts } from '../../src/model/fact.ts';
import type { SampleCounts, WitnessRow } from '../../src/model/facts/values.ts';
import { type Memory, parentOf, read, slabEntries, usageOf } from './kernel.ts';
import type { Runc } from './programs.ts';
import type { Boot, Host, Software } from './world.ts';

/** The host's clock, and when it booted and its programs were installed: seconds since 1970. */
export const clock = {
  now: 1_790_010_000,
  boot: 1_790_000_000,
  before: 1_789_900_000,
  during: 1_790_005_000,
} as const;

const at = (program: { readonly inBoot: boolean } | undefined): number =>
  program === undefined ? 0 : program.inBoot ? clock.during : clock.before;

export const releaseOf = ({ build }: Boot): string =>
  build === 'healthy' ? '5.4.278-1.el7.elrepo.x86_64' : `3.10.0-${build}.el7.x86_64`;

export const factsOf = (host: Host): Facts => ({
  'os.family': 'rhel',
  'kernel.release': releaseOf(host.world.boot),
  'kernel.next': releaseOf(host.world.next),
  'kernel.saved': releaseOf(host.world.next),
  'kernel.trial': '',
  'kernel.installed': [...new Set([releaseOf(host.world.boot), releaseOf(host.world.next)])],
  'kernel.maps': {},
  'boot.cmdline': host.world.boot.args,
  'boot.next_cmdline': host.world.next.args,
  'boot.loader': 'grub2',
  'boot.menu_broken': '',
  'boot.time': clock.boot,
  'clock.epoch': clock.now,
  'user.root': host.world.root,
  'kmem.symptoms': showsDamage(host)
    ? damageLines.map(({ kind, line }) => ({ kind, from: 'kernel', count: 1, line }))
    : [],
  'kmem.log_read': true,
  ...softwareFacts(host.software),
  ...memoryFacts(host.memory, host.world.root),
  'kmem.active_probe': host.probe,
});

export const damageLines = [
  { kind: 'slub', line: 'SLUB: Unable to allocate memory on node -1 (gfp=0x20)' },
  { kind: 'slub_memcg', line: 'cache: kmalloc-192(12:aaaa), object size: 192' },
] as const;
/**
 * The kernel says so of the cache of a group, and such caches are there only where groups were
 * accounted.
 */
export const showsDamage = ({ world, memory }: Host): boolean =>
  world.damage && slabEntries(memory).length > 0;

/** Where the runc lies that the probe finds first. */
export const runcPath = ({ bundled, runc }: Software): string => {
  if (bundled !== undefined) return bundled.row.path;
  if (runc === undefined) return '';
  const places = {
    'containerd.io': '/usr/bin/runc',
    runc: '/usr/bin/runc',
    static: '/usr/local/sbin/runc',
    k3s: '/var/lib/rancher/k3s/data/current/bin/runc',
  };
  return places[runc.row.from];
};

/** Is there a containerd program, or one that docker brings along? k3s has it inside itself. */
export const hasContainerd = ({ bundled, runc, cri, kubelet }: Software): boolean =>
  bundled !== undefined ||
  runc?.row.from === 'containerd.io' ||
  (cri === 'containerd' && kubelet?.row.program !== 'k3s');

export const nvidiaPath = '/usr/bin/nvidia-container-runtime';
export const endpoints = {
  docker: '',
  containerd: 'unix:///run/containerd/containerd.sock',
  'cri-o': 'unix:///var/run/crio/crio.sock',
};

/**
 * What config.toml says; RHEL's docker has a containerd of another name, without a configuration.
 */
function driverOf(software: Software): string {
  if (!hasContainerd(software) || software.engine?.row.package === 'docker') return '';
  return software.cri === 'containerd' ? software.runtime : 'cgroupfs';
}

function softwareFacts(software: Software): Facts {
  const { engine, bundled, runc, nvidia, kubelet, cri, podman } = software;
  const packaged = runc?.row.from === 'containerd.io' ? runc : undefined;
  const version = engine?.row.version ?? '';
  const found: { readonly row: Runc; readonly inBoot: boolean } | undefined = bundled ?? runc;
  return {
    'docker.installed': engine !== undefined,
    'docker.running': engine !== undefined,
    'docker.version': version,
    'docker.client': version,
    'docker.driver': engine === undefined ? '' : software.docker,
    'docker.live_restore': false,
    'docker.package': engine?.row.package ?? '',
    'docker.evr': engine?.row.evr ?? '',
    'docker.installed_at': at(engine),
    'docker.runtimes':
      nvidia === undefined
        ? []
        : [{ name: 'nvidia', path: nvidiaPath, says: `runc version ${nvidia.row.says}` }],
    'containerd.installed': hasContainerd(software),
    'containerd.bundled': bundled !== undefined,
    'containerd.package': packaged === undefined ? '' : 'containerd.io',
    'containerd.evr': packaged?.row.evr ?? '',
    'containerd.installed_at': at(packaged),
    'containerd.driver': driverOf(software),
    'containerd.runtimes': [],
    'runc.installed': found !== undefined,
    'runc.version': found?.row.says ?? '',
    'runc.path': runcPath(software),
    'runc.evr': runc?.row.from === 'runc' ? runc.row.evr : '',
    'runc.installed_at': runc?.row.from === 'runc' ? at(runc) : 0,
    'runc.changed_at': at(found),
    'kubelet.installed': kubelet !== undefined,
    'kubelet.running': kubelet !== undefined,
    'kubelet.version': kubelet?.row.version ?? '',
    'kubelet.driver': kubelet === undefined ? '' : software.pods,
    'kubelet.program': kubelet?.row.program ?? '',
    'kubelet.evr': kubelet?.row.program === 'kubelet' ? `${kubelet.row.version}-0` : '',
    'kubelet.installed_at': kubelet?.row.program === 'kubelet' ? at(kubelet) : 0,
    'kubelet.changed_at': at(kubelet),
    'kubelet.endpoint':
      cri === undefined || kubelet?.row.program === 'k3s' || kubelet === undefined
        ? ''
        : endpoints[cri],
    'crio.installed': cri === 'cri-o',
    'crio.driver': cri === 'cri-o' ? software.runtime : '',
    'podman.installed': podman !== undefined,
    'podman.driver': podman ?? '',
  };
}

interface Seen {
  readonly path: string;
  readonly row: ReturnType<typeof creatorOf>;
  readonly state: 'read' | 'eio' | 'denied';
  readonly limit: number;
  readonly limited: 'no' | 'yes' | 'later';
  readonly lines: number;
  readonly usage: number;
  readonly procs: number;
  /** The nearest group at or above it with a kernel-memory limit, where it reads on. */
  readonly explicit: string | undefined;
}

/** Long names are cut in what is shown. */
const shown = (path: string): string => (path.length > 200 ? `${path.slice(0, 200)}...` : path);
const linesOf = (text: string): number => text.split('\n').length - 1;

/** One group as the walk reads it; undefined where it has no slabinfo. */
function see(memory: Memory, path: string, root: boolean): Seen | undefined {
  const group = memory.groups.get(path);
  const slabs = read(memory, path, 'memory.kmem.slabinfo');
  if (group === undefined || ('errno' in slabs && slabs.errno === 'ENOENT')) return undefined;
  const row = creatorOf(path);
  const swap = read(memory, path, 'memory.memsw.limit_in_bytes');
  const outsidePods = !/(^|\/)kubepods/.test(path);
  const later = outsidePods && 'text' in swap && group.swapLimit === undefined;
  return {
    path,
    row,
    state: !root ? 'denied' : 'text' in slabs ? 'read' : 'eio',
    limit: group.limit ?? 0,
    limited: group.limit === undefined ? 'no' : later ? 'later' : 'yes',
    // More than the header is all that counts: the probe reads no further.
    lines: root && 'text' in slabs ? Math.min(3, linesOf(slabs.text)) : 0,
    usage: usageOf(memory, path),
    procs: group.pids.length,
    explicit: root && 'text' in slabs ? explicitAt(memory, path) : undefined,
  };
}

const explicitAt = (memory: Memory, path: string): string | undefined => {
  if (path === '' || memory.groups.get(path)?.kmemLimit !== undefined)
    return path === '' ? undefined : path;
  return explicitAt(memory, parentOf(path));
};

function memoryFacts(memory: Memory, root: boolean): Facts {
  const paths = [...memory.groups.keys()].filter((path) => path !== '');
  const seen = paths.flatMap((path) => see(memory, path, root) ?? []);
  const entries = slabEntries(memory);
  const ids = new Set(entries.map((entry) => /\((\d+):/.exec(entry)?.[1]));
  return {
    'cgroup.version': 'v1',
    'cgroup.memory': 'v1',
    'kmem.files': memory.build.kmemFiles,
    'kmem.samples': samplesOf(seen, paths.length - seen.length),
    'kmem.witnesses': witnessesOf(seen),
    'kmem.groups': seen.map(({ path, row, limit, state, lines, usage, procs }) => ({
      path: shown(path),
      row: row.key,
      limit,
      state,
      lines,
      usage,
      procs,
      by: byOf(row),
    })),
    'kmem.unknown_limited': seen
      .filter(({ row, limit }) => row.key === 'unknown' && limit > 0)
      .map(({ path }) => shown(path))
      .slice(0, 5),
    'kmem.explicit': [...new Set(seen.flatMap(({ explicit }) => explicit ?? []))]
      .map((path) => ({ path, limit: memory.groups.get(path)?.kmemLimit ?? 0, name: '' }))
      .slice(0, 5),
    'kmem.root_usage': memory.build.kmemFiles ? usageOf(memory, '') : 0,
    'kmem.slab_entries': entries.length,
    'kmem.slab_ids': ids.size,
    'kmem.dead_groups': Math.max(
      0,
      ids.size - seen.filter(({ lines, state }) => lines > 2 || state === 'denied').length,
    ),
    'kmem.live_groups': paths.length,
  };
}

/**
 * Equal groups in one bucket each; in the order of their words, so that two hosts can be compared.
 */
function witnessesOf(seen: readonly Seen[]): readonly WitnessRow[] {
  const buckets = new Map<string, { readonly witness: Omit<WitnessRow, 'count'>; count: number }>();
  for (const { row, state, limited, lines, usage, procs, explicit } of seen) {
    const asked = explicit === undefined ? {} : { explicit: true as const };
    const witness = {
      row: row.key,
      state,
      limited,
      caches: lines > 2,
      charged: usage > 0,
      procs: procs > 0,
      ...asked,
    };
    const key = JSON.stringify(witness);
    const bucket = buckets.get(key) ?? { witness, count: 0 };
    bucket.count += 1;
    buckets.set(key, bucket);
  }
  return [...buckets]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { witness, count }]) => ({ ...witness, count }));
}

type Row = Seen['row'];
const byOf = (row: Row): 'kubelet' | 'docker' | 'other' => {
  if (row.creator === 'kubelet' || row.key.startsWith('pod-')) return 'kubelet';
  return row.creator === 'docker' ? 'docker' : 'other';
};

function samplesOf(seen: readonly Seen[], absent: number): SampleCounts {
  const count = (some: readonly Seen[], word: Seen['state']): number =>
    some.filter(({ state }) => state === word).length;
  const off = (some: readonly Seen[]): number => count(some, 'eio');
  const by = (who: string): readonly Seen[] => seen.filter(({ row }) => byOf(row) === who);
  const readable = (some: readonly Seen[]): number => count(some, 'read');
  const limited = seen.filter(
    ({ limited: when, row }) =>
      when === 'yes' && (row.level === 'pods' || row.level === 'pod' || row.level === 'container'),
  );
  const containers = limited.filter(({ row }) => row.level === 'container');
  const pods = by('kubelet');
  return {
    read: readable(seen),
    eio: off(seen),
    empty: 0,
    denied: count(seen, 'denied'),
    failed: 0,
    failed_why: '',
    gone: 0,
    absent,
    total: seen.length,
    limited: limited.length,
    limited_off: off(limited),
    containers: containers.length,
    containers_off: off(containers),
    kubelet: pods.length,
    kubelet_off: off(pods),
    kubelet_read: readable(pods),
    kubelet_limited: limited.filter(({ row }) => byOf(row) === 'kubelet').length,
    docker: by('docker').length,
    docker_read: readable(by('docker')),
    other: by('other').length,
    other_read: readable(by('other')),
    capped: false,
  };
}
