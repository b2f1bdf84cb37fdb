// One task of a host's walk: observe, plan, act through the door, observe again; the second plan must be empty.
import { judge } from '../core/condition.ts';
import { hiddenChange, shownChange } from '../core/plan-host.ts';
import { doneTask, type EndedEffect } from '../core/state.ts';
import { type Evaluation, evaluateTask, loopItems, scopeOf } from '../core/task-plan.ts';
import type { AnyModule, Change, ModulePlan } from '../model/change.ts';
import type { Effect, EffectResult } from '../model/effect.ts';
import type { Failure } from '../model/failure.ts';
import type { ModuleTask } from '../model/playbook.ts';
import { higherRisk, highestRisk } from '../model/risk.ts';
import type { Mapping } from '../model/value.ts';
import type { Performed } from './door.ts';
import { textResult } from './observe.ts';
import { perform } from './perform.ts';
import { follow } from './perform-run.ts';
import type { HostWalk } from './walk-context.ts';

/** Ansible's defaults for `until`. */
const untilRetries = 3;
const untilDelay = 5;

/** What one round of a task came to. */
interface Round {
  readonly status: 'ok' | 'changed' | 'skipped';
  readonly result: Mapping;
  readonly failure?: Failure;
  readonly sets?: Mapping;
  readonly note?: string;
}

export async function walkTask(task: ModuleTask, vars: readonly Mapping[], walk: HostWalk): Promise<Failure | undefined> {
  const module = walk.run.setup.modules.get(task.module);
  if (module === undefined) throw new Error(`no module ${task.module}; the loader should have said so`);
  const trouble = await walk.freshen();
  if (trouble !== undefined) return trouble;
  const lost = await settleInFlight(task, walk);
  if (lost !== undefined) return lost;
  const loop = loopItems(task, scopeOf(walk.frame, vars));
  if (!('items' in loop)) return ended(loop);
  const before = walk.state.ended.filter((one) => one.task === task.id);
  const rounds: Round[] = [];
  for (const item of loop.items) {
    const round = await walkRound(task, module, [item, ...vars], walk, before);
    rounds.push(task.loop === undefined ? round : { ...round, result: { ...round.result, ...item } });
    // Nothing more is touched on a host that is going to end badly; with `ignore_errors` it is not.
    if (round.failure !== undefined && (task.ignoreErrors !== true || walk.signal.aborted)) break;
  }
  return conclude(task, await withLeftOver(task, rounds, vars, walk, before), walk);
}

/** What an evaluation that gives no plan means for a host in the middle of its walk. */
function ended(evaluation: Evaluation): Failure | undefined {
  switch (evaluation.kind) {
    case 'wrong':
      return {
        kind: 'refused',
        message: `${evaluation.place.file}:${evaluation.place.line}:${evaluation.place.column}: ${evaluation.message}`,
      };
    case 'later':
      return { kind: 'parse', message: `a fact that this task needs cannot be read: ${evaluation.why}` };
    case 'needs':
      return { kind: 'parse', message: `no answer about ${evaluation.wants.map((want) => want.area).join(', ')}` };
    case 'skip':
    case 'plan':
      return undefined;
  }
}

async function evaluate(task: ModuleTask, module: AnyModule, vars: readonly Mapping[], walk: HostWalk): Promise<Evaluation | Failure> {
  for (let round = 0; ; round++) {
    const evaluation = evaluateTask(task, module, walk.frame, vars, () => {});
    if (evaluation.kind !== 'needs' || round >= 2) return evaluation;
    const trouble = await walk.freshen(evaluation.wants);
    if (trouble !== undefined) return trouble;
  }
}

const isFailure = (data: Evaluation | Failure): data is Failure => 'message' in data && !('place' in data);

/** Effects of this task that ended before a crash, in their order; each is taken from the list once. */
type Before = EndedEffect[];

/** Where nothing is changed, `until` looks again: facts and read-only output are read anew each time. */
async function walkRound(task: ModuleTask, module: AnyModule, vars: readonly Mapping[], walk: HostWalk, before: Before): Promise<Round> {
  const tries = triesOf(task);
  for (let attempt = 1; ; attempt++) {
    const round = await walkOnce(task, module, vars, walk, before);
    if (task.until === undefined || round.status !== 'ok' || round.failure !== undefined) return round;
    const judged = judge(task.until, resultScope(task, round, vars, walk));
    if (judged.kind === 'true') return round;
    if (judged.kind === 'wrong') return bad({ kind: 'refused', message: judged.message });
    if (attempt >= tries || walk.signal.aborted) return { ...round, failure: untilFailed(tries) };
    await walk.run.ports.clock.sleep((task.delay ?? untilDelay) * 1000, walk.signal);
    walk.spoil();
  }
}

const triesOf = (task: ModuleTask): number => (task.until === undefined ? 1 : (task.retries ?? untilRetries) + 1);

const untilFailed = (tries: number): Failure => ({ kind: 'timeout', message: `"until" did not hold after ${tries} tries` });

async function walkOnce(task: ModuleTask, module: AnyModule, vars: readonly Mapping[], walk: HostWalk, before: Before): Promise<Round> {
  const trouble = await walk.freshen();
  if (trouble !== undefined) return bad(trouble);
  const evaluation = await evaluate(task, module, vars, walk);
  if (isFailure(evaluation)) return bad(evaluation);
  if (evaluation.kind === 'skip')
    return { status: 'skipped', result: { changed: false, failed: false, skipped: true }, note: evaluation.why };
  const end = ended(evaluation);
  if (end !== undefined || evaluation.kind !== 'plan') return bad(end ?? { kind: 'parse', message: 'no plan' });
  const { plan, convergent } = evaluation;
  const over = convergent || task.idempotent === true ? undefined : doneTask(walk.state, task.id);
  if (over !== undefined) return { status: 'ok', result: over.registered ?? {}, ...extras(plan) };
  await announce(task, plan, walk);
  const refused = stops(plan, task, walk);
  // What a read-only command came to is judged like the result of any other.
  const judged = plan.unmet?.kind === 'exit' && task.failedWhen !== undefined;
  if (refused !== undefined && !judged) return bad(refused);
  if (plan.changes.length === 0) {
    await recordProof(plan, walk);
    const result = { changed: false, failed: false, ...plan.result };
    return judgeResult(task, { status: 'ok', result, ...extras(plan) }, vars, walk);
  }
  const acted = await actUntil(task, plan.changes, vars, walk, { before, repeatable: convergent || task.idempotent === true });
  if (acted.failure !== undefined) return acted;
  return convergent ? converged(task, module, vars, walk, acted, plan) : { ...acted, ...extras(plan) };
}

const bad = (failure: Failure): Round => ({ status: 'ok', result: { changed: false, failed: true, msg: failure.message }, failure });

const extras = (plan: ModulePlan): Pick<Round, 'sets' | 'note'> => ({
  ...(plan.sets === undefined ? {} : { sets: plan.sets }),
  ...(plan.note === undefined ? {} : { note: plan.note }),
});

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
    },
    false,
  );

/** A refusal, an unmet condition, or more risk than was approved: the host ends here, before the effect. */
function stops(plan: ModulePlan, task: ModuleTask, walk: HostWalk): Failure | undefined {
  if (plan.refuse !== undefined)
    return { kind: 'refused', message: plan.refuse.why, ...(plan.refuse.hint === undefined ? {} : { hint: plan.refuse.hint }) };
  if (plan.unmet !== undefined)
    return { kind: plan.unmet.kind, message: plan.unmet.evidence, ...(plan.unmet.hint === undefined ? {} : { hint: plan.unmet.hint }) };
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

/** What an act has to know of the time before a crash. */
interface Past {
  readonly before: Before;
  /** What ended well may be done again: the plan has just said that it is needed. */
  readonly repeatable: boolean;
}

/** Runs the changes; with `until`, again until it holds or the retries are used up. */
async function actUntil(
  task: ModuleTask,
  changes: readonly Change[],
  vars: readonly Mapping[],
  walk: HostWalk,
  past: Past,
): Promise<Round> {
  const tries = triesOf(task);
  let acted = await act(task, changes, vars, walk, past);
  for (let attempt = 1; task.until !== undefined; attempt++) {
    const judged = judge(task.until, resultScope(task, acted, vars, walk));
    if (judged.kind === 'true') return acted.failure === undefined ? acted : judgeResult(task, acted, vars, walk);
    if (judged.kind === 'wrong') return bad({ kind: 'refused', message: judged.message });
    if (attempt >= tries || walk.signal.aborted) return { ...acted, failure: acted.failure ?? untilFailed(tries) };
    await walk.run.ports.clock.sleep((task.delay ?? untilDelay) * 1000, walk.signal);
    acted = await act(task, changes, vars, walk, past);
  }
  return acted;
}

async function act(task: ModuleTask, changes: readonly Change[], vars: readonly Mapping[], walk: HostWalk, past: Past): Promise<Round> {
  let last: EffectResult = { ok: true };
  let failure: Failure | undefined;
  for (const effect of changes.flatMap((change) => change.effects).map((one) => limited(one, task))) {
    const performed = replayed(effect, past) ?? (await throughTheDoor(effect, task, walk, past.repeatable));
    last = performed.result;
    failure = performed.failure;
    if (failure !== undefined) break;
  }
  const result = asRegistered(last, failure);
  return judgeResult(task, { status: 'changed', result, ...(failure === undefined ? {} : { failure }) }, vars, walk);
}

/** The end that this effect came to before a crash. A bad end stands, whatever the task: the crash gives nobody a second try. */
function replayed(effect: Effect, { before, repeatable }: Past): Performed | undefined {
  const known = before.findIndex((one) => one.what === effect.what && (!repeatable || one.failure !== undefined));
  const [done] = known < 0 ? [] : before.splice(known, 1);
  if (done === undefined) return undefined;
  return { result: done.result, ...(done.failure === undefined ? {} : { failure: done.failure }) };
}

/** `timeout` of the task bounds each of its effects, `no_log` hides their words and their output. */
function limited(effect: Effect, task: ModuleTask): Effect {
  const timed = task.timeout === undefined ? effect : { ...effect, timeout: Math.min(effect.timeout, task.timeout) };
  if (task.noLog !== true) return timed;
  const hidden = { ...timed, what: '(hidden by no_log)' };
  return hidden.kind === 'run' ? { ...hidden, noLog: true } : hidden;
}

/**
 * After a crash: a reboot under way is seen through, and what runs detached is waited for before anything is read, since facts of a host in
 * the middle of a change would mislead the plan.
 */
async function settleInFlight(task: ModuleTask, walk: HostWalk): Promise<Failure | undefined> {
  for (const open of walk.state.inFlight.filter((one) => one.task === task.id)) {
    walk.spoil();
    if (open.kind === 'reboot') {
      const { what, timeout, stableFor = 0 } = open;
      const { failure } = await throughTheDoor({ kind: 'reboot', what, timeout, stableFor, drain: 'none' }, task, walk, true);
      if (failure !== undefined) return failure;
    }
    if (open.kind === 'run' && open.detached) {
      const end = await follow(open.effect, open.timeout, walk.door);
      if (end.kind === 'failed') return end.failure;
    }
  }
  return walk.freshen();
}

/**
 * Effects from before a crash that no round asked for again: their change is there (`creates`, a package that is installed), so the task did
 * change something, and what still stands open in the journal is closed.
 */
async function withLeftOver(
  task: ModuleTask,
  rounds: readonly Round[],
  vars: readonly Mapping[],
  walk: HostWalk,
  before: Before,
): Promise<readonly Round[]> {
  const left: EffectResult[] = before.filter((one) => one.failure === undefined).map((one) => one.result);
  const failed = rounds.some((round) => round.failure !== undefined);
  for (const open of failed ? [] : walk.state.inFlight.filter((one) => one.task === task.id)) {
    if (open.kind === 'cordon' || open.kind === 'drain' || open.kind === 'uncordon') {
      // What became of the node is read from the cluster; it must not count as done here.
      const failure: Failure = { kind: 'interrupted', message: 'cut off when the run was interrupted, and not needed any more' };
      await walk.run.record({ type: 'effect.failed', host: walk.host, task: task.id, effect: open.effect, failure }, true);
      continue;
    }
    const end = open.kind === 'run' ? await follow(open.effect, 1, walk.door) : undefined;
    const ran = end?.kind === 'done' ? { code: end.result.code ?? -1, stdout: end.result.stdout, stderr: end.result.stderr } : {};
    const result: EffectResult = { ok: true, ...(task.noLog === true ? {} : ran) };
    await walk.run.record({ type: 'effect.done', host: walk.host, task: task.id, effect: open.effect, result }, true);
    if (open.kind !== 'wait') left.push({ ok: true, ...ran });
  }
  const [only] = rounds;
  const result = left.at(-1);
  if (result === undefined || only === undefined || only.failure !== undefined || rounds.some((round) => round.status === 'changed'))
    return rounds;
  const first: Round = { ...only, status: 'changed', result: asRegistered(result, undefined) };
  return [judgeResult(task, first, vars, walk), ...rounds.slice(1)];
}

/** An effect that was announced before a crash and whose end is not known is taken up again under its own id, never started a second time beside it. */
async function throughTheDoor(effect: Effect, task: ModuleTask, walk: HostWalk, repeatable: boolean): Promise<Performed> {
  const { inFlight, effects } = walk.state;
  const open = inFlight.find((started) => started.task === task.id && started.what === effect.what);
  walk.spoil();
  const place =
    open === undefined
      ? { task: task.id, effect: `${walk.host}/${task.id}/${effects + 1}`, resumed: false, repeatable }
      : { task: task.id, effect: open.effect, resumed: true, repeatable, ...(open.bootId === undefined ? {} : { bootId: open.bootId }) };
  return perform(effect, place, walk.door);
}

const asRegistered = (result: EffectResult, failure: Failure | undefined): Mapping => ({
  changed: true,
  failed: failure !== undefined,
  ...(failure === undefined ? {} : { msg: failure.message }),
  ...(result.code === undefined ? {} : { rc: result.code }),
  ...(result.stdout === undefined ? {} : textResult(result.stdout, result.stderr ?? '')),
  ...result.data,
});

const resultScope = (task: ModuleTask, round: Round, vars: readonly Mapping[], walk: HostWalk): ReturnType<typeof scopeOf> => {
  const named = task.register === undefined ? {} : { [task.register]: round.result };
  return scopeOf({ ...walk.frame, learned: { ...walk.learned, ...named } }, [round.result, ...vars]);
};

/** `changed_when` and `failed_when` have the last word on what a result means. */
function judgeResult(task: ModuleTask, round: Round, vars: readonly Mapping[], walk: HostWalk): Round {
  const scope = resultScope(task, round, vars, walk);
  const decide = (rule: ModuleTask['changedWhen']): boolean | Failure | undefined => {
    if (rule === undefined || typeof rule === 'boolean') return rule;
    const judged = judge(rule, scope);
    if (judged.kind === 'wrong') return { kind: 'refused', message: judged.message };
    return judged.kind === 'true';
  };
  const failedBy = decide(task.failedWhen);
  const changedBy = decide(task.changedWhen);
  if (typeof failedBy === 'object') return bad(failedBy);
  if (typeof changedBy === 'object') return bad(changedBy);
  const changed = changedBy ?? round.status === 'changed';
  const judged: Round = { ...round, status: changed ? 'changed' : 'ok', result: { ...round.result, changed } };
  if (failedBy === true)
    return {
      ...judged,
      result: { ...judged.result, failed: true },
      failure: round.failure ?? { kind: 'exit', message: 'failed_when holds' },
    };
  if (failedBy === false && round.failure?.kind === 'exit') {
    const { failure: _failure, ...rest } = judged;
    return { ...rest, result: { ...rest.result, failed: false } };
  }
  return judged;
}

/** The state must be what was asked for: observed and planned again, there is nothing left to do. */
async function converged(
  task: ModuleTask,
  module: AnyModule,
  vars: readonly Mapping[],
  walk: HostWalk,
  acted: Round,
  plan: ModulePlan,
): Promise<Round> {
  const trouble = await walk.freshen();
  if (trouble !== undefined) return { ...acted, failure: trouble };
  const again = await evaluate(task, module, vars, walk);
  if (isFailure(again)) return { ...acted, failure: again };
  // Its own `when` may no longer hold once the change is made: then there is nothing left to do either.
  if (again.kind === 'skip') return { ...acted, ...extras(plan) };
  const end = ended(again);
  if (end !== undefined || again.kind !== 'plan') return { ...acted, failure: end ?? { kind: 'parse', message: 'no plan' } };
  if (again.plan.unmet !== undefined) {
    const { kind, evidence, hint } = again.plan.unmet;
    return { ...acted, failure: { kind, message: evidence, ...(hint === undefined ? {} : { hint }) } };
  }
  if (again.plan.refuse !== undefined) return { ...acted, failure: { kind: 'not_converged', message: again.plan.refuse.why } };
  if (again.plan.changes.length > 0) {
    if (task.noLog === true) return { ...acted, failure: { kind: 'not_converged', message: 'done, and still not as it should be' } };
    const left = again.plan.changes.map(stillToDo);
    return { ...acted, failure: { kind: 'not_converged', message: `done, and still not as it should be: ${left.join('; ')}` } };
  }
  await recordProof(again.plan, walk);
  return { ...acted, result: { ...acted.result, ...again.plan.result }, ...extras(again.plan) };
}

const stillToDo = ({ sign, what, before, after }: Change): string =>
  sign === '!'
    ? `${what}${after === undefined ? '' : ` (${after})`}`
    : `${what} (is ${before ?? 'not there'}, should be ${after ?? 'there'})`;

async function recordProof(plan: ModulePlan, walk: HostWalk): Promise<void> {
  if (plan.proof === undefined) return;
  await walk.run.record({ type: 'proof', host: walk.host, ...plan.proof }, true);
}

/** All rounds become one result; a loop registers the list of them, as in Ansible. */
async function conclude(task: ModuleTask, rounds: readonly Round[], walk: HostWalk): Promise<Failure | undefined> {
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
  if (task.register !== undefined) walk.learned = { ...walk.learned, [task.register]: registered };
  walk.learned = { ...walk.learned, ...sets };
  if (failure !== undefined && task.ignoreErrors !== true) return failure;
  const earlier = doneTask(walk.state, task.id);
  if (earlier !== undefined && status !== 'changed') {
    // Walked over again after a resume: what it came to the first time stands.
    if (task.register !== undefined && earlier.registered !== undefined)
      walk.learned = { ...walk.learned, [task.register]: earlier.registered };
    return undefined;
  }
  const notes = rounds.flatMap((round) => (round.note === undefined || task.noLog === true ? [] : [round.note]));
  await walk.run.record(
    {
      type: 'task.done',
      host: walk.host,
      task: task.id,
      name: task.name,
      status: failure === undefined ? status : 'ignored',
      ...(task.register === undefined
        ? {}
        : { registered: task.noLog === true ? { censored: true, changed: status === 'changed' } : registered }),
      // What `no_log` hides is not kept: after a resume the task is evaluated anew.
      ...(Object.keys(sets).length === 0 || task.noLog === true ? {} : { sets }),
      ...(notes.length === 0 ? {} : { note: notes.join('; ') }),
    },
    false,
  );
  return undefined;
}
