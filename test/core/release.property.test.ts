// The acknowledgement of every failure releases the brake, and nothing else does: random worlds in
// which an operator acknowledges some of them, again and again.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Simulation, simulate, type World } from '../../src/core/decide/simulate.ts';
import { numbersFrom } from '../../src/core/plan/order.ts';
import { fold } from '../../src/core/run-state/fold.ts';
import { hostStates, type RunState } from '../../src/core/run-state/state.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import { noon } from './fleet.ts';
import { type Broken, monitor } from './monitor.ts';
import { outcomeOf, type RandomWorld, randomWorld } from './worlds.ts';

const runs = process.env.KMEND_SLOW === undefined ? 500 : 10_000;

interface Played {
  readonly ends: readonly Simulation[];
  readonly broken: readonly Broken[];
  readonly events: readonly Event[];
}

const ways = ['retry', 'skip', 'done'] as const;

/**
 * Plays a world to its end; then an operator acknowledges a share of the failures, and the run is
 * resumed: up to six times.
 */
function playOn(
  world: RandomWorld,
  share: number,
  invalidate: (state: RunState) => RunState = (state) => state,
): Played {
  const watch = monitor(world.begin, world.begin.rollout);
  const events: Event[] = [];
  const onEvent = (event: Event): void => {
    events.push(event);
    watch.see(event);
  };
  const outcome: World['outcome'] = (host, start) => {
    const next = numbersFrom(`${world.seed} ${host} ${start}`);
    // Twice as many failures as elsewhere.
    return outcomeOf(next() / 2, 30 + Math.floor(next() * 1200));
  };
  const run: World = {
    begin: world.begin,
    run: 'r1',
    now: noon,
    outcome,
    gate: world.gate,
    onEvent,
  };
  const person = numbersFrom(`${world.seed} person`);
  const ends = [simulate(run)];
  for (let turn = 0; turn < 6; turn++) {
    let { state } = ends.at(-1) ?? simulate(run);
    for (const { host, status } of hostStates(state)) {
      if (status !== 'failed' || person() > share) continue;
      const body: EventBody = {
        type: 'host.resolved',
        host,
        who: 'eve',
        note: '',
        as: ways[Math.floor(person() * 3)] ?? 'skip',
      };
      const event: Event = {
        ...body,
        v: 1,
        seq: state.lastSeq + 1,
        at: state.lastAt,
        run: 'r1',
        prev: '',
      };
      state = fold(state, event);
      onEvent(event);
    }
    ends.push(simulate({ ...run, now: state.lastAt }, invalidate(state)));
  }
  return { ends, broken: watch.broken, events };
}

describe('a run whose failures are acknowledged, and that is resumed', () => {
  it(`starts nobody while the brake stands, keeps budget and zones with the hosts left down, and comes to an end (${runs} worlds)`, () => {
    let releases = 0;
    let starts = 0;
    fc.assert(
      fc.property(randomWorld, fc.integer({ min: 0, max: 100 }), (world, percent) => {
        const { ends, broken, events } = playOn(world, percent / 100);
        expect(broken).toEqual([]);
        for (const end of ends) expect(end.exit).toBeTypeOf('number');
        const first = events.findIndex((event) => event.type === 'brake.released');
        if (first < 0) return;
        releases += 1;
        starts += events.slice(first).filter((event) => event.type === 'host.started').length;
      }),
      { numRuns: runs },
    );
    // The worlds are of use only if the brake was really released, and hosts were started after it.
    expect(releases).toBeGreaterThan(runs / 20);
    expect(starts).toBeGreaterThan(releases);
  }, 600_000);

  it('no brake stays tripped without a failure that is not acknowledged', () => {
    fc.assert(
      fc.property(randomWorld, (world) => {
        for (const { state } of playOn(world, 1).ends)
          expect(state.brake === undefined || state.failures > 0).toBe(true);
      }),
      { numRuns: runs / 2 },
    );
  }, 600_000);

  const forgetful = ({ brake: _brake, failedCanary: _canary, ...state }: RunState): RunState => ({
    ...state,
    failures: 0,
    unreachableFailures: 0,
  });
  const generous = (state: RunState): RunState => ({ ...state, out: 0, held: 0, kept: undefined });

  it.each<[string, Broken['property'], (state: RunState) => RunState]>([
    ['a resume that takes silence for a word', 'brake', forgetful],
    [
      'a release that frees the slots of all failed hosts',
      'budget',
      (state) => generous(forgetful(state)),
    ],
  ])(
    '%s is caught',
    (_name, property, invalidate) => {
      const caught = fc.check(
        fc.property(
          randomWorld,
          (world) =>
            !playOn(world, 0.3, invalidate).broken.some((broken) => broken.property === property),
        ),
        { numRuns: 500 },
      );
      expect(caught.failed).toBe(true);
    },
    120_000,
  );
});
