// A task that continues after a crash: effects under way are finished before anything is planned,
// and effects that are no longer needed are closed.

import type { TaskVars } from '../../core/plan/task/scope.ts';
import type { EffectInFlight } from '../../core/run-state/state.ts';
import type { ModuleTask } from '../../model/playbook.ts';
import type { EffectResult } from '../../model/run/effect.ts';
import type { Failure } from '../../model/run/failure.ts';
import { truncateOutput } from '../effects/output.ts';
import { type Followed, follow, onThisMachine } from '../effects/perform-run.ts';
import type { HostWalk } from './host-walk.ts';
import {
  asRegistered,
  type EarlierEffects,
  judgeResult,
  performEffect,
  type Round,
} from './task-act.ts';

/**
 * After a crash: finishes a reboot under way and waits for detached scripts, before facts are read.
 * Facts of a host in the middle of a change would mislead the plan.
 */
export async function finishInFlight(
  task: ModuleTask,
  walk: HostWalk,
): Promise<Failure | undefined> {
  for (const open of walk.state.inFlight.filter((one) => one.task === task.id)) {
    walk.invalidate();
    if (open.kind === 'reboot') {
      const { what, timeout, stableFor = 0 } = open;
      // Without escalation and fallback: whether they were tried is unknown, so an operator decides.
      const { failure } = await performEffect(
        { kind: 'reboot', what, timeout, stableFor, drain: 'none' },
        task,
        walk,
        true,
      );
      if (failure !== undefined) return failure;
    }
    if (open.detached) {
      const end = await followed(open, open.timeout, walk);
      if (end?.kind === 'failed') return end.failure;
    }
  }
  return walk.refresh();
}

/** How a script ended that was begun before a crash; undefined where the effect is no script. */
async function followed(
  { kind, effect }: EffectInFlight,
  seconds: number,
  { effectContext }: HostWalk,
): Promise<Followed | undefined> {
  if (kind === 'run') return follow(effect, seconds, effectContext);
  const local = kind === 'local' ? onThisMachine(effectContext) : undefined;
  return local?.ok === true ? follow(effect, seconds, local.value) : undefined;
}

/**
 * Effects from before a crash that no round needs again, because their change is in place
 * (`creates`, an installed package). The task counts as changed, and effects that are open in the
 * journal are closed.
 */
export async function withLeftOver(
  task: ModuleTask,
  rounds: readonly Round[],
  vars: TaskVars,
  walk: HostWalk,
  before: EarlierEffects,
): Promise<readonly Round[]> {
  const left: EffectResult[] = before
    .filter((one) => one.failure === undefined)
    .map((one) => one.result);
  const failed = rounds.some((round) => round.failure !== undefined);
  for (const open of failed ? [] : walk.state.inFlight.filter((one) => one.task === task.id)) {
    if (open.kind === 'cordon' || open.kind === 'drain' || open.kind === 'uncordon') {
      // Only the cluster knows the state of the node: the effect must not count as done.
      const failure: Failure = {
        kind: 'interrupted',
        message: 'interrupted with the run, and no longer needed',
      };
      await walk.run.record(
        { type: 'effect.failed', host: walk.host, task: task.id, effect: open.effect, failure },
        true,
      );
      continue;
    }
    const end = await followed(open, 1, walk);
    const ran =
      end?.kind === 'done'
        ? { code: end.result.code ?? -1, stdout: end.result.stdout, stderr: end.result.stderr }
        : {};
    const output = { ok: true, ...(task.noLog === true ? {} : ran) };
    const result: EffectResult = await truncateOutput(
      output,
      open.what,
      open.effect,
      walk.effectContext,
    );
    await walk.run.record(
      { type: 'effect.done', host: walk.host, task: task.id, effect: open.effect, result },
      true,
    );
    if (open.kind !== 'wait') left.push({ ok: true, ...ran });
  }
  const [only] = rounds;
  const result = left.at(-1);
  if (
    result === undefined ||
    only === undefined ||
    only.failure !== undefined ||
    rounds.some((round) => round.status === 'changed')
  )
    return rounds;
  const first: Round = { ...only, status: 'changed', result: asRegistered(result, undefined) };
  return [judgeResult(task, first, vars, walk), ...rounds.slice(1)];
}
