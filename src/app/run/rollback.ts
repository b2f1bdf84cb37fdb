// Rolls back what a run changed. The plan is made from the journal of that run, and the result is
// proven as a remedy is.
import type { Failure } from '../../model/run/failure.ts';
import { plural } from '../../model/text/plural.ts';
import { checkNotify } from '../notices/targets.ts';
import { type MadePlan, makePlan, type PlanFlags } from '../plan/make-plan.ts';
import { exitOfPlan } from '../plan/plan.ts';
import { loadProject } from '../plan/project.ts';
import { loadFleet, matchHosts } from '../session/fleet.ts';
import { inSession, runPorts, type Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';
import { approveAndRun } from './approve.ts';
import type { RunFlags } from './drive.ts';
import { type KeptSettings, keptSettings, reportMissing } from './kept-settings.ts';
import { changesOfRun, type Rollbacks, rollbackSettings } from './rollback-settings.ts';
import { type EndedRun, exitOf } from './start.ts';

export interface RollbackInput extends PlanFlags, RunFlags {
  readonly run: string;
  /** Only plan. */
  readonly check?: boolean;
  /** Instead of kmend's own rollback.yaml. */
  readonly playbook?: string;
}

export type RolledBack =
  /** The run changed nothing on these hosts that could be rolled back. */
  | { readonly kind: 'nothing'; readonly exit: 0 }
  | {
      readonly kind: 'refused';
      readonly exit: 4;
      readonly refused: readonly { readonly host: string; readonly failure: Failure }[];
    }
  | { readonly kind: 'planned'; readonly exit: number; readonly made: MadePlan }
  | { readonly kind: 'carried_out'; readonly exit: number; readonly runs: readonly EndedRun[] };

export async function rollback(input: RollbackInput, session: Session): Promise<RolledBack> {
  checkNotify(session.settings.flags, session.world);
  const kept = await keptSettings(input.run, session);
  const flags = flagsFor(kept, session);
  return inSession(flags, session, (own) => rollBack(input, kept, own), input.takeover);
}

/** Inventory, login, cluster and variables of the run. Its hosts are in its journal, not in `-l`. */
function flagsFor(kept: KeptSettings, { settings }: Session): KeptSettings['flags'] {
  const { limit: _limit, verbose: _verbose, ...fleet } = kept.flags;
  const extraVars = [...kept.flags.extraVars, ...(settings.flags.extraVars ?? [])];
  return { ...fleet, ...settings.flags, state: settings.state, extraVars };
}

async function rollBack(
  input: RollbackInput,
  kept: KeptSettings,
  session: Session,
): Promise<RolledBack> {
  const { run } = input;
  const { settings } = session;
  reportMissing(run, kept, session);
  const rollbacks = await rollbackSettings(run, await hostsToRollBack(run, session), session);
  reportLeft(rollbacks, session);
  if (input.check !== true && input.yes !== true && settings.limit === undefined)
    throw new CommandError(
      3,
      `this would roll back run ${run} on ${plural(rollbacks.vars.size, 'host')}`,
      'name hosts with -l, or say --yes; --check only plans',
    );
  if (rollbacks.vars.size === 0) {
    const { refused } = rollbacks;
    return refused.length === 0
      ? { kind: 'nothing', exit: 0 }
      : { kind: 'refused', exit: 4, refused };
  }
  const limit = [...rollbacks.vars.keys()].join(',');
  return carryOut(input, {
    ...session,
    settings: { ...settings, limit, rollback: rollbacks },
  });
}

async function carryOut(input: RollbackInput, session: Session): Promise<RolledBack> {
  const project = await loadProject(input.playbook ?? '@rollback', session);
  await runPorts(session);
  const made = await makePlan(project, session, input);
  if (input.check === true) return { kind: 'planned', exit: exitOfPlan(made.plan), made };
  const runs = await approveAndRun(made, input, session);
  return { kind: 'carried_out', exit: exitOf(runs), runs };
}

/** Hosts of the run that are in the inventory and match `-l`. */
async function hostsToRollBack(run: string, session: Session): Promise<readonly string[]> {
  const hostChanges = await changesOfRun(run, session);
  const { hosts } = matchHosts(loadFleet(session), 'all', session);
  const names = hosts.filter((host) => hostChanges.has(host));
  if (names.length === 0)
    throw new CommandError(
      11,
      `run ${run} started none of these hosts`,
      `kmend report ${run} shows its hosts`,
    );
  return names;
}

function reportLeft(rollbacks: Rollbacks, { observer }: Session): void {
  const by = new Map<string, string[]>();
  for (const [host, left] of rollbacks.left)
    for (const what of left) by.set(what, [...(by.get(what) ?? []), host]);
  for (const [what, hosts] of by) {
    const more = hosts.length > 5 ? ` and ${hosts.length - 5} more` : '';
    observer.notice(
      `not rolled back: ${what} on ${hosts.slice(0, 5).join(', ')}${more}`,
      'warning',
    );
  }
}
