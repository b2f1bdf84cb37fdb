// The forecast against runs whose end is known: the estimates of their plans are wrong, and hosts
// fail.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Outcome, simulate } from '../../src/core/decide/simulate.ts';
import { numbersFrom } from '../../src/core/plan/order.ts';
import { fold, foldAll } from '../../src/core/run-state/fold.ts';
import { emptyState, type RunState } from '../../src/core/run-state/state.ts';
import { forecastOf } from '../../src/core/view/forecast.ts';
import { forecastEvent } from '../../src/core/view/forecast-events.ts';
import type { Forecast } from '../../src/core/view/model.ts';
import { samplerOf, type Walk } from '../../src/core/view/walks.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import {
  begin,
  done,
  failure,
  fleet,
  noon,
  soaked,
  started,
  stateAfter,
  type TimedEvent,
} from './fleet.ts';
import { walk } from './view-journal.ts';
import { randomWorld } from './worlds.ts';

interface Played {
  readonly events: readonly Event[];
  readonly endAt: number;
}

/**
 * A fleet of 30 to 100 hosts in three zones. Its estimates are wrong by a factor between 0.5 and 2,
 * each host differs from the others, and up to 5 % fail and keep their slots.
 */
function played(seed: number): Played {
  const random = numbersFrom(`forecast ${seed}`);
  const count = 30 + Math.floor(random() * 70);
  const factor = 2 ** (random() * 2 - 1);
  const spread = 0.1 + random() * 0.5;
  const failing = random() * 0.05;
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const hosts = fleet(count, (number) => ({
    zone: `z${number % 3}`,
    estimate: 300 + Math.floor(random() * 900),
  }));
  const outcomes = new Map(
    hosts.map(({ host, plan }): [string, Outcome] => [
      host,
      {
        seconds: plan.estimate * factor * Math.exp(spread * normal()),
        end: random() < failing ? failure('timeout') : 'done',
      },
    ]),
  );
  const events: Event[] = [];
  const { endAt } = simulate({
    begin: begin(hosts, {
      maxUnavailable: { percent: 5 + Math.floor(random() * 20) },
      maxZones: 3,
      canary: { hosts: { count: 1 }, soak: 300, promote: 'auto' },
      waves: [{ percent: 30 }, { percent: 100 }],
      soak: { host: 60, wave: 300 },
      brake: { failures: { percent: 30 }, unreachable: 'count' },
    }),
    run: `r${seed}`,
    now: noon,
    outcome: (host) => outcomes.get(host) ?? { seconds: 0, end: 'done' },
    onEvent: (event) => void events.push(event),
  });
  return { events, endAt };
}

/** The state of a run after a share of its time, and the forecast then. */
function forecastAfter({ events, endAt }: Played, share: number): Forecast | undefined {
  const now = noon + (endAt - noon) * share;
  let state: RunState = emptyState;
  for (const event of events) if (event.at <= now) state = fold(state, event);
  return forecastOf(state, now);
}

/** A host that was cordoned and uncordoned: when it fails afterwards, it keeps no slot. */
const undone = (host: string): readonly EventBody[] =>
  (['cordon', 'uncordon'] as const).flatMap((kind): readonly EventBody[] => {
    const effect = { host, task: kind, effect: `${host}/${kind}/1` };
    const started = { kind, what: kind, timeout: 60, detached: false };
    return [
      { type: 'effect.started', ...effect, ...started },
      { type: 'effect.done', ...effect, result: { ok: true } },
    ];
  });

describe('the forecast of a run', () => {
  it.each([0.3, 0.6])(
    'has the real end in its range for 24 of 30 fleets, after %d of their time',
    (share) => {
      const right = Array.from({ length: 30 }, (_, seed) => played(seed)).filter((run) => {
        const { from = 0, to = 0 } = forecastAfter(run, share) ?? {};
        return from <= run.endAt && run.endAt <= to;
      });
      expect(right.length).toBeGreaterThanOrEqual(24);
    },
  );

  it('becomes narrower as the run goes on, and is the same for the same state', () => {
    const run = played(3);
    const width = ({ from, to }: Forecast): number => to - from;
    const [early, late] = [forecastAfter(run, 0.3), forecastAfter(run, 0.9)];
    if (early === undefined || late === undefined) throw new Error('there is no forecast');
    expect(width(late)).toBeLessThan(width(early) / 2);
    expect(forecastAfter(run, 0.3)).toEqual(early);
  });

  it('is the same from the few entries that the thread gets', () => {
    fc.assert(
      fc.property(randomWorld, fc.nat(), (world, cut) => {
        const events: Event[] = [];
        const { begin, outcome } = world;
        simulate({
          begin,
          outcome,
          walk: (host) => (host.charCodeAt(1) % 2 === 0 ? walk(host) : undone(host)),
          run: 'r1',
          now: noon,
          onEvent: (e) => void events.push(e),
        });
        const some = events.slice(0, 1 + (cut % events.length));
        const now = (some.at(-1)?.at ?? noon) + 30_000;
        expect(
          forecastOf(foldAll(some.flatMap((event) => forecastEvent(event) ?? [])), now),
        ).toEqual(forecastOf(foldAll(some), now));
      }),
      { numRuns: 100 },
    );
  });

  it('does not take the first host to end for a usual one while the others go on', () => {
    const walks: readonly Walk[] = [
      { ratio: 0.3, weight: 1, end: 'done' },
      ...Array.from({ length: 19 }, () => ({ ratio: 1.2, weight: 1 })),
    ];
    const ratios = Array.from({ length: 200 }, (_, seed) =>
      samplerOf(walks, numbersFrom(`first ${seed}`))(0),
    ).map(({ ratio }) => ratio);
    expect(ratios.filter((ratio) => ratio < 1).length).toBeLessThan(60);
  });

  it('is none before the run and after it', () => {
    expect(forecastOf(emptyState, noon)).toBeUndefined();
    expect(forecastAfter(played(1), 1)).toBeUndefined();
  });

  it.each<[string, readonly TimedEvent[], string]>([
    ['paused', [[5, { type: 'run.paused', who: 'ada', why: 'lunch' }]], 'lunch'],
    [
      'braked',
      [[5, { type: 'brake.tripped', why: 'too many failed', host: 'h1' }]],
      'too many failed',
    ],
    [
      'behind a closed gate',
      [[5, { type: 'gate.read', gate: 'alerts', open: false, read: '3' }]],
      'gate alerts is closed: 3',
    ],
    [
      'without its cluster',
      [[5, { type: 'cluster.away', since: noon, why: 'no route' }]],
      'no route',
    ],
    [
      'waiting for a promotion',
      [
        [1, { type: 'wave.started', wave: 0, hosts: ['h1'], canary: true }],
        [2, started('h1')],
        [900, done('h1')],
        [970, soaked('h1')],
      ],
      'the canary waits for its promotion',
    ],
  ])('says what blocks a run that is %s, and when it would end without it', (_, timed, why) => {
    const canary = { hosts: { count: 1 }, soak: 60, promote: 'manual' as const };
    const policy = why.startsWith('the canary') ? { canary } : {};
    const state = stateAfter(begin(fleet(3), policy), ...timed);
    const forecast = forecastOf(state, noon + 1000_000);
    expect(forecast?.blocked).toBe(why);
    expect(forecast?.from).toBeGreaterThan(noon + 1000_000 + 60_000);
  });
});
