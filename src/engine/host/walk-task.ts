// One task of a host's walk: observe, plan, act through the door, observe again; the second plan
// must be empty.

import { judge } from '../../core/plan/condition.ts';
import { hiddenChange, hiddenText, shownChange } from '../../core/plan/plan-host.ts';
import { learnedSecrets } from '../../core/plan/secrets.ts';
import { type Evaluation, evaluateTask, loopItems, scopeOf } from '../../core/plan/task-plan.ts';
import { leavesNothing } from '../../core/run-state/host-history.ts';
import { doneTask } from '../../core/run-state/state.ts';
import { known } from '../../model/fact.ts';
import type { ModuleTask } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule, Change, ModulePlan } from '../../model/run/change.ts';
import { type Failure, type FailureKind, isAway } from '../../model/run/failure.ts';
import { higherRisk, highestRisk } from '../../model/run/risk.ts';
import { isList, isMapping, type Mapping, unknown, type Value } from '../../model/value.ts';
import type { HostWalk, ProvingTask } from './host-walk.ts';
import { notOnlyReturned, notSeenThrough } from './returning.ts';
import {
  actUntil,
  type Before,
  bad,
  judgeResult,
  type Round,
  resultScope,
  triesOf,
  untilDelay,
  untilFailed,
} from './task-act.ts';
import { settleInFlight, withLeftOver } from './task-resume.ts';

/** Failures that quote the task: its arguments, its conditions, or what the host answered. */
const quoting: ReadonlySet<FailureKind> = new Set([
  'exit',
  'parse',
  'refused',
  'drift',
  'not_converged',
]);

export async function walkTask(
  task: ModuleTask,
  vars: readonly Mapping[],
  walk: HostWalk,
): Promise<Failure | undefined> {
  const failure = await walkOpenly(task, vars, walk);
  if (failure === undefined || task.noLog !== true || !quoting.has(failure.kind)) return failure;
  const { detail: _detail, hint: _hint, ...shown } = failure;
  // Of an effect the exit status may be said: its words are hidden already.
  const isHidden = failure.message.startsWith(`"${hiddenText}"`);
  return isHidden ? shown : { ...shown, message: hiddenText };
}

async function walkOpenly(
  task: ModuleTask,
  vars: readonly Mapping[],
  walk: HostWalk,
): Promise<Failure | undefined> {
  const module = walk.run.setup.modules.get(task.module);
  if (module === undefined)
    throw new Error(`no module ${task.module}; the loader should have said so`);
  const trouble = await walk.freshen();
  if (trouble !== undefined) return trouble;
  const lost = notSeenThrough(task, walk) ?? (await settleInFlight(task, walk));
  if (lost !== undefined) return lost;
  const loop = loopItems(task, scopeOf(walk.frame, vars));
  if (!('items' in loop)) return noPlan(loop);
  const before = walk.state.ended.filter((one) => one.task === task.id);
  const rounds: Round[] = [];
  for (const item of loop.items) {
    const round = await walkRound(task, module, [item, ...vars], walk, before);
    rounds.push(
      task.loop === undefined ? round : { ...round, result: { ...round.result, ...item } },
    );
    // Nothing more is touched on a host that is going to end badly; with `ignore_errors` it is not.
    if (
      round.failure !== undefined &&
      (task.ignoreErrors !== true || walk.signal.aborted || isAway(round.failure))
    )
      break;
  }
  await walk.recordKernel();
  return conclude(task, module, await withLeftOver(task, rounds, vars, walk, before), walk);
}

/** What an evaluation means that gives no plan in the middle of a walk. */
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
        ? await walk.freshen(evaluation.wants)
        : noPlan(evaluation);
    if (failure !== undefined) return { kind: 'failed', failure };
  }
}

/**
 * Where nothing is changed, `until` looks again: facts and read-only output are read anew each
 * time.
 */
async function walkRound(
  task: ModuleTask,
  module: AnyModule,
  vars: readonly Mapping[],
  walk: HostWalk,
  before: Before,
): Promise<Round> {
  const tries = triesOf(task);
  for (let attempt = 1; ; attempt++) {
    const round = await walkOnce(task, module, vars, walk, before);
    if (task.until === undefined || round.status !== 'ok' || round.failure !== undefined)
      return round;
    const judged = judge(task.until, resultScope(task, round, vars, walk));
    if (judged.kind === 'true') return round;
    if (judged.kind === 'wrong') return bad({ kind: 'refused', message: judged.message });
    if (attempt >= tries || walk.signal.aborted) return { ...round, failure: untilFailed(tries) };
    await walk.run.ports.clock.sleep((task.delay ?? untilDelay) * 1000, walk.signal);
    walk.invalidate();
  }
}

async function walkOnce(
  task: ModuleTask,
  module: AnyModule,
  vars: readonly Mapping[],
  walk: HostWalk,
  before: Before,
): Promise<Round> {
  const trouble = await walk.freshen();
  if (trouble !== undefined) return bad(trouble);
  const evaluation = await evaluate({ task, module, vars }, walk);
  if (evaluation.kind === 'failed') return bad(evaluation.failure);
  if (evaluation.kind === 'skip')
    return {
      status: 'skipped',
      result: { changed: false, failed: false, skipped: true },
      note: evaluation.why,
    };
  const { plan, convergent } = evaluation;
  // Once the node is given back its finished tasks stay so: a controller that died just after must
  // not have it drained a second time.
  const again = (convergent || task.idempotent === true) && !walk.state.marks.uncordoned;
  const over = again ? undefined : doneTask(walk.state, task.id);
  if (over !== undefined) return { status: 'ok', result: over.registered ?? {}, ...extras(plan) };
  await announce(task, plan, walk);
  const refused = stops(plan, task, walk);
  // What a read-only command came to is judged like the result of any other.
  const judged = plan.unmet?.kind === 'exit' && task.failedWhen !== undefined;
  if (refused !== undefined && !judged) return bad(refused);
  if (plan.changes.length === 0) {
    await recordProof(plan, walk, { task, module, vars });
    await noteDropped(task, plan, walk);
    const result = { changed: false, failed: false, ...plan.result };
    return judgeResult(task, { status: 'ok', result, ...extras(plan) }, vars, walk);
  }
  const more = notOnlyReturned(task, plan.changes, walk);
  if (more !== undefined) return bad(more);
  const acted = await actUntil(task, plan.changes, vars, walk, {
    before,
    repeatable: convergent || task.idempotent === true,
  });
  if (!leavesNothing(task.module)) walk.proving.alteredSince = true;
  if (acted.failure !== undefined) return acted;
  return convergent
    ? converged({ task, module, vars }, walk, acted, plan)
    : { ...acted, ...extras(plan) };
}

/**
 * A reboot that was planned and is not needed any more is said: it may be right, and nobody should
 * have to find out by its absence.
 */
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

/**
 * A refusal, an unmet condition, or more risk than was approved: the host ends here, before the
 * effect.
 */
function stops(plan: ModulePlan, task: ModuleTask, walk: HostWalk): Failure | undefined {
  if (plan.refuse !== undefined)
    return { kind: 'refused', message: plan.refuse.why, ...present({ hint: plan.refuse.hint }) };
  if (plan.unmet !== undefined)
    return {
      kind: plan.unmet.kind,
      message: plan.unmet.evidence,
      ...present({ hint: plan.unmet.hint }),
    };
  const approved = walk.plan.tasks.find((planned) => planned.id === task.id)?.risk ?? 'none';
  const fresh = highestRisk(plan.changes.map((change) => change.risk));
  if (!higherRisk(fresh, approved)) return undefined;
  return {
    kind: 'drift',
    message: `would now need "${fresh}", the plan had "${approved}": ${namesOf(plan.changes, task)}`,
    hint: 'make a new plan',
  };
}

const namesOf = (changes: readonly Change[], task: ModuleTask): string =>
  changes.map((change) => (task.noLog === true ? hiddenChange(change) : change).what).join(', ');

/**
 * The state must be what was asked for: observed and planned again, there is nothing left to do.
 */
async function converged(
  of: ProvingTask,
  walk: HostWalk,
  acted: Round,
  plan: ModulePlan,
): Promise<Round> {
  const { task } = of;
  const trouble = await walk.freshen();
  if (trouble !== undefined) return { ...acted, failure: trouble };
  const again = await evaluate(of, walk);
  if (again.kind === 'failed') return { ...acted, failure: again.failure };
  // Its own `when` may no longer hold once the change is made: then there is nothing left to do
  // either.
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
 * A later task may have changed what the proof says (a kernel that was tried is the default now):
 * it is read again when the list is done. A host that does not answer any more, or whose container
 * that was read is gone, keeps the proof that it has.
 */
export async function proveAgain(walk: HostWalk): Promise<Failure | undefined> {
  const { by, alteredSince } = walk.proving;
  if (by === undefined || !alteredSince || (await walk.freshen()) !== undefined) return undefined;
  const evaluation = await evaluate(by, walk);
  if (evaluation.kind !== 'plan') return undefined;
  const { plan } = evaluation;
  if (plan.unmet !== undefined)
    return { kind: plan.unmet.kind, message: `after the last task: ${plan.unmet.evidence}` };
  if (plan.proof?.by !== 'none') await recordProof(plan, walk, by);
  return undefined;
}

/** All rounds become one result; a loop registers the list of them, as in Ansible. */
async function conclude(
  task: ModuleTask,
  module: AnyModule,
  rounds: readonly Round[],
  walk: HostWalk,
): Promise<Failure | undefined> {
  const failure = rounds.find((round) => round.failure !== undefined)?.failure;
  const status = rounds.some((round) => round.status === 'changed')
    ? 'changed'
    : rounds.every((round) => round.status === 'skipped')
      ? 'skipped'
      : 'ok';
  const registered =
    task.loop === undefined
      ? (rounds[0]?.result ?? {})
      : {
          changed: status === 'changed',
          failed: failure !== undefined,
          ...(status === 'skipped' ? { skipped: true } : {}),
          results: rounds.map((round) => round.result),
        };
  const sets: Mapping = Object.assign({}, ...rounds.map((round) => round.sets ?? {}));
  if (task.register !== undefined)
    walk.view.learned = { ...walk.view.learned, [task.register]: registered };
  walk.view.learned = { ...walk.view.learned, ...sets };
  const named = task.register === undefined ? {} : { [task.register]: registered };
  walk.secrets.learn(learnedSecrets({ ...sets, ...named }, task.noLog, walk.run.setup.isSecret));
  // The task has not failed: it was not begun, or waits for the cluster.
  const isNoFailure = failure !== undefined && (failure.kind === 'kept_out' || isAway(failure));
  if (failure !== undefined && (task.ignoreErrors !== true || isNoFailure)) return failure;
  const earlier = doneTask(walk.state, task.id);
  if (earlier !== undefined && status !== 'changed') {
    // Walked over again after a resume: what it came to the first time stands.
    if (task.register !== undefined && earlier.registered !== undefined)
      walk.view.learned = { ...walk.view.learned, [task.register]: earlier.registered };
    return undefined;
  }
  const notes = rounds.flatMap((round) =>
    round.note === undefined || task.noLog === true ? [] : [round.note],
  );
  await walk.run.record(
    {
      type: 'task.done',
      host: walk.host,
      task: task.id,
      name: task.name,
      status: failure === undefined ? status : 'ignored',
      ...(task.register === undefined
        ? {}
        : {
            registered:
              task.noLog === true
                ? { censored: true, changed: status === 'changed' }
                : withoutSecrets(registered, walk),
          }),
      // What `no_log` hides is not kept: after a resume the task is evaluated anew.
      ...(Object.keys(sets).length === 0 || task.noLog === true
        ? {}
        : { sets: withoutSecrets(sets, walk) }),
      ...(notes.length === 0 ? {} : { note: notes.join('; ') }),
      ...(failure !== undefined && module.proves === true ? { unproven: true as const } : {}),
    },
    // What keeps the node from being given back must not be lost with a crash.
    failure !== undefined && module.proves === true,
  );
  return undefined;
}

/** A resume must not go on with `***` for a value: what rests on it says that it is not known. */
function withoutSecrets(kept: Mapping, walk: HostWalk): Mapping {
  const text = (value: string): Value =>
    walk.secrets.mask(value) === value
      ? value
      : unknown('it held a secret, which the journal does not keep');
  const deep = (value: Value): Value => {
    if (typeof value === 'string') return text(value);
    if (isList(value)) return value.map(deep);
    return isMapping(value) ? mapping(value) : value;
  };
  const mapping = (values: Mapping): Mapping =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, deep(value)]));
  return mapping(kept);
}
