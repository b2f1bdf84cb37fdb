// The table of creators against what docker, containerd, podman and LXC really make, with the
// cgroupfs driver on this machine's v1 memory hierarchy.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ctrRun,
  dockerRun,
  expectCreator,
  type Found,
  type Programs,
  podmanRun,
  podRun,
  read,
  shapeOf,
  steps,
  type Way,
} from './creators.ts';

const scripts = join(dirname(dirname(fileURLToPath(import.meta.url))), 'lab');
const builder = join(scripts, 'creators-root.sh');
const hierarchy = '/sys/fs/cgroup/memory';
const run = promisify(execFile);

function missing(): string {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/usr/bin/mmdebstrap')) return 'needs mmdebstrap';
  return existsSync(join(hierarchy, 'memory.kmem.slabinfo')) ? '' : 'needs the v1 memory hierarchy';
}

/** A Debian root with the programs, built once for each version of the script. */
async function root(): Promise<string> {
  const folder = join(
    tmpdir(),
    `kmend-creators-root-${createHash('sha256').update(readFileSync(builder)).digest('hex').slice(0, 12)}`,
  );
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  try {
    await run('nice', ['-n', '5', 'sh', builder, draft]);
    if (!existsSync(folder)) renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}

async function inLab(steps: string): Promise<string> {
  const going = run('sh', [join(scripts, 'creators-lab.sh'), 'run', await root()], {
    timeout: 120_000,
  });
  going.child.stdin?.end(steps);
  return (await going).stdout;
}

const programs: Programs = {
  docker: 'docker',
  // podman warns about cgroup v1 on every call unless the variable says that this is known
  podman:
    'PODMAN_IGNORE_CGROUPSV1_WARNING=1 podman --cgroup-manager=cgroupfs --storage-driver=vfs --events-backend=file',
  limited: true,
};

const uid = '3f7f6dd0-4de3-4a1e-8a3c-9f5b8c8e7a12';
const slice = `kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`;
/** runc joins a relative path to its own group: that of containerd, which starts it. */
const unit = 'system.slice/containerd.service';

const lxcConfig = [
  'lxc.rootfs.path = dir:/run/lxc-lab/one/rootfs',
  'lxc.net.0.type = none',
  'lxc.apparmor.profile = unconfined',
  'lxc.cgroup.memory.limit_in_bytes = 64M',
].join('\\n');

const ways: readonly Way[] = [
  { title: 'docker', start: dockerRun(programs), group: 'docker/HEX', row: 'docker' },
  {
    title: "docker below a kubelet's pod",
    start: dockerRun(programs, `--cgroup-parent /kubepods/burstable/pod${uid}`),
    group: `kubepods/burstable/pod${uid}/HEX`,
    row: 'pod-container',
  },
  {
    title: 'docker with a parent at the root',
    start: dockerRun(programs, '--cgroup-parent /batch'),
    group: 'batch/HEX',
    row: 'parent-container',
  },
  {
    title: 'docker with a relative parent',
    start: dockerRun(programs, '--cgroup-parent batch'),
    group: `${unit}/batch/HEX`,
    row: 'parent-container',
  },
  {
    title: 'docker with the cgroupfs driver, for a kubelet with the systemd driver',
    start: dockerRun(programs, `--cgroup-parent ${slice}`),
    group: `${unit}/${slice}/HEX`,
    row: 'parent-container',
  },
  {
    title: "containerd's CRI plugin",
    start: podRun(programs, `/kubepods/pod${uid}`),
    group: `kubepods/pod${uid}/HEX`,
    row: 'pod-container',
  },
  {
    title: "containerd's CRI plugin without SystemdCgroup, for a kubelet with the systemd driver",
    start: podRun(programs, `/kubepods.slice/kubepods-burstable.slice/${slice}`),
    group: `${unit}/${slice}:cri-containerd:HEX`,
    row: 'literal-containerd',
  },
  {
    title: "containerd's CRI plugin without a parent",
    start: podRun(programs, ''),
    group: 'k8s.io/HEX',
    row: 'containerd-namespace',
  },
  { title: 'ctr', start: ctrRun, group: 'default/HEX', row: 'containerd-namespace' },
  ...['crun', 'runc'].map(
    (runtime): Way => ({
      title: `podman with ${runtime}`,
      start: podmanRun(programs, `--runtime ${runtime}`),
      group: 'libpod_parent/libpod-HEX',
      row: 'podman',
      conmon: ['libpod_parent/conmon', 'podman-conmon'],
    }),
  ),
  {
    title: 'podman in a pod',
    start: (n) =>
      `${programs.podman} pod create --infra=false batch && ${podmanRun(programs, '', '--pod batch')(n)}`,
    group: 'libpod_parent/HEX/libpod-HEX',
    row: 'podman',
    conmon: ['libpod_parent/HEX/conmon', 'podman-conmon'],
  },
  {
    title: 'podman with a parent',
    start: podmanRun(programs, '', '--cgroup-parent /batch'),
    group: 'batch/libpod-HEX',
    row: 'podman',
    conmon: ['batch/conmon', 'unknown'],
  },
  {
    title: 'LXC',
    start: (n) =>
      `d=/run/lxc-lab/one; mkdir -p $d/rootfs/bin $d/rootfs/proc $d/rootfs/sys $d/rootfs/dev; cp "$(command -v busybox)" $d/rootfs/bin/sleep
       printf '${lxcConfig}\\nlxc.init.cmd = /bin/sleep ${n}\\n' > $d/config; lxc-start -P /run/lxc-lab -n one`,
    group: 'lxc.payload.one',
    row: 'lxc',
  },
];
const reason = missing();
const title = `the groups that real programs make, cgroupfs on v1 memory${reason === '' ? '' : `, skipped: ${reason}`}`;

describe.skipIf(reason !== '')(title, () => {
  let found: readonly (readonly Found[])[] = [];
  beforeAll(async () => {
    const load = `box\n${programs.podman} load -q -i /run/creators/box.tar\n`;
    found = read(
      await inLab(`${load}${steps(ways, ['memory', hierarchy, 'memory.limit_in_bytes'])}`),
      ways.length,
    );
  });

  it.each(ways.map((way, at) => ({ ...way, at: at + 1 })))('$title: $group', ({ at, ...way }) =>
    expectCreator(way, found[at], '67108864'),
  );

  it("a pod's sandbox is a group of the same shape as its containers, without a limit", () => {
    const pods = ways.filter((way) => way.title.includes('CRI')).map(({ group }) => group);
    const sandboxes = found[0] ?? [];
    expect(sandboxes.map(({ group }) => shapeOf(group)).toSorted()).toEqual(pods.toSorted());
    for (const { limit } of sandboxes) expect(Number(limit)).toBeGreaterThan(2 ** 60);
  });

  it('leaves no group behind', () => {
    expect(readdirSync(hierarchy).filter((name) => name.startsWith('kmend-creators-'))).toEqual([]);
  });
});
