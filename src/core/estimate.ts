// How long a host is expected to be out of service: from the effects planned for it, or from how long hosts of its pool took before.
import type { Effect, EffectKind } from '../model/effect.ts';
import { hostStates, type RunState } from './state.ts';

/** Seconds that an effect is expected to take while nothing is known about the pool. An effect that may take less long counts with its timeout. */
export const defaultSeconds: Readonly<Record<EffectKind, number>> = {
  run: 60,
  write: 5,
  cordon: 5,
  drain: 300,
  uncordon: 5,
  reboot: 300,
  wait: 60,
};

/** Seconds that these effects are expected to take, one after the other. */
export const secondsOf = (effects: readonly Pick<Effect, 'kind' | 'timeout'>[]): number =>
  effects.reduce((sum, effect) => sum + Math.min(defaultSeconds[effect.kind], effect.timeout), 0);

/** The smallest of these durations that at least 95 % of them do not exceed; absent when there are none. */
export function p95(durations: readonly number[]): number | undefined {
  const sorted = [...durations].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1];
}

/** What to plan with: how long the pool's hosts took before, else the sum of the stated defaults. */
export const estimateSeconds = (planned: number, earlier: readonly number[]): number => (planned === 0 ? 0 : (p95(earlier) ?? planned));

/** How long the changed hosts of a run took, in seconds: the history for later runs of the pool. */
export function durationsOf(state: RunState): number[] {
  const durations: number[] = [];
  for (const host of hostStates(state)) {
    if (host.changed === true && host.startedAt !== undefined && host.doneAt !== undefined) {
      durations.push((host.doneAt - host.startedAt) / 1000);
    }
  }
  return durations;
}
