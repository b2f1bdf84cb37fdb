// Cordon, drain and uncordon through the Cluster port. What is ours is marked with run and number; what is not ours is left alone.
import type { CordonEffect, DrainEffect, UncordonEffect } from '../model/effect.ts';
import { type DoorContext, type EffectPlace, failing, type Performed } from './door.ts';
import type { Cluster } from './ports.ts';

export async function performCluster(
  effect: CordonEffect | DrainEffect | UncordonEffect,
  place: EffectPlace,
  context: DoorContext,
): Promise<Performed> {
  const { cluster } = context;
  if (cluster === undefined) throw new Error('the guard let a cluster effect through without a cluster');
  switch (effect.kind) {
    case 'cordon': {
      const outcome = await cluster.cordon(effect.node, context.token, context.signal);
      return outcome.ok ? { result: { ok: true, data: { ...outcome.value } } } : failing(outcome.failure);
    }
    case 'drain':
      return drain(effect, place, cluster, context);
    case 'uncordon': {
      const outcome = await cluster.uncordon(effect.node, context.token, context.signal);
      return outcome.ok ? { result: { ok: true, data: { ...outcome.value } } } : failing(outcome.failure);
    }
  }
}

async function drain(effect: DrainEffect, place: EffectPlace, cluster: Cluster, context: DoorContext): Promise<Performed> {
  const progress = (text: string): void => {
    void context.record({ type: 'effect.progress', host: context.host, task: place.task, effect: place.effect, text }, false);
  };
  const outcome = await cluster.drain(effect.node, effect.options, context.token, progress, context.signal);
  if (!outcome.ok) return failing(outcome.failure);
  const { evicted, left, arrived, seconds } = outcome.value;
  return { result: { ok: true, data: { evicted, left, arrived, seconds } } };
}
