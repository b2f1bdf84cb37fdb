// A model host as a directory tree with emulated tools, for the real probe script.
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Facts } from '../../src/model/fact.ts';
import { eioFile, emptyHost, file, program, type Recorded, replay } from '../facts/replay.ts';
import {
  clock,
  damageLines,
  endpoints,
  hasContainerd,
  nvidiaPath,
  releaseOf,
  runcPath,
  showsDamage,
} from './facts-of.ts';
import { groupFiles, read, slabEntries } from './kernel.ts';
import type { Host, Software } from './world.ts';

/** The facts that the real probe finds on this model host. */
export function probeHost(host: Host): Facts {
  const tree = writeHost(host);
  try {
    return replay(tree, {
      ...(host.world.root ? {} : { uid: 65_534 }),
      path: ['usr/local/sbin', 'usr/local/bin', 'usr/bin']
        .map((folder) => join(tree.root, folder))
        .join(':'),
    });
  } finally {
    tree.remove();
  }
}

export function writeHost(host: Host): Recorded {
  const tree = emptyHost();
  const put = (path: string, text: string): void => file(tree, path, text);
  put('etc/os-release', 'ID=centos\nVERSION_ID=7\n');
  put('proc/sys/kernel/osrelease', `${releaseOf(host.world.boot)}\n`);
  put('proc/sys/kernel/random/boot_id', 'b00t\n');
  put('proc/cmdline', `${host.world.boot.args}\n`);
  put('proc/uptime', `${clock.now - clock.boot}.00 1\n`);
  put('proc/mounts', 'cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n');
  put('proc/cgroups', `memory\t4\t${host.memory.groups.size}\t1\n`);
  put('proc/meminfo', 'Slab: 1000 kB\nSUnreclaim: 500 kB\n');
  if (host.probe !== '') put('run/kmend/active-probe', `b00t ${host.probe}\n`);
  if (showsDamage(host))
    file(tree, '../dmesg', damageLines.map(({ line }) => `${line}\n`).join(''));
  if (!host.world.root) program(tree, 'id', 'echo 65534');
  writeBootMenu(tree, host);
  writeGroups(tree, host);
  writeSoftware(tree, host.software);
  return tree;
}

function writeBootMenu(tree: Recorded, { world }: Host): void {
  const release = releaseOf(world.next);
  for (const kernel of new Set([release, releaseOf(world.boot)]))
    file(tree, `boot/vmlinuz-${kernel}`, '');
  const entry = `menuentry 'CentOS Linux (${release}) 7 (Core)' {\n\tlinux16 /vmlinuz-${release} ${world.next.args}\n}\n`;
  file(tree, 'boot/grub2/grub.cfg', `set default="\${saved_entry}"\n${entry}`);
  file(tree, 'boot/grub2/grubenv', '# GRUB Environment Block\nsaved_entry=0\n');
}

function writeGroups(tree: Recorded, { memory, world }: Host): void {
  for (const path of memory.groups.keys()) {
    for (const name of groupFiles) {
      const where = join('sys/fs/cgroup/memory', path, name);
      const answer = read(memory, path, name);
      if ('text' in answer) file(tree, where, answer.text);
      else if (answer.errno === 'EIO') eioFile(tree, where);
      // As on el7, where root alone may read it.
      if (
        !world.root &&
        name === 'memory.kmem.slabinfo' &&
        !('errno' in answer && answer.errno === 'ENOENT')
      ) {
        file(tree, where, '');
        chmodSync(join(tree.root, where), 0o600);
      }
    }
  }
  for (const entry of slabEntries(memory))
    mkdirSync(join(tree.root, 'sys/kernel/slab', entry), { recursive: true });
}

function writeSoftware(tree: Recorded, software: Software): void {
  const { engine, bundled, runc, nvidia, kubelet, cri, podman } = software;
  const times = new Map<string, number>();
  const install = (path: string, body: string, inBoot = false): void => {
    mkdirSync(dirname(join(tree.root, path)), { recursive: true });
    program(
      { ...tree, bin: dirname(join(tree.root, path)) },
      path.slice(path.lastIndexOf('/') + 1),
      body,
    );
    times.set(path, inBoot ? clock.during : clock.before);
  };
  const says = (path: string, text: string, inBoot?: boolean): void =>
    install(path, `echo "${text}"`, inBoot);
  const running = (pid: number, name: string, args = name): void => {
    file(tree, `proc/${pid}/stat`, `${pid} (${name}) S 1\n`);
    file(tree, `proc/${pid}/cmdline`, args.replaceAll(' ', '\0'));
  };
  const packages: string[] = [];
  const owned = (name: string, evr: string, inBoot: boolean): void => {
    packages.push(`${name} ${evr} ${inBoot ? clock.during : clock.before} rpm`);
  };
  if (engine !== undefined) {
    const { version } = engine.row;
    const runtimes = {
      runc: { path: 'runc' },
      ...(nvidia === undefined ? {} : { nvidia: { path: nvidiaPath } }),
    };
    install(
      '/usr/bin/docker',
      dockerProgram(version, software.docker, JSON.stringify(runtimes)),
      engine.inBoot,
    );
    file(
      tree,
      'etc/docker/daemon.json',
      JSON.stringify({
        'exec-opts': [`native.cgroupdriver=${software.docker}`],
        runtimes: nvidia === undefined ? {} : { nvidia: { path: nvidiaPath } },
      }),
    );
    running(201, 'dockerd');
    owned(engine.row.package, engine.row.evr, engine.inBoot);
  }
  if (bundled !== undefined)
    says(bundled.row.path, `runc version ${bundled.row.says}`, bundled.inBoot);
  if (nvidia !== undefined) says(nvidiaPath, `runc version ${nvidia.row.says}`, nvidia.inBoot);
  if (bundled !== undefined && bundled.row.path === '/usr/bin/docker-runc')
    says('/usr/bin/docker-containerd', 'containerd');
  if (runc !== undefined) {
    says(
      bundled === undefined ? runcPath(software) : '/usr/bin/runc',
      `runc version ${runc.row.says}`,
      runc.inBoot,
    );
    if (runc.row.evr !== '') owned(runc.row.from, runc.row.evr, runc.inBoot);
  }
  if (hasContainerd(software) && bundled === undefined) {
    says('/usr/bin/containerd', 'containerd', runc?.inBoot);
    const systemd = cri === 'containerd' && software.runtime === 'systemd';
    file(
      tree,
      'etc/containerd/config.toml',
      systemd
        ? '[plugins.cri.containerd.runtimes.runc.options]\n  SystemdCgroup = true\n'
        : 'oom_score = 0\n',
    );
    running(202, 'containerd');
  }
  if (cri === 'cri-o') {
    says('/usr/bin/crio', 'crio version 1.14.9');
    file(tree, 'etc/crio/crio.conf', `[crio.runtime]\ncgroup_manager = "${software.runtime}"\n`);
    running(203, 'crio');
  }
  if (podman !== undefined) {
    says('/usr/bin/podman', 'podman version 1.6.4');
    file(tree, 'etc/containers/containers.conf', `[engine]\ncgroup_manager = "${podman}"\n`);
    file(tree, 'usr/share/containers/libpod.conf', `cgroup_manager = "${podman}"\n`);
  }
  if (kubelet !== undefined) {
    const { version, program: name } = kubelet.row;
    const k3s = name === 'k3s';
    says(
      `/usr/bin/${name}`,
      k3s ? `k3s version v${version} (abcdef)` : `Kubernetes v${version}`,
      kubelet.inBoot,
    );
    const endpoint = cri === undefined || k3s ? '' : endpoints[cri];
    running(
      204,
      k3s ? 'k3s-server' : 'kubelet',
      `${name} --config=/var/lib/kubelet/config.yaml${endpoint === '' ? '' : ` --container-runtime-endpoint=${endpoint}`}`,
    );
    file(tree, 'var/lib/kubelet/config.yaml', `cgroupDriver: ${software.pods}\n`);
    if (!k3s) owned('kubelet', `${version}-0`, kubelet.inBoot);
  }
  writeTools(tree, packages, times);
}

const dockerProgram = (version: string, driver: string, runtimes: string): string => `case "$*" in
  version*) echo "${version} ${version}";;
  *Runtimes*) printf '%s\\n' '${driver} false ${runtimes}';;
  info*) echo "${driver} false";;
  --version) echo "Docker version ${version}, build abcdef";;
esac`;

/** Clock, package database and inode times as the model says. */
function writeTools(
  tree: Recorded,
  packages: readonly string[],
  times: ReadonlyMap<string, number>,
): void {
  file(tree, '../packages', packages.map((line) => `${line}\n`).join(''));
  program(tree, 'rpm', 'cat "$KMEND_ROOT/../packages"');
  file(
    tree,
    '../times',
    [
      `${clock.now} /proc/self/.\n`,
      ...[...times].map(([path, time]) => `${time} ${join(tree.root, path)}\n`),
    ].join(''),
  );
  // `stat -L -c 'at %Z %Y %n' FILE...`
  program(
    tree,
    'stat',
    `shift 3; for f do awk -v f="$f" '$2 == f {print "at " $1 " 0 " f}' "$KMEND_ROOT/../times"; done`,
  );
}
