// Lines of one turn in one write: nothing is lost, and nothing overtakes.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { gatheredWrites } from '../../../src/cli/terminal/gathered.ts';

/** Sinks that write to one file, and what each write was. */
function oneFile() {
  const writes: string[] = [];
  const sink = () => ({ write: (text: string) => writes.push(text) });
  return { writes, sinks: [sink(), sink()] as const };
}

it('are one write at the end of the turn', async () => {
  const { writes, sinks } = oneFile();
  const { write } = gatheredWrites();
  for (let line = 0; line < 1000; line++) write(sinks[0], `${line}\n`);
  expect(writes).toEqual([]);
  await Promise.resolve();
  expect(writes).toEqual([Array.from({ length: 1000 }, (_, line) => `${line}\n`).join('')]);
});

it('keep their order, also among streams, over turns, and where the program ends in a turn', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          to: fc.constantFrom(0, 1),
          text: fc.oneof(fc.string({ minLength: 1 }), fc.constant('x'.repeat(40_000))),
          turn: fc.boolean(),
        }),
        { maxLength: 30 },
      ),
      async (lines) => {
        const { writes, sinks } = oneFile();
        const { write, flush } = gatheredWrites();
        for (const { to, text, turn } of lines) {
          write(sinks[to] ?? sinks[0], text);
          if (turn) await Promise.resolve();
        }
        flush();
        expect(writes.join('')).toBe(lines.map(({ text }) => text).join(''));
        await Promise.resolve();
        expect(writes.join('')).toBe(lines.map(({ text }) => text).join(''));
      },
    ),
  ));

it('never keep more than 64 KB and a line', () => {
  const { writes, sinks } = oneFile();
  const { write } = gatheredWrites();
  for (let line = 0; line < 10; line++) write(sinks[0], 'x'.repeat(20_000));
  expect(writes.map(({ length }) => length)).toEqual([80_000, 80_000]);
});
