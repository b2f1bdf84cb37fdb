// A saved plan of an operator or of a run: its playbook and inventory are loaded again and
// compared.
import { parsePlan, staleness } from '../../core/plan/saved-plan.ts';
import { present } from '../../model/present.ts';
import type { Plan } from '../../model/run/plan.ts';
import type { MadePlan } from '../plan/make-plan.ts';
import { loadProject, type Project, type ReadyPlay, readyPlay } from '../plan/project.ts';
import { inputsOf } from '../session/inputs.ts';
import { inSession, runPorts, type Session } from '../session/session.ts';
import { CommandError, noSuchRun } from '../session/world.ts';
import { type KeptSettings, keptSettings, stillMissing } from './kept-settings.ts';
import { rollbackSettings } from './rollback-settings.ts';

export interface SavedPlan {
  readonly plan: Plan;
  /** Its name in messages. */
  readonly name: string;
  /** Settings of the run that saved it. */
  readonly kept?: KeptSettings;
  /** Another version of kmend makes it stale. */
  readonly strictVersion: boolean;
  /** The run whose marks on nodes do not count. */
  readonly takeover?: string;
}

/** The plan that a run keeps: its own play, and those after it. */
export async function planOfRun(run: string, { ports, settings }: Session): Promise<Plan> {
  const store = await ports.store();
  const text = await store.readFile(run, 'plan');
  if (text === undefined) throw noSuchRun(run, settings.state);
  const saved = parsePlan(text);
  if (saved.ok) return saved.value;
  throw new CommandError(
    1,
    `the plan of run ${run} is damaged: ${saved.failure.message}`,
    `see ${store.placeOf(run, 'plan')}`,
  );
}

/**
 * Works with a saved plan in a session with its settings. A stale plan is exit 8, before any host is
 * contacted.
 */
export async function withSavedPlan<T>(
  saved: SavedPlan,
  session: Session,
  work: (made: MadePlan, session: Session) => Promise<T>,
): Promise<T> {
  const { plan } = saved;
  const { flags } = session.settings;
  // A rollback also has the variables of the run that it rolls back.
  const before =
    plan.rollbackOf === undefined ? undefined : await keptSettings(plan.rollbackOf, session);
  const kept = [before, saved.kept].filter((one) => one !== undefined);
  const extraVars = [...kept.flatMap((one) => one.flags.extraVars), ...(flags.extraVars ?? [])];
  const planned = { inventory: plan.inventories, ...present({ limit: plan.limit }), extraVars };
  const { state } = session.settings;
  return inSession(
    { ...saved.kept?.flags, ...flags, ...planned, state },
    session,
    async (given) => {
      const inner = await withRollback(plan, given);
      const project = await loadProject(plan.playbook, inner);
      refuseStale(saved, project, kept, inner);
      await runPorts(inner);
      return work({ plan, plays: await playsOf(saved, project, inner), saved: true }, inner);
    },
    saved.takeover,
  );
}

async function withRollback(plan: Plan, session: Session): Promise<Session> {
  if (plan.rollbackOf === undefined) return session;
  const hosts = plan.plays.flatMap((play) =>
    [...play.hosts, ...play.leftOut].map(({ host }) => host),
  );
  return {
    ...session,
    settings: {
      ...session.settings,
      rollback: await rollbackSettings(plan.rollbackOf, hosts, session),
    },
  };
}

function refuseStale(
  { plan, name, strictVersion }: SavedPlan,
  project: Project,
  kept: readonly KeptSettings[],
  session: Session,
): void {
  const { settings, world } = session;
  const stale = staleness(
    strictVersion ? plan : { ...plan, tool: world.version },
    world.version,
    inputsOf(project, plan.salt, session),
  );
  if (stale.length === 0) return;
  const missing = kept.flatMap((one) => stillMissing(one, settings.extraVars));
  const more = stale.length > 5 ? `; and ${stale.length - 5} more` : '';
  throw new CommandError(
    8,
    `${name} is stale: ${stale.slice(0, 5).join('; ')}${more}`,
    hintOf(stale, missing),
  );
}

async function playsOf(
  { plan, name }: SavedPlan,
  project: Project,
  session: Session,
): Promise<readonly ReadyPlay[]> {
  const { tags, skipTags, startAtTask, runReadOnly } = plan;
  const flags = present({ tags, skipTags, startAtTask, runReadOnly });
  const plays: ReadyPlay[] = [];
  for (const [index, playPlan] of plan.plays.entries()) {
    // A plan that was begun has the last plays: of those with one name, each has its own.
    const left = plan.plays.slice(index).filter(({ play: name }) => name === playPlan.play).length;
    const play = project.playbook.plays.filter(({ name }) => name === playPlan.play).at(-left);
    if (play === undefined)
      throw new CommandError(
        8,
        `${name} has a play that ${plan.playbook} has not: ${playPlan.play}`,
        'make a new plan',
      );
    // The policy of the plan counts, since it was shown. The gates are those of the playbook: the plan
    // has not their secrets.
    const rollout = { ...playPlan.rollout, gates: play.rollout.gates };
    const ready = await readyPlay(project, { ...play, rollout }, session, flags);
    const gone = playPlan.hosts.find(({ host }) => !ready.setup.hosts.has(host));
    if (gone !== undefined)
      throw new CommandError(
        8,
        `${name} has a host that the play ${play.name} has not: ${gone.host}`,
        'make a new plan',
      );
    plays.push(ready);
  }
  return plays;
}

/** What to do about a stale plan. A plan keeps no variables, so -e may have to be given again. */
function hintOf(stale: readonly string[], missing: readonly string[]): string {
  if (!stale.some((text) => text.startsWith('extra variables (-e)'))) return 'make a new plan';
  const names =
    missing.length === 0
      ? ''
      : ` (not kept, because they may be secret: ${[...new Set(missing)].join(', ')})`;
  return `give the same -e again${names}, or make a new plan`;
}
