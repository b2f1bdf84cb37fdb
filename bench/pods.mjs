// Hosts of life size. A tree that looks like an el7 node with 110 pods: 444 memory cgroups with all
// their files, 700 processes, 300 dead groups.
import { mkdirSync, mkdtempSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const noLimit = '9223372036854771712';
const header =
  'slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n';
const caches = ['dentry', 'kmalloc-64', 'anon_vma', 'inode_cache', 'sighand_cache'];
const slabLines = caches
  .map((name) => `${name}  64 64 64 64 1 : tunables 0 0 0 : slabdata 1 1 0\n`)
  .join('');
/** What else is in a group's directory: it is walked over. */
const otherFiles = [
  ...[
    'usage',
    'max_usage',
    'soft_limit',
    'kmem.limit',
    'kmem.max_usage',
    'kmem.tcp.limit',
    'kmem.tcp.usage',
    'memsw.usage',
  ].map((name) => `memory.${name}_in_bytes`),
  ...[
    'use_hierarchy',
    'stat',
    'failcnt',
    'kmem.failcnt',
    'memsw.failcnt',
    'swappiness',
    'oom_control',
    'numa_stat',
  ].map((name) => `memory.${name}`),
  ...[
    'tasks',
    'notify_on_release',
    'cgroup.clone_children',
    'cgroup.event_control',
    'memory.force_empty',
    'memory.pressure_level',
  ],
];
const hex = (number) => number.toString(16).padStart(64, '0');

/**
 * What an sshd of the bench needs for each kind of hosts. `small`: this machine as it is. `pods`: a
 * node with 110 pods, of which about one in ten has 60,000 dead groups in `/sys/kernel/slab`.
 */
export const hostKinds = {
  small: () => ({}),
  pods: () => {
    const folder = inMemory();
    const [usual, aged] = [join(folder, 'pods'), join(folder, 'aged')];
    makePodNode(usual);
    makeNode(aged, { pods: 110, dead: 60_000 });
    return {
      env: { KMEND_ROOT: usual },
      some: { addresses: '127.1.*.*5', env: { KMEND_ROOT: aged } },
    };
  },
};

/** A folder until the end of this process: a hundred thousand files are slow on a disk. */
function inMemory() {
  const memory = '/dev/shm';
  let room = 0;
  try {
    const { bavail, bsize } = statfsSync(memory);
    room = bavail * bsize;
  } catch {
    // Not mounted here.
  }
  const folder = mkdtempSync(join(room > 1e9 ? memory : tmpdir(), 'kmend-bench-pods-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const makePodNode = (root) => makeNode(root, { pods: 110 });

/** `dead`: so many groups that are gone but for one cache, beside the usual 300. */
export function makeNode(root, { pods, dead = 0 }) {
  const put = (path, text) => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  let groups = 0;
  const slab = (id, name) => {
    for (const cache of caches)
      mkdirSync(join(root, `sys/kernel/slab/${cache}(${id}:${name})`), { recursive: true });
  };
  const group = (path, { accounted = false, limit = noLimit, busy = false }) => {
    const folder = join('sys/fs/cgroup/memory', path);
    put(`${folder}/memory.limit_in_bytes`, `${limit}\n`);
    put(`${folder}/memory.memsw.limit_in_bytes`, `${noLimit}\n`);
    put(`${folder}/memory.kmem.usage_in_bytes`, accounted && busy ? '991232\n' : '0\n');
    put(`${folder}/cgroup.procs`, busy ? '1234\n' : '');
    for (const name of otherFiles) put(`${folder}/${name}`, '0\n');
    // Offset 0 of one's own memory is mapped nowhere: a true EIO.
    if (accounted) put(`${folder}/memory.kmem.slabinfo`, header + (busy ? slabLines : ''));
    else symlinkSync('/proc/self/mem', join(root, folder, 'memory.kmem.slabinfo'));
    if (accounted && busy) slab(groups, path.slice(path.lastIndexOf('/') + 1));
    groups += 1;
  };
  group('.', { busy: true });
  for (const path of ['system.slice', 'user.slice', 'docker']) group(path, {});
  for (let at = 0; at < 40; at++) group(`system.slice/unit${at}.service`, { busy: true });
  for (const path of ['kubepods', 'kubepods/burstable', 'kubepods/besteffort'])
    group(path, { accounted: true });
  for (let at = 0; at < pods; at++) {
    const limited = at % 3 === 1 ? {} : { limit: '134217728' };
    const pod = `kubepods/${['burstable/', 'besteffort/', ''][at % 3]}pod${hex(at).slice(-8)}-0000-4000-8000-${hex(at).slice(-12)}`;
    group(pod, { accounted: true, ...limited });
    for (let container = 0; container < 2 + (at % 2); container++)
      group(`${pod}/${hex(at * 10 + container)}`, { accounted: true, busy: true, ...limited });
  }
  for (let at = 0; at < 12; at++)
    group(`docker/${hex(9000 + at)}`, { accounted: at % 2 === 0, limit: '536870912', busy: true });
  for (let at = 0; at < 300; at++) slab(2000 + at, hex(at));
  for (let at = 0; at < dead; at++)
    mkdirSync(join(root, `sys/kernel/slab/dentry(${3000 + at}:${hex(at)})`));
  for (let at = 0; at < 700; at++)
    put(
      `proc/${1000 + at}/stat`,
      `${1000 + at} (program${at}) S 1 ${1000 + at} 0 0 -1 4194304 1000 0 0 0\n`,
    );
  put('proc/1700/stat', '1700 (kubelet) S 1 1700 0 0 -1\n');
  put(
    'proc/1700/cmdline',
    '/usr/bin/kubelet\0--config=/var/lib/kubelet/config.yaml\0--cgroup-driver=cgroupfs\0',
  );
  put('proc/1701/stat', '1701 (dockerd) S 1 1701 0 0 -1\n');
  put('proc/sys/kernel/osrelease', '3.10.0-862.el7.x86_64\n');
  put('proc/sys/kernel/random/boot_id', '3d2023fb-c846-4e82-95ef-bce27dc2ac93\n');
  put(
    'proc/cmdline',
    'BOOT_IMAGE=/vmlinuz-3.10.0-862.el7.x86_64 root=/dev/mapper/centos-root ro crashkernel=auto\n',
  );
  put('proc/cgroups', `#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t4\t${groups}\t1\n`);
  put('proc/self/status', 'Name:\tsh\nUid:\t0\t0\t0\t0\n');
  put('proc/meminfo', 'MemTotal: 1 kB\nSlab: 412000 kB\nSUnreclaim: 361276 kB\n');
  put(
    'etc/os-release',
    'NAME="CentOS Linux"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\nPRETTY_NAME="CentOS Linux 7 (Core)"\n',
  );
  put('etc/default/grub', 'GRUB_CMDLINE_LINUX="crashkernel=auto"\n');
  const entry = (build) =>
    `menuentry 'CentOS Linux (3.10.0-${build}.el7.x86_64) 7 (Core)' {\n\tlinux16 /vmlinuz-3.10.0-${build}.el7.x86_64 root=/dev/mapper/centos-root ro crashkernel=auto\n}\n`;
  put('boot/grub2/grub.cfg', `set default="\${saved_entry}"\n${entry(862)}${entry(693)}`);
  put('boot/grub2/grubenv', `# GRUB Environment Block\nsaved_entry=0\n${'#'.repeat(980)}`);
}
