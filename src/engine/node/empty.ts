// Right before the reboot of a drained node: checks that no pod came to it since.
import type { Failure } from '../../model/run/failure.ts';
import type { Cluster, PodState } from '../ports/cluster.ts';
import type { Clock } from '../ports/local.ts';
import { retryFor } from './lists.ts';

interface AskContext {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const works = ({ daemonSet, mirror, phase }: PodState): boolean =>
  daemonSet === undefined && !mirror && phase !== 'Succeeded' && phase !== 'Failed';

/** Why the node may not be empty. No answer of the API server is a reason too. */
export async function notEmpty(node: string, context: AskContext): Promise<Failure | undefined> {
  const { cluster, clock, signal } = context;
  const pods = await retryFor(() => cluster.pods(node, signal), clock, signal);
  if (!pods.ok) {
    const { failure } = pods;
    const message = `it is unknown whether node ${node} is still empty: ${failure.message}`;
    return failure.resumable === true ? failure : { ...failure, kind: 'blocked', message };
  }
  const names = pods.value.filter(works).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return {
    kind: 'blocked',
    message: `not rebooted: pods came to node ${node} after its drain: ${names.join(', ')}`,
    hint: 'they tolerate the cordon or name the node: delete them, or allow a reboot over them with `drain: {left_behind: accept}`',
  };
}
