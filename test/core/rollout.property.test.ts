// What must never happen, over random fleets, policies and fates; and for each such property a
// fault that turns it red.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/core/decide/decide.ts';
import { type Simulation, simulate, type World } from '../../src/core/decide/simulate.ts';
import { foldAll } from '../../src/core/run-state/fold.ts';
import { hostStates } from '../../src/core/run-state/state.ts';
import type { Rollout } from '../../src/model/playbook.ts';
import type { Event } from '../../src/model/run/event.ts';
import { begin, noon } from './fleet.ts';
import { type Broken, monitor, type Property } from './monitor.ts';
import { type RandomWorld, randomWorld } from './worlds.ts';

/** KMEND_SLOW=1 for the nightly number. */
const slow = process.env.KMEND_SLOW !== undefined;
const runs = slow ? 20_000 : 2_000;

interface Played {
  readonly events: readonly Event[];
  readonly broken: readonly Broken[];
  readonly end: Simulation;
}

/** Plays a world; `given` is the policy that the run gets, the monitor keeps to the world's own. */
function play(world: RandomWorld, given: Rollout = world.begin.rollout, crashAt?: number): Played {
  const watch = monitor(world.begin, world.begin.rollout);
  const events: Event[] = [];
  const onEvent = (event: Event): void => {
    events.push(event);
    watch.see(event);
  };
  let decisions = 0;
  const onDecision = (): void => {
    decisions += 1;
    if (decisions > 3_000) throw new Error('it does not come to an end');
  };
  const run: World = {
    onDecision,
    begin: { ...world.begin, rollout: given },
    run: 'r1',
    now: noon,
    outcome: world.outcome,
    gate: world.gate,
    walk: world.walk,
    onEvent,
  };
  if (crashAt === undefined) return { events, broken: watch.broken, end: simulate(run) };
  const before = [...play(world, given).events].slice(0, crashAt);
  for (const event of before) onEvent(event);
  const state = foldAll(before);
  return { events, broken: watch.broken, end: simulate({ ...run, now: state.lastAt }, state) };
}

const statuses = (end: Simulation): string[] =>
  [...hostStates(end.state)].map((host) => `${host.host} ${host.status}`);

describe('a rollout', () => {
  it(`keeps budget, brake, zones, waves, canary, soak, gates and windows at every start, and comes to an end (${runs} worlds)`, () => {
    fc.assert(
      fc.property(randomWorld, (world) => {
        const { broken, end } = play(world);
        expect(broken).toEqual([]);
        expect(end.exit).toBeTypeOf('number');
      }),
      { numRuns: runs },
    );
  }, 600_000);

  it(`keeps them across a crash after any event, and still comes to an end (${runs} worlds)`, () => {
    fc.assert(
      fc.property(randomWorld, fc.nat(), (world, crash) => {
        const whole = play(world).events.length;
        const { broken, end } = play(world, world.begin.rollout, 1 + (crash % whole));
        expect(broken).toEqual([]);
        expect(end.exit).toBeTypeOf('number');
      }),
      { numRuns: runs },
    );
  }, 600_000);

  it('ends after a crash as it would have without one, where time plays no part', () => {
    const timeless = randomWorld.map((world) => ({
      ...world,
      begin: {
        ...world.begin,
        rollout: { ...world.begin.rollout, gates: [], windows: [], deadline: {} },
      },
    }));
    fc.assert(
      fc.property(timeless, fc.nat(), (world, crash) => {
        const whole = play(world);
        const resumed = play(world, world.begin.rollout, 1 + (crash % whole.events.length));
        expect(statuses(resumed.end)).toEqual(statuses(whole.end));
        expect(resumed.end.exit).toBe(whole.end.exit);
        expect(resumed.end.endAt).toBe(whole.end.endAt);
      }),
      { numRuns: runs / 4 },
    );
  });

  it('starts every host that has changes, where nothing fails and nothing is short', () => {
    const kind = randomWorld.map((world) => ({
      ...world,
      outcome: () => ({ seconds: 60, end: 'done' as const }),
      walk: () => [],
      begin: {
        ...begin(
          world.begin.hosts.map((host) => ({ ...host, down: false })),
          { ...world.begin.rollout, windows: [] },
        ),
        pool: world.begin.pool,
      },
    }));
    fc.assert(
      fc.property(kind, (world) => {
        const { end } = play(world);
        const idle = [...hostStates(end.state)].filter(
          (host) => host.status === 'planned' || host.status === 'waiting',
        );
        expect(idle).toEqual([]);
      }),
      { numRuns: runs / 4 },
    );
  });

  it('is decided in the same way from the same journal', () => {
    fc.assert(
      fc.property(randomWorld, fc.nat(), (world, cut) => {
        const { events } = play(world);
        const prefix = events.slice(0, 1 + (cut % events.length));
        const now = prefix.at(-1)?.at ?? noon;
        expect(decide(foldAll(prefix), world.begin.rollout, now)).toEqual(
          decide(foldAll(prefix), structuredClone(world.begin.rollout), now),
        );
      }),
      { numRuns: runs / 4 },
    );
  });
});

describe('each property can fail: a run that is given another policy than the one watched is caught', () => {
  const faults: readonly [Property, string, (policy: Rollout) => Rollout][] = [
    ['budget', 'one slot more', (policy) => ({ ...policy, maxUnavailable: { count: 9 } })],
    [
      'brake',
      'a brake that never trips',
      (policy) => ({ ...policy, brake: { failures: { count: 99 }, unreachable: 'count' } }),
    ],
    ['zones', 'no zone rule', ({ maxZones: _zones, maxPerZone: _per, ...policy }) => policy],
    ['canary', 'no canary', ({ canary: _canary, ...policy }) => policy],
    [
      'soak',
      'no soak',
      ({ canary, ...policy }) => ({
        ...policy,
        soak: { host: 0, wave: 0 },
        ...(canary === undefined ? {} : { canary: { ...canary, soak: 0 } }),
      }),
    ],
    [
      'waves',
      'waves that overlap more than they may',
      (policy) => ({ ...policy, waveOverlap: { percent: 50 } }),
    ],
    ['gates', 'no gates', (policy) => ({ ...policy, gates: [] })],
    ['window', 'no windows', (policy) => ({ ...policy, windows: [] })],
  ];

  it.each(faults)('%s: %s', (property, _name, fault) => {
    const caught = fc.check(
      fc.property(
        randomWorld,
        (world) =>
          !play(world, fault(world.begin.rollout)).broken.some(
            (broken) => broken.property === property,
          ),
      ),
      { numRuns: 500 },
    );
    expect(caught.failed).toBe(true);
  });

  it.each(['twice', 'refused', 'waves'] as const)('%s: stray starts in the journal', (property) => {
    const caught = fc.check(
      fc.property(randomWorld, (world) => {
        const watch = monitor(world.begin, world.begin.rollout);
        const { events } = play(world);
        const last = events.at(-1);
        for (const event of events) watch.see(event);
        for (const host of world.begin.hosts)
          if (last !== undefined)
            watch.see({ ...last, type: 'host.started', host: host.host, why: '' });
        return !watch.broken.some((broken) => broken.property === property);
      }),
      { numRuns: 200 },
    );
    expect(caught.failed).toBe(true);
  });
});
