// Cordons, drains and uncordons by the Cluster port. Only nodes that this run owns are changed.
import { present } from '../../model/present.ts';
import type { CordonEffect, DrainEffect, UncordonEffect } from '../../model/run/effect.ts';
import { type Failure, isAway } from '../../model/run/failure.ts';
import type { Cluster } from '../ports/cluster.ts';
import {
  type EffectContext,
  type EffectPlace,
  failing,
  type Performed,
  recordBeside,
} from './effect-context.ts';
import { cordonOwned, type OwnershipContext, restartsOn } from './ownership.ts';

export async function performCluster(
  effect: CordonEffect | DrainEffect | UncordonEffect,
  place: EffectPlace,
  context: EffectContext,
): Promise<Performed> {
  const { cluster } = context;
  if (cluster === undefined)
    throw new Error('the guard let a cluster effect through without a cluster');
  switch (effect.kind) {
    case 'cordon': {
      const outcome = await cordonOwned(effect.node, { ...context, cluster });
      return outcome.ok
        ? { result: { ok: true, data: { ...outcome.value } } }
        : failing(outcome.failure);
    }
    case 'drain':
      return drain(effect, place, cluster, context);
    case 'uncordon':
      return uncordon(effect, { ...context, cluster });
  }
}

async function drain(
  effect: DrainEffect,
  place: EffectPlace,
  cluster: Cluster,
  context: EffectContext,
): Promise<Performed> {
  const progress = (text: string): void => {
    const { task, effect } = place;
    recordBeside({ type: 'effect.progress', host: context.host, task, effect, text }, context);
  };
  const outcome = await cluster.drain(effect.node, effect.options, context.token, progress, {
    signal: context.signal,
  });
  if (!outcome.ok) return failing(await undo(outcome.failure, effect, place, cluster, context));
  const { evicted, left, arrived, crashing, seconds } = outcome.value;
  const mayLeave = effect.options.leftBehind === 'accept' ? { mayLeave: true } : {};
  return { result: { ok: true, data: { evicted, left, arrived, crashing, seconds, ...mayLeave } } };
}

/**
 * After a failed drain the node is uncordoned at once, as an effect of its own in the journal. It
 * stays cordoned if the drain was interrupted, because a resume continues it, or if another run owns
 * the node.
 */
async function undo(
  failure: Failure,
  effect: DrainEffect,
  place: EffectPlace,
  cluster: Cluster,
  context: EffectContext,
): Promise<Failure> {
  const { node } = effect;
  if (failure.kind === 'fenced' || failure.kind === 'interrupted' || context.signal.aborted)
    return failure;
  const note = (text: string): Failure => ({ ...failure, message: `${failure.message}; ${text}` });
  if (effect.options.keepCordoned) {
    const state = await cluster.node(node);
    return state.ok && state.value.unschedulable
      ? note(`node ${node} stays cordoned, as the play says`)
      : failure;
  }
  const { host } = context;
  const id = `${place.effect}/undo`;
  const what = `uncordon node ${node}: its drain failed`;
  await context.record(
    {
      type: 'effect.started',
      host,
      task: place.task,
      effect: id,
      kind: 'uncordon',
      what,
      timeout: 60,
      detached: false,
    },
    true,
  );
  // Without the signal: the uncordon must happen also while the run stops.
  const back = await cluster.uncordon(node, context.token);
  // The node is still out of service: a resume repeats the whole drain.
  if (!back.ok && isAway(back.failure)) return back.failure;
  if (!back.ok) {
    await context.record(
      { type: 'effect.failed', host, task: place.task, effect: id, failure: back.failure },
      true,
    );
    return note(`and node ${node} could not be uncordoned: ${back.failure.message}`);
  }
  const { uncordoned, why } = back.value;
  await context.record(
    {
      type: 'effect.done',
      host,
      task: place.task,
      effect: id,
      result: { ok: true, data: { uncordoned, why } },
    },
    true,
  );
  return note(
    uncordoned ? `node ${node} was uncordoned again` : `node ${node} was not uncordoned: ${why}`,
  );
}

/** Keeps the restarts until now, so that the soak finds pods that crash afterwards. */
async function uncordon(effect: UncordonEffect, context: OwnershipContext): Promise<Performed> {
  const { cluster, token, signal } = context;
  const restarts = await restartsOn(effect.node, context);
  const outcome = await cluster.uncordon(effect.node, token, signal);
  if (!outcome.ok) return failing(outcome.failure);
  return { result: { ok: true, data: { ...outcome.value, ...present({ restarts }) } } };
}
