// Results of pure functions that are remembered.
import { describe, expect, it } from 'vitest';
import { remembered } from '../../src/model/remembered.ts';
import { compareRpm, versionInRange } from '../../src/model/text/versions.ts';

/** The function, and how often it worked. */
function counted<T>(make: (text: string) => T) {
  let calls = 0;
  const call = remembered((text: string) => {
    calls += 1;
    return make(text);
  });
  return { call, calls: () => calls };
}

describe('a function that remembers its results', () => {
  it('works once for each text, and gives the same result', () => {
    const { call, calls } = counted((text) => ({ text }));
    const first = call('18.09.9');
    for (let time = 0; time < 100; time++) expect(call('18.09.9')).toBe(first);
    expect(call('1.4.5')).toEqual({ text: '1.4.5' });
    expect(calls()).toBe(2);
  });

  it('remembers a bounded number of short texts', () => {
    const { call, calls } = counted((text) => text.length);
    const texts = Array.from({ length: 501 }, (_, at) => `v${at}`);
    for (const text of texts) call(text);
    call('v0');
    expect(calls()).toBe(502);
    const long = 'x'.repeat(257);
    call(long);
    call(long);
    expect(calls()).toBe(504);
  });

  it('does not remember that there is no result', () => {
    const { call, calls } = counted(() => undefined);
    call('a');
    call('a');
    expect(calls()).toBe(2);
  });

  it('keeps orders and ranges of versions apart, whatever was compared before', () => {
    for (let time = 0; time < 2; time++) {
      expect(versionInRange('3:18.09.1-3.el7', '18.09.1', compareRpm)).toBe(true);
      expect(versionInRange('18.09.1-3.el7', '<18.09.1-4', compareRpm)).toBe(true);
      expect(() => versionInRange('1', '>=', compareRpm)).toThrow('not a version range');
    }
  });
});
