// Facts that no probe reads: from the connection, other hosts, the operator and the cluster.
import { type ByName, cluster, outside, volatile } from './row.ts';
import type { Accepted, Forecast } from './values.ts';

export const givenFacts = {
  'ssh.host_key': outside<string>(
    'Fingerprint of the SSH host key of the host; empty where the probe came as a file.',
    'SHA256:uOjkzDqJ2N6hRkeQm2b8mUeXcSRkA2dIYZ1Qz3cAqkM',
  ),
  'kernel.seen': volatile(
    outside<ByName<'yes' | 'no'>>(
      'By kernel release, what active probes of this run found where the table does not say the same: does it obey the argument, yes or no.',
      { '3.10.0-862.el7.x86_64': 'yes' },
    ),
  ),
  'kernel.seen_on': volatile(
    outside<ByName<string>>('By kernel release, the host on which the active probe found it.', {
      '3.10.0-862.el7.x86_64': 'node-a1',
    }),
  ),
  'kmem.kernels': outside<ByName<string>>(
    'The variable `kmem_kernels`: yes, no or try for each release that the operator declares; empty where it is not set.',
    { '3.10.0-862.el7.x86_64': 'try' },
  ),
  'kmem.accepted': volatile(
    outside<readonly Accepted[]>(
      "With `partial: accept`: programs that go on asking for accounting, as the host's plan names them; `drift`: as the proof names them. Empty elsewhere.",
      [{ key: 'kubelet', name: 'kubelet 1.12.3' }],
    ),
  ),
  'kmem.asks': outside<ByName<string>>(
    'The variable `kmem_asks`: does this program ask for accounting, yes or no; empty where it is not set.',
    { kubelet: 'no' },
  ),
};

export const clusterFacts = {
  'node.name': cluster<string>(
    'Node that this host is; empty = none, or no cluster is configured.',
    'node-a01.example.net',
  ),
  'node.why': cluster<string>('Why no node is known for this host; empty where one is.', ''),
  'node.ready': cluster<boolean>(
    'The API shows the node as Ready. After a reboot that may still be the state of the boot before.',
    true,
  ),
  'node.unschedulable': cluster<boolean>('The node is cordoned, by whomever.', false),
  'node.owner': cluster<string>('Run of kmend whose mark the node carries; empty = none.', ''),
  'node.hold': cluster<string>(
    'Why an operator keeps the node out of every rollout (annotation `kmend.io/hold`); empty = no hold.',
    '',
  ),
  'node.pool': cluster<string>('Node pool by label; empty = no known label.', 'pool-a'),
  'node.zone': cluster<string>('Failure domain by label; empty = none.', 'eu-1a'),
  'node.control_plane': cluster<boolean>(
    'The node is labelled as one of the control plane.',
    false,
  ),
  'node.kernel': cluster<string>(
    'Kernel release as the kubelet reports it.',
    '3.10.0-1160.el7.x86_64',
  ),
  'node.runtime': cluster<string>(
    'Container runtime as the kubelet reports it.',
    'docker://18.9.9',
  ),
  'node.kubelet': cluster<string>('Version of the kubelet.', 'v1.18.9'),
  'node.boot_id': cluster<string>(
    'Boot id as the kubelet reports it.',
    '0f3a5e0e-3c3b-4b0e-8f0a-6f0d7d1c2b3a',
  ),
  'node.current': cluster<boolean>(
    "Ready in the boot that the host is in, with its kernel and runtime, without not-ready taints, its DaemonSets' pods running.",
    true,
  ),
  'node.current_why': cluster<string>('Why `node.current` is false.', ''),
  'forecast.*': cluster<Forecast>(
    'What a drain with these options would come to: evicts, leaves, blocks, busy, warnings, estimate, samplers.',
    {
      evicts: ['shop/web-1'],
      leaves: ['kube-system/kube-proxy-x'],
      blocks: [],
      busy: [],
      samplers: [],
      warnings: [],
      estimate: 30,
    },
  ),
};
