// The memory controller (cgroup v1) of the el7 kernels: what each file answers and what each write
// does, as data and pure functions. Measured on booted 3.10.0-514 and 3.10.0-1062, unless a comment
// says otherwise; two-worlds.test.ts replays those recordings through it.

export type Errno = '' | 'EBUSY' | 'EEXIST' | 'EINVAL' | 'EIO' | 'ENOENT' | 'ENOMEM' | 'ENOSPC';

export interface Build {
  /** The number after 3.10.0-: 514, 862, 1160. */
  readonly build: number;
  /**
   * Does it obey `cgroup.memory=nokmem`? Nobody has read 693 to 957, so there the world decides.
   */
  readonly obeys: boolean;
  /**
   * Built with CONFIG_MEMCG_KMEM, as all kernels of CentOS are: without it there are no
   * memory.kmem.* files.
   */
  readonly kmemFiles: boolean;
}

/** What the processes of a group allocate, and what of it stays when the group is removed. */
export interface Workload {
  /** Lines of slabinfo; the first word names the cache. */
  readonly slabs: readonly string[];
  readonly bytes: number;
  readonly staysIn: readonly string[];
  readonly staysBytes: number;
}

export interface Group {
  readonly accounted: boolean;
  /** The id in /sys/kernel/slab, given with accounting. */
  readonly id: number;
  /** memory.use_hierarchy. */
  readonly hierarchy: boolean;
  /** Bytes; undefined = no limit. */
  readonly limit: number | undefined;
  /** memory.memsw.limit_in_bytes. */
  readonly swapLimit: number | undefined;
  readonly kmemLimit: number | undefined;
  readonly pids: readonly number[];
  readonly work: Workload | undefined;
}

/** A removed group that was accounted and whose objects keep it in memory until the next boot. */
interface Dead {
  readonly name: string;
  readonly id: number;
  /** The nearest group above it that still exists: its bytes are charged there. */
  readonly parent: string;
  readonly staysIn: readonly string[];
  readonly bytes: number;
}

export interface Memory {
  readonly build: Build;
  readonly cmdline: string;
  /** By path below the hierarchy's root; the root itself is ''. */
  readonly groups: ReadonlyMap<string, Group>;
  readonly dead: readonly Dead[];
  readonly nextId: number;
  /** Of the last call, as in C; '' = it succeeded. */
  readonly errno: Errno;
}

/** Ids of the controller beside the root's; live and dead groups share them. */
const maxIds = 65_534;
const noLimit = '9223372036854771712';
const slabHeader = `slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
`;

export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const isAtOrBelow = (path: string, top: string): boolean =>
  top === '' || path === top || path.startsWith(`${top}/`);

const fails = (memory: Memory, errno: Errno): Memory => ({ ...memory, errno });
const withGroup = (memory: Memory, path: string, group: Group): Memory => ({
  ...memory,
  errno: '',
  groups: new Map(memory.groups).set(path, group),
});

/**
 * The kernel's own reading of its command line: occurrences and list members add up, quotes and a `
 * -- ` before it do not matter on el7.
 */
export const asksNokmem = (cmdline: string): boolean =>
  cmdline
    .replaceAll('"', '')
    .split(/\s+/)
    .some(
      (token) =>
        token.startsWith('cgroup.memory=') &&
        token.slice('cgroup.memory='.length).split(',').includes('nokmem'),
    );

export const nokmemInForce = ({ build, cmdline }: Memory): boolean =>
  build.obeys && asksNokmem(cmdline);

/** el7 counts swap unless it is switched off (CONFIG_MEMCG_SWAP_ENABLED; source). */
export const countsSwap = ({ cmdline }: Memory): boolean =>
  !/(^|\s)swapaccount=0(\s|$)/.test(cmdline);

export function boot(build: Build, cmdline: string, hierarchy = true): Memory {
  const root: Group = {
    accounted: false,
    id: -1,
    hierarchy,
    limit: undefined,
    swapLimit: undefined,
    kmemLimit: undefined,
    pids: [1],
    work: undefined,
  };
  return { build, cmdline, groups: new Map([['', root]]), dead: [], nextId: 0, errno: '' };
}

/** A child of an accounted group is accounted only where the parent has use_hierarchy. */
export function mkdir(memory: Memory, path: string): Memory {
  const parent = memory.groups.get(parentOf(path));
  if (parent === undefined) return fails(memory, 'ENOENT');
  if (memory.groups.has(path)) return fails(memory, 'EEXIST');
  if (memory.groups.size - 1 + memory.dead.length >= maxIds)
    return fails(memory, memory.build.build <= 514 ? 'ENOSPC' : 'ENOMEM');
  const child = {
    ...parent,
    accounted: false,
    id: -1,
    limit: undefined,
    swapLimit: undefined,
    kmemLimit: undefined,
    pids: [],
    work: undefined,
  };
  const made = withGroup(memory, path, child);
  return parent.hierarchy && parent.accounted ? account(made, path, undefined) : made;
}

function account(memory: Memory, path: string, kmemLimit: number | undefined): Memory {
  const group = memory.groups.get(path);
  if (group === undefined) return fails(memory, 'ENOENT');
  return {
    ...withGroup(memory, path, { ...group, accounted: true, id: memory.nextId, kmemLimit }),
    nextId: memory.nextId + 1,
  };
}

/**
 * A write to memory.kmem.limit_in_bytes. The first real limit switches accounting on, and nothing
 * switches it off again.
 */
export function writeKmemLimit(memory: Memory, path: string, text: string): Memory {
  const group = memory.groups.get(path);
  if (group === undefined || !memory.build.kmemFiles) return fails(memory, 'ENOENT');
  const none = text === '-1' || text === noLimit || text === '9223372036854775807';
  if (path === '' || !(none || /^\d*$/.test(text))) return fails(memory, 'EINVAL');
  if (nokmemInForce(memory)) return fails(memory, '');
  const limit = none ? undefined : Number(text);
  if (group.accounted) {
    if (limit !== undefined && limit < usageOf(memory, path)) return fails(memory, 'EBUSY');
    return withGroup(memory, path, { ...group, kmemLimit: limit });
  }
  if (none) return fails(memory, '');
  const hasChild = [...memory.groups.keys()].some(
    (other) => other !== '' && other !== path && parentOf(other) === path,
  );
  if (group.pids.length > 0 || (group.hierarchy && hasChild)) return fails(memory, 'EBUSY');
  return account(memory, path, limit);
}

/**
 * A write to memory.limit_in_bytes, and to memory.memsw.limit_in_bytes where `swap` is given:
 * neither touches accounting.
 */
export function writeLimit(memory: Memory, path: string, limit: number, swap?: number): Memory {
  const group = memory.groups.get(path);
  if (group === undefined) return fails(memory, 'ENOENT');
  return withGroup(memory, path, {
    ...group,
    limit,
    swapLimit: countsSwap(memory) ? (swap ?? group.swapLimit) : undefined,
  });
}

/** A process joins and does its work. */
export function join(memory: Memory, path: string, pid: number, work: Workload): Memory {
  const group = memory.groups.get(path);
  return group === undefined
    ? fails(memory, 'ENOENT')
    : withGroup(memory, path, { ...group, pids: [...group.pids, pid], work });
}

/**
 * Its processes end and it is removed. An accounted group stays in memory as long as objects of its
 * caches do.
 */
export function remove(memory: Memory, path: string): Memory {
  const group = memory.groups.get(path);
  if (group === undefined || path === '') return fails(memory, 'ENOENT');
  if ([...memory.groups.keys()].some((other) => other !== path && isAtOrBelow(other, path)))
    return fails(memory, 'EBUSY');
  const groups = new Map(memory.groups);
  groups.delete(path);
  const parent = parentOf(path);
  const dead = memory.dead.map((gone) => (gone.parent === path ? { ...gone, parent } : gone));
  const { work } = group;
  const left =
    group.accounted && work !== undefined && work.staysIn.length > 0
      ? [
          {
            name: nameOf(path),
            id: group.id,
            parent,
            staysIn: work.staysIn,
            bytes: work.staysBytes,
          },
        ]
      : [];
  return { ...memory, errno: '', groups, dead: [...dead, ...left] };
}

/** As `times` rounds of mkdir, join and rmdir below `parent`. */
export function churn(memory: Memory, parent: string, times: number, work: Workload): Memory {
  const group = memory.groups.get(parent);
  if (group === undefined) return fails(memory, 'ENOENT');
  if (!(group.hierarchy && group.accounted)) return fails(memory, '');
  const rounds = Math.min(times, maxIds - (memory.groups.size - 1) - memory.dead.length);
  const { staysIn, staysBytes: bytes } = work;
  const dead = Array.from({ length: rounds }, (_, n) => ({
    name: `c${n}`,
    id: memory.nextId + n,
    parent,
    staysIn,
    bytes,
  }));
  const full: Errno = memory.build.build <= 514 ? 'ENOSPC' : 'ENOMEM';
  return {
    ...memory,
    dead: [...memory.dead, ...dead],
    nextId: memory.nextId + rounds,
    errno: rounds < times ? full : '',
  };
}

/**
 * What is charged to a group: its own, and with use_hierarchy all below it, the dead too. So a
 * group that is not accounted may show a charge.
 */
export function usageOf(memory: Memory, path: string): number {
  const group = memory.groups.get(path);
  const own = (some: Group | undefined): number =>
    some?.accounted === true ? (some.work?.bytes ?? 0) : 0;
  if (group?.hierarchy !== true) return own(group);
  const live = [...memory.groups]
    .filter(([other]) => isAtOrBelow(other, path))
    .map(([, some]) => own(some));
  const dead = memory.dead
    .filter(({ parent }) => isAtOrBelow(parent, path))
    .map(({ bytes }) => bytes);
  return [...live, ...dead].reduce((sum, bytes) => sum + bytes, 0);
}

export const groupFiles = [
  'cgroup.procs',
  'memory.limit_in_bytes',
  'memory.memsw.limit_in_bytes',
  'memory.kmem.limit_in_bytes',
  'memory.kmem.usage_in_bytes',
  'memory.kmem.slabinfo',
] as const;

/** What reading a file gives: text, or an errno at the first read. */
export function read(
  memory: Memory,
  path: string,
  file: (typeof groupFiles)[number],
): { readonly text: string } | { readonly errno: Errno } {
  const group = memory.groups.get(path);
  if (group === undefined || (file.startsWith('memory.kmem.') && !memory.build.kmemFiles))
    return { errno: 'ENOENT' };
  switch (file) {
    case 'cgroup.procs':
      return { text: group.pids.map((pid) => `${pid}\n`).join('') };
    case 'memory.limit_in_bytes':
      return { text: `${group.limit ?? noLimit}\n` };
    case 'memory.memsw.limit_in_bytes':
      return countsSwap(memory) ? { text: `${group.swapLimit ?? noLimit}\n` } : { errno: 'ENOENT' };
    case 'memory.kmem.limit_in_bytes':
      return { text: `${group.kmemLimit ?? noLimit}\n` };
    case 'memory.kmem.usage_in_bytes':
      return { text: `${usageOf(memory, path)}\n` };
    case 'memory.kmem.slabinfo':
      return group.accounted
        ? {
            text: `${slabHeader}${slabsOf(group)
              .map((line) => `${line}\n`)
              .join('')}`,
          }
        : { errno: 'EIO' };
  }
}

const slabsOf = (group: Group): readonly string[] =>
  group.accounted ? (group.work?.slabs ?? []) : [];
const cacheOf = (line: string): string => line.slice(0, line.indexOf(' '));

/**
 * The entries `cache(ID:last path part)` of /sys/kernel/slab: one for each cache of each accounted
 * group, the dead ones too.
 */
export const slabEntries = ({ groups, dead }: Memory): readonly string[] => [
  ...[...groups].flatMap(([path, group]) =>
    slabsOf(group).map((line) => `${cacheOf(line)}(${group.id}:${nameOf(path)})`),
  ),
  ...dead.flatMap(({ staysIn, id, name }) => staysIn.map((cache) => `${cache}(${id}:${name})`)),
];

/**
 * The active probe: an empty group is made and asked for; what its slabinfo answers; it is removed.
 */
export function activeProbe(memory: Memory): 'off' | 'on' | 'failed' {
  const path = 'kmend-probe.1';
  const asked = writeKmemLimit(writeKmemLimit(mkdir(memory, path), path, '1'), path, '-1');
  const answer = read(asked, path, 'memory.kmem.slabinfo');
  if ('text' in answer) return 'on';
  return answer.errno === 'EIO' ? 'off' : 'failed';
}

/**
 * One small process, as recorded on 1062, and what stayed of such groups when the tree was removed.
 */
export const smallProcess: Workload = {
  slabs: [
    'kmalloc-128           32     32    128   32    1 : tunables    0    0    0 : slabdata      1      1      0',
    'anon_vma              51     51     80   51    1 : tunables    0    0    0 : slabdata      1      1      0',
    'vm_area_struct        18     18    216   18    1 : tunables    0    0    0 : slabdata      1      1      0',
    'mm_struct              8      8    960    8    2 : tunables    0    0    0 : slabdata      1      1      0',
    'signal_cache          30     30   1088   15    4 : tunables    0    0    0 : slabdata      2      2      0',
    'sighand_cache         30     30   2112   15    8 : tunables    0    0    0 : slabdata      2      2      0',
    'kmalloc-64            64     64     64   64    1 : tunables    0    0    0 : slabdata      1      1      0',
    'files_cache           12     12    640   12    2 : tunables    0    0    0 : slabdata      1      1      0',
    'task_delay_info       36     36    112   36    1 : tunables    0    0    0 : slabdata      1      1      0',
    'kmalloc-192           21     21    192   21    1 : tunables    0    0    0 : slabdata      1      1      0',
    'kmalloc-512           24     24    512    8    1 : tunables    0    0    0 : slabdata      3      3      0',
    'task_struct           24     24   2608   12    8 : tunables    0    0    0 : slabdata      2      2      0',
    'dentry              1008   1008    192   21    1 : tunables    0    0    0 : slabdata     48     48      0',
    'kmalloc-4096           8      8   4096    8    8 : tunables    0    0    0 : slabdata      1      1      0',
  ],
  bytes: 774_144,
  staysIn: ['anon_vma', 'dentry', 'sighand_cache'],
  staysBytes: 196_608,
};

/**
 * A process that only fails to find files: its negative dentries stay (the loop of the leak
 * recordings).
 */
export const failingStats: Workload = {
  slabs: [],
  bytes: 8175,
  staysIn: ['dentry'],
  staysBytes: 8175,
};
