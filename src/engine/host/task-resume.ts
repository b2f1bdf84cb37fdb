// A task taken up after a crash: what was under way is seen to its end before anything is planned,
// and what nobody asks for again is closed.

import type { ModuleTask } from '../../model/playbook.ts';
import type { EffectResult } from '../../model/run/effect.ts';
import type { Failure } from '../../model/run/failure.ts';
import type { Mapping } from '../../model/value.ts';
import { truncateOutput } from '../effects/output.ts';
import { follow } from '../effects/perform-run.ts';
import type { HostWalk } from './host-walk.ts';
import { asRegistered, type Before, judgeResult, performEffect, type Round } from './task-act.ts';

/**
 * After a crash: a reboot under way is seen through, and what runs detached is waited for before
 * anything is read, since facts of a host in the middle of a change would mislead the plan.
 */
export async function settleInFlight(
  task: ModuleTask,
  walk: HostWalk,
): Promise<Failure | undefined> {
  for (const open of walk.state.inFlight.filter((one) => one.task === task.id)) {
    walk.invalidate();
    if (open.kind === 'reboot') {
      const { what, timeout, stableFor = 0 } = open;
      // Without its harder ways and its fallback: whether they were tried is not known, so a person
      // looks.
      const { failure } = await performEffect(
        { kind: 'reboot', what, timeout, stableFor, drain: 'none' },
        task,
        walk,
        true,
      );
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
 * Effects from before a crash that no round asked for again: their change is there (`creates`, a
 * package that is installed), so the task did change something, and what still stands open in the
 * journal is closed.
 */
export async function withLeftOver(
  task: ModuleTask,
  rounds: readonly Round[],
  vars: readonly Mapping[],
  walk: HostWalk,
  before: Before,
): Promise<readonly Round[]> {
  const left: EffectResult[] = before
    .filter((one) => one.failure === undefined)
    .map((one) => one.result);
  const failed = rounds.some((round) => round.failure !== undefined);
  for (const open of failed ? [] : walk.state.inFlight.filter((one) => one.task === task.id)) {
    if (open.kind === 'cordon' || open.kind === 'drain' || open.kind === 'uncordon') {
      // What became of the node is read from the cluster; it must not count as done here.
      const failure: Failure = {
        kind: 'interrupted',
        message: 'cut off when the run was interrupted, and not needed any more',
      };
      await walk.run.record(
        { type: 'effect.failed', host: walk.host, task: task.id, effect: open.effect, failure },
        true,
      );
      continue;
    }
    const end = open.kind === 'run' ? await follow(open.effect, 1, walk.door) : undefined;
    const ran =
      end?.kind === 'done'
        ? { code: end.result.code ?? -1, stdout: end.result.stdout, stderr: end.result.stderr }
        : {};
    const told = { ok: true, ...(task.noLog === true ? {} : ran) };
    const result: EffectResult = await truncateOutput(told, open.what, open.effect, walk.door);
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
