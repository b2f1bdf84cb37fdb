// A practice fleet whose hosts are nodes of a fake cluster. The fake kubelets report the boot and
// kernel of the hosts.

import { existsSync } from 'node:fs';
import type { HostSpec } from '../../practice/index.ts';
import type { Event } from '../../src/model/run/event.ts';
import { type Practice, practice, type Reachable, sick } from '../cli/practice.ts';
import type { CommandResult, WorldChanges } from '../cli/real-world.ts';
import { type FakeKube, type FakeKubeOptions, startFakeKube } from '../fakes/kube-api.ts';
import { pending } from '../fakes/plays.ts';
import { clusterFor } from './cluster-on.ts';

const packages = [
  'container-selinux-2:2.68-1.el7',
  'docker-ce-18.06.1.ce-3.el7',
  'kubelet-1.22.17-0',
];

/** An affected host whose kubelet does not account kernel memory. */
export const sickNode = (name: string, more: Partial<HostSpec> = {}): HostSpec =>
  sick(name, { packages, ...more });

/** A whole play, with the options of the drain, and with more tasks between drain and reboot. */
export const nodePlay = (
  options: { drain?: string; rollout?: string; between?: string; reboot?: string } = {},
): string => `- name: Fix the nodes
  hosts: all
  rollout: ${options.rollout ?? '{max_unavailable: 1}'}
  tasks:
    - name: Drain
      drain: ${options.drain ?? '{timeout: 10s}'}
${options.between ?? ''}    - name: The argument
      kernel_arg: {key: cgroup.memory, value: nokmem}
    - name: Reboot
      reboot: ${pending(options.reboot ?? '{timeout: 20s, stable_for: 1s, ready_timeout: 20s}')}
    - name: Proof
      verify_kmem: {state: disabled, timeout: 10s}
    - name: Give it back
      uncordon: {}
`;

export interface KubeletOptions {
  /** Milliseconds from the host's boot to the new status. Until then the old Ready remains. */
  readonly late?: number;
  /** Hosts without a node. */
  readonly without?: readonly string[];
}

export async function nodeFleet(
  hosts: readonly HostSpec[],
  options: KubeletOptions & FakeKubeOptions = {},
) {
  const fake = await startFakeKube({ stopAfter: 100, ...options });
  return nodesOf(fake, await practice(hosts), { cluster: clusterFor(fake) }, options);
}

/** The node status that a kubelet reports for its host. */
interface Host {
  readonly name: string;
  readonly boots: () => number;
  readonly bootId: () => string;
  readonly isUp: () => boolean;
  readonly kernel: () => string;
}

interface Nodes extends Reachable {
  readonly hosts: readonly Host[];
}

/** Kubelets for these hosts, with helpers for tests. `world` is that of each command line. */
export function nodesOf<Hosts extends Nodes>(
  fake: FakeKube,
  lab: Practice<Hosts>,
  world: Partial<WorldChanges>,
  options: KubeletOptions,
) {
  for (const { name, bootId, kernel } of lab.fleet.hosts) {
    if (options.without?.includes(name)) continue;
    fake.addNode(name, {
      status: {
        nodeInfo: {
          bootID: bootId(),
          kernelVersion: kernel(),
          containerRuntimeVersion: 'docker://18.6.1',
        },
      },
    });
  }
  const pending = new Set<string>();
  const kubelets = setInterval(() => {
    for (const host of lab.fleet.hosts) {
      const shown = fake.nodes.get(host.name)?.status.nodeInfo.bootID;
      if (shown === undefined || !host.isUp() || shown === host.bootId() || pending.has(host.name))
        continue;
      pending.add(host.name);
      setTimeout(() => {
        pending.delete(host.name);
        fake.changeNode(host.name, {
          status: { nodeInfo: { bootID: host.bootId(), kernelVersion: host.kernel() } },
        });
      }, options.late ?? 300);
    }
  }, 50);
  const withCluster = (args: readonly string[]): readonly string[] => [
    ...args,
    '--kubeconfig',
    'kubeconfig',
  ];
  return {
    fake,
    lab,
    run: (args: readonly string[], more: Partial<WorldChanges> = {}): Promise<CommandResult> =>
      lab.run(withCluster(args), { ...world, ...more }),
    start: (args: readonly string[]) => lab.start(withCluster(args), world),
    /** Pods of a ReplicaSet on a node. */
    web: (node: string, count: number, app = 'web'): void => {
      for (let index = 0; index < count; index += 1)
        fake.addPod({
          name: `${app}-${node}-${index}`,
          node,
          owner: { kind: 'ReplicaSet', name: app },
          labels: { app },
        });
    },
    patches: () => fake.seen.filter((seen) => seen.method === 'PATCH'),
    evictions: () => fake.seen.filter((seen) => seen.path.endsWith('/eviction')),
    isCordoned: (node: string): boolean => fake.nodes.get(node)?.spec.unschedulable === true,
    isMarked: (node: string): boolean =>
      fake.nodes.get(node)?.metadata.annotations['kmend.io/owner'] !== undefined,
    boots: (): readonly number[] => lab.fleet.hosts.map((host) => host.boots()),
    has: (holds: (event: Event) => boolean): boolean =>
      lab.runs().some((run) => existsSync(`${lab.state}/runs/${run}/journal.ndjson`)) &&
      lab.journal().some(holds),
    close: async () => {
      clearInterval(kubelets);
      await lab.close();
      await fake.stop();
    },
  };
}

export type NodeFleet = Awaited<ReturnType<typeof nodeFleet>>;
