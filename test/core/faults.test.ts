// Faults in what survives a crash, and in coming to an end: for each property that holds across
// resume, one that turns it red.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Simulation, simulate, type World } from '../../src/core/decide/simulate.ts';
import { fold, foldAll } from '../../src/core/run-state/fold.ts';
import { emptyState, hostStates, type RunState } from '../../src/core/run-state/state.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import { done, failure, noon } from './fleet.ts';
import { type Broken, monitor } from './monitor.ts';
import { type RandomWorld, randomWorld } from './worlds.ts';

type Fold = (events: readonly Event[]) => RunState;

interface Resumed {
  readonly broken: readonly Broken[];
  readonly end: Simulation;
  readonly whole: Simulation;
}

/**
 * Plays a world to its end, then once more with a crash after some event: the new controller knows
 * what `folded` makes of the journal.
 */
function crash(world: RandomWorld, cut: number, folded: Fold): Resumed {
  const events: Event[] = [];
  const run: World = {
    begin: world.begin,
    run: 'r1',
    now: noon,
    outcome: world.outcome,
    gate: world.gate,
    walk: world.walk,
  };
  const whole = simulate({ ...run, onEvent: (event) => events.push(event) });
  const watch = monitor(world.begin, world.begin.rollout);
  const before = events.slice(0, 1 + (cut % events.length));
  for (const event of before) watch.see(event);
  const state = folded(before);
  let decisions = 0;
  const onDecision = (): void => {
    decisions += 1;
    if (decisions > 3_000) throw new Error('it does not come to an end');
  };
  return {
    broken: watch.broken,
    end: simulate(
      { ...run, now: before.at(-1)?.at ?? noon, onEvent: watch.see, onDecision },
      state,
    ),
    whole,
  };
}

/** A fold that does not see events of this type. */
const blindTo =
  (type: Event['type']): Fold =>
  (events) =>
    foldAll(events.filter((event) => event.type !== type));

/** A fold that changes every state on its way. */
const spoilt =
  (invalidate: (state: RunState) => RunState): Fold =>
  (events) =>
    events.reduce((state, event) => invalidate(fold(state, event)), emptyState);

/** Ends the hosts that were under way in its own way, without reading them. */
const ending =
  (body: (host: string) => EventBody): Fold =>
  (events) => {
    const state = foldAll(events);
    const under = [...hostStates(state)].filter((host) => host.status === 'running');
    return under.reduce(
      (now, { host }) =>
        fold(now, {
          ...body(host),
          v: 1,
          seq: now.lastSeq + 1,
          at: now.lastAt,
          run: 'r1',
          prev: '',
        }),
      state,
    );
  };

const withoutBrake = ({ brake: _brake, ...state }: RunState): RunState => state;
const statuses = ({ state }: Simulation): string[] =>
  [...hostStates(state)].map((host) => `${host.host} ${host.status}`);

/** Time plays no part: what differs after a crash then differs because of it. */
const timeless = randomWorld.map((world) => ({
  ...world,
  begin: {
    ...world.begin,
    rollout: { ...world.begin.rollout, gates: [], windows: [], deadline: {} },
  },
}));

const isCaught = (holds: (resumed: Resumed) => boolean, folded: Fold): boolean =>
  fc.check(
    fc.property(timeless, fc.nat(), (world, cut) => {
      try {
        return holds(crash(world, cut, folded));
      } catch {
        return false;
      }
    }),
    { numRuns: 600, seed: 7 },
  ).failed;

describe('a controller that resumes', () => {
  const keeps =
    (property: string) =>
    ({ broken }: Resumed): boolean =>
      !broken.some((one) => one.property === property);
  const endsTheSame = ({ end, whole }: Resumed): boolean =>
    JSON.stringify(statuses(end)) === JSON.stringify(statuses(whole));
  const ends = ({ end }: Resumed): boolean => end.exit !== undefined;

  it.each<[string, string, (resumed: Resumed) => boolean, Fold]>([
    [
      'starts no host twice',
      'forgets which hosts were started',
      keeps('twice'),
      blindTo('host.started'),
    ],
    [
      'keeps the budget',
      'forgets which hosts were started',
      keeps('budget'),
      blindTo('host.started'),
    ],
    [
      'keeps the budget',
      'takes hosts under way for done',
      keeps('budget'),
      ending((host) => done(host)),
    ],
    [
      'keeps the zones',
      'forgets which hosts were started',
      keeps('zones'),
      blindTo('host.started'),
    ],
    [
      'keeps the brake',
      'forgets failures, and so the brake',
      keeps('brake'),
      (events) => withoutBrake(blindTo('host.failed')(events)),
    ],
    [
      'keeps the brake',
      'forgets rescues that count, and so the brake',
      keeps('brake'),
      (events) => withoutBrake(blindTo('block.rescued')(events)),
    ],
    [
      'waits for the soak',
      'takes every end for long ago',
      keeps('soak'),
      (events) => foldAll(events.map((event) => ({ ...event, at: noon - 86_400_000 }))),
    ],
    [
      'ends as it would have without the crash',
      'gives hosts under way up',
      endsTheSame,
      ending((host) => ({
        type: 'host.failed',
        host,
        failure: failure('interrupted'),
        touched: true,
        state: 'left',
      })),
    ],
    [
      'comes to an end',
      'keeps a pause that nobody asked for',
      ends,
      spoilt((state) => ({ ...state, paused: { who: 'nobody', why: '' } })),
    ],
  ])('%s, and one that %s is caught', (_name, _fault, holds, folded) => {
    expect([isCaught(holds, foldAll), isCaught(holds, folded)]).toEqual([false, true]);
  });
});

it('a run with a host that never ends, and no deadline, is not taken for one that ended', () => {
  const endless = (world: RandomWorld) => ({
    ...world,
    outcome: () => ({ seconds: Number.POSITIVE_INFINITY, end: 'done' as const }),
  });
  const caught = fc.check(
    fc.property(
      timeless,
      (world) =>
        simulate({ begin: world.begin, run: 'r1', now: noon, outcome: endless(world).outcome })
          .exit !== undefined,
    ),
    { numRuns: 100 },
  );
  expect(caught.failed).toBe(true);
});
