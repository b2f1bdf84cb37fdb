// Carries out a playbook, or exactly a saved plan.
import { parsePlan } from '../../core/plan/saved-plan.ts';
import { present } from '../../model/present.ts';
import { hasChanges, type Plan } from '../../model/run/plan.ts';
import { checkNotify } from '../notices/targets.ts';
import { refuseClosedHere } from '../plan/closed-values.ts';
import { refuseOpenDecisions } from '../plan/decisions.ts';
import { type MadePlan, makePlan, type PlanFlags } from '../plan/make-plan.ts';
import { planHasChanges } from '../plan/plan.ts';
import { loadProject } from '../plan/project.ts';
import { runPorts, type Session } from '../session/session.ts';
import { askingFlag } from '../session/vault.ts';
import { CommandError, type World } from '../session/world.ts';
import { approveAndRun, shown } from './approve.ts';
import { rollBackFailed } from './auto-rollback.ts';
import type { RunFlags } from './drive.ts';
import { withSavedPlan } from './load-saved.ts';
import { adoptProven } from './return-proven.ts';
import { type EndedRun, exitOf, runPlays } from './start.ts';

export interface ApplyInput extends PlanFlags, RunFlags {
  /** A playbook or a saved plan. */
  readonly path: string;
}

export type Applied =
  | { readonly kind: 'nothing_to_do'; readonly exit: 0; readonly plan: Plan }
  /** Begun, and left to the workers of the state. */
  | { readonly kind: 'detached'; readonly exit: 0; readonly run: string; readonly workers: number }
  | { readonly kind: 'carried_out'; readonly exit: number; readonly runs: readonly EndedRun[] };

export async function apply(input: ApplyInput, session: Session): Promise<Applied> {
  checkNotify(session.settings.flags, session.world);
  if (input.detach === true) await checkDetach(session);
  const saved = savedPlan(input.path, session.world);
  return saved === undefined ? applyPlaybook(input, session) : applyPlan(saved, input, session);
}

/** A saved plan, if it still fits its playbook and inventory (else exit 8). No host is contacted. */
export const checkSaved = (plan: Plan, path: string, session: Session): Promise<MadePlan> =>
  withSavedPlan({ plan, name: path, strictVersion: true }, session, async (made) => made);

/** The plan of this path; undefined where it is not named as one, or cannot be read. */
export function savedPlan(path: string, { reader }: Pick<World, 'reader'>): Plan | undefined {
  const read = path.endsWith('.json') ? reader.readText(path) : undefined;
  if (read?.ok !== true) return undefined;
  const saved = parsePlan(read.text);
  if (saved.ok) return saved.value;
  throw new CommandError(
    3,
    `${path} is not a plan that \`kmend plan -o\` saved: ${saved.failure.message}`,
    'make a new plan: kmend plan -o FILE',
  );
}

async function applyPlaybook(input: ApplyInput, session: Session): Promise<Applied> {
  const project = await loadProject(input.path, session);
  refuseOpenDecisions(project);
  await runPorts(session);
  const first = await makePlan(project, session, input);
  const made = (await adoptProven(first, session))
    ? await makePlan(project, session, input)
    : first;
  // In the turn of a job no run is begun where no host needs anything.
  if (session.settings.flags.job !== undefined && nothingToDo(made.plan))
    return { kind: 'nothing_to_do', exit: 0, plan: made.plan };
  const flags = { ...input, detach: detaches(input, made.plan) };
  return carriedOut(
    await approveAndRun(made, flags, session, (run) => rollBackFailed(run, session)),
    flags,
    session,
  );
}

async function applyPlan(plan: Plan, input: ApplyInput, session: Session): Promise<Applied> {
  const { takeover } = input;
  const saved = { plan, name: input.path, strictVersion: true, ...present({ takeover }) };
  return withSavedPlan(saved, session, async (made, inner) => {
    // The operator sees the plan again before they are asked. With --yes they have read it already.
    if (input.yes !== true) await inner.observer.planned(shown(made));
    const after =
      plan.rollbackOf === undefined ? (run: string) => rollBackFailed(run, inner) : undefined;
    const flags = { ...input, detach: detaches(input, plan), approved: false };
    // Workers have passwords of their own.
    if (flags.detach !== true) await refuseClosedPlan(made, inner);
    return carriedOut(await runPlays(made, flags, inner, after), flags, inner);
  });
}

async function refuseClosedPlan({ plan, plays }: MadePlan, session: Session): Promise<void> {
  for (const [index, ready] of plays.entries()) {
    const play = plan.plays[index];
    const hosts = play?.hosts.filter(hasChanges).map(({ host }) => host) ?? [];
    if (play !== undefined) await refuseClosedHere(play, ready, hosts, session);
  }
}

/** Where nothing is changed, a run ends at once, and is not left to a worker. */
const detaches = ({ detach }: RunFlags, plan: Plan): boolean =>
  detach === true && planHasChanges(plan);

async function carriedOut(
  runs: readonly EndedRun[],
  { detach }: RunFlags,
  session: Session,
): Promise<Applied> {
  const [first] = runs;
  if (detach !== true || first === undefined)
    return { kind: 'carried_out', exit: exitOf(runs), runs };
  const workers = await (await session.ports.store()).workers?.alive();
  return { kind: 'detached', exit: 0, run: first.run, workers: workers?.length ?? 0 };
}

/** A worker reads the state of the run, and cannot be asked for a password. */
async function checkDetach({ ports, settings }: Session): Promise<void> {
  const asking = askingFlag(settings.flags);
  if (asking !== undefined)
    throw new CommandError(
      3,
      `--detach does not go with ${asking}: a worker cannot be asked for a password`,
      'give the workers a key, the password as a variable, or a file with the password of the vault',
    );
  if ((await ports.store()).workers === undefined)
    throw new CommandError(
      3,
      `--detach leaves the run to a worker, and ${settings.state} is a directory of this machine`,
      'keep the state in a database: --state postgres://HOST/DATABASE',
    );
}

/** No host has changes, is refused or was left out. */
const nothingToDo = (plan: Plan): boolean =>
  plan.plays.every(
    (play) =>
      play.leftOut.length === 0 &&
      play.hosts.every((host) => host.refused === undefined && !hasChanges(host)),
  );
