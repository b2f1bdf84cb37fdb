// rollback: failed_host rolls back failed hosts, and never another; over random fleets,
// policies and fates.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/core/decide/simulate.ts';
import { hostsToRollBack } from '../../src/core/history/auto-rollback.ts';
import { foldAll } from '../../src/core/run-state/fold.ts';
import type { RollbackPolicy } from '../../src/model/playbook.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import {
  begin,
  eventsOf,
  failed,
  failure,
  fleet,
  noon,
  started,
  type TimedEvent,
} from './fleet.ts';
import { randomWorld } from './worlds.ts';

const effect = (host: string, kind: 'run' | 'drain' = 'run'): EventBody => ({
  type: 'effect.started',
  host,
  task: '1',
  effect: `${host}/1/1`,
  kind,
  what: 'something',
  timeout: 60,
  detached: false,
});

const rolledBackAfter = (
  policy: RollbackPolicy,
  ...timed: readonly EventBody[]
): readonly string[] => {
  const lines: readonly EventBody[] = [
    begin(fleet(3), { rollback: policy }),
    ...timed,
    { type: 'run.finished', exit: 4, why: '' },
  ];
  return hostsToRollBack(foldAll(eventsOf(lines.map((body, index): TimedEvent => [index, body]))));
};
const failures = [started('h1'), effect('h1'), failed('h1', 'not_verified')];

describe('a failed host', () => {
  it('is rolled back where the policy says so, and nowhere else', () => {
    expect([
      rolledBackAfter('failed_host', ...failures),
      rolledBackAfter('by_command', ...failures),
      rolledBackAfter('none', ...failures),
    ]).toEqual([['h1'], [], []]);
  });

  it.each<[string, readonly EventBody[]]>([
    ['nothing was changed on it', [started('h1'), failed('h1', 'refused', false)]],
    [
      'only its pods were taken away',
      [started('h1'), effect('h1', 'drain'), failed('h1', 'blocked')],
    ],
    ['another run holds it', [started('h1'), effect('h1'), failed('h1', 'fenced')]],
    [
      'it is held, and a resume goes on with it',
      [
        started('h1'),
        effect('h1'),
        {
          type: 'host.failed',
          host: 'h1',
          failure: { ...failure('interrupted'), resumable: true },
          touched: true,
          state: '',
        },
      ],
    ],
    [
      'an operator has acknowledged it',
      [...failures, { type: 'host.resolved', host: 'h1', who: 'eve', note: '', as: 'done' }],
    ],
    ['a person ended the run', [...failures, { type: 'run.aborted', who: 'eve', why: '' }]],
  ])('is not where %s', (_name, timed) => {
    expect(rolledBackAfter('failed_host', ...timed)).toEqual([]);
  });

  it('is not before the run is over', () => {
    const lines = [begin(fleet(3), { rollback: 'failed_host' }), ...failures];
    expect(
      hostsToRollBack(foldAll(eventsOf(lines.map((body, index): TimedEvent => [index, body])))),
    ).toEqual([]);
  });
});

/** What was refused was not begun, whatever the made-up walk says. */
const isBad = (event: Event): boolean =>
  event.type === 'host.failed' && (event.touched || event.failure.kind !== 'refused');

it('no host that did not fail is ever rolled back, and every one that was changed and failed is', () => {
  const policies = fc.constantFrom<RollbackPolicy>('none', 'by_command', 'failed_host');
  const worlds = fc.tuple(randomWorld, policies, fc.integer({ min: 0, max: 9 }));
  fc.assert(
    fc.property(worlds, ([world, rollback, draw]) => {
      const events: Event[] = [];
      const isChanged = (host: string): boolean => (Number(host.slice(1)) + draw) % 3 > 0;
      const start = { ...world.begin, rollout: { ...world.begin.rollout, rollback } };
      const walk = (host: string): readonly EventBody[] => (isChanged(host) ? [effect(host)] : []);
      const onEvent = (event: Event): void => void events.push(event);
      const { state } = simulate({
        begin: start,
        run: 'r1',
        now: noon,
        outcome: world.outcome,
        gate: world.gate,
        walk,
        onEvent,
      });
      // Counted from the lines themselves, in the plainest way.
      const last = new Map<string, Event>();
      const changed = new Set<string>();
      for (const event of events) {
        if (event.type === 'host.failed' || event.type === 'host.done') last.set(event.host, event);
        if (event.type === 'effect.started') changed.add(event.host);
      }
      const expected = [...last]
        .filter(([host, event]) => changed.has(host) && isBad(event))
        .map(([host]) => host);
      const found = hostsToRollBack(state);
      expect([...found].sort()).toEqual(rollback === 'failed_host' ? expected.sort() : []);
    }),
    { numRuns: 500 },
  );
});
