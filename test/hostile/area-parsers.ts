// Parsers of the probe: each area with all that follows from its facts, the frame around them, and
// collected outputs.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { areas, checkWants, derive, outputsIn, parseProbe } from '../../src/facts/index.ts';
import { creatorOf, normalPath } from '../../src/facts/kmem/creators.ts';
import { parsedByTable } from '../../src/facts/kmem/kernel-answer.ts';
import { shortRelease, vendorSays } from '../../src/facts/kmem/kernels.ts';
import type { Facts } from '../../src/model/fact.ts';
import type { Mapping } from '../../src/model/value.ts';
import { recordings } from '../recorded/recordings.ts';
import type { Parser } from './parser.ts';

const recorded = readdirSync(recordings).map((name) =>
  readFileSync(join(recordings, name), 'utf8'),
);

/** A host of el7 as far as verdicts need it: what one area says is laid over it. */
const el7: Facts = {
  'os.family': 'rhel',
  'kernel.release': '3.10.0-862.el7.x86_64',
  'kernel.next': '3.10.0-1160.el7.x86_64',
  'boot.cmdline': 'ro',
  'boot.next_cmdline': 'ro cgroup.memory=nokmem',
  'boot.loader': 'grub2',
  'cgroup.memory': 'v1',
  'kmem.files': true,
  'kmem.samples': { read: 1, eio: 1, total: 2 },
  'docker.installed': true,
  'docker.version': '18.06.1-ce',
  'docker.evr': '18.06.1.ce-3.el7',
  'containerd.evr': '1.2.10-3.2.el7',
  'containerd.installed': true,
  'kubelet.installed': true,
  'kubelet.version': '1.12.3',
};

/** Arguments for areas that have some. */
const args: Readonly<Record<string, Mapping>> = {
  package: { name: 'docker-ce', beside: ['kernel-lt'] },
  service: { name: 'docker' },
  path: { path: '/etc/x' },
  file: { path: '/etc/x', text: true },
  repository: { file: 'CentOS-Base', name: 'base' },
};

/** What each area prints, where no recording has it: a line of every kind. */
const lines: Readonly<Record<string, string>> = {
  os: `os ID="centos"\nos ID_LIKE="rhel fedora"\nos VERSION_ID="7"\nos export A+='b c'$ID"\${ID} \\" x"\\ y # z\nos PRETTY_NAME="CentOS Linux $VERSION_ID"\nredhat CentOS release 6.10 (Final)`,
  machine:
    'machine 0d1f2a3b\nhost n1\nboot b-1\nuptime 15.45 4.83\narch x86_64\nclock 1795540629\nat 1 1 /usr/bin/runc\nuid 0\nblocked 2\nstuck java (pid 7)',
  kernel:
    'release 3.10.0-862.44.2.el7.x86_64\ninstalled 3.10.0-1160.el7.x86_64\ninstalled 5.4.278-1.el7.elrepo.x86_64\nmap 3.10.0-862.el7.x86_64:ffffffff81000000 T _text\nmap 3.10.0-862.el7.x86_64:ffffffff81000000 b cgroup_memory_nokmem',
  wanted: [
    'required',
    'pkg linux-image-6.1.0-2-amd64',
    'said Core libraries or services have been updated since boot-up:',
    'said   * glibc',
    'said Reboot is required to fully utilize these updates.',
    'release 6.1.0-1-amd64',
    'installed 6.1.0-2-amd64',
    'installed 6.1.0-2-rt-amd64',
  ].join('\n'),
  boot: [
    'cmdline BOOT_IMAGE=/vmlinuz-3.10.0-862.el7.x86_64 root=/dev/sda1 "a b" cgroup.memory=nokmem,nosocket cgroup_disable=memory -- x',
    'efi',
    `default GRUB_CMDLINE_LINUX="crashkernel=auto \\"x\\" \${A}$B"`,
    'dropin /etc/default/grub.d/50-x.cfg',
    "drop0 GRUB_CMDLINE_LINUX_DEFAULT+=' console=ttyS0'",
    'kernelcmdline ro quiet',
    'cfg /boot/grub2/grub.cfg',
    `grub set default="\${saved_entry}"`,
    `grub set default="\${next_entry}"`,
    'grub set kernelopts="root=/dev/sda1 ro"',
    "grub submenu 'Advanced' $menuentry_id_option 'advanced' {",
    "grub menuentry 'CentOS (3.10.0-862.el7.x86_64) 7 (Core)' --class gnu --id 'gnulinux' {",
    `grub linux16 /vmlinuz-3.10.0-862.el7.x86_64 root=/dev/sda1 $kernelopts \${tuned_params} a\\ b`,
    'grub }',
    'grub blscfg',
    'env saved_entry=CentOS (3.10.0-862.el7.x86_64) 7 (Core)####',
    'env next_entry=1>2',
    'env kmend_trial=3.10.0-1160.el7.x86_64',
    'envdev /dev/mapper/x xfs',
    'bls /boot/loader/entries/a-5.14.0.conf:title Red Hat',
    'bls /boot/loader/entries/a-5.14.0.conf:version 5.14.0',
    'bls /boot/loader/entries/a-5.14.0.conf:linux /vmlinuz-5.14.0',
    'bls /boot/loader/entries/a-5.14.0.conf:options root=UUID=1 $kernelopts $tuned_params',
    'oem set linux_append="console=ttyS0 $x"',
    'os ID=centos',
    'arch x86_64',
  ].join('\n'),
  package_locks: 'locked dnf (pid 4711, for 45 s) holds /var/lib/rpm/.rpm.lock',
  packages: [
    'pkg docker-ce 3:18.09.9-3.el7 1700000000 rpm',
    'pkg containerd.io 1.2.10-3.2.el7 1700000000 rpm',
    'pkg docker-ce 5:18.09.1~3-0~debian @ hi',
    'pkg error: rpmdb: BDB0113 Thread/process 1/2 failed: Thread died in Berkeley DB library',
    'queried rpm 0 "7"',
    'at 1700000000 1700000000 /var/lib/dpkg/info/docker-ce:amd64.list',
    'broken docker-ce is half configured',
    'lock 3:docker-ce-18.09.9-3.el7.*',
    'lock !docker-ce-cli-1:18.09.9-3.el7.x86_64',
    'exclude docker-ce* kernel*, c?ntainerd*io',
    'tool yum',
  ].join('\n'),
  docker:
    'process\ninstalled\nversion 0 18.06.1-ce 18.06.1-ce\ninfo cgroupfs false {"nvidia":{"path":"nvidia-container-runtime","runtimeArgs":[]},"runc":{"path":"docker-runc"}}\nclient Docker version 18.06.1-ce, build e68fc7a\ndaemon { "exec-opts": ["native.cgroupdriver=systemd"], "runtimes": {"a": {"path": "/b"}} }\nsays /b runc version 1.0.0-rc6',
  runc: 'path /usr/bin/docker-runc\nbundled\npackage 1.1.15+ds1-2+deb13u1\nat 1700000000 1 /usr/bin/docker-runc\nsays runc version 1.0.0-rc6+dev\nsays commit: 69663f0bd4b60df09991c08812a60108003fa340\ncontainerd',
  kubelet:
    'running kubelet\nprogram kubelet\nsays Kubernetes v1.12.3\npackage 1.12.3-0\nfile /usr/bin/kubelet\nat 1700000000 1 /usr/bin/kubelet\narg --cgroup-driver=cgroupfs\narg --kubelet-arg=cgroup-driver=systemd\narg --container-runtime-endpoint=unix:///run/x\nflags KUBELET_EXTRA_ARGS="--cgroup-driver=systemd --x=\'y\'"\nconfig cgroupDriver: "systemd"\nconfig containerRuntimeEndpoint: unix:///x',
  runtimes:
    'containerd\ncrio\ncrio 1.17.4-1.el7\npodman\ntoml [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]\ntoml SystemdCgroup = true # yes\ntoml runtime_type = "io.containerd.runc.v2"\ntoml BinaryName = "/usr/bin/nvidia-container-runtime"\ntoml imports = ["/etc/x.toml"]\nsays /usr/bin/nvidia-container-runtime runc version 1.0.0-rc6\ncrioconf cgroup_manager = "systemd"\npodmanconf  cgroup_manager = \'cgroupfs\'',
  memory: 'Slab:             84088 kB\nSUnreclaim:        23412 kB\nmemory\t5\t42\t1',
  space: 'free 100000 4096 /boot\nfree 100000 4096 /\nfree 100000 4096 /var',
  log: [
    'log [1.0] SLUB: Unable to allocate memory on node -1 (gfp=0x8020)',
    'log [1.0]   cache: kmalloc-192(12:0f3a5e0e), object size: 192',
    'log [1.0] IP: [<ffffffff9e7d0a5c>] ip6mr_sk_done+0x2c/0xb0',
    'log [1.0] socket: no more sockets',
    'log [1.0] Failed to initialize the ICMP6 control socket (err -23)',
    'log [1.0] BUG: soft lockup - CPU#3 stuck for 22s! [runc:1]',
    'log [1.0] kmem_cache_create(foo(12:ab)) failed with error -12',
    'log [1.0] java: page allocation failure: order:4, mode:0x10c0d0',
    'log [1.0] INFO: task jbd2/dm-0-8:411 blocked for more than 120 seconds.',
    'log @denied',
    'logged',
    'runtime mkdir /sys/fs/cgroup/memory/kubepods/burstable/pod1: no space left on device',
    'runtime You specified a kernel memory limit on a kernel older than 4.0',
  ].join('\n'),
  marks:
    'probe b-1 off\nstarted b-1 1795000000 docker off\nboot b-1\nfence 20261124-153012-k3f9 2 open\nfence',
  cgroup: [
    'unified',
    'hybrid',
    'v1',
    'memory\t5\t42\t1',
    'memory v1',
    'usage 81920',
    'files',
    'slab 42 3 0',
    'w docker eio yes 0 1 1 0 4',
    'w pod-cgroupfs read no 1 1 0 1 2',
    'g docker eio 0 2 81920 1 docker/8a8a',
    'u batch/job-7',
    'x 67108864 redis system.slice/docker-8a.scope',
    'gone 1',
    'absent 1',
    'strange 1',
    'why Cannot allocate memory',
    'ended 0',
  ].join('\n'),
  crash: [
    'now 1541413473 +0800',
    'up 1000',
    'kernel 3.10.0-862.el7.x86_64',
    'read dump',
    'cut messages',
    'denied journal',
    'log dump /var/crash/127.0.0.1-2018-11-05-10:24:33/vmcore-dmesg.txt',
    'ran 3.10.0-862.el7.x86_64',
    'sign 3 1541413401 [12345.678901] cache: sock_inode_cache(158:8aff71103b35), object size: 632',
    'last 1541413401 [12345.678901] ---[ end trace ]---',
    'end gone',
    'log messages /var/log/messages',
    'sign 1 1541413401 Nov  5 10:24:33 n1 kernel: BUG: soft lockup - CPU#3 stuck for 22s!',
    'last 1541413401 2018-11-05T10:24:33.123456+08:00 n1 kernel: x',
    'end planned',
    'log pstore dmesg-efi-1',
    'log journal 3d2023fbc8464e8295efbce27dc2ac93',
  ].join('\n'),
  ansible: `os NAME="CentOS Linux"\nos VERSION="7 (Core)"\nos ID="centos"\nos VERSION_ID="7"\nredhat CentOS Linux release 7.9.2009 (Core)\ndebian 13.6\nhost a.b.c\nkernel 3.10.0\narch x86_64\nfamily rpm\nversion "7"\ntool yum\nMemTotal:  16265852 kB\ninit systemd\nsystemd\nthere /etc/init.d\nenforce 1\npolicy 31\nselinux SELINUX=enforcing\nselinux SELINUXTYPE=targeted`,
  file: 'parent\nlink ../a b\nreal /a b\nstat 644 0 4 12 root UNKNOWN\nkind file\nsha256 e3b0c44298fc1c149afbf4c8996fb924\ntext\nx 6eefbbbf0ac3af\nfilled',
  pids: 'kernel_max 32768\ncontroller v1\ncounts 10 4 20 3\narg --pod-max-pids=1024\nflags X="--system-reserved=cpu=200m,memory=1Gi,pid=1000"\nconfig podPidsLimit: 1024\nconfig featureGates: {SupportPodPidsLimit: true, A: false}\nconfig systemReserved:\ninner systemReserved   pid: "1000"\ninner systemReserved   cpu: 200m',
  kernels:
    'owner kernel 3.10.0-862.el7.x86_64\nowner kernel-lt 5.4.278-1.el7.elrepo.x86_64\nsetting UPDATEDEFAULT=yes\nsetting DEFAULTKERNEL=kernel',
  package: [
    'installed 3:18.09.1-3.el7 rpm',
    'installed 5:18.09.1~3-0~debian hi',
    'lock 3:docker-ce-18.09.9-3.el7.*',
    'exclude docker-ce* kernel*',
    'available 5:18.09.1~3-0~debian',
    'proxy',
    'repo base 1 baseurl http://user:secret@mirror.example.com/centos/$releasever/os?token=x',
    'repo epel 0 metalink -',
    'said http://mirror.example.com/centos/7/repodata/repomd.xml: [Errno 14] HTTP Error 404 - Not Found',
    "said Error: Failed to download metadata for repo 'base': Cannot download repomd.xml: Curl error (6): Couldn't resolve host name for http://x/ [Could not resolve host: x]",
    'said Could not retrieve mirrorlist http://mirrorlist.centos.org/?release=7 error was 14: curl#6 - "Could not resolve host: mirrorlist.centos.org; Unknown error"',
    'said failure: repodata/repomd.xml from base/7/x86_64: [Errno 256] No more mirrors to try.',
    'said Ignoring repositories: epel, base',
    'said  - Status code: 404 for https://x/y (IP: 10.0.0.1)',
    'said yum did not answer within 60 s',
    'list docker-ce.x86_64 3:18.09.1-3.el7 docker-ce-stable docker-ce.x86_64 3:18.09.9-3.el7 docker-ce-stable kernel-lt.x86_64 5.4.278-1.el7.elrepo elrepo-kernel ',
    'look_failed',
  ].join('\n'),
  service: 'active active\nenabled enabled-runtime',
  path: 'exists',
  repository:
    'line [base]\nline name = CentOS\nline baseurl=http://x/\nline  http://y/\nline # c\nline gpgcheck: 1\nalso epel',
};

const base = derive(el7);

/** Each variable holds the one before it ten times: nine lines would make a gigabyte. */
const bomb = (before: string, size: number): string =>
  Array.from(
    { length: size / 100 },
    (_, at) => `${before}A${at}="${at === 0 ? 'x'.repeat(10) : `\${A${at - 1}}`.repeat(10)}"`,
  ).join('\n');

const attacks: Readonly<Record<string, Parser['attacks']>> = {
  os: [(size) => bomb('os ', size)],
  boot: [
    (size) => bomb('default ', size),
    (size) =>
      `grub set kernelopts=${'x'.repeat(size / 2)}\ngrub menuentry 'a' {\ngrub linux /vmlinuz-1 ${'$kernelopts'.repeat(size / 22)}`,
    (size) => "grub submenu 'a' {\n".repeat(size / 19),
  ],
  kernels: [(size) => bomb('setting ', size)],
  package: [
    (size) => `exclude ${'*'.repeat(size)}Q`,
    (size) => `exclude ${'*r*e'.repeat(size / 4)}Q`,
  ],
  packages: [(size) => `exclude ${'*'.repeat(size)}Q`],
  log: [
    (size) => `log ${'INFO: task '.repeat(size / 11)}`,
    (size) => `log ${'cache: x(1:'.repeat(size / 11)}`,
  ],
};

const ofArea = (name: string): Parser => ({
  name: `area ${name}`,
  parse: (text) =>
    derive({ ...base, ...areas.get(name)?.parse(text, { cut: false, args: args[name] ?? {} }) }),
  seeds: [lines[name] ?? ''],
  attacks: attacks[name] ?? [],
});

export const areaParsers: readonly Parser[] = [
  ...[...areas.keys()].map(ofArea),
  {
    name: 'probe',
    parse: (text) => parseProbe(text),
    seeds: [...recorded, 'sh: command not found', '/sbin/nologin', 'syntax error'],
  },
  {
    name: 'probe of check, ended',
    parse: (text) => parseProbe(text, checkWants, 'it was ended'),
    seeds: recorded,
  },
  {
    name: 'collected outputs',
    parse: (text) => outputsIn(text).map((output) => parseProbe(output.text)),
    seeds: [
      ...recorded,
      (recorded[0] ?? '').replaceAll(/^/gm, 'node-a1: '),
      JSON.stringify({ n1: { stdout: recorded[0] }, n2: [{ stdout: recorded[1] }] }),
      `\u001b[1m\ufeff${recorded[0]?.replaceAll('\n', '\r\n')}`,
    ],
  },
  {
    name: 'kernel release',
    parse: (text) => [shortRelease(text), vendorSays(text), parsedByTable(text)],
    seeds: [
      '3.10.0-862.44.2.el7.x86_64',
      '4.4.0-165-generic',
      '5.4.17-2136.300.7.el7uek.x86_64',
      '4.12.14-122.37-default',
    ],
  },
  {
    name: 'path of a group',
    parse: (text) => [creatorOf(normalPath(text)), normalPath(text)],
    seeds: [
      `kubepods/burstable/pod11111111-2222-3333-4444-555555555555/${'8a'.repeat(32)}`,
      `system.slice/docker-${'8a'.repeat(32)}.scope`,
      'kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/crio-8a.scope',
      'user.slice/user-0.slice/session-1.scope',
      'machine.slice/libpod-8a.scope',
    ],
  },
];
