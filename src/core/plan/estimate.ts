// How long a host is expected to be out of service: by the effects planned for it, or by earlier
// hosts of its pool.

import type { Remedy } from '../../model/facts/values.ts';
import type { Effect, EffectKind } from '../../model/run/effect.ts';
import type { Event } from '../../model/run/event.ts';
import type { HostPlan } from '../../model/run/plan.ts';

/**
 * Default seconds that an effect is expected to take, without a history of the pool. A shorter
 * timeout replaces them.
 */
export const defaultSeconds: Readonly<Record<EffectKind, number>> = {
  run: 60,
  write: 5,
  copy: 30,
  cordon: 5,
  drain: 300,
  uncordon: 5,
  reboot: 300,
  wait: 60,
};

/** Seconds that these effects are expected to take, one after the other. */
export const secondsOf = (effects: readonly Pick<Effect, 'kind' | 'timeout'>[]): number =>
  effects.reduce((sum, effect) => sum + Math.min(defaultSeconds[effect.kind], effect.timeout), 0);

/**
 * The smallest of these durations that at least 95 % of them do not exceed; undefined when there
 * are none.
 */
export function p95(durations: readonly number[]): number | undefined {
  const sorted = [...durations].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1];
}

/** The estimate of a plan: from earlier hosts of the pool, else the sum of the defaults. */
export const estimateSeconds = (planned: number, earlier: readonly number[]): number =>
  planned === 0 ? 0 : (p95(earlier) ?? planned);

/** How long one host took in an earlier run. */
export interface Earlier {
  readonly remedy: Remedy;
  readonly seconds: number;
}

/** Takes the events of one run, oldest first, and keeps none of them. */
export interface DurationsReader {
  readonly see: (event: Event) => void;
  readonly hosts: () => Iterable<string>;
  readonly durations: () => readonly Earlier[];
}

/**
 * Reads how long the changed hosts of a run took, for the estimates of later runs. A host during
 * which the run lost its controller is left out: the time until the resume says nothing.
 */
export function readDurations(): DurationsReader {
  const remedies = new Map<string, Remedy>();
  const started = new Map<string, number>();
  const durations: Earlier[] = [];
  const see = (event: Event): void => {
    if (event.type === 'run.started')
      for (const { host, plan } of event.hosts) remedies.set(host, plan.remedy);
    else if (event.type === 'remedy.chosen') remedies.set(event.host, event.remedy);
    else if (event.type === 'host.started') started.set(event.host, event.at);
    else if (event.type === 'run.resumed') started.clear();
    else if (event.type === 'host.done') {
      const from = started.get(event.host);
      if (event.changed && from !== undefined)
        durations.push({
          remedy: remedies.get(event.host) ?? 'unknown',
          seconds: (event.at - from) / 1000,
        });
    }
  };
  return { see, hosts: () => remedies.keys(), durations: () => durations };
}

/**
 * The plan with an estimate from earlier hosts: those with the same remedy if there are any, else
 * all.
 */
export function withHistory(plan: HostPlan, earlier: readonly Earlier[]): HostPlan {
  const same = earlier.filter((one) => one.remedy === plan.remedy);
  const basis = same.length > 0 ? same : earlier;
  if (plan.estimate === 0 || basis.length === 0) return plan;
  return {
    ...plan,
    estimate: Math.ceil(
      estimateSeconds(
        plan.estimate,
        basis.map((one) => one.seconds),
      ),
    ),
    earlier: basis.length,
  };
}
