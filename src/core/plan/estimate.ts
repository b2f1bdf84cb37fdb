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

/** How long hosts took in an earlier run: so many hosts so many seconds, rounded up. */
export interface Earlier {
  readonly remedy: Remedy;
  readonly seconds: number;
  readonly hosts: number;
}

/** Takes the events of one run, oldest first, and keeps none of them. */
export interface DurationsReader {
  readonly see: (event: Event) => void;
  readonly durations: () => readonly Earlier[];
}

/**
 * Reads how long the changed hosts of a run took, for the estimates of later runs. A host during
 * which the run lost its controller is left out: the time until the resume says nothing.
 */
export function readDurations(): DurationsReader {
  const remedies = new Map<string, Remedy>();
  const started = new Map<string, number>();
  const durations = new Map<string, Earlier>();
  const see = (event: Event): void => {
    if (event.type === 'run.started')
      for (const { host, plan } of event.hosts) remedies.set(host, plan.remedy);
    else if (event.type === 'remedy.chosen') remedies.set(event.host, event.remedy);
    else if (event.type === 'host.started') started.set(event.host, event.at);
    else if (event.type === 'run.resumed') started.clear();
    else if (event.type === 'host.done') {
      const from = started.get(event.host);
      if (!event.changed || from === undefined) return;
      const remedy = remedies.get(event.host) ?? 'unknown';
      const seconds = Math.ceil((event.at - from) / 1000);
      const key = `${remedy} ${seconds}`;
      durations.set(key, { remedy, seconds, hosts: (durations.get(key)?.hosts ?? 0) + 1 });
    }
  };
  return { see, durations: () => [...durations.values()] };
}

/**
 * Adds an estimate from earlier hosts to a plan: from those with the same remedy if there are any,
 * else from all.
 */
export function withHistory(earlier: readonly Earlier[]): (plan: HostPlan) => HostPlan {
  const all = basisOf(earlier);
  const byRemedy = new Map<Remedy, Basis | undefined>();
  return (plan) => {
    const { remedy } = plan;
    if (!byRemedy.has(remedy))
      byRemedy.set(remedy, basisOf(earlier.filter((one) => one.remedy === remedy)));
    const basis = byRemedy.get(remedy) ?? all;
    return plan.estimate === 0 || basis === undefined
      ? plan
      : { ...plan, estimate: basis.seconds, earlier: basis.hosts };
  };
}

interface Basis {
  readonly seconds: number;
  readonly hosts: number;
}

/** The smallest duration that at least 95 % of the hosts did not exceed; undefined without hosts. */
function basisOf(earlier: readonly Earlier[]): Basis | undefined {
  const hosts = earlier.reduce((sum, one) => sum + one.hosts, 0);
  let left = Math.ceil(hosts * 0.95);
  const found = earlier
    .toSorted((a, b) => a.seconds - b.seconds)
    .find((one) => {
      left -= one.hosts;
      return left <= 0;
    });
  return found && { seconds: found.seconds, hosts };
}
