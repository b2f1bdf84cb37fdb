// Plans a playbook, and gives the exit code of a plan.
import { type ExitReason, exitCode } from '../../core/rollout/exit.ts';
import { hasChanges, type Plan } from '../../model/run/plan.ts';
import type { Session } from '../session/session.ts';
import { type MadePlan, makePlan, type PlanFlags } from './make-plan.ts';
import { loadProject } from './project.ts';

/** Plans the playbook of this path. Nothing is changed on any host. */
export async function plan(path: string, flags: PlanFlags, session: Session): Promise<MadePlan> {
  return makePlan(await loadProject(path, session), session, flags);
}

export const exitOfPlan = ({ plays }: Plan): number =>
  exitCode(
    plays.flatMap((play): ExitReason[] => [
      ...play.hosts.flatMap((host): ExitReason[] =>
        host.refused !== undefined ? ['failed'] : hasChanges(host) ? ['changes'] : [],
      ),
      ...play.leftOut.map(
        ({ failure }): ExitReason => (failure.kind === 'unreachable' ? 'unreachable' : 'failed'),
      ),
    ]),
  );

export const planHasChanges = ({ plays }: Plan): boolean =>
  plays.some((play) => play.hosts.some(hasChanges));
