// Every host that waits has a reason.
import { describe, expect, it } from 'vitest';
import { whyWaits } from '../../src/core/decide/why.ts';
import { begin, fleet, noon, settle, stateAfter } from './fleet.ts';

const why = (start: ReturnType<typeof begin>, host: string) => {
  const state = settle(stateAfter(start), 0).state;
  return whyWaits(state, start.rollout, noon)(host);
};

describe('a host that is not started', () => {
  it('waits for the canary', () => {
    expect(
      why(begin(fleet(3), { canary: { hosts: { count: 1 }, soak: 60, promote: 'auto' } }), 'h3'),
    ).toEqual({
      rule: 'canary',
      text: 'the canary goes first',
    });
  });

  it('waits for its wave', () => {
    expect(why(begin(fleet(3), { waves: [{ count: 1 }] }), 'h3')).toEqual({
      rule: 'wave',
      text: 'wave 1 goes first',
    });
  });

  it('waits for a slot, and names the host that has it', () => {
    expect(why(begin(fleet(3)), 'h3')).toEqual({
      rule: 'budget',
      text: '1 of 1 slot is taken (h1)',
    });
  });

  it('waits for its zone', () => {
    const start = begin(
      fleet(4, (number) => ({ zone: number < 3 ? 'a' : 'b' })),
      { maxUnavailable: { count: 2 }, maxZones: 1 },
    );
    expect(why(start, 'h3')).toEqual({
      rule: 'zone',
      text: 'zone b has no room: a: 2 out of service (max_zones 1)',
    });
  });

  it('waits for the window', () => {
    const windows = [{ days: [0], from: 60, to: 120, tz: 'UTC' }];
    expect(
      whyWaits(
        settle(stateAfter(begin(fleet(2), { windows })), 0).state,
        begin(fleet(2), { windows }).rollout,
        noon,
        { wait: true },
      )('h1'),
    ).toMatchObject({ rule: 'window' });
  });

  it('has none when it is started or next', () => {
    expect(why(begin(fleet(3)), 'h1')).toBeUndefined();
  });
});
