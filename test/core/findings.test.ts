// What Ansible was measured to do wrong in a rollout, repeated on the virtual clock; and that a
// rollout's cost grows with its events alone.
import { describe, expect, it } from 'vitest';
import { type Outcome, simulate } from '../../src/core/decide/simulate.ts';
import type { Event } from '../../src/model/run/event.ts';
import { begin, failure, fleet, hostFor, noon } from './fleet.ts';

const sim = (start: ReturnType<typeof begin>, outcome: (host: string) => Outcome) =>
  simulate({ begin: start, run: 'r1', now: noon, outcome });

describe('one of 8 hosts goes dark after the plan', () => {
  it.each([
    ['with one slot', { maxUnavailable: { count: 1 } }],
    ['with four slots', { maxUnavailable: { count: 4 } }],
    ['in waves of four', { maxUnavailable: { count: 4 }, waves: [{ count: 4 }] }],
  ])('%s: no host is started after it', (_name, rollout) => {
    const end = sim(begin(fleet(8), rollout), (host) =>
      host === 'h2'
        ? { seconds: 5, end: failure('unreachable'), touched: false }
        : { seconds: 60, end: 'done' },
    );
    const dark = end.starts.find((start) => start.host === 'h2');
    const after = (dark?.at ?? 0) + 5000;
    expect(end.starts.filter((start) => start.at >= after)).toEqual([]);
    expect(end.exit).toBe(5);
  });
});

describe('8 hosts, 3 slow (6 s) and 5 fast (1 s), 2 slots', () => {
  const slow = new Set(['h1', 'h4', 'h7']);
  const seconds = (host: string): number => (slow.has(host) ? 6 : 1);

  it('take no longer than host_pinned, and no barrier', () => {
    const end = sim(begin(fleet(8), { maxUnavailable: { count: 2 } }), (host) => ({
      seconds: seconds(host),
      end: 'done',
    }));
    expect((end.endAt - noon) / 1000).toBeLessThanOrEqual(14.5);
    expect(end.exit).toBe(0);
  });

  it('and none is started after a failure, while the other slot runs on', () => {
    const end = sim(begin(fleet(8), { maxUnavailable: { count: 2 } }), (host) => ({
      seconds: seconds(host),
      end: host === 'h2' ? failure('exit') : 'done',
    }));
    expect(end.starts.map((start) => start.host)).toEqual(['h1', 'h2']);
    expect(end.exit).toBe(5);
  });
});

describe('a simulation for a plan', () => {
  it('shows waves, starts, reasons and the end', () => {
    const rollout = {
      canary: { hosts: { count: 1 }, soak: 600, promote: 'auto' as const },
      waves: [{ count: 2 }],
      maxUnavailable: { count: 2 },
    };
    const end = simulate({
      begin: begin(
        fleet(4, () => ({ estimate: 300 })),
        rollout,
      ),
      run: 'r1',
      now: noon,
    });
    expect(
      end.waves.map((wave) => [
        wave.wave,
        wave.hosts,
        (wave.startAt - noon) / 1000,
        ((wave.endAt ?? 0) - noon) / 1000,
      ]),
    ).toEqual([
      [0, ['h1'], 0, 900],
      [1, ['h2', 'h3'], 900, 1200],
      [2, ['h4'], 1200, 1500],
    ]);
    expect(end.starts.map((start) => [start.host, start.waited?.text])).toEqual([
      ['h1', undefined],
      ['h2', 'the canary soaks'],
      ['h3', 'the canary soaks'],
      ['h4', 'wave 1 is not done'],
    ]);
    expect([end.exit, (end.endAt - noon) / 1000]).toEqual([0, 1500]);
  });

  it('stops where a person must promote, and says so', () => {
    const rollout = { canary: { hosts: { count: 1 }, soak: 0, promote: 'manual' as const } };
    const end = simulate({ begin: begin(fleet(2), rollout), run: 'r1', now: noon });
    expect([end.exit, end.why]).toEqual([
      undefined,
      'the canary is done; go on with: kmend promote r1',
    ]);
  });

  it('pauses as the run does, by kmend, where kept slots leave nothing to start', () => {
    const events: Event[] = [];
    simulate({
      begin: begin(fleet(2), { brake: { failures: { count: 9 }, unreachable: 'count' } }),
      run: 'r1',
      now: noon,
      outcome: () => ({ seconds: 60, end: failure('timeout') }),
      context: { attended: true },
      onEvent: (event) => events.push(event),
    });
    expect(events.at(-1)).toMatchObject({ type: 'run.paused', who: 'kmend', hosts: ['h1'] });
  });

  it('a no ends the run before anything is started', () => {
    const end = simulate({
      begin: begin(fleet(2), { approve: 'evict' }),
      run: 'r1',
      now: noon,
      answer: () => false,
      context: { attended: true },
    });
    expect([end.exit, end.starts]).toEqual([130, []]);
  });
});

it('a rollout of 5,000 hosts with zones, waves, canary and soak is simulated in seconds', () => {
  const hosts = Array.from({ length: 5000 }, (_, index) =>
    hostFor(`n${index}`, { zone: `z${index % 3}`, estimate: 300 + (index % 50) }),
  );
  const rollout = {
    canary: { hosts: { count: 1 }, soak: 600, promote: 'auto' as const },
    waves: [{ percent: 5 }, { percent: 25 }, { percent: 100 }],
    maxUnavailable: { percent: 10 },
    maxZones: 2,
    soak: { host: 60, wave: 300 },
  };
  const before = process.cpuUsage();
  const end = simulate({ begin: begin(hosts, rollout), run: 'r1', now: noon });
  const { user, system } = process.cpuUsage(before);
  expect([end.exit, end.starts.length]).toEqual([0, 5000]);
  expect((user + system) / 1e6).toBeLessThan(10);
});
