// When a node is back after its reboot: Ready in the new boot, with the planned versions and its
// DaemonSets. And which pods crash since. Pure.
import type { HostState } from '../../core/run-state/state.ts';
import { isList, type Mapping } from '../../model/value.ts';
import type { NodeState, PodState } from '../ports/cluster.ts';

export interface ExpectedNode {
  /** Read over SSH on a new connection: `/proc/sys/kernel/random/boot_id`. */
  readonly bootId: string;
  readonly kernel?: string;
  /** As in the status of the node: `docker://18.9.1`. */
  readonly runtime?: string;
  readonly kubelet?: string;
  /** Pods of the node; absent = DaemonSets are not checked. */
  readonly pods?: readonly PodState[];
  /** Workloads that crashed before the run: their pods are not checked. */
  readonly crashing?: ReadonlySet<string>;
}

export interface Readiness {
  readonly ready: boolean;
  readonly why: string;
}

const notYet = (why: string): Readiness => ({ ready: false, why });

/**
 * Ready counts only beside the new boot id: for 40 s and more after a reboot command the API shows
 * Ready=True of the old boot (measured). The heartbeat does not help: it may be 5 minutes old on a
 * healthy node.
 */
export function readyAfterReboot(node: NodeState, expected: ExpectedNode): Readiness {
  if (expected.bootId === '') return notYet('the boot id of the host is not known');
  if (node.bootId !== expected.bootId)
    return notYet(
      `the API still shows boot ${node.bootId || '(none)'}, the host is in ${expected.bootId}`,
    );
  if (!node.ready) return notYet('the kubelet of this boot is not Ready yet');
  if (node.notReadyTaints.length > 0)
    return notYet(`still tainted ${node.notReadyTaints.join(', ')}`);
  const versions: readonly (readonly [string, string, string | undefined])[] = [
    ['kernel', node.kernel, expected.kernel],
    ['runtime', node.runtime, expected.runtime],
    ['kubelet', node.kubelet, expected.kubelet],
  ];
  for (const [what, found, planned] of versions) {
    if (planned !== undefined && found !== planned)
      return notYet(`its ${what} is ${found || '(none)'}, planned was ${planned}`);
  }
  const missing = (expected.pods ?? []).filter(
    (pod) =>
      pod.daemonSet !== undefined &&
      !pod.ending &&
      !(pod.phase === 'Running' && pod.ready) &&
      expected.crashing?.has(pod.workload) !== true,
  );
  if (missing.length > 0)
    return notYet(`DaemonSet pods not running yet: ${missing.map((pod) => pod.name).join(', ')}`);
  return { ready: true, why: `Ready in boot ${node.bootId}` };
}

/**
 * Pods that restarted since (`before`: restarts by name), and new pods in CrashLoopBackOff. Workloads
 * that crashed before the drain (`crashing`) prove nothing about this node.
 */
export function newCrashes(
  before: Mapping,
  now: readonly PodState[],
  crashing: ReadonlySet<string>,
): readonly string[] {
  const isNew = (pod: PodState): boolean => {
    if (crashing.has(pod.workload)) return false;
    const known = Object.hasOwn(before, pod.name) ? before[pod.name] : undefined;
    return typeof known === 'number' ? pod.restarts > known : pod.crashLooping;
  };
  return now
    .filter(isNew)
    .map(
      (pod) =>
        `${pod.name} (${pod.restarts} restarts${pod.crashLooping ? ', CrashLoopBackOff' : ''})`,
    );
}

/** Workloads that crashed before the drain of a node. Their new pods may come to any node. */
export function crashingBefore(hosts: Iterable<HostState>): ReadonlySet<string> {
  const seen = new Set<string>();
  for (const { results } of hosts) {
    const crashing = results.drain?.data?.crashing;
    if (isList(crashing)) for (const name of crashing) if (typeof name === 'string') seen.add(name);
  }
  return seen;
}
