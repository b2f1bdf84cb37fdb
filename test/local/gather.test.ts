// Answers are worked on together, and none waits long.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGathering } from '../../src/adapters/local/clock.ts';

/** An event loop on a clock of its own. */
function fakeLoop() {
  let time = 0;
  const calls: { readonly at: number; readonly call: () => void }[] = [];
  return {
    now: () => time,
    later: (call: () => void, milliseconds: number): void => {
      calls.push({ at: time + milliseconds, call });
    },
    /** Lets all promises that are ready go on, and then does what is due until `until`. */
    run: async (until: number): Promise<void> => {
      for (;;) {
        await Promise.resolve().then(() => undefined);
        const next = calls.toSorted((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > until) break;
        calls.splice(calls.indexOf(next), 1);
        time = Math.max(time, next.at);
        next.call();
      }
      time = until;
    },
  };
}

describe('the work on answers', () => {
  it('goes on at once for who comes alone', async () => {
    const loop = fakeLoop();
    const gather = createGathering(loop);
    let went = 0;
    for (const at of [0, 500, 1000]) {
      await loop.run(at);
      void gather().then(() => {
        went += 1;
      });
      await loop.run(at);
    }
    expect(went).toBe(3);
  });

  it('is done for several hosts step by step', async () => {
    const loop = fakeLoop();
    const gather = createGathering(loop);
    const steps: string[] = [];
    const host = async (name: string): Promise<void> => {
      await gather();
      steps.push(`${name}1`);
      await Promise.resolve();
      steps.push(`${name}2`);
    };
    for (const name of ['a', 'b', 'c']) void host(name);
    await loop.run(0);
    expect(steps).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'c2']);
  });

  it('waits for a round where there was one just now', async () => {
    const loop = fakeLoop();
    const gather = createGathering(loop);
    const went: (readonly [number, number])[] = [];
    for (const at of [0, 10, 60]) {
      await loop.run(at);
      void gather().then(() => went.push([at, loop.now()]));
    }
    await loop.run(500);
    expect(went).toEqual([
      [0, 0],
      [10, 150],
      [60, 150],
    ]);
  });

  it('keeps the order, turns the loop after eight hosts, and lets nobody wait more than 150 ms', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(60), { minLength: 1, maxLength: 60 }), async (gaps) => {
        const loop = fakeLoop();
        const order: number[] = [];
        const waits: number[] = [];
        const rounds = new Map<number, number>();
        let turn = 0;
        const counting = {
          ...loop,
          later: (call: () => void, milliseconds: number): void =>
            loop.later(() => {
              turn += 1;
              call();
            }, milliseconds),
        };
        const gather = createGathering(counting);
        let at = 0;
        for (const [host, gap] of gaps.entries()) {
          at += gap;
          await loop.run(at);
          const began = at;
          void gather().then(() => {
            order.push(host);
            waits.push(loop.now() - began);
            rounds.set(turn, (rounds.get(turn) ?? 0) + 1);
          });
        }
        await loop.run(at + 1000);
        expect(order).toEqual(gaps.map((_, host) => host));
        expect(Math.max(...waits)).toBeLessThanOrEqual(150);
        expect(Math.max(...rounds.values())).toBeLessThanOrEqual(8);
      }),
    );
  });
});
