// What a walk may do in a run that only returns proven hosts to service. It reboots nothing and
// changes nothing on the host.

import type { ModuleTask } from '../../model/playbook.ts';
import type { Change } from '../../model/run/change.ts';
import type { Failure } from '../../model/run/failure.ts';
import { interrupted } from '../effects/effect-context.ts';
import type { HostWalk } from './host-walk.ts';

const refused = (why: string): Failure => ({
  ...interrupted(`not returned to service: ${why}`),
  kind: 'blocked',
});

/**
 * Why the run must not make these changes; undefined = it may. An uncordon needs a proof of this
 * walk.
 */
export function refusedWhileReturning(
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
 * Why an interrupted effect must not be finished; undefined = it may. Only a reboot that happened
 * and the uncordon itself are finished.
 */
export function refusedToFinish(task: ModuleTask, walk: HostWalk): Failure | undefined {
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
