// assert as a table. Core judges the conditions; the module is given what they came to.
import { describe, expect, it } from 'vitest';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const yes = { condition: 'a == 1', holds: true };
const no = { condition: 'b == 2', holds: false };

describe('assert', () => {
  it('is silent about the conditions that hold', () => {
    expect(planOf('assert', { args: { that: [yes], quiet: true }, facts: {} })).toEqual({
      changes: [],
    });
    expect(
      planOf('assert', { args: { that: [yes, true], success_msg: 'fine' }, facts: {} }),
    ).toEqual({ changes: [], note: 'fine' });
  });
  it('names every one that does not', () => {
    expect(
      planOf('assert', { args: { that: [yes, no, { ...no, condition: 'c' }] }, facts: {} }).unmet
        ?.evidence,
    ).toBe('not true: b == 2; c');
    expect(
      planOf('assert', { args: { that: no, fail_msg: 'too old' }, facts: {} }).unmet?.evidence,
    ).toBe('too old (not true: b == 2)');
    expect(
      planOf('assert', { args: { that: no, msg: 'too old' }, facts: {} }).unmet?.evidence,
    ).toMatch(/^too old/);
  });
  it('says which of its arguments are conditions, and takes them as they are written', () => {
    expect(moduleNamed('assert').conditions).toEqual(['that']);
    expect(parseArgs(moduleNamed('assert'), { that: "kmem.remedy != 'none'" })).toMatchObject({
      that: ["kmem.remedy != 'none'"],
    });
    expect(() => parseArgs(moduleNamed('assert'), {})).toThrow();
  });
  it('given a condition that nobody judged, is our bug', () => {
    expect(() => planOf('assert', { args: { that: 'a == 1' }, facts: {} })).toThrow(/unjudged/);
  });
});
