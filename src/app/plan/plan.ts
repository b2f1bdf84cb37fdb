// Plans a playbook, and gives the exit code of a plan.
import { type ExitReason, exitCode } from '../../core/rollout/exit.ts';
import { hasChanges, type Plan } from '../../model/run/plan.ts';
import type { Session } from '../session/session.ts';
import { refuseOpenDecisions } from './decisions.ts';
import { type MadePlan, makePlan, type PlanFlags } from './make-plan.ts';
import { loadProject } from './project.ts';

/**
 * Plans the playbook of this path. Nothing is changed on any host.
 * @param flags `output`: the plan is saved, so it must be one that can be carried out
 */
export async function plan(
  path: string,
  flags: PlanFlags & { readonly output?: string },
  session: Session,
): Promise<MadePlan> {
  const project = await loadProject(path, session);
  if (flags.output !== undefined) refuseOpenDecisions(project);
  return makePlan(project, session, flags);
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
