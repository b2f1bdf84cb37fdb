// The area pids: who has a limit on processes, and the kubelet's settings for it; read through the
// real script.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isVolatile, parseProbe } from '../../src/facts/index.ts';
import type { Facts } from '../../src/model/fact.ts';
import { isUnknown, type Value } from '../../src/model/value.ts';
import {
  eioFile,
  emptyHost,
  file,
  hasBusybox,
  isRoot,
  type Recorded,
  replay,
  runProbe,
  v1Group,
} from './replay.ts';

let host: Recorded;
beforeEach(() => {
  host = emptyHost();
  file(host, 'proc/sys/kernel/osrelease', '3.10.0-1160.el7.x86_64\n');
  file(host, 'proc/sys/kernel/pid_max', '32768\n');
});
afterEach(() => host.remove());

const wants = [{ area: 'pids' }];
const read = (options: Parameters<typeof replay>[1] = {}): Facts =>
  replay(host, { wants, ...options });
const counted = (facts = read()): readonly (Value | undefined)[] =>
  (['controller', 'pods', 'pods_unlimited', 'containers', 'containers_unlimited'] as const).map(
    (name) => facts[`pids.${name}`],
  );
const configured = (facts = read()): readonly (Value | undefined)[] =>
  (['pod_limit', 'pod_limit_gate', 'system_reserved', 'kube_reserved'] as const).map(
    (name) => facts[`pids.${name}`],
  );

const hex = (digit: string): string => digit.repeat(64);
const pod = (name: string): string => `kubepods/burstable/pod${name}`;
const limits = (
  groups: Readonly<Record<string, number | 'max'>>,
  tree = 'sys/fs/cgroup/pids',
): void => {
  for (const [path, max] of Object.entries(groups))
    file(host, `${tree}/${path}/pids.max`, `${max}\n`);
};
const kubelet = (...args: readonly string[]): void => {
  file(host, 'proc/812/stat', '812 (kubelet) S 1 812 812 0 -1\n');
  file(host, 'proc/812/cmdline', `${['/usr/bin/kubelet', ...args].join('\0')}\0`);
};

describe('limits of groups', () => {
  const groups = {
    kubepods: 30_000,
    [pod('a')]: 'max',
    [`${pod('a')}/${hex('1')}`]: 'max',
    [`${pod('a')}/${hex('2')}`]: 4096,
    [pod('b')]: 1024,
    [`${pod('b')}/${hex('3')}`]: 'max',
    docker: 'max',
    [`docker/${hex('4')}`]: 'max',
    [`docker/${hex('5')}`]: 512,
    'system.slice/sshd.service': 'max',
    "it's: odd/pids.max:7": 'max',
  } as const;

  it('count a container as limited by its pod, and not by a limit that all pods share', () => {
    limits(groups);
    expect(counted()).toEqual(['v1', 2, 1, 5, 2]);
    expect(read()['pids.kernel_max']).toBe(32_768);
  });

  it.skipIf(!hasBusybox)('are counted by busybox as well', () => {
    limits(groups);
    expect(counted(read({ shell: ['busybox', 'ash'] }))).toEqual(['v1', 2, 1, 5, 2]);
  });

  it('are found on cgroup v2 and below slices', () => {
    file(host, 'sys/fs/cgroup/cgroup.controllers', 'cpuset cpu io memory pids\n');
    const slice = 'kubepods.slice/kubepods-podabc.slice';
    limits(
      {
        [slice]: 'max',
        [`${slice}/cri-containerd-${hex('1')}.scope`]: 'max',
        [`system.slice/docker-${hex('2')}.scope`]: 9,
      },
      'sys/fs/cgroup',
    );
    expect(counted()).toEqual(['v2', 1, 1, 2, 1]);
  });

  it.each(['sh', 'busybox ash'].filter((shell) => shell === 'sh' || hasBusybox))(
    'are counted beside the memory groups by %s, and say nothing about those',
    (shell) => {
      const memory = {
        [pod('a')]: 3,
        [`${pod('a')}/${hex('1')}`]: 5,
        'system.slice': 'eio',
      } as const;
      v1Group(host, '.', { slabinfo: 'eio' });
      for (const [path, slabinfo] of Object.entries(memory)) v1Group(host, path, { slabinfo });
      const options = { shell: shell.split(' ') };
      const kmem = () =>
        Object.entries(read(options)).filter(([name]) => /^(?:kmem|cgroup)\./.test(name));
      const before = kmem();
      expect(counted(read(options))).toEqual(['absent', 0, 0, 0, 0]);
      limits(groups);
      eioFile(host, `sys/fs/cgroup/pids/${pod('c')}/pids.max`);
      expect(counted(read(options))).toEqual(['v1', 2, 1, 5, 2]);
      expect(kmem().filter(([name]) => name !== 'kmem.samples')).toEqual(
        before.filter(([name]) => name !== 'kmem.samples'),
      );
    },
  );

  it('are not known where the walk did not come to its end', () => {
    limits(groups);
    const whole = runProbe(host, { wants });
    const parsed = (text: string): Facts => {
      const result = parseProbe(text, wants, 'it was ended');
      return result.ok ? result.value : {};
    };
    expect(counted(parsed(whole))).toEqual(['v1', 2, 1, 5, 2]);
    const cut = whole.slice(0, whole.indexOf('\ngone '));
    expect(cut).toContain('\nslab ');
    expect(parsed(cut)['pids.controller']).toBe('v1');
    expect(counted(parsed(cut)).slice(1).every(isUnknown)).toBe(true);
    const slow = whole.replace(/\nended \d+\n/, '\nended 124\n');
    expect(counted(parsed(slow)).slice(1).every(isUnknown)).toBe(true);
  });

  it('are none where the kernel has no such controller', () => {
    expect(counted()).toEqual(['absent', 0, 0, 0, 0]);
    file(host, 'sys/fs/cgroup/cgroup.controllers', 'cpu memory\n');
    expect(counted()[0]).toBe('absent');
  });
});

describe('settings of the kubelet', () => {
  it('come from its arguments', () => {
    kubelet(
      '--v=2',
      '--pod-max-pids=1024',
      '--system-reserved',
      'cpu=200m,memory=1Gi,pid=1000',
      '--feature-gates=A=true,SupportPodPidsLimit=true',
    );
    expect(configured()).toEqual([1024, 'true', 'cpu=200m,memory=1Gi,pid=1000', '']);
  });

  it('come from its configuration, in block and in flow style', () => {
    kubelet('--config=/etc/kubelet.yaml');
    file(
      host,
      'etc/kubelet.yaml',
      'podPidsLimit: 2048\nsystemReserved:\n  cpu: 200m\n  "memory": "1Gi" # enough\nother:\n  memory: 9Gi\nkubeReserved: {memory: 500Mi, pid: "100"}\nfeatureGates:\n  SupportPodPidsLimit: false\n',
    );
    expect(configured()).toEqual([2048, 'false', 'cpu=200m,memory=1Gi', 'memory=500Mi,pid=100']);
  });

  it('come from flags on the disk where no kubelet runs; an argument wins over the file', () => {
    file(
      host,
      'var/lib/kubelet/kubeadm-flags.env',
      'KUBELET_KUBEADM_ARGS="--pod-max-pids=300 --kube-reserved=memory=1Gi"\n',
    );
    file(host, 'var/lib/kubelet/config.yaml', 'podPidsLimit: 2048\n');
    expect(configured()).toEqual([300, '', '', 'memory=1Gi']);
  });

  it.each(['-1', '0', 'x'])('podPidsLimit %s is no limit', (value) => {
    file(host, 'var/lib/kubelet/config.yaml', `podPidsLimit: ${value}\n`);
    expect(configured()[0]).toBe(-1);
  });

  it('are none without a kubelet', () => expect(configured()).toEqual([-1, '', '', '']));

  it.skipIf(!isRoot)('are unknown to a user who may not read the file', () => {
    file(host, 'var/lib/kubelet/config.yaml', 'podPidsLimit: 2048\n');
    expect(configured(read()).some(isUnknown)).toBe(false);
    chmodSync(join(host.root, 'var/lib/kubelet/config.yaml'), 0o600);
    expect(configured(read({ uid: 65_534 })).every(isUnknown)).toBe(true);
  });
});

it('makes no plan stale', () => expect(isVolatile('pids.pods_unlimited')).toBe(true));
