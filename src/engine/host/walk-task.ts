// One task of a host's walk: observe, plan, perform its effects, observe again. The second plan must
// be empty.

import { sameChange } from '../../core/plan/drift.ts';
import { hiddenChange, hiddenText, shownChange } from '../../core/plan/shown.ts';
import { judge } from '../../core/plan/task/condition.ts';
import { isFileHere } from '../../core/plan/task/delegate.ts';
import { type Evaluation, scopeOf } from '../../core/plan/task/frame.ts';
import type { TaskVars } from '../../core/plan/task/scope.ts';
import { evaluateTask, loopItems, roundLayer } from '../../core/plan/task-plan.ts';
import { leavesNothing } from '../../core/run-state/host-history.ts';
import { doneTask } from '../../core/run-state/state.ts';
import { known } from '../../model/fact.ts';
import type { ModuleTask } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule, Change, ModulePlan } from '../../model/run/change.ts';
import { type Failure, type FailureKind, isAway } from '../../model/run/failure.ts';
import type { TaskPlan } from '../../model/run/plan.ts';
import { higherRisk, highestRisk } from '../../model/run/risk.ts';
import { conclude } from './conclude.ts';
import type { HostWalk, ProvingTask } from './host-walk.ts';
import { refusedToFinish, refusedWhileReturning } from './returning.ts';
import {
  actUntil,
  type EarlierEffects,
  failedRound,
  judgeResult,
  type Round,
  resultScope,
  triesOf,
  untilDelay,
  untilFailed,
} from './task-act.ts';
import { finishInFlight, withLeftOver } from './task-resume.ts';

/** Failures whose message quotes arguments, conditions or output: `no_log` hides these. */
const quoting: ReadonlySet<FailureKind> = new Set([
  'exit',
  'parse',
  'refused',
  'drift',
  'not_converged',
]);

export async function walkTask(
  task: ModuleTask,
  vars: TaskVars,
  walk: HostWalk,
): Promise<Failure | undefined> {
  const failure = await walkOpenly(task, vars, walk);
  if (failure === undefined || task.noLog !== true || !quoting.has(failure.kind)) return failure;
  const { detail: _detail, hint: _hint, ...shown } = failure;
  // The title of the effect is hidden already: its exit status may be shown.
  const isHidden = failure.message.startsWith(`"${hiddenText}"`);
  return isHidden ? shown : { ...shown, message: hiddenText };
}

async function walkOpenly(
  task: ModuleTask,
  vars: TaskVars,
  walk: HostWalk,
): Promise<Failure | undefined> {
  const module = walk.run.setup.modules.get(task.module);
  if (module === undefined)
    throw new Error(`no module ${task.module}: the loader should have refused the task`);
  const failure = await walk.refresh();
  if (failure !== undefined) return failure;
  const lost = refusedToFinish(task, walk) ?? (await finishInFlight(task, walk));
  if (lost !== undefined) return lost;
  const loop = loopItems(task, scopeOf(walk.frame, vars));
  if (!('items' in loop)) return noPlan(loop);
  const before = walk.state.ended.filter((one) => one.task === task.id);
  const rounds: Round[] = [];
  for (const item of loop.items) {
    const round = await walkRound(task, module, [roundLayer(item), ...vars], walk, before);
    rounds.push(
      task.loop === undefined ? round : { ...round, result: { ...round.result, ...item } },
    );
    // A host that is going to fail is not changed further. With `ignore_errors` it does not fail.
    if (
      round.failure !== undefined &&
      (task.ignoreErrors !== true || walk.signal.aborted || isAway(round.failure))
    )
      break;
  }
  await walk.recordKernel();
  return conclude(task, module, await withLeftOver(task, rounds, vars, walk, before), walk);
}

/** The failure of a walk whose task could not be planned. */
function noPlan(evaluation: Exclude<Evaluation, { kind: 'skip' | 'plan' }>): Failure {
  switch (evaluation.kind) {
    case 'wrong': {
      const { file, line, column } = evaluation.place;
      return { kind: 'refused', message: `${file}:${line}:${column}: ${evaluation.message}` };
    }
    case 'later':
      return {
        kind: 'parse',
        message: `a fact that this task needs cannot be read: ${evaluation.why}`,
      };
    case 'needs':
      return {
        kind: 'parse',
        message: `no answer about ${evaluation.wants.map((want) => want.area).join(', ')}`,
      };
  }
}

type Evaluated =
  | Extract<Evaluation, { kind: 'skip' | 'plan' }>
  | { readonly kind: 'failed'; readonly failure: Failure };

async function evaluate({ task, module, vars }: ProvingTask, walk: HostWalk): Promise<Evaluated> {
  for (let round = 0; ; round++) {
    const evaluation = evaluateTask(task, module, walk.frame, vars, () => {});
    if (evaluation.kind === 'skip' || evaluation.kind === 'plan') return evaluation;
    const failure =
      evaluation.kind === 'needs' && round < 2
        ? await walk.refresh(evaluation.wants)
        : noPlan(evaluation);
    if (failure !== undefined) return { kind: 'failed', failure };
  }
}

/** With `until` and nothing to change, facts and read-only output are read again each time. */
async function walkRound(
  task: ModuleTask,
  module: AnyModule,
  vars: TaskVars,
  walk: HostWalk,
  before: EarlierEffects,
): Promise<Round> {
  const tries = triesOf(task);
  for (let attempt = 1; ; attempt++) {
    const round = await walkOnce(task, module, vars, walk, before);
    if (task.until === undefined || round.status !== 'ok' || !mayImprove(round)) return round;
    const judged = judge(task.until, resultScope(task, round, vars, walk));
    if (judged.kind === 'true') return round;
    if (judged.kind === 'wrong') return failedRound({ kind: 'refused', message: judged.message });
    if (attempt >= tries || walk.signal.aborted)
      return { ...round, failure: round.failure ?? untilFailed(tries) };
    await walk.run.ports.clock.sleep((task.delay ?? untilDelay) * 1000, walk.signal);
    walk.invalidate();
  }
}

/** What was read may be otherwise the next time, also where it failed. */
const mayImprove = ({ failure }: Round): boolean =>
  failure === undefined || failure.kind === 'exit';

async function walkOnce(
  task: ModuleTask,
  module: AnyModule,
  vars: TaskVars,
  walk: HostWalk,
  before: EarlierEffects,
): Promise<Round> {
  const failure = await walk.refresh();
  if (failure !== undefined) return failedRound(failure);
  const evaluation = await evaluate({ task, module, vars }, walk);
  if (evaluation.kind === 'failed') return failedRound(evaluation.failure);
  if (evaluation.kind === 'skip')
    return {
      status: 'skipped',
      result: { changed: false, failed: false, skipped: true },
      note: evaluation.why,
    };
  const { plan, convergent } = evaluation;
  // After the uncordon, finished tasks are not run again: a resume must not drain the node twice.
  const runsAgain = (convergent || task.idempotent === true) && !walk.state.marks.uncordoned;
  const done = runsAgain ? undefined : doneTask(walk.state, task.id);
  if (done !== undefined) return { status: 'ok', result: done.registered ?? {}, ...extras(plan) };
  await announce(task, plan, walk);
  const refused = whyNot(plan, task, walk);
  // `failed_when` judges a read-only command like any other.
  const judged = plan.unmet?.kind === 'exit' && task.failedWhen !== undefined;
  if (refused !== undefined && !judged) {
    const round = failedRound(refused);
    return { ...round, result: { ...round.result, ...plan.result } };
  }
  if (plan.changes.length === 0) {
    await recordProof(plan, walk, { task, module, vars });
    await noteDropped(task, plan, walk);
    const result = { changed: false, failed: false, ...plan.result };
    return judgeResult(task, { status: 'ok', result, ...extras(plan) }, vars, walk);
  }
  const more = refusedWhileReturning(task, plan.changes, walk);
  if (more !== undefined) return failedRound(more);
  const acted = await actUntil(task, plan.changes, vars, walk, {
    before,
    repeatable: convergent || task.idempotent === true,
  });
  if (!leavesNothing(task.module)) walk.proving.alteredSince = true;
  if (acted.failure !== undefined) return acted;
  // Another host may have written the file since: it is not read again.
  if (plan.changes.every(isFileHere))
    return { ...acted, result: { ...acted.result, ...plan.result }, ...extras(plan) };
  return convergent
    ? converged({ task, module, vars }, walk, acted, plan)
    : { ...acted, ...extras(plan) };
}

/** Reports a planned reboot that is no longer needed, so that its absence is not a surprise. */
async function noteDropped(task: ModuleTask, plan: ModulePlan, walk: HostWalk): Promise<void> {
  const planned = walk.plan.tasks.find(({ id }) => id === task.id);
  const dropped =
    task.module === 'reboot' && planned?.changes.some(({ risk }) => risk === 'reboot') === true;
  if (!dropped || walk.state.marks.rebooted) return;
  const what = `no reboot at "${task.name}", though one was planned: ${plan.note ?? 'nothing asks for it'}`;
  if (!walk.state.differences.includes(what))
    await walk.run.record({ type: 'drift.noted', host: walk.host, what: [what] }, true);
}

const extras = (plan: ModulePlan): Pick<Round, 'sets' | 'note'> =>
  present({ sets: plan.sets, note: plan.note });

const announce = (task: ModuleTask, plan: ModulePlan, walk: HostWalk): Promise<unknown> =>
  walk.run.record(
    {
      type: 'task.planned',
      host: walk.host,
      task: task.id,
      name: task.name,
      module: task.module,
      status: plan.changes.length > 0 ? 'change' : plan.unmet === undefined ? 'same' : 'unmet',
      changes: plan.changes.map(task.noLog === true ? hiddenChange : shownChange),
      ...(plan.note === undefined || task.noLog === true ? {} : { why: plan.note }),
      ...(plan.changes.length > 0 ? present({ bootId: known(walk.facts, 'boot.id') }) : {}),
    },
    false,
  );

/** Why no effect may begin: a refusal, an unmet condition, or more risk than was approved. */
function whyNot(plan: ModulePlan, task: ModuleTask, walk: HostWalk): Failure | undefined {
  if (plan.refuse !== undefined)
    return { kind: 'refused', message: plan.refuse.why, ...present({ hint: plan.refuse.hint }) };
  if (plan.unmet !== undefined)
    return {
      kind: plan.unmet.kind,
      message: plan.unmet.evidence,
      ...present({ hint: plan.unmet.hint }),
    };
  const planned = walk.plan.tasks.find(({ id }) => id === task.id);
  const approved = planned?.risk ?? 'none';
  const ofHost = plan.changes.filter((change) => !isFileHere(change));
  const fresh = highestRisk(ofHost.map((change) => change.risk));
  if (!higherRisk(fresh, approved)) return unplanned(plan, task, planned, walk);
  return {
    kind: 'drift',
    message: `would now need "${fresh}", the plan had "${approved}": ${namesOf(plan.changes, task)}`,
    hint: 'make a new plan',
  };
}

/** An `exact` module may do what its plan has, and nothing else. */
function unplanned(
  plan: ModulePlan,
  task: ModuleTask,
  planned: TaskPlan | undefined,
  walk: HostWalk,
): Failure | undefined {
  if (walk.run.setup.modules.get(task.module)?.exact !== true || planned?.status !== 'change')
    return undefined;
  const shown = task.noLog === true ? hiddenChange : shownChange;
  const more = plan.changes.filter(
    (change) => !planned.changes.some((other) => sameChange(shown(change), other)),
  );
  if (more.length === 0) return undefined;
  return {
    kind: 'drift',
    message: `the plan is stale, and nothing was changed: it does not have ${namesOf(more, task)}`,
    hint: 'make a new plan',
  };
}

const namesOf = (changes: readonly Change[], task: ModuleTask): string =>
  changes.map((change) => (task.noLog === true ? hiddenChange(change) : change).what).join(', ');

/** Observes and plans again: nothing may be left to do. */
async function converged(
  of: ProvingTask,
  walk: HostWalk,
  acted: Round,
  plan: ModulePlan,
): Promise<Round> {
  const { task } = of;
  const failure = await walk.refresh();
  if (failure !== undefined) return { ...acted, failure };
  const again = await evaluate(of, walk);
  if (again.kind === 'failed') return { ...acted, failure: again.failure };
  // The change may make the task's own `when` false: then nothing is left to do either.
  if (again.kind === 'skip') return { ...acted, ...extras(plan) };
  if (again.plan.unmet !== undefined) {
    const { kind, evidence, hint } = again.plan.unmet;
    return { ...acted, failure: { kind, message: evidence, ...present({ hint }) } };
  }
  if (again.plan.refuse !== undefined) {
    const { why, hint } = again.plan.refuse;
    return { ...acted, failure: { kind: 'not_converged', message: why, ...present({ hint }) } };
  }
  if (again.plan.changes.length > 0) {
    if (task.noLog === true)
      return {
        ...acted,
        failure: { kind: 'not_converged', message: 'done, and still not as it should be' },
      };
    const left = again.plan.changes.map(stillToDo);
    return {
      ...acted,
      failure: {
        kind: 'not_converged',
        message: `done, and still not as it should be: ${left.join('; ')}`,
      },
    };
  }
  await recordProof(again.plan, walk, of);
  return { ...acted, result: { ...acted.result, ...again.plan.result }, ...extras(again.plan) };
}

const stillToDo = ({ sign, what, before, after }: Change): string =>
  sign === '!'
    ? `${what}${after === undefined ? '' : ` (${after})`}`
    : `${what} (is ${before ?? 'not there'}, should be ${after ?? 'there'})`;

async function recordProof(plan: ModulePlan, walk: HostWalk, by: ProvingTask): Promise<void> {
  if (plan.proof === undefined) return;
  walk.proving = { by, alteredSince: false };
  await walk.run.record({ type: 'proof', host: walk.host, ...plan.proof }, true);
}

/**
 * Reads the proof again after the last task, because a later task may have changed it: a tried
 * kernel may be the default now. If the host or its sample container is gone, the old proof stays.
 */
export async function proveAgain(walk: HostWalk): Promise<Failure | undefined> {
  const { by, alteredSince } = walk.proving;
  if (by === undefined || !alteredSince || (await walk.refresh()) !== undefined) return undefined;
  const evaluation = await evaluate(by, walk);
  if (evaluation.kind !== 'plan') return undefined;
  const { plan } = evaluation;
  if (plan.unmet !== undefined)
    return { kind: plan.unmet.kind, message: `after the last task: ${plan.unmet.evidence}` };
  if (plan.proof?.by !== 'none') await recordProof(plan, walk, by);
  return undefined;
}
