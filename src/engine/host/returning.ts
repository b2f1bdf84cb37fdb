// A run that is only to give back what is proven: what a walk may still do then. Nothing is
// rebooted and nothing is changed on the host.

import type { ModuleTask } from '../../model/playbook.ts';
import type { Change } from '../../model/run/change.ts';
import type { Failure } from '../../model/run/failure.ts';
import { cutShort } from '../effects/effect-context.ts';
import type { HostWalk } from './host-walk.ts';

const refused = (why: string): Failure => ({
  ...cutShort(`not returned to service: ${why}`),
  kind: 'blocked',
});

/**
 * Why this task must not do this now; undefined where the run may do all, or where the node comes
 * back on a proof of this very walk.
 */
export function notOnlyReturned(
  task: ModuleTask,
  changes: readonly Change[],
  walk: HostWalk,
): Failure | undefined {
  if (walk.run.onlyReturns !== true || changes.length === 0) return undefined;
  if (task.module !== 'uncordon') return refused(`"${task.name}" has something to do`);
  const { proof, oldBootIds } = walk.state;
  if (walk.proving.by === undefined || proof?.by === 'none')
    return refused('nothing proves now that accounting is off');
  return oldBootIds.includes(String(walk.facts['boot.id']))
    ? refused('it has not booted since its reboot was sent')
    : undefined;
}

/**
 * An effect that was under way when the run was interrupted: only a reboot that happened, and the
 * return itself, are seen through.
 */
export function notSeenThrough(task: ModuleTask, walk: HostWalk): Failure | undefined {
  if (walk.run.onlyReturns !== true) return undefined;
  const open = walk.state.inFlight.find(
    (one) =>
      one.task === task.id &&
      one.harmless !== true &&
      task.module !== 'uncordon' &&
      (one.kind !== 'reboot' || one.bootId === undefined || one.bootId === walk.facts['boot.id']),
  );
  return open === undefined ? undefined : refused(`it was interrupted while: ${open.what}`);
}
