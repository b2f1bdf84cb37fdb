// pause: how long, for whom, and what it does not take.
import { describe, expect, it } from 'vitest';
import { moduleNamed, noContext, parseArgs, planOf } from './laws.ts';

const acted = { done: { ...noContext.done, acted: true } };

describe('pause', () => {
  it.each([
    [{ seconds: 30 }, 30],
    [{ seconds: '90' }, 90],
    [{ minutes: 2 }, 120],
    [{ minutes: 1, seconds: 5 }, 60],
    [{ minutes: 0.5 }, 30],
  ])('%j waits %d s on a host that was changed', (args, seconds) => {
    const { changes } = planOf('pause', { args, facts: {}, context: acted });
    expect(changes).toMatchObject([
      {
        sign: '!',
        what: `wait ${seconds} s`,
        risk: 'none',
        effects: [{ first: seconds, until: [] }],
      },
    ]);
  });

  it('does not wait on a host that was not changed, and not for no time', () => {
    expect(planOf('pause', { args: { seconds: 9 }, facts: {} })).toEqual({
      changes: [],
      note: 'no wait: nothing was changed on this host',
    });
    expect(planOf('pause', { args: { seconds: 0 }, facts: {}, context: acted }).changes).toEqual(
      [],
    );
  });

  it.each([
    {},
    { prompt: 'Go on?' },
    { seconds: 1, prompt: 'x' },
    { seconds: -1 },
    { minutes: 9999 },
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('pause'), args)).toThrow();
  });
});
