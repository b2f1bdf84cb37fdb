// The table of creators on a machine whose PID 1 is systemd: what docker, containerd and podman
// make through it, on cgroup v2 and on v1.
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ctrRun,
  dockerRun,
  expectCreator,
  type Found,
  functions,
  type Hierarchy,
  type Programs,
  podmanRun,
  podRun,
  read,
  shapeOf,
  steps,
  type Way,
} from '../hosts/creators.ts';
import { startVm, type Vm } from './vm.ts';

const podman =
  'PODMAN_IGNORE_CGROUPSV1_WARNING=1 podman --storage-driver=vfs --events-backend=file';
const [own, second] = ['docker', 'docker -H unix:///run/docker2.sock'];

interface Managers {
  readonly systemd: Programs;
  readonly cgroupfs: Programs;
}

/**
 * docker's driver of Debian is systemd on v2 and cgroupfs on v1; a second daemon has the other.
 * Debian's kernel cannot limit memory on v1.
 */
const v2: Managers = {
  systemd: { docker: own, podman, limited: true },
  cgroupfs: { docker: second, podman: `${podman} --cgroup-manager=cgroupfs`, limited: true },
};
const v1: Managers = {
  systemd: { ...v2.systemd, docker: second, limited: false },
  cgroupfs: { ...v2.cgroupfs, docker: own, limited: false },
};

const uid = '3f7f6dd0-4de3-4a1e-8a3c-9f5b8c8e7a12';
const slice = `kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`;
const pod = `kubepods.slice/kubepods-burstable.slice/${slice}`;

const setUp = (driver: string): string => `${functions}
export CONTAINERD=/run/containerd/containerd.sock
mkdir -p /run/creators
cri=plugins.\\"io.containerd.grpc.v1.cri\\"
cat > /etc/containerd/config.toml <<T
version = 2
[$cri]
sandbox_image = "docker.io/library/box:latest"
[$cri.containerd]
snapshotter = "native"
[$cri.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[$cri.containerd.runtimes.systemd]
runtime_type = "io.containerd.runc.v2"
[$cri.containerd.runtimes.systemd.options]
SystemdCgroup = true
T
systemctl restart containerd
systemd-run -q --unit=docker2 -p Delegate=yes dockerd --exec-opt native.cgroupdriver=${driver} -H unix:///run/docker2.sock \\
  --data-root /var/lib/docker2 --exec-root /run/docker2 -p /run/docker2.pid --bridge=none --iptables=false --ip6tables=false \\
  --containerd $CONTAINERD --containerd-namespace moby2 --containerd-plugins-namespace plugins2
for socket in /run/docker.sock /run/docker2.sock; do
  until docker -H unix://$socket version > /dev/null 2>&1; do sleep 1; done
done
box > /dev/null
docker -H unix:///run/docker2.sock load -q -i /run/creators/box.tar
${podman} load -q -i /run/creators/box.tar
`;

/**
 * docker and containerd's CRI plugin with both drivers; where runc puts a relative path differs:
 * below its own group on v1, beside it on v2.
 */
const both = ({ systemd, cgroupfs }: Managers, relative: string): readonly Way[] => [
  {
    title: 'docker, systemd driver',
    start: dockerRun(systemd),
    group: 'system.slice/docker-HEX.scope',
    row: 'docker-scope',
  },
  {
    title: "docker, systemd driver, below a kubelet's pod",
    start: dockerRun(systemd, `--cgroup-parent ${slice}`),
    group: `${pod}/docker-HEX.scope`,
    row: 'pod-docker-scope',
  },
  {
    title: 'docker, cgroupfs driver',
    start: dockerRun(cgroupfs),
    group: 'docker/HEX',
    row: 'docker',
  },
  {
    title: "containerd's CRI plugin, SystemdCgroup",
    start: podRun(systemd, `/${pod}`, 'systemd'),
    group: `${pod}/cri-containerd-HEX.scope`,
    row: 'pod-containerd-scope',
  },
  {
    title: "containerd's CRI plugin without SystemdCgroup, for a kubelet with the systemd driver",
    start: podRun(cgroupfs, `/${pod}`),
    group: `${relative}/${slice}:cri-containerd:HEX`,
    row: 'literal-containerd',
  },
  {
    title: "containerd's CRI plugin, cgroupfs",
    start: podRun(cgroupfs, `/kubepods/burstable/pod${uid}`),
    group: `kubepods/burstable/pod${uid}/HEX`,
    row: 'pod-container',
  },
];

/** crun and podman's pods refuse a machine with v1 and v2 side by side. */
const onV2: readonly Way[] = [
  ...both(v2, 'system.slice'),
  { title: 'ctr', start: ctrRun, group: 'default/HEX', row: 'containerd-namespace' },
  {
    title: 'podman with crun, systemd manager',
    start: podmanRun(v2.systemd, '--runtime crun'),
    group: 'machine.slice/libpod-HEX.scope/container',
    row: 'podman-scope',
    conmon: ['machine.slice/libpod-conmon-HEX.scope', 'podman-conmon-scope'],
  },
  {
    title: 'podman in a pod, systemd manager',
    start: (n) =>
      `${podman} pod create --infra=false batch && ${podmanRun(v2.systemd, '', '--pod batch')(n)}`,
    group: 'machine.slice/machine-libpod_pod_HEX.slice/libpod-HEX.scope/container',
    row: 'podman-scope',
    conmon: [
      'machine.slice/machine-libpod_pod_HEX.slice/libpod-conmon-HEX.scope',
      'podman-conmon-scope',
    ],
  },
  {
    title: 'podman with a parent, systemd manager',
    start: podmanRun(v2.systemd, '', '--cgroup-parent batch.slice'),
    group: 'batch.slice/libpod-HEX.scope/container',
    row: 'podman-scope',
    conmon: ['batch.slice/libpod-conmon-HEX.scope', 'podman-conmon-scope'],
  },
  {
    title: 'podman in a unit, as quadlet starts it',
    start: (n) =>
      `systemd-run -q --unit=split -p Delegate=yes -p Type=forking -E ${podmanRun(v2.systemd, '', '--cgroups=split')(n)}`,
    group: 'system.slice/split.service/libpod-payload-HEX',
    row: 'podman-split',
    conmon: ['system.slice/split.service/runtime', 'unknown'],
  },
  {
    title: 'podman, cgroupfs manager',
    start: podmanRun(v2.cgroupfs),
    group: 'libpod_parent/libpod-HEX',
    row: 'podman',
    conmon: ['user.slice/user-0.slice/session-N.scope', 'unit'],
  },
  {
    title: 'a unit of systemd',
    start: (n) => `systemd-run -q --unit=batch -p MemoryMax=64M /bin/sleep ${n}`,
    group: 'system.slice/batch.service',
    row: 'unit',
  },
];

const onV1: readonly Way[] = [
  ...both(v1, 'system.slice/containerd.service'),
  {
    title: 'podman with runc, systemd manager',
    start: podmanRun(v1.systemd, '--runtime runc'),
    group: 'machine.slice/libpod-HEX.scope',
    row: 'podman-scope',
    conmon: ['machine.slice/libpod-conmon-HEX.scope', 'podman-conmon-scope'],
  },
];

const refused: Way = {
  title: 'refused',
  start: podRun(v2.systemd, `/kubepods/pod${uid}`, 'systemd'),
  group: '',
  row: '',
};

const bootV1 = 'systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1';

export function describeCreators(missing: string): void {
  describe.skipIf(missing !== '')(
    `the groups that real programs make beside systemd${missing === '' ? '' : `, skipped: ${missing}`}`,
    { timeout: 1_600_000 },
    () => {
      let vm: Vm;
      let found: readonly (readonly Found[])[] = [];
      const make = async (
        driver: string,
        ways: readonly Way[],
        hierarchy: Hierarchy,
      ): Promise<typeof found> =>
        read(await vm.ssh(`${setUp(driver)}${steps(ways, hierarchy)}`, 1200), ways.length);

      beforeAll(async () => {
        vm = await startVm('kmend-creators', 'full');
        try {
          found = await make('cgroupfs', [...onV2, refused], ['', '/sys/fs/cgroup', 'memory.max']);
        } catch (error) {
          vm.stop();
          throw error;
        }
        return () => vm.stop();
      }, 2_500_000);

      it.each(onV2.map((way, at) => ({ ...way, at: at + 1 })))(
        'on v2, $title: $group',
        ({ at, ...way }) => expectCreator(way, found[at], '67108864'),
      );

      it("a pod's sandbox is a group of the same shape as its containers", () => {
        const pods = onV2.filter(({ title }) => title.includes('CRI')).map(({ group }) => group);
        expect(found[0]?.map(({ group }) => shapeOf(group)).toSorted()).toEqual(pods.toSorted());
      });

      it('containerd with SystemdCgroup starts nothing for a kubelet with the cgroupfs driver', () => {
        expect(found.at(-1)?.map(({ group }) => group)).toEqual([
          expect.stringMatching(/^failed: .*format "slice:prefix:name"/),
        ]);
      });

      it('on v1: the same', async () => {
        const boot = await vm.bootId();
        // At once: containers that do not answer SIGTERM would be waited for
        await vm.ssh(
          `sed -i '/^linux/s/$/ ${bootV1}/' /boot/grub/grub.cfg && sync && (setsid reboot -ff > /dev/null 2>&1 < /dev/null &)`,
        );
        await vm.answers(boot, 800);
        const again = await make('systemd', onV1, ['pids', '/sys/fs/cgroup/pids', 'pids.max']);
        for (const [at, way] of onV1.entries()) expectCreator(way, again[at + 1]);
      });
    },
  );
}
