// Work on many hosts lets the event loop turn.
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/local/index.ts';
import { mapInTurns } from '../../src/engine/session/in-turns.ts';

describe('work on many hosts', () => {
  it('goes on with one of those that wait in each turn of the event loop', async () => {
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns += 1;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    const order: number[] = [];
    const seen: number[] = [];
    await Promise.all(
      Array.from({ length: 50 }, async (_, host) => {
        await systemClock.yield();
        order.push(host);
        seen.push(turns);
      }),
    );
    counting = false;
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(new Set(seen).size).toBe(50);
  });

  it('pauses between items by the clock, and keeps their order', async () => {
    let now = 0;
    let pauses = 0;
    const clock = {
      now: () => now,
      yield: async () => {
        pauses += 1;
      },
    };
    const made = await mapInTurns(
      [1, 2, 3, 4, 5, 6],
      (item, index) => {
        now += 5;
        return item * 10 + index;
      },
      clock,
    );
    expect(made).toEqual([10, 21, 32, 43, 54, 65]);
    expect(pauses).toBe(2);
    // Also where the clock is set back in the middle.
    now = -1_000_000;
    await mapInTurns([1], () => 0, clock);
    expect(pauses).toBe(2);
  });
});
