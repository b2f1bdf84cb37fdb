// Hosts of sites without a worker that is ready: none of them is started, and they hold up no other host.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/core/decide/decide.ts';
import { type DecideContext, type Decision, eventOf } from '../../src/core/rollout/decision.ts';
import { foldAll } from '../../src/core/run-state/fold.ts';
import { hostState, hostStates, type RunState } from '../../src/core/run-state/state.ts';
import type { Rollout } from '../../src/model/playbook.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import {
  begin,
  decidedAt,
  done,
  eventsOf,
  failed,
  hostFor,
  noon,
  plain,
  started,
  stateAfter,
} from './fleet.ts';

const amount = fc.oneof(
  fc.record({ count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
);

const someHosts = fc.array(
  fc.record({
    zone: fc.constantFrom('a', 'b', 'c'),
    down: fc.boolean(),
    estimate: fc.integer({ min: 60, max: 900 }),
    noWorker: fc.boolean(),
  }),
  { minLength: 1, maxLength: 9 },
);

const world = fc.record({
  hosts: someHosts,
  waves: fc.array(amount, { maxLength: 3 }),
  maxUnavailable: amount,
  maxZones: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
});

interface Played {
  readonly state: RunState;
  readonly started: readonly string[];
  readonly last: Decision;
}

/** Each host is done as soon as it is started; until nothing is started any more. */
function play(start: EventBody, context: DecideContext): Played {
  const bodies: EventBody[] = [start];
  const starts: string[] = [];
  for (;;) {
    const state = foldAll(eventsOf(bodies.map((body, index) => [index, body])));
    const last = decide(state, state.rollout ?? plain, noon + bodies.length * 1000, context);
    const event = eventOf(last);
    if (event === undefined || last.kind === 'finish') return { state, started: starts, last };
    bodies.push(event);
    if (last.kind !== 'start') continue;
    starts.push(last.host);
    bodies.push(done(last.host));
  }
}

describe('hosts without a worker', () => {
  it('are never started, and all others are, whatever zones, waves and budget say', () => {
    fc.assert(
      fc.property(world, ({ hosts, waves, maxUnavailable, maxZones }) => {
        // Who is out of service takes capacity from the others, wherever it stands.
        const all = hosts.map((host, index) => ({
          ...host,
          down: host.down && !host.noWorker,
          name: `h${index + 1}`,
        }));
        const without = new Set(all.filter(({ noWorker }) => noWorker).map(({ name }) => name));
        const rollout: Partial<Rollout> = {
          waves,
          maxUnavailable,
          ...(maxZones === undefined ? {} : { maxZones }),
        };
        const start = begin(
          all.map(({ name, ...options }) => hostFor(name, options)),
          rollout,
        );
        const whole = play(start, {});
        const played = play(start, { hostsWithoutWorker: without });
        expect(played.started.filter((name) => without.has(name))).toEqual([]);
        // What budget and zones never let start in any case does not count.
        const expected = whole.started.filter((name) => !without.has(name));
        if ([...hostStates(whole.state)].every(({ status }) => status === 'done'))
          expect(played.started.toSorted()).toEqual(expected.toSorted());
        if (without.size > 0 && whole.started.length === all.length)
          expect(played.last).toMatchObject({ kind: 'wait', why: [{ rule: 'site' }] });
      }),
      { numRuns: 300 },
    );
  });

  it('are waited for, with the reason, also where no operator waits, and are started once a worker is ready', () => {
    const start = begin([hostFor('h1'), hostFor('h2')]);
    const wave: EventBody = { type: 'wave.started', wave: 1, hosts: ['h1', 'h2'], canary: false };
    const state = stateAfter(start, [1, wave]);
    const context = {
      hostsWithoutWorker: new Set(['h1', 'h2']),
      whyNoWorker: 'no worker of site fra is ready',
    };
    expect(decidedAt(state, 2, context)).toEqual({
      kind: 'wait',
      why: [{ rule: 'site', text: 'no worker of site fra is ready' }],
    });
    expect(decidedAt(state, 2, { ...context, hostsWithoutWorker: new Set(['h1']) })).toMatchObject({
      kind: 'start',
      host: 'h2',
    });
    expect(decidedAt(state, 2)).toMatchObject({ kind: 'start', host: 'h1' });
  });

  it('let the brake, an abort and the deadline of the run end it', () => {
    const start = begin([hostFor('h1'), hostFor('h2')], { deadline: { run: 60 } });
    const wave: EventBody = { type: 'wave.started', wave: 1, hosts: ['h1', 'h2'], canary: false };
    const context = { hostsWithoutWorker: new Set(['h2']) };
    const aborted: EventBody = { type: 'run.aborted', who: 'ops', why: 'enough' };
    expect(decidedAt(stateAfter(start, [1, wave], [2, aborted]), 3, context).kind).toBe('finish');
    expect(decidedAt(stateAfter(start, [1, wave]), 61, context).kind).toBe('finish');
    const broken = stateAfter(start, [1, wave], [2, started('h1')], [3, failed('h1')]);
    expect(decidedAt(broken, 4, context).kind).toBe('trip');
  });

  it('are the last of a wave and of its canaries', () => {
    const rollout: Partial<Rollout> = { waves: [{ count: 1 }] };
    const hosts = [hostFor('h1'), hostFor('h2')];
    const context = { hostsWithoutWorker: new Set(['h1']) };
    expect(decidedAt(stateAfter(begin(hosts, rollout)), 1, context)).toMatchObject({
      kind: 'begin_wave',
      hosts: ['h2'],
    });
    const canary = {
      ...rollout,
      canary: { hosts: { count: 1 }, soak: 0, promote: 'auto' },
    } as const;
    expect(decidedAt(stateAfter(begin(hosts, canary)), 1, context)).toMatchObject({
      kind: 'begin_wave',
      canary: true,
      hosts: ['h2'],
    });
  });
});

describe('a host that no worker has', () => {
  it('has its deadline later by that time, and another one is not late by it', () => {
    const start = begin([hostFor('h1'), hostFor('h2')], {
      maxUnavailable: { count: 2 },
      deadline: { host: 60 },
    });
    const wave: EventBody = { type: 'wave.started', wave: 1, hosts: ['h1', 'h2'], canary: false };
    const state = stateAfter(start, [1, wave], [2, started('h1')], [10, started('h2')]);
    expect(hostState(state, 'h2')?.status).toBe('running');
    const unattendedFor = new Map([['h1', 20_000]]);
    expect(decidedAt(state, 63)).toMatchObject({ kind: 'expire', host: 'h1' });
    expect(decidedAt(state, 69, { unattendedFor })).toMatchObject({
      kind: 'wait',
      until: noon + 70_000,
    });
    expect(decidedAt(state, 71, { unattendedFor })).toMatchObject({ kind: 'expire', host: 'h2' });
    expect(decidedAt(state, 83, { unattendedFor, busy: new Set(['h2']) })).toMatchObject({
      kind: 'expire',
      host: 'h1',
    });
  });
});
