// The programs that make memory cgroups: who asks for accounting, when, through which manager and
// under which path.
// `asks: hidden` is what no version text shows: a runc of rc6 to rc93 or a kubelet of 1.14 to
// 1.21.1 that may have been built with the tag nokmem.
import {
  join,
  type Memory,
  mkdir,
  parentOf,
  smallProcess,
  writeKmemLimit,
  writeLimit,
} from './kernel.ts';

export type Manager = 'cgroupfs' | 'systemd';
export type Asks = 'yes' | 'no' | 'hidden';

export interface Runc {
  /** `runc --version`. */
  readonly says: string;
  readonly asks: Asks;
}

export interface Engine {
  readonly package: string;
  readonly version: string;
  readonly evr: string;
  /** Before 18.09 and in RHEL's package: the engine brings its own. */
  readonly bundled: (Runc & { readonly path: string }) | undefined;
}

const dockerRunc = (asks: Asks, says = '1.0.0-rc5+dev'): Engine['bundled'] => ({
  says,
  asks,
  path: '/usr/bin/docker-runc',
});
const ce = (version: string, evr: string, bundled?: Engine['bundled']): Engine => ({
  package: 'docker-ce',
  version,
  evr,
  bundled,
});

export const engines: readonly Engine[] = [
  ce('17.03.3-ce', '17.03.3.ce-1.el7', dockerRunc('no', '1.0.0-rc2')),
  ce('17.12.1-ce', '17.12.1.ce-1.el7.centos', dockerRunc('yes')),
  ce('18.06.1-ce', '18.06.1.ce-3.el7', dockerRunc('yes')),
  ce('18.06.3-ce', '18.06.3.ce-3.el7', dockerRunc('yes')),
  {
    package: 'docker-ee',
    version: '18.03.1-ee-5',
    evr: '18.03.1.ee.5-3.el7',
    bundled: dockerRunc('no'),
  },
  {
    package: 'docker',
    version: '1.13.1',
    evr: '2:1.13.1-94.gitb2f74b2.el7.centos',
    bundled: { says: '1.0.0-rc2', asks: 'yes', path: '/usr/libexec/docker/docker-runc-current' },
  },
  ce('18.09.1', '3:18.09.1-3.el7'),
  ce('18.09.9', '3:18.09.9-3.el7'),
  ce('20.10.5', '3:20.10.5-3.el7'),
];

/**
 * A runc of its own: from the package containerd.io or runc, or a static one that no package owns.
 */
export interface RuncProgram extends Runc {
  readonly from: 'containerd.io' | 'runc' | 'static' | 'k3s';
  readonly evr: string;
}

export const runcs: readonly RuncProgram[] = [
  { from: 'containerd.io', evr: '1.2.0-2.el7', says: '1.0.0-rc5+dev', asks: 'yes' },
  { from: 'containerd.io', evr: '1.2.2-3.3.el7', says: '1.0.0-rc6+dev', asks: 'hidden' },
  { from: 'containerd.io', evr: '1.2.10-3.2.el7', says: '1.0.0-rc8+dev', asks: 'yes' },
  { from: 'containerd.io', evr: '1.2.13-3.1.el7', says: '1.0.0-rc10', asks: 'yes' },
  { from: 'containerd.io', evr: '1.3.7-3.1.el7', says: '1.0.0-rc92', asks: 'hidden' },
  { from: 'containerd.io', evr: '1.4.3-3.1.el7', says: '1.0.0-rc92', asks: 'no' },
  { from: 'containerd.io', evr: '1.4.13-3.1.el7', says: '1.0.3', asks: 'no' },
  { from: 'static', evr: '', says: '1.0.0-rc5', asks: 'yes' },
  { from: 'static', evr: '', says: '1.0.0-rc10', asks: 'hidden' },
  { from: 'static', evr: '', says: '1.1.12', asks: 'no' },
  { from: 'runc', evr: '1.0.0-69.rc10.el7_9', says: '1.0.0-rc10', asks: 'hidden' },
  { from: 'k3s', evr: '', says: '1.0.0-rc92', asks: 'hidden' },
];

export interface Kubelet {
  readonly version: string;
  readonly program: 'kubelet' | 'k3s';
  readonly asks: Asks;
}

const kubelet = (version: string, asks: Asks): Kubelet => ({
  version,
  program: version.includes('k3s') ? 'k3s' : 'kubelet',
  asks,
});
export const kubelets: readonly Kubelet[] = [
  kubelet('1.8.15', 'no'),
  kubelet('1.12.3', 'yes'),
  kubelet('1.15.3', 'hidden'),
  kubelet('1.20.15', 'hidden'),
  kubelet('1.21.1', 'hidden'),
  kubelet('1.21.2', 'no'),
  kubelet('1.22.17', 'no'),
  kubelet('1.18.9+k3s1', 'hidden'),
  kubelet('1.21.5+k3s2', 'no'),
];

/**
 * nvidia-container-runtime 2.x carries a runc of its own; beside docker's it makes groups of the
 * same shape.
 */
export const nvidias: readonly Runc[] = [
  { says: '1.0.0-rc5+dev', asks: 'yes' },
  { says: '1.0.0-rc6+dev', asks: 'hidden' },
  { says: '1.0.0-rc95', asks: 'no' },
];

/**
 * A program on this host. `secret` decides where its row says hidden; `inBoot`: it was installed
 * after this boot.
 */
export interface Installed<T extends { readonly asks: Asks }> {
  readonly row: T;
  readonly secret: boolean;
  readonly inBoot: boolean;
}

export const asks = (program: Installed<{ readonly asks: Asks }>): boolean =>
  program.row.asks === 'yes' || (program.row.asks === 'hidden' && program.secret);

/**
 * When a group gets its memory limit: when it is made, later (`docker update`, which never asks),
 * or never. `kernel`: when it is made, and a kernel-memory limit with it (`--kernel-memory`), which
 * every runtime and every manager sets.
 */
export type Limited = 'no' | 'born' | 'later' | 'kernel';

const hex = (n: number): string => n.toString(16).padStart(64, 'a');
const uid = (n: number): string => `${n.toString(16).padStart(8, '0')}-1111-2222-3333-444444444444`;
const gigabyte = 1_073_741_824;

/**
 * A directory with those above it, made as runc and systemd make missing parents: without asking.
 */
export function mkdirs(memory: Memory, path: string): Memory {
  if (path === '' || memory.groups.has(path)) return memory;
  return mkdir(mkdirs(memory, parentOf(path)), path);
}

/**
 * libcontainer's cgroupfs manager: with a memory setting, `1` and then `-1` into the kernel-memory
 * limit of the new, empty group.
 */
export function makeGroup(
  memory: Memory,
  path: string,
  options: { readonly asks: boolean; readonly limited: Limited },
): Memory {
  let now = mkdirs(memory, path);
  if (options.limited === 'kernel') now = writeKmemLimit(now, path, String(gigabyte / 8));
  else if (options.limited === 'born' && options.asks)
    now = writeKmemLimit(writeKmemLimit(now, path, '1'), path, '-1');
  return options.limited === 'born' || options.limited === 'kernel'
    ? writeLimit(now, path, gigabyte, 2 * gigabyte)
    : now;
}

/**
 * A container: the group, then its process, then perhaps `docker update --memory`. The systemd
 * manager never asks by itself.
 */
export function startContainer(
  memory: Memory,
  path: string,
  options: { readonly asks: boolean; readonly manager: Manager; readonly limited: Limited },
): Memory {
  const made = makeGroup(memory, path, {
    ...options,
    asks: options.asks && options.manager === 'cgroupfs',
  });
  const running = join(made, path, 1000 + made.groups.size, smallProcess);
  return options.limited === 'later' ? writeLimit(running, path, gigabyte) : running;
}

/** Containers that no kubelet asked for, by the program that people use. */
export type Client = 'docker' | 'docker-parent' | 'nvidia' | 'podman' | 'nerdctl' | 'ctr';

export function containerPath(client: Client, manager: Manager, n: number): string {
  const systemd = manager === 'systemd';
  switch (client) {
    case 'docker':
    case 'nvidia':
      return systemd ? `system.slice/docker-${hex(n)}.scope` : `docker/${hex(n)}`;
    case 'docker-parent':
      return systemd ? `jobs.slice/docker-${hex(n)}.scope` : `jobs/${hex(n)}`;
    case 'podman':
      return systemd ? `machine.slice/libpod-${hex(n)}.scope` : `libpod_parent/libpod-${hex(n)}`;
    case 'nerdctl':
      return `default/${hex(n)}`;
    case 'ctr':
      return `default/job${n}`;
  }
}

export type Cri = 'docker' | 'containerd' | 'cri-o';
export type Qos = 'guaranteed' | 'burstable' | 'besteffort';

const slicesOf = (qos: Qos): string =>
  qos === 'guaranteed' ? 'kubepods.slice' : `kubepods.slice/kubepods-${qos}.slice`;
const sliceOf = (qos: Qos, n: number): string =>
  `kubepods${qos === 'guaranteed' ? '' : `-${qos}`}-pod${uid(n).replaceAll('-', '_')}.slice`;

export function podPath(manager: Manager, qos: Qos, n: number): string {
  if (manager === 'systemd') return `${slicesOf(qos)}/${sliceOf(qos, n)}`;
  return `kubepods${qos === 'guaranteed' ? '' : `/${qos}`}/pod${uid(n)}`;
}

/**
 * Below the pod; a containerd that was left on cgroupfs under a kubelet on systemd takes the
 * slice's name for a path below its own unit.
 */
export function podContainerPath(
  cri: Cri,
  manager: Manager,
  pods: Manager,
  qos: Qos,
  pod: number,
  n: number,
): string {
  const prefix = cri === 'containerd' ? 'cri-containerd' : cri === 'cri-o' ? 'crio' : 'docker';
  if (manager === 'systemd') return `${podPath(pods, qos, pod)}/${prefix}-${hex(n)}.scope`;
  if (pods === 'systemd')
    return `system.slice/${cri}.service/${sliceOf(qos, pod)}:${prefix}:${hex(n)}`;
  return `${podPath(pods, qos, pod)}/${cri === 'cri-o' ? 'crio-' : ''}${hex(n)}`;
}

/**
 * The kubelet's start: /kubepods with the node's memory as its limit. One that is there already
 * gets the limit only; the QoS groups have no memory setting.
 */
export function startKubelet(memory: Memory, manager: Manager, asking: boolean): Memory {
  const top = manager === 'systemd' ? 'kubepods.slice' : 'kubepods';
  const made = memory.groups.has(top)
    ? writeLimit(memory, top, gigabyte)
    : makeGroup(memory, top, { asks: asking && manager === 'cgroupfs', limited: 'born' });
  return (['burstable', 'besteffort'] as const).reduce(
    (now, qos) => mkdirs(now, manager === 'systemd' ? slicesOf(qos) : `kubepods/${qos}`),
    made,
  );
}

/**
 * Programs that set memory limits and never ask; what they make is accounted only below an
 * accounted parent.
 */
export const silentPaths = [
  'system.slice/app.service',
  'hadoop-yarn/container_1',
  'apps/oracle',
  'lxc/web',
  'lxc.payload.web',
  'machine.slice/machine-qemu-1-web.scope',
  'slurm/uid_1000/job_7',
  'mesos/6e6d',
  'htcondor/condor_slot1',
  'batch',
] as const;

/**
 * What a program inside a container makes below the container's own group: names of others, made by
 * nobody that the host knows.
 */
export const nestedPath = (container: string, n: number): string =>
  n % 2 === 0
    ? `${container}/docker/${hex(n)}`
    : `${container}/kubepods/burstable/pod${uid(n)}/${hex(n)}`;
