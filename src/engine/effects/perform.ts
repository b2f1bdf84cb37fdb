// Performs effects. Every effect of a host passes here: it is checked, announced in the journal on
// disk, performed, and its result is journalled.

import { type Facts, known } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import type { Effect, LocalEffect, RunEffect } from '../../model/run/effect.ts';
import { isAway } from '../../model/run/failure.ts';
import { isLate } from '../state-pause.ts';
import {
  type EffectContext,
  type EffectPlace,
  failing,
  interrupted,
  type Performed,
} from './effect-context.ts';
import { guard } from './guard.ts';
import { truncateOutput } from './output.ts';
import { onHold } from './ownership.ts';
import { performCluster } from './perform-cluster.ts';
import { performCopy } from './perform-copy.ts';
import { performReboot } from './perform-reboot.ts';
import { performLocal, performRun, performWrite, spoolId } from './perform-run.ts';
import { performWait } from './perform-wait.ts';

export async function perform(
  effect: Effect,
  place: EffectPlace,
  context: EffectContext,
): Promise<Performed> {
  const { host, session } = context;
  const { task, effect: id } = place;
  const isRoot = session.target.become?.user === 'root' || context.facts()['user.root'] === true;
  const hasCluster = context.cluster !== undefined;
  const refused = guard(effect, {
    facts: context.facts(),
    done: context.done(),
    hasCluster,
    ownBootId: context.ownBootId,
    isRoot,
  });
  const kept = refused ?? (takesOut(effect, place) ? await onHold(context) : undefined);
  if (kept !== undefined) return failing(kept);
  const bootId = place.bootId ?? bootIdOf(context.facts());
  if (!place.resumed) {
    const spool = effect.kind === 'local' ? await spoolId(context) : undefined;
    if (spool?.ok === false) return failing(spool.failure);
    const announced = {
      ...{ host, task, effect: id, ...announcementOf(effect) },
      ...present({ bootId, spool: spool?.value }),
    };
    const began = context.clock.now();
    await context.record({ type: 'effect.started', ...announced }, true);
    if (isLate(began, context.clock.now()) && context.mayContinue() === 'hold')
      return failing(interrupted(`the run holds its hosts; next would be: ${effect.what}`));
  }
  const performed = await dispatch(effect, { ...place, ...present({ bootId }) }, context);
  // After a stop it is unknown whether the effect failed. It stays open in the journal, and a resume
  // reads what became of it.
  if (performed.failure !== undefined && (context.signal.aborted || isAway(performed.failure)))
    return performed;
  const shown = isRun(effect) && effect.noLog === true ? withoutOutput(performed) : performed;
  const result = await truncateOutput(shown.result, effect.what, id, context);
  if (shown.failure === undefined)
    await context.record({ type: 'effect.done', host, task, effect: id, result }, true);
  else
    await context.record(
      { type: 'effect.failed', host, task, effect: id, failure: shown.failure, result },
      true,
    );
  return performed;
}

const isRun = (effect: Effect): effect is RunEffect | LocalEffect =>
  effect.kind === 'run' || effect.kind === 'local';

function announcementOf(effect: Effect) {
  const { kind, what, timeout } = effect;
  const isHarmless = kind === 'copy' || (isRun(effect) && effect.harmless === true);
  return {
    ...{ kind, what, timeout, detached: isRun(effect) && effect.detached },
    ...(kind === 'reboot' ? { stableFor: effect.stableFor } : {}),
    ...(isHarmless ? { harmless: true as const } : {}),
  };
}

/**
 * Effects that a hold on the node forbids. A resumed reboot checks the hold itself, before it is
 * sent.
 */
const takesOut = (effect: Effect, { resumed }: EffectPlace): boolean => {
  if (isRun(effect)) return effect.harmless !== true;
  return effect.kind === 'reboot'
    ? !resumed
    : effect.kind !== 'wait' && effect.kind !== 'uncordon' && effect.kind !== 'copy';
};

const bootIdOf = (facts: Facts): string | undefined => {
  const id = known(facts, 'boot.id', '');
  return id === '' ? undefined : id;
};

function dispatch(effect: Effect, place: EffectPlace, context: EffectContext): Promise<Performed> {
  switch (effect.kind) {
    case 'run':
      return performRun(effect, place, context);
    case 'local':
      return performLocal(effect, place, context);
    case 'write':
      return performWrite(effect, context);
    case 'copy':
      return performCopy(effect, place, context);
    case 'reboot':
      return performReboot(effect, place, context);
    case 'wait':
      return performWait(effect, context);
    case 'cordon':
    case 'drain':
    case 'uncordon':
      return performCluster(effect, place, context);
  }
}

function withoutOutput(performed: Performed): Performed {
  const { stdout: _stdout, stderr: _stderr, ...result } = performed.result;
  if (performed.failure === undefined) return { result };
  const { detail: _detail, ...failure } = performed.failure;
  return { result, failure };
}
