// Facts that the cluster gives about a host's node, and what a drain of it would come to. The engine reads them; here are their names.
import { type FactDef, type FactWant, wantKey } from '../../../model/fact.ts';
import type { Mapping } from '../../../model/value.ts';

const def = (name: string, summary: string, example: FactDef['example']): FactDef => ({ name, lifetime: 'cluster', summary, example });

export const nodeFacts: readonly FactDef[] = [
  def('node.name', 'Node that this host is; empty = none, or no cluster is configured.', 'node-a01.example.net'),
  def('node.why', 'Why no node is known for this host; empty where one is.', ''),
  def('node.ready', 'The API shows the node as Ready. After a reboot that may still be the state of the boot before.', true),
  def('node.unschedulable', 'The node is cordoned, by whomever.', false),
  def('node.owner', 'Run of kmend whose mark the node carries; empty = none.', ''),
  def('node.hold', 'Why a person keeps the node out of every rollout (annotation `kmend.io/hold`); empty = nobody does.', ''),
  def('node.pool', 'Node pool by label; empty = no known label.', 'pool-a'),
  def('node.zone', 'Failure domain by label; empty = none.', 'eu-1a'),
  def('node.control_plane', 'The node is labelled as one of the control plane.', false),
  def('node.kernel', 'Kernel release as the kubelet reports it.', '3.10.0-1160.el7.x86_64'),
  def('node.runtime', 'Container runtime as the kubelet reports it.', 'docker://18.9.9'),
  def('node.kubelet', 'Version of the kubelet.', 'v1.18.9'),
  def('node.boot_id', 'Boot id as the kubelet reports it.', '0f3a5e0e-3c3b-4b0e-8f0a-6f0d7d1c2b3a'),
  def(
    'node.current',
    "Ready in the boot that the host is in, with its kernel and runtime, without not-ready taints, its DaemonSets' pods running.",
    true,
  ),
  def('node.current_why', 'Why `node.current` is false.', ''),
  def('forecast.*', 'What a drain with these options would come to: evicts, leaves, blocks, busy, warnings, estimate, samplers.', {}),
];

/** Asks for the forecast of a drain with these options. */
export const forecastWant = (options: Mapping): FactWant => ({ area: 'forecast', args: options });

/** The fact that answers it. */
export const forecastFact = (want: FactWant): string => `forecast.${wantKey(want)}`;

/** Wants that the cluster answers and no probe of a host. */
export const isClusterWant = (want: FactWant): boolean => want.area === 'forecast';
