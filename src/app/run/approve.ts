// Shows a plan, asks the operator, and carries it out.
import type { Plan } from '../../model/run/plan.ts';
import type { PlanToShow } from '../observer.ts';
import type { MadePlan } from '../plan/make-plan.ts';
import { planHasChanges } from '../plan/plan.ts';
import type { Session } from '../session/session.ts';
import { endIfStopped } from '../session/settings.ts';
import { CommandError } from '../session/world.ts';
import type { RunFlags } from './drive.ts';
import { type AfterRun, type EndedRun, runPlays } from './start.ts';

/** Shows a plan, asks where `--yes` is not given, and carries it out. */
export async function approveAndRun(
  made: MadePlan,
  flags: RunFlags,
  session: Session,
  after?: AfterRun,
): Promise<readonly EndedRun[]> {
  await session.observer.planned(shown(made));
  const approved =
    planHasChanges(made.plan) && flags.yes !== true ? await ask(made.plan, session) : false;
  return runPlays(made, { ...flags, approved }, session, after);
}

export const shown = ({ plan, plays }: MadePlan): PlanToShow => ({
  plan,
  canaryHosts: plays.map(({ canaryHosts }) => canaryHosts),
});

async function ask({ rollbackOf }: Plan, { world }: Session): Promise<boolean> {
  if (!world.asker.attended)
    throw new CommandError(
      3,
      'the plan needs a yes, and there is no terminal to ask on',
      rollbackOf === undefined
        ? 'save a plan and read it (kmend plan -o FILE), then carry out exactly that: kmend apply FILE --yes'
        : `read what it does (kmend rollback ${rollbackOf} --check), then give --yes`,
    );
  if (await world.asker.confirm('Carry this out?')) return true;
  endIfStopped(world, 'interrupted before it was approved: nothing was changed');
  throw new CommandError(130, 'not carried out: the answer was no');
}
