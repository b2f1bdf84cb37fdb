// Performs the changes of a task, and judges the result by `until`, `changed_when` and
// `failed_when`.

import { hiddenText } from '../../core/plan/shown.ts';
import { judge } from '../../core/plan/task/condition.ts';
import { isFileHere } from '../../core/plan/task/delegate.ts';
import { scopeOf } from '../../core/plan/task/frame.ts';
import type { TaskVars } from '../../core/plan/task/scope.ts';
import type { EndedEffect } from '../../core/run-state/state.ts';
import type { ModuleTask } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { Change } from '../../model/run/change.ts';
import type { Effect, EffectResult } from '../../model/run/effect.ts';
import type { Failure } from '../../model/run/failure.ts';
import type { Mapping } from '../../model/value.ts';
import type { Performed } from '../effects/effect-context.ts';
import { perform } from '../effects/perform.ts';
import { textResult } from '../session/observe.ts';
import type { HostWalk } from './host-walk.ts';

/** Ansible's defaults for `until`. */
const untilRetries = 3;
export const untilDelay = 5;

/** The result of one round of a task. */
export interface Round {
  readonly status: 'ok' | 'changed' | 'skipped';
  readonly result: Mapping;
  readonly failure?: Failure;
  readonly sets?: Mapping;
  readonly note?: string;
}

/** Effects of this task that ended before a crash, in order. Each is removed once it is used. */
export type EarlierEffects = EndedEffect[];

export const triesOf = (task: ModuleTask): number =>
  task.until === undefined ? 1 : (task.retries ?? untilRetries) + 1;

export const untilFailed = (tries: number): Failure => ({
  kind: 'timeout',
  message: `"until" did not hold after ${tries} tries`,
});

export const failedRound = (failure: Failure): Round => ({
  status: 'ok',
  result: { changed: false, failed: true, msg: failure.message },
  failure,
});

/** What happened before a crash. */
interface Past {
  readonly before: EarlierEffects;
  /** A successful effect may be repeated: the plan has just shown that it is needed. */
  readonly repeatable: boolean;
}

/** Runs the changes; with `until`, again until it holds or the retries are used up. */
export async function actUntil(
  task: ModuleTask,
  changes: readonly Change[],
  vars: TaskVars,
  walk: HostWalk,
  past: Past,
): Promise<Round> {
  const tries = triesOf(task);
  let acted = await act(task, changes, vars, walk, past);
  for (let attempt = 1; task.until !== undefined; attempt++) {
    const judged = judge(task.until, resultScope(task, acted, vars, walk));
    if (judged.kind === 'true')
      return acted.failure === undefined ? acted : judgeResult(task, acted, vars, walk);
    if (judged.kind === 'wrong') return failedRound({ kind: 'refused', message: judged.message });
    if (attempt >= tries || walk.signal.aborted)
      return { ...acted, failure: acted.failure ?? untilFailed(tries) };
    await walk.run.ports.clock.sleep((task.delay ?? untilDelay) * 1000, walk.signal);
    acted = await act(task, changes, vars, walk, past);
  }
  return acted;
}

async function act(
  task: ModuleTask,
  changes: readonly Change[],
  vars: TaskVars,
  walk: HostWalk,
  past: Past,
): Promise<Round> {
  let last: EffectResult = { ok: true };
  let failure: Failure | undefined;
  for (const effect of changes
    .flatMap((change) => change.effects)
    .map((one) => limited(one, task, walk))) {
    const performed =
      replayed(effect, past) ?? (await performEffect(effect, task, walk, past.repeatable));
    last = performed.result;
    failure = performed.failure;
    if (failure !== undefined) break;
  }
  // Of a file the script is no part of the result, as on a host.
  const result = asRegistered(changes.every(isFileHere) ? { ok: last.ok } : last, failure);
  return judgeResult(task, { status: 'changed', result, ...present({ failure }) }, vars, walk);
}

/**
 * The result that this effect had before a crash. A failure stays a failure: a crash is no second
 * try. A reboot is not repeated either: a second one would bring nothing new.
 */
function replayed(effect: Effect, { before, repeatable }: Past): Performed | undefined {
  const isOnce = !repeatable || effect.kind === 'reboot';
  const known = before.findIndex(
    (one) => one.what === effect.what && (isOnce || one.failure !== undefined),
  );
  const [done] = known < 0 ? [] : before.splice(known, 1);
  if (done === undefined) return undefined;
  return { result: done.result, ...present({ failure: done.failure }) };
}

/**
 * `timeout` of the task bounds each of its effects. `no_log` hides their titles and their output.
 * Titles are masked here, because a resume finds an effect in the masked journal by its title.
 */
function limited(effect: Effect, task: ModuleTask, { secrets, run }: HostWalk): Effect {
  const timeout =
    task.timeout === undefined ? effect.timeout : Math.min(effect.timeout, task.timeout);
  const timed = { ...effect, timeout, what: secrets.mask(effect.what) };
  const isHidden = task.noLog === true;
  const shown = isHidden ? { ...timed, what: hiddenText } : timed;
  // The output becomes a secret variable: it is hidden before it is known.
  const isSecret = isHidden || (task.register !== undefined && run.setup.isSecret(task.register));
  return (shown.kind === 'run' || shown.kind === 'local') && isSecret
    ? { ...shown, noLog: true }
    : shown;
}

/**
 * An effect that was announced before a crash, and whose end is unknown, continues under its own
 * id. It is never started a second time.
 */
export async function performEffect(
  effect: Effect,
  task: ModuleTask,
  walk: HostWalk,
  repeatable: boolean,
): Promise<Performed> {
  const { inFlight, effects } = walk.state;
  const open = inFlight.find((started) => started.task === task.id && started.what === effect.what);
  walk.invalidate(keepsRepositories(effect, task, walk));
  const place =
    open === undefined
      ? {
          task: task.id,
          effect: `${walk.host}/${task.id}/${effects + 1}`,
          resumed: false,
          repeatable,
        }
      : {
          task: task.id,
          effect: open.effect,
          resumed: true,
          repeatable,
          ...present({ bootId: open.bootId, spool: open.spool }),
        };
  const performed = await perform(effect, place, walk.effectContext);
  // It may have failed because of what a repository had.
  if (performed.failure !== undefined) walk.invalidate();
  return performed;
}

/** What the repositories answered still counts after this effect. */
const keepsRepositories = ({ kind }: Effect, task: ModuleTask, { run }: HostWalk): boolean =>
  (kind !== 'run' && kind !== 'write') ||
  run.setup.modules.get(task.module)?.keepsRepositories === true;

export const asRegistered = (result: EffectResult, failure: Failure | undefined): Mapping => ({
  changed: true,
  failed: failure !== undefined,
  ...(failure === undefined ? {} : { msg: failure.message }),
  ...present({ rc: result.code }),
  ...(result.stdout === undefined ? {} : textResult(result.stdout, result.stderr ?? '')),
  ...result.data,
});

export const resultScope = (
  task: ModuleTask,
  round: Round,
  vars: TaskVars,
  walk: HostWalk,
): ReturnType<typeof scopeOf> => {
  const named = task.register === undefined ? {} : { [task.register]: round.result };
  return scopeOf({ ...walk.frame, learned: { ...walk.view.learned, ...named } }, [
    { vars: round.result, isData: true },
    ...vars,
  ]);
};

/** `changed_when` and `failed_when` override the status of a result. */
export function judgeResult(task: ModuleTask, round: Round, vars: TaskVars, walk: HostWalk): Round {
  const scope = resultScope(task, round, vars, walk);
  const decide = (rule: ModuleTask['changedWhen']): boolean | Failure | undefined => {
    if (rule === undefined || typeof rule === 'boolean') return rule;
    const judged = judge(rule, scope);
    if (judged.kind === 'wrong') return { kind: 'refused', message: judged.message };
    return judged.kind === 'true';
  };
  const failedBy = decide(task.failedWhen);
  const changedBy = decide(task.changedWhen);
  if (typeof failedBy === 'object') return failedRound(failedBy);
  if (typeof changedBy === 'object') return failedRound(changedBy);
  const changed = changedBy ?? round.status === 'changed';
  const judged: Round = {
    ...round,
    status: changed ? 'changed' : 'ok',
    result: { ...round.result, changed },
  };
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
