// Module decide: a change that nothing carries out.
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/modules/play/decide.ts';
import { planOf } from './laws.ts';

describe('decide', () => {
  it('is a change of the risk that a command has, and would fail', () => {
    const { changes } = planOf('decide', { args: 'which accounts?', facts: {} });
    expect(changes).toMatchObject([
      {
        what: 'DECIDE: which accounts?',
        risk: 'restart',
        effects: [{ script: expect.stringMatching(/exit 1\n$/) }],
      },
    ]);
  });

  it('needs a question', () => {
    expect(decide.args.safeParse(null).success).toBe(false);
    expect(decide.args.safeParse('').success).toBe(false);
  });
});
