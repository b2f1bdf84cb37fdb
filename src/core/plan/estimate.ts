// How long a host is expected to be out of service: by the effects planned for it, or by earlier
// hosts of its pool.

import type { Remedy } from '../../model/facts/values.ts';
import type { Effect, EffectKind, WaitEffect } from '../../model/run/effect.ts';
import type { Event, EventOf } from '../../model/run/event.ts';
import { type Expected, type HostPlan, hasChanges } from '../../model/run/plan.ts';

/**
 * Default seconds that an effect is expected to take, without a history of the pool. A shorter
 * timeout replaces them.
 */
export const defaultSeconds: Readonly<Record<EffectKind, number>> = {
  run: 60,
  local: 60,
  write: 5,
  copy: 30,
  cordon: 5,
  drain: 300,
  uncordon: 5,
  reboot: 300,
  wait: 60,
};

/** Seconds that these effects are expected to take, one after the other. */
export const secondsOf = (
  effects: readonly (Pick<Effect, 'kind' | 'timeout'> & Partial<Pick<WaitEffect, 'first'>>)[],
): number =>
  effects.reduce(
    (sum, { kind, timeout, first = 0 }) => sum + first + Math.min(defaultSeconds[kind], timeout),
    0,
  );

/** Seconds that the drain takes by the grace periods of its pods, where there is a forecast. */
export const drainSeconds = (effects: readonly Effect[]): number | undefined =>
  effects.find((effect) => effect.kind === 'drain')?.expected;

/** How long one host took in an earlier run, rounded up. */
export interface Earlier {
  readonly host: string;
  readonly remedy: Remedy;
  readonly seconds: number;
  /** Of them for its drain. */
  readonly drain: number;
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
  const drains = drainTimes();
  const durations: Earlier[] = [];
  const see = (event: Event): void => {
    if (event.type === 'run.started')
      for (const { host, plan } of event.hosts) remedies.set(host, plan.remedy);
    else if (event.type === 'remedy.chosen') remedies.set(event.host, event.remedy);
    else if (event.type === 'host.started') started.set(event.host, event.at);
    else if (event.type === 'run.resumed') started.clear();
    else if (event.type === 'effect.started' || event.type === 'effect.done') drains.see(event);
    else if (event.type === 'host.done') {
      const from = started.get(event.host);
      if (event.changed && from !== undefined)
        durations.push({
          host: event.host,
          remedy: remedies.get(event.host) ?? 'unknown',
          seconds: Math.ceil((event.at - from) / 1000),
          drain: drains.of(event.host),
        });
    }
  };
  return { see, durations: () => durations };
}

/** How long the last drain of each host took, in seconds; 0 for a host without one. */
function drainTimes() {
  const begun = new Map<string, { readonly effect: string; readonly at: number }>();
  const took = new Map<string, number>();
  const see = (event: Event & EventOf<'effect.started' | 'effect.done'>): void => {
    const { host, effect, at } = event;
    if (event.type === 'effect.started') {
      if (event.kind === 'drain') begun.set(host, { effect, at });
    } else if (begun.get(host)?.effect === effect)
      took.set(host, Math.ceil((at - (begun.get(host)?.at ?? at)) / 1000));
  };
  return { see, of: (host: string): number => took.get(host) ?? 0 };
}

/** The estimates of `longest_first`, in the order of `plans`, whose own estimates are defaults. */
export function expectedOf(
  plans: readonly HostPlan[],
  earlier: readonly Earlier[],
): readonly Expected[] {
  const ofHost = grouped(earlier, ({ host, remedy }) => `${remedy} ${host}`);
  const ofRemedy = grouped(earlier, ({ remedy }) => remedy);
  const rests = new Map<Remedy, number | undefined>();
  const restOf = ({ remedy }: HostPlan): number | undefined => {
    if (!rests.has(remedy))
      rests.set(
        remedy,
        median((ofRemedy.get(remedy) ?? earlier).map((one) => one.seconds - one.drain)),
      );
    return rests.get(remedy);
  };
  const known = plans.map((plan): Expected | undefined => {
    if (!hasChanges(plan)) return { seconds: 0, by: 'default' };
    const own = ofHost.get(`${plan.remedy} ${plan.host}`);
    if (own !== undefined)
      return { seconds: rounded(median(own.map((one) => one.seconds))), by: 'host' };
    if (plan.drain === undefined) return undefined;
    const rest = restOf(plan) ?? Math.max(0, plan.estimate - defaultSeconds.drain);
    return { seconds: rounded(rest + plan.drain), by: 'forecast' };
  });
  const middle = median(
    known.flatMap((one) => (one === undefined || one.by === 'default' ? [] : one.seconds)),
  );
  return known.map((one, index) => one ?? unknownHost(plans[index]?.estimate ?? 0, middle));
}

function grouped<T>(
  all: readonly T[],
  keyOf: (one: T) => string,
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}

const unknownHost = (estimate: number, middle: number | undefined): Expected =>
  middle === undefined ? { seconds: estimate, by: 'default' } : { seconds: middle, by: 'median' };

const rounded = (seconds = 0): number => Math.ceil(seconds);

/** The lower one of two middle values, so that it is the value of a host. */
function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
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
  const sorted = earlier.map(({ seconds }) => seconds).sort((a, b) => a - b);
  const seconds = sorted[Math.ceil(sorted.length * 0.95) - 1];
  return seconds === undefined ? undefined : { seconds, hosts: earlier.length };
}
