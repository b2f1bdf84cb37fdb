// set_fact as a table.
import { describe, expect, it } from 'vitest';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

describe('set_fact', () => {
  it('sets variables of any kind', () => {
    expect(
      planOf('set_fact', { args: { old_kernel: '3.10', list: [1] }, facts: {} }),
    ).toMatchObject({
      changes: [],
      sets: { old_kernel: '3.10', list: [1] },
    });
  });
  it.each([
    [{}],
    [{ 'a-b': 1 }],
    [{ kmem: 1 }],
    [{ docker: 'x' }],
    [{ kmend_drain: 'none' }],
    ['x'],
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('set_fact'), args)).toThrow();
  });
});
