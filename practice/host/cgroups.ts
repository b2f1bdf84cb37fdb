// Writes memory groups into a practice host's tree: cgroup v1 as el7 shows it, v2 as a modern
// kernel does.
import { mkdirSync, readdirSync } from 'node:fs';
import { dockerGroups, type Group, type GroupInput, groupsAtBoot, podGroups } from './groups.ts';
import { find } from './installed.ts';
import { kubeletAccounts, nokmemInForce } from './kernel.ts';
import { at, control, has, link, type Machine, put, read, remove } from './machine.ts';

const memory = '/sys/fs/cgroup/memory';
const pids = '/sys/fs/cgroup/pids';
const noLimit = 9223372036854771712n;

/** Byte for byte what 3.10.0-1062.el7 prints: 204 bytes of header, then a line a cache. */
const slabHeader =
  'slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n';
const slabLines = [
  'kmalloc-64            64     64     64   64    1 : tunables    0    0    0 : slabdata      1      1      0',
  'kmalloc-128           32     32    128   32    1 : tunables    0    0    0 : slabdata      1      1      0',
  'anon_vma              51     51     80   51    1 : tunables    0    0    0 : slabdata      1      1      0',
  'vm_area_struct        18     18    216   18    1 : tunables    0    0    0 : slabdata      1      1      0',
  'dentry                84     84    192   21    1 : tunables    0    0    0 : slabdata      4      4      0',
  'task_struct            4      4   2944   11    8 : tunables    0    0    0 : slabdata      1      1      0',
].join('\n');
const busyUsage = 991_232;

const nokmem = ({ running, spec }: Machine): boolean =>
  nokmemInForce(running.kernel, running.cmdline, spec.unread === 'obeys');

/** The input of the model, from the tree: what the installed and running programs would do. */
function inputOf(machine: Machine): GroupInput {
  const { units } = machine.running;
  const kubelet = find(machine, 'kubelet');
  return {
    nokmem: nokmem(machine),
    ...(units.has('docker')
      ? { engine: { accounts: read(machine, '/run/lab/accounts') === 'yes' } }
      : {}),
    ...(units.has('kubelet') && kubelet
      ? { kubelet: { accounts: kubeletAccounts(kubelet.says) } }
      : {}),
  };
}

/** From 4.5 on every group is accounted, whoever asks. */
const isNewLine = ({ running }: Machine): boolean => !/^[0-3]\./.test(running.kernel);

const isV2 = (machine: Machine): boolean => machine.spec.flavour === 'debian';

/** A read of it gives a true EIO: offset 0 of a process's memory is mapped nowhere. */
const eio = (machine: Machine, path: string): void => link(machine, path, '/proc/self/mem');

function putV1(machine: Machine, group: Group): void {
  const folder = `${memory}/${group.path}`;
  const usage = group.accounted && group.busy ? busyUsage : 0;
  const files: readonly (readonly [string, string])[] = [
    ['cgroup.procs', group.busy ? '1234\n' : ''],
    ['memory.limit_in_bytes', `${group.limit ?? noLimit}\n`],
    ['memory.usage_in_bytes', group.busy ? '20971520\n' : '0\n'],
    ['memory.use_hierarchy', '1\n'],
    ['memory.kmem.limit_in_bytes', `${noLimit}\n`],
    ['memory.kmem.usage_in_bytes', `${usage}\n`],
  ];
  for (const [name, text] of files) put(machine, `${folder}/${name}`, text);
  // The engines and kubelets of the practice fleet limit no processes, as they do without such a
  // setting.
  if (group.path !== '.') put(machine, `${pids}/${group.path}/pids.max`, 'max\n');
  const slabinfo = `${folder}/memory.kmem.slabinfo`;
  remove(machine, slabinfo);
  if (group.accounted) put(machine, slabinfo, slabHeader + (group.busy ? `${slabLines}\n` : ''));
  else eio(machine, slabinfo);
  if (group.accounted && group.busy)
    account(machine, group.path.slice(group.path.lastIndexOf('/') + 1));
}

/**
 * An accounted group in which a process runs has caches of its own, and keeps them and its id until
 * the next boot.
 */
function account(machine: Machine, name: string): void {
  const { running } = machine;
  running.accounted = [...running.accounted, { id: running.nextGroup, name }];
  for (const cache of ['dentry', 'kmalloc-64', 'anon_vma']) {
    mkdirSync(at(machine, `/sys/kernel/slab/${cache}(${running.nextGroup}:${name})`), {
      recursive: true,
    });
  }
  running.nextGroup += 1;
}

/** The root's own numbers: the charge of every group below, alive or dead. */
function putRootUsage(machine: Machine): void {
  const { accounted } = machine.running;
  put(
    machine,
    `${memory}/memory.kmem.usage_in_bytes`,
    `${accounted.length * 8192 + accounted.filter(({ name }) => name.length === 64).length * busyUsage}\n`,
  );
}

/** The memory tree as it is right after a boot. */
export function makeGroups(machine: Machine): void {
  control(machine, 'cgroup', isV2(machine) ? 'v2\n' : 'v1\n');
  for (const path of ['/sys/fs/cgroup', '/sys/kernel/slab']) remove(machine, path);
  for (const cache of ['dentry', 'kmalloc-64', 'anon_vma', ':t-0000064'])
    mkdirSync(at(machine, `/sys/kernel/slab/${cache}`), { recursive: true });
  if (isV2(machine)) return makeV2(machine);
  putV1(machine, { path: '.', accounted: false, busy: true });
  put(machine, '/sys/fs/cgroup/systemd/cgroup.procs', '1\n');
  for (const group of groupsAtBoot(inputOf(machine)))
    putV1(machine, isNewLine(machine) ? { ...group, accounted: !nokmem(machine) } : group);
  for (let dead = 0; dead < (machine.boots === 1 ? (machine.spec.deadGroups ?? 0) : 0); dead++) {
    account(machine, `dead${String(dead).padStart(60, '0')}`);
  }
  putRootUsage(machine);
  putCgroups(machine);
}

/** num_cgroups counts live groups only: on el7 the dead are not seen here. */
function putCgroups(machine: Machine): void {
  const live = groupsAtBoot(inputOf(machine)).length + 1;
  const row = (name: string, hierarchy: number, count: number): string =>
    `${name}\t${hierarchy}\t${count}\t1\n`;
  put(
    machine,
    '/proc/cgroups',
    `#subsys_name\thierarchy\tnum_cgroups\tenabled\n${row('cpuset', 3, 1)}${row('cpu', 2, 1)}${row('memory', isV2(machine) ? 0 : 4, live)}`,
  );
}

/**
 * Containers end or start with the engine; the kubelet's own groups stay as they are until the next
 * boot.
 */
export function remakeContainers(machine: Machine): void {
  if (isV2(machine)) return;
  const input = inputOf(machine);
  const all = { nokmem: false, engine: { accounts: false }, kubelet: { accounts: false } };
  for (const group of [...dockerGroups(all), ...podGroups(all, false)])
    for (const tree of [memory, pids]) remove(machine, `${tree}/${group.path}`);
  const podsAccounted =
    read(machine, `${memory}/kubepods/memory.kmem.slabinfo`) !== '' && !isEio(machine, 'kubepods');
  const pods = has(machine, `${memory}/kubepods/cgroup.procs`)
    ? podGroups({ ...all, ...input }, podsAccounted)
    : [];
  for (const group of input.engine ? [...dockerGroups(input), ...pods] : []) putV1(machine, group);
  putRootUsage(machine);
}

function isEio(machine: Machine, path: string): boolean {
  const folder = readdirSync(at(machine, `${memory}/${path}`), { withFileTypes: true });
  return folder.some((entry) => entry.name === 'memory.kmem.slabinfo' && entry.isSymbolicLink());
}

/**
 * A group that a script has just made. A plain file cannot act on a write, so its slabinfo shows at
 * once what the kernel shows after accounting was asked for: the header where that works, EIO where
 * `nokmem` is in force.
 */
export function fillNewGroup(machine: Machine, path: string): void {
  if (isV2(machine)) return putV2(machine, path, false);
  const inside = path.startsWith(`${memory}/`) ? path.slice(memory.length + 1) : undefined;
  if (inside === undefined) return;
  putV1(machine, { path: inside, accounted: !nokmem(machine), busy: false });
}

const v2Groups = [
  'system.slice',
  `system.slice/docker-${'1'.repeat(64)}.scope`,
  'kubepods.slice',
  `kubepods.slice/cri-containerd-${'3'.repeat(64)}.scope`,
];

function makeV2(machine: Machine): void {
  put(machine, '/sys/fs/cgroup/cgroup.controllers', 'cpuset cpu io memory pids\n');
  for (const path of v2Groups) putV2(machine, `/sys/fs/cgroup/${path}`, path.endsWith('.scope'));
  putCgroups(machine);
}

function putV2(machine: Machine, folder: string, busy: boolean): void {
  const bytes = busy && !nokmem(machine) ? 282_624 : 0;
  put(machine, `${folder}/cgroup.procs`, busy ? '1234\n' : '');
  put(machine, `${folder}/memory.max`, busy ? '67108864\n' : 'max\n');
  put(machine, `${folder}/memory.current`, busy ? '1912832\n' : '0\n');
  const stat: readonly (readonly [string, number])[] = [
    ['anon', 98_304],
    ['kernel', bytes],
    ['slab_reclaimable', bytes / 2],
    ['slab_unreclaimable', bytes / 4],
    ['slab', (bytes * 3) / 4],
  ];
  put(machine, `${folder}/memory.stat`, stat.map(([name, value]) => `${name} ${value}\n`).join(''));
}
