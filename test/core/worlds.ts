// Random fleets, policies and fates for the property tests of the rollout.
import fc from 'fast-check';
import type { Outcome } from '../../src/core/decide/simulate.ts';
import { numbersFrom } from '../../src/core/plan/order.ts';
import type { Amount, Rollout } from '../../src/model/playbook.ts';
import type { EventBody, EventOf } from '../../src/model/run/event.ts';
import { begin, failure, hostFor, plain } from './fleet.ts';

export interface RandomWorld {
  readonly begin: EventOf<'run.started'>;
  readonly outcome: (host: string) => Outcome;
  readonly gate: (gate: string, now: number) => boolean;
  readonly walk: (host: string) => readonly EventBody[];
  readonly seed: string;
}

const amount = (top: number): fc.Arbitrary<Amount> =>
  fc.oneof(
    fc.integer({ min: 1, max: top }).map((count) => ({ count })),
    fc.integer({ min: 1, max: 60 }).map((percent) => ({ percent })),
  );

const allowed: fc.Arbitrary<Amount> = fc.oneof(
  fc.constant({ count: 0 }),
  fc.integer({ min: 0, max: 4 }).map((count) => ({ count })),
  fc.integer({ min: 5, max: 60 }).map((percent) => ({ percent })),
);

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 2 });

const without = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;

const rollout: fc.Arbitrary<Rollout> = fc
  .record({
    maxUnavailable: amount(5),
    waves: fc.oneof(fc.constant([]), fc.array(amount(6), { maxLength: 3 })),
    waveOverlap: maybe(amount(3)),
    canary: maybe(
      fc.record({
        hosts: amount(2),
        soak: fc.constantFrom(0, 60, 600),
        promote: fc.constant('auto' as const),
      }),
    ),
    maxZones: maybe(fc.integer({ min: 1, max: 2 })),
    maxPerZone: maybe(amount(2)),
    soak: fc.record({ host: fc.constantFrom(0, 0, 60, 600), wave: fc.constantFrom(0, 0, 300) }),
    brake: fc
      .record({
        failures: allowed,
        perWave: maybe(allowed),
        perZone: maybe(allowed),
        unreachable: fc.constantFrom('count' as const, 'count' as const, 'ignore' as const),
        rescued: fc.constantFrom('count' as const, 'count' as const, 'ignore' as const),
      })
      .map(without),
    windows: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc.array(
          fc.record({
            days: fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 1 }),
            from: fc.integer({ min: 0, max: 287 }).map((fives) => fives * 5),
            to: fc.integer({ min: 0, max: 287 }).map((fives) => fives * 5),
            tz: fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Sydney', 'Asia/Kolkata'),
          }),
          { minLength: 1, maxLength: 2 },
        ),
      },
    ),
    gates: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc
          .constantFrom(0, 60)
          .map((hold) => [{ name: 'alerts', kind: 'http' as const, args: {}, for: hold }]),
      },
    ),
    deadline: fc.constantFrom({}, {}, { host: 900 }),
  })
  .map((policy) => ({ ...plain, ...without(policy) }) as Rollout);

const host = fc.record({
  zone: fc.constantFrom(undefined, 'a', 'b', 'c'),
  remedy: fc.constantFrom('reboot', 'kernel_arg', 'runtime'),
  estimate: fc.integer({ min: 1, max: 24 }).map((minutes) => minutes * 60),
  fate: fc.integer({ min: 0, max: 99 }),
});

/** Most are done; some need nothing, are refused or drifted; some fail at once or late. */
export function outcomeOf(draw: number, seconds: number): Outcome {
  if (draw < 0.04) return { seconds: 5, end: 'nothing_to_do' };
  if (draw < 0.07) return { seconds: 5, end: failure('refused') };
  if (draw < 0.09) return { seconds: 5, end: failure('drift') };
  if (draw < 0.12) return { seconds, end: failure('not_verified') };
  if (draw < 0.15) return { seconds, end: failure('unreachable'), touched: draw < 0.13 };
  if (draw < 0.17) return { seconds, end: failure('blocked'), touched: false };
  return { seconds, end: 'done', ...(draw < 0.19 ? { lateFailure: failure('boot_loop') } : {}) };
}

/** Some hosts are saved by a rescue, mostly after a change. */
export function rescueOf(host: string, draw: number): readonly EventBody[] {
  if (draw > 0.08) return [];
  const of = { host, task: '1', failed: 'Remediate', failure: failure('exit') };
  return [
    { ...of, type: 'block.failed', part: 'block', result: {} },
    { ...of, type: 'block.rescued', counts: draw < 0.06 },
  ];
}

export const randomWorld: fc.Arbitrary<RandomWorld> = fc
  .record({
    rollout,
    hosts: fc.array(host, { minLength: 1, maxLength: 24 }),
    leftOut: fc.integer({ min: 0, max: 9 }),
    limited: fc.integer({ min: 0, max: 5 }),
    seed: fc.integer(),
  })
  .map(({ rollout: policy, hosts, leftOut, limited, seed }) => {
    const runHosts = hosts.map((one, index) =>
      hostFor(
        `h${index}`,
        without({
          zone: one.zone,
          remedy: one.remedy,
          estimate: one.estimate,
          down: one.fate < 6,
          nothing: one.fate >= 90,
          refused: one.fate >= 84 && one.fate < 90 ? 'too old' : undefined,
        }) as Parameters<typeof hostFor>[1],
      ),
    );
    const left =
      leftOut < 7
        ? []
        : [{ host: 'gone', failure: failure(leftOut === 7 ? 'auth' : 'unreachable') }];
    return {
      begin: begin(runHosts, policy, { pool: hosts.length + left.length + limited, leftOut: left }),
      outcome: (name) => {
        const next = numbersFrom(`${seed} ${name}`);
        return outcomeOf(next(), 30 + Math.floor(next() * 1200));
      },
      walk: (name) => rescueOf(name, numbersFrom(`${seed} rescue ${name}`)()),
      gate: (name, now) => numbersFrom(`${seed} ${name} ${Math.floor(now / 240_000)}`)() > 0.25,
      seed: `${seed}`,
    };
  });
