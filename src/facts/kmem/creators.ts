// Creators: the shape of a memory cgroup's path shows which program made it, and through which
// manager. A sample is evidence about its creator only.
import type { Row } from './programs/row.ts';

/**
 * `runtime` is docker or containerd: below a pod both make the same shape, and the programs on the
 * host decide. `unknown` has no row: a group of cgconfig or of an administrator, or a shape that is
 * not in the table.
 */
export type Creator =
  | 'kubelet'
  | 'docker'
  | 'containerd'
  | 'runtime'
  | 'cri-o'
  | 'podman'
  | 'systemd'
  | 'libvirt'
  | 'lxc'
  | 'slurm'
  | 'mesos'
  | 'yarn'
  | 'htcondor'
  | 'kmend'
  | 'unknown';

/**
 * The cgroup manager that makes the directories. libcontainer's systemd manager never asks for
 * accounting by itself; its cgroupfs manager may.
 */
export type Manager = 'cgroupfs' | 'systemd' | 'none';

/**
 * `pods`: a group of the kubelet above its pods; `pod`: a group of one pod; `container`: a group of
 * a container; `helper`: a conmon beside a container; `parent`: a directory above containers, made
 * without a memory setting; `other`: anything else.
 */
export type Level = 'pods' | 'pod' | 'container' | 'helper' | 'parent' | 'other';

export interface CreatorRow extends Row {
  /** Name of the row in the output of the probe: lower case, `-` between words. */
  readonly key: string;
  /** The shape for readers: HEX = 64 hexadecimal digits, UID = a pod's uid. */
  readonly shape: string;
  /**
   * The shape as a POSIX extended expression for `normalPath`. The probe's awk reads the same text.
   * It is anchored, and each repetition ends at a character that it cannot contain, so matching is
   * linear.
   */
  readonly pattern: string;
  readonly creator: Creator;
  readonly manager: Manager;
  readonly level: Level;
}

const qos = '(burstable|besteffort)';
const podDirectory = `kubepods/(${qos}/)?pod[^/]+`;
const podSlice = `kubepods\\.slice/(kubepods-${qos}\\.slice/)?kubepods(-${qos})?-pod[^/]+\\.slice`;
/** A slice path that a cgroupfs manager used literally, below the unit of the runtime. */
const literalSlice = '(system\\.slice/([^/]+\\.service/)?)?[^/:]+\\.slice';

/** Long beginnings that several rows share. */
export const beginnings = [`^${podDirectory}/`, `^${podSlice}/`, `^${literalSlice}:`] as const;

/** First match wins. */
export const creatorRows: readonly CreatorRow[] = [
  // The kubelet, and groups of runtimes below its pods.
  {
    key: 'pods',
    shape: 'kubepods, kubepods/burstable, kubepods/besteffort',
    pattern: `^kubepods(/${qos})?$`,
    creator: 'kubelet',
    manager: 'cgroupfs',
    level: 'pods',
    basis: 'source',
    source: 'kubernetes/kubernetes pkg/kubelet/cm: cgroupfs names',
  },
  {
    key: 'pod',
    shape: 'kubepods[/QOS]/podUID',
    pattern: `^${podDirectory}$`,
    creator: 'kubelet',
    manager: 'cgroupfs',
    level: 'pod',
    basis: 'source',
    source: 'kubernetes/kubernetes pkg/kubelet/cm/pod_container_manager_linux.go',
  },
  {
    key: 'pods-slice',
    shape: 'kubepods.slice, kubepods.slice/kubepods-QOS.slice',
    pattern: `^kubepods\\.slice(/kubepods-${qos}\\.slice)?$`,
    creator: 'kubelet',
    manager: 'systemd',
    level: 'pods',
    basis: 'source',
    source: 'kubernetes/kubernetes pkg/kubelet/cm: systemd names',
  },
  {
    key: 'pod-slice',
    shape: 'kubepods.slice[/kubepods-QOS.slice]/kubepods[-QOS]-podU_I_D.slice',
    pattern: `^${podSlice}$`,
    creator: 'kubelet',
    manager: 'systemd',
    level: 'pod',
    basis: 'source',
    source: 'kubernetes/kubernetes pkg/kubelet/cm: systemd names',
  },
  {
    key: 'pod-container',
    shape: 'kubepods[/QOS]/podUID/HEX',
    pattern: `^${podDirectory}/<id>$`,
    creator: 'runtime',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'measured',
    source: 'docker 26.1.5 and containerd 1.7.24 (CRI), cgroupfs driver, runc 1.1.15',
  },
  {
    key: 'pod-crio',
    shape: 'kubepods[/QOS]/podUID/crio-HEX',
    pattern: `^${podDirectory}/crio-<id>$`,
    creator: 'cri-o',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'source',
    source: 'cri-o/cri-o internal/config/cgmgr: scope prefix crio',
  },
  {
    key: 'pod-crio-conmon',
    shape: 'kubepods[/QOS]/podUID/crio-conmon-HEX',
    pattern: `^${podDirectory}/crio-conmon-<id>$`,
    creator: 'cri-o',
    manager: 'cgroupfs',
    level: 'helper',
    basis: 'source',
    source: 'cri-o/cri-o internal/config/cgmgr',
  },
  {
    key: 'pod-docker-scope',
    shape: '...podU_I_D.slice/docker-HEX.scope',
    pattern: `^${podSlice}/docker-<id>\\.scope$`,
    creator: 'docker',
    manager: 'systemd',
    level: 'container',
    basis: 'measured',
    source: 'docker 26.1.5, systemd driver',
  },
  {
    key: 'pod-containerd-scope',
    shape: '...podU_I_D.slice/cri-containerd-HEX.scope',
    pattern: `^${podSlice}/cri-containerd-<id>\\.scope$`,
    creator: 'containerd',
    manager: 'systemd',
    level: 'container',
    basis: 'measured',
    source: 'containerd 1.7.24 (CRI), SystemdCgroup = true',
  },
  {
    key: 'pod-crio-scope',
    shape: '...podU_I_D.slice/crio-HEX.scope',
    pattern: `^${podSlice}/crio-<id>\\.scope$`,
    creator: 'cri-o',
    manager: 'systemd',
    level: 'container',
    basis: 'source',
    source: 'cri-o/cri-o internal/config/cgmgr/systemd.go',
  },
  {
    key: 'pod-crio-conmon-scope',
    shape: '...podU_I_D.slice/crio-conmon-HEX.scope',
    pattern: `^${podSlice}/crio-conmon-<id>\\.scope$`,
    creator: 'cri-o',
    manager: 'systemd',
    level: 'helper',
    basis: 'source',
    source: 'cri-o/cri-o internal/config/cgmgr/systemd.go',
  },
  {
    key: 'literal-containerd',
    shape: '[system.slice/UNIT.service/]kubepods-QOS-podU_I_D.slice:cri-containerd:HEX',
    pattern: `^${literalSlice}:cri-containerd:<id>$`,
    creator: 'containerd',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'measured',
    source: 'containerd 1.7.24 (CRI), SystemdCgroup = false, for a kubelet that names a slice',
  },
  {
    key: 'literal-crio',
    shape: 'SLICE.slice:crio:HEX',
    pattern: `^${literalSlice}:crio:<id>$`,
    creator: 'cri-o',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'source',
    source: 'as with containerd: the systemd name taken for a path',
  },
  {
    key: 'literal-docker',
    shape: 'SLICE.slice:docker:HEX',
    pattern: `^${literalSlice}:docker:<id>$`,
    creator: 'docker',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'model',
    source:
      'docker, systemd driver, with a runtime that ignores it; with the cgroupfs driver docker 26.1.5 makes SLICE.slice/HEX',
  },
  {
    key: 'literal-nerdctl',
    shape: 'SLICE.slice:nerdctl:HEX',
    pattern: `^${literalSlice}:nerdctl:<id>$`,
    creator: 'containerd',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'source',
    source: 'containerd/nerdctl: SLICE:nerdctl:ID taken for a path',
  },
  {
    key: 'pod-inside',
    shape: 'kubepods/... otherwise',
    pattern: '^kubepods/.+$',
    creator: 'unknown',
    manager: 'none',
    level: 'other',
    basis: 'source',
    source:
      "docker --cgroup-parent below kubepods, programs inside a pod's container: inherits from the groups above",
  },

  // Runtimes without a kubelet.
  {
    key: 'docker-parent',
    shape: 'docker',
    pattern: '^docker$',
    creator: 'docker',
    manager: 'cgroupfs',
    level: 'parent',
    basis: 'measured',
    source: 'runc makes missing parents without accounting (3.10.0-1062)',
  },
  {
    key: 'docker',
    shape: 'docker/HEX',
    pattern: '^docker/<id>$',
    creator: 'docker',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'measured',
    source: 'docker 26.1.5, cgroupfs driver',
  },
  {
    key: 'docker-scope',
    shape: 'system.slice/docker-HEX.scope, SLICE.slice/docker-HEX.scope',
    pattern: '^[^/]+\\.slice/docker-<id>\\.scope$',
    creator: 'docker',
    manager: 'systemd',
    level: 'container',
    basis: 'measured',
    source: 'docker 26.1.5, systemd driver',
  },
  {
    key: 'nerdctl-scope',
    shape: 'SLICE.slice/nerdctl-HEX.scope',
    pattern: '^[^/]+\\.slice/nerdctl-<id>\\.scope$',
    creator: 'containerd',
    manager: 'systemd',
    level: 'container',
    basis: 'source',
    source: 'containerd/nerdctl: SLICE:nerdctl:ID',
  },
  {
    key: 'containerd-scope',
    shape: 'SLICE.slice/cri-containerd-HEX.scope',
    pattern: '^[^/]+\\.slice/cri-containerd-<id>\\.scope$',
    creator: 'containerd',
    manager: 'systemd',
    level: 'container',
    basis: 'source',
    source:
      'containerd/containerd pkg/cri, a pod whose parent is not of a kubelet; without a parent runc refuses it',
  },
  {
    key: 'containerd-namespace',
    shape: 'default/HEX, k8s.io/HEX',
    pattern: '^(default|k8s\\.io)/<id>$',
    creator: 'containerd',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'measured',
    source: 'ctr 1.7.24, and containerd 1.7.24 (CRI) for a pod without a parent',
  },
  {
    key: 'crio',
    shape: 'crio/crio-HEX',
    pattern: '^crio/crio-<id>$',
    creator: 'cri-o',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'source',
    source: 'cri-o/cri-o internal/config/cgmgr/cgroupfs.go',
  },
  {
    key: 'crio-scope',
    shape: 'SLICE.slice/crio-HEX.scope',
    pattern: '^[^/]+\\.slice/crio-<id>\\.scope$',
    creator: 'cri-o',
    manager: 'systemd',
    level: 'container',
    basis: 'source',
    source: 'cri-o/cri-o internal/config/cgmgr/systemd.go',
  },
  {
    key: 'podman',
    shape: 'libpod_parent[/HEX]/libpod-HEX, PARENT/libpod-HEX',
    pattern: '^[^/]+/(<id>/)?libpod-<id>$',
    creator: 'podman',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'measured',
    source: 'podman 5.4.2, cgroupfs manager, with crun 1.21 and runc 1.1.15',
  },
  {
    key: 'podman-conmon',
    shape: 'libpod_parent[/HEX]/conmon, libpod_parent[/HEX]/libpod-conmon-HEX',
    pattern: '^libpod_parent/(<id>/)?(libpod-conmon-<id>|conmon)$',
    creator: 'podman',
    manager: 'cgroupfs',
    level: 'helper',
    basis: 'measured',
    source:
      'podman 5.4.2, cgroupfs manager: conmon; libpod-conmon-HEX as in containers/podman libpod',
  },
  {
    key: 'podman-parent',
    shape: 'libpod_parent[/HEX]',
    pattern: '^libpod_parent(/<id>)?$',
    creator: 'podman',
    manager: 'cgroupfs',
    level: 'parent',
    basis: 'measured',
    source: 'podman 5.4.2, cgroupfs manager',
  },
  {
    key: 'podman-split',
    shape: 'system.slice/UNIT.service/libpod-payload-HEX',
    pattern: '^([^/]+\\.slice/)+[^/]+\\.service/libpod-payload-<id>$',
    creator: 'podman',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'measured',
    source:
      'podman 5.4.2 with --cgroups=split, as quadlet starts it: the runtime gets no systemd manager',
  },
  {
    key: 'podman-scope',
    shape:
      'machine.slice[/machine-libpod_pod_HEX.slice]/libpod-HEX.scope[/container], SLICE.slice/...',
    pattern: '^([^/]+\\.slice/)+libpod-<id>\\.scope(/container)?$',
    creator: 'podman',
    manager: 'systemd',
    level: 'container',
    basis: 'measured',
    source: 'podman 5.4.2, systemd manager; crun 1.21 adds /container on cgroup v2',
  },
  {
    key: 'podman-conmon-scope',
    shape: 'machine.slice[/machine-libpod_pod_HEX.slice]/libpod-conmon-HEX.scope, SLICE.slice/...',
    pattern: '^([^/]+\\.slice/)+libpod-conmon-<id>\\.scope$',
    creator: 'podman',
    manager: 'systemd',
    level: 'helper',
    basis: 'measured',
    source: 'podman 5.4.2, systemd manager',
  },

  // Programs that set memory limits and never ask for accounting. Their groups inherit it where the
  // parent is accounted.
  {
    key: 'libvirt',
    shape: 'machine.slice/machine-qemu*.scope[/...], machine/*.libvirt-qemu[/...]',
    pattern:
      '^(machine\\.slice/machine-(qemu|lxc)[^/]*\\.scope|machine/[^/]+\\.libvirt-(qemu|lxc))(/.*)?$',
    creator: 'libvirt',
    manager: 'systemd',
    level: 'other',
    basis: 'source',
    source: 'libvirt/libvirt src/util/vircgroup.c: no kernel-memory limit',
  },
  {
    key: 'lxc',
    shape: 'lxc/NAME, lxc.payload.NAME, lxc.monitor.NAME[/...]',
    pattern: '^lxc(\\.[^/]+)?(/.*)?$',
    creator: 'lxc',
    manager: 'none',
    level: 'other',
    basis: 'measured',
    source:
      'LXC 6.0.4 (lxc.payload.NAME, lxc.monitor.NAME); lxc/lxc: no limit but what its configuration names',
  },
  {
    key: 'slurm',
    shape: 'slurm[_NODE]/uid_*/job_*/...',
    pattern: '^slurm(_[^/]+)?(/.*)?$',
    creator: 'slurm',
    manager: 'none',
    level: 'other',
    basis: 'source',
    source: 'SchedMD/slurm task/cgroup: kernel memory only where ConstrainKmemSpace says so',
  },
  {
    key: 'mesos',
    shape: 'mesos/ID[/...]',
    pattern: '^mesos(/.*)?$',
    creator: 'mesos',
    manager: 'none',
    level: 'other',
    basis: 'report',
    source: 'apache/mesos#303: not by its own containerizer',
  },
  {
    key: 'yarn',
    shape: 'hadoop-yarn/container_*[/...]',
    pattern: '^(hadoop-)?yarn(/.*)?$',
    creator: 'yarn',
    manager: 'none',
    level: 'other',
    basis: 'source',
    source: 'apache/hadoop CGroupsMemoryResourceHandlerImpl: limit and swappiness only',
  },
  {
    key: 'htcondor',
    shape: 'htcondor/*[/...]',
    pattern: '^htcondor(/.*)?$',
    creator: 'htcondor',
    manager: 'none',
    level: 'other',
    basis: 'source',
    source: 'htcondor/htcondor: memory limits only',
  },
  {
    key: 'kmend-probe',
    shape: 'kmend-probe.PID',
    pattern: '^kmend-probe\\.[0-9]+$',
    creator: 'kmend',
    manager: 'none',
    level: 'other',
    basis: 'source',
    source: 'the active probe, while it runs',
  },
  {
    key: 'parent-container',
    shape: 'PARENT/HEX, ecs/TASK/HEX, system.slice/UNIT.service/PARENT/HEX',
    pattern: '^(ecs/|system\\.slice/[^/]+\\.service/)?[^/]+/<id>$',
    creator: 'runtime',
    manager: 'cgroupfs',
    level: 'container',
    basis: 'measured',
    source:
      'docker 26.1.5, cgroupfs driver with --cgroup-parent; runc joins a relative one to the group of containerd',
  },
  {
    key: 'unit',
    shape: 'init.scope, *.slice[/*.slice]/*.service and the like',
    pattern: '^([^/]+\\.slice/)*[^/]+\\.(slice|service|scope|mount|socket|swap)$',
    creator: 'systemd',
    manager: 'systemd',
    level: 'other',
    basis: 'measured',
    source:
      'systemd 257; systemd/systemd src/core/cgroup.c: MemoryLimit= sets memory.limit_in_bytes only',
  },
];

/** A group without a row. It is no sample, and it is named. */
export const unknownRow: CreatorRow = {
  key: 'unknown',
  shape: 'anything else: cgconfig, an administrator, a runtime that is not described here',
  pattern: '',
  creator: 'unknown',
  manager: 'none',
  level: 'other',
  basis: 'model',
  source: 'no creator, no sample',
};

const kubepodsRows: ReadonlySet<string> = new Set([
  'pods',
  'pod',
  'pod-container',
  'pod-crio',
  'pod-crio-conmon',
  'pod-inside',
]);

/**
 * Is it /kubepods or below? There every group inherits accounting from the kubelet's, whichever
 * program made it.
 */
export const isBelowKubepods = ({ key }: CreatorRow): boolean => kubepodsRows.has(key);

/**
 * The path with `<id>` for container ids of 64 hexadecimal digits. The probe's awk does the same. A
 * pod's uid is whatever its manifest says.
 */
export const normalPath = (path: string): string =>
  path.replace(/[<>]/g, '?').replace(/[0-9a-f]{64}/g, '<id>');

const compiled = creatorRows.map((row) => ({ row, pattern: new RegExp(row.pattern, 's') }));
const byKey: ReadonlyMap<string, CreatorRow> = new Map(
  [...creatorRows, unknownRow].map((row) => [row.key, row]),
);

/**
 * The row of a group's path. The path is relative to the root of the memory hierarchy, without a
 * leading slash.
 */
export function creatorOf(path: string): CreatorRow {
  const normal = normalPath(path);
  return compiled.find(({ pattern }) => pattern.test(normal))?.row ?? unknownRow;
}

/** The row with this key. A key that this version does not have is `unknown`. */
export const creatorByKey = (key: string): CreatorRow => byKey.get(key) ?? unknownRow;
