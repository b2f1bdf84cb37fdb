// Slots for handshakes: never more than there are, in order, and who gives up waiting takes none.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createSlots } from '../../src/engine/session/slots.ts';

it('who gives up while waiting gets nothing at once, and its turn goes to the next', async () => {
  const slots = createSlots(1);
  const first = await slots.take();
  const stop = new AbortController();
  const second = slots.take({ signal: stop.signal });
  const third = slots.take();
  stop.abort();
  expect(await second).toBeUndefined();
  first?.();
  expect(await third).toBeTypeOf('function');
  expect(await slots.take({ signal: AbortSignal.abort() })).toBeUndefined();
});

it('there are never more than there are slots, whatever the order of taking, giving twice and leaving', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.constantFrom('take', 'give', 'leave'), { maxLength: 60 }),
      async (count, steps) => {
        const slots = createSlots(count);
        const held: (() => void)[] = [];
        const stops: AbortController[] = [];
        let out = 0;
        for (const step of steps) {
          if (step === 'take') {
            const stop = new AbortController();
            stops.push(stop);
            void slots.take({ signal: stop.signal }).then((give) => {
              if (give === undefined) return;
              out++;
              held.push(give);
            });
          } else if (step === 'leave') stops.pop()?.abort();
          else {
            const give = held.shift();
            if (give !== undefined) {
              out--;
              give();
              give();
            }
          }
          for (let turn = 0; turn < 4; turn++) await Promise.resolve();
          expect(out).toBeLessThanOrEqual(count);
        }
      },
    ),
    { numRuns: 300 },
  );
});
