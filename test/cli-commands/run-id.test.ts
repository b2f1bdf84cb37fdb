// Run ids: the order of names is the order of time, also within one second.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/local/index.ts';
import { runId } from '../../src/app/run/start.ts';

const at = (now: number) => runId({ ...systemClock, now: () => now });

it('looks like a date, a time and four letters', () => {
  expect(at(Date.UTC(2026, 10, 24, 15, 30, 12, 5))).toMatch(/^20261124-153012-05[0-9a-z]{2}$/);
});

it('sorts by time to the millisecond', () => {
  const time = fc.integer({ min: 0, max: 4_000_000_000_000 });
  fc.assert(
    fc.property(time, fc.integer({ min: 1, max: 2000 }), (now, later) => at(now) < at(now + later)),
  );
});
