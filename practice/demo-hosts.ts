// The hosts of the demo: one of each kind that a real cluster with this bug has.
import type { HostSpec } from './spec.ts';

const engine = ['container-selinux-2:2.68-1.el7'] as const;
const old = [...engine, 'docker-ce-18.06.1.ce-3.el7'] as const;
const newer = (containerd: string): readonly string[] => [
  ...engine,
  'docker-ce-3:18.09.9-3.el7',
  'docker-ce-cli-1:18.09.9-3.el7',
  `containerd.io-${containerd}.el7`,
];

/** A practice host boots in a second, so its new boot is accepted after two seconds. */
const host = { reboot_stable_for: 2 } as const;
/** The practice fleet has no cluster: a command that does nothing drains its nodes. */
const node = { ...host, drain_command: 'true' } as const;

export const demoHosts: readonly HostSpec[] = [
  // The host of the original report: its kernel is not known to parse the argument, and the log
  // shows the bug.
  {
    name: 'node-a1',
    group: 'pool_a',
    flavour: 'el7',
    kernel: '3.10.0-862.el7.x86_64',
    unread: 'ignores',
    packages: [...old, 'kubelet-1.12.3-0'],
    deadGroups: 120,
    vars: node,
  },
  // A containerd.io from the months in which its el7 builds had lost the nokmem tag.
  {
    name: 'node-a2',
    group: 'pool_a',
    flavour: 'el7',
    kernel: '3.10.0-1160.el7.x86_64',
    packages: [...newer('1.2.10-3.2'), 'kubelet-1.12.3-0'],
    vars: node,
  },
  // Engine and kubelet are good: nothing to do.
  {
    name: 'node-a3',
    group: 'pool_a',
    flavour: 'el7',
    kernel: '3.10.0-1160.el7.x86_64',
    packages: [...newer('1.4.13-3.1'), 'kubelet-1.22.17-0'],
    vars: node,
  },
  // The engine is already upgraded, which is not enough: the kubelet switches accounting on for all
  // pods.
  {
    name: 'node-b1',
    group: 'pool_b',
    flavour: 'el7',
    kernel: '3.10.0-1160.el7.x86_64',
    packages: [...newer('1.4.13-3.1'), 'kubelet-1.12.3-0'],
    vars: node,
  },
  // No kubelet, and the kernel would need an update. An upgrade of the engine is enough, but its
  // package is held.
  {
    name: 'build-b2',
    group: 'pool_b',
    flavour: 'el7',
    kernel: '3.10.0-957.el7.x86_64',
    unread: 'ignores',
    packages: old,
    held: ['docker-ce'],
    vars: host,
  },
  // No kubelet: a newer engine is enough, without a new kernel.
  {
    name: 'build-b3',
    group: 'pool_b',
    flavour: 'el7',
    kernel: '3.10.0-957.el7.x86_64',
    unread: 'ignores',
    packages: old,
    vars: host,
  },
  // A modern host: accounting is healthy there.
  {
    name: 'node-c1',
    group: 'pool_c',
    flavour: 'debian',
    kernel: '6.1.0-28-amd64',
    packages: [
      'linux-image-6.1.0-28-amd64=6.1.119-1',
      'docker-ce=5:24.0.7-1~debian.12~bookworm',
      'docker-ce-cli=5:24.0.7-1~debian.12~bookworm',
      'containerd.io=1.6.24-1',
      'kubelet=1.28.2-1.1',
    ],
    vars: node,
  },
  // This host does not answer.
  {
    name: 'node-c2',
    group: 'pool_c',
    flavour: 'el7',
    kernel: '3.10.0-1160.el7.x86_64',
    packages: old,
    closed: true,
  },
];
