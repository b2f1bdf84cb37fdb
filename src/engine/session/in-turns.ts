// Long work, in pieces that let the event loop turn.
import type { Clock } from '../ports/local.ts';

/** Milliseconds of work between two turns of the event loop. */
const longest = 10;

type Turns = Pick<Clock, 'now' | 'yield'>;

/** Takes the steps of a generator to its end, and lets the event loop turn every few milliseconds. */
export async function inTurns<R>(steps: Iterator<unknown, R>, clock: Turns): Promise<R> {
  let began = clock.now();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (Math.abs(clock.now() - began) < longest) continue;
    await clock.yield();
    began = clock.now();
  }
}

/** Does what `items.map(make)` does, and lets the event loop turn every few milliseconds. */
export async function mapInTurns<T, R>(
  items: readonly T[],
  make: (item: T, index: number) => R,
  clock: Turns,
): Promise<readonly R[]> {
  const made: R[] = [];
  await eachInTurns(items.entries(), ([index, item]) => made.push(make(item, index)), clock);
  return made;
}

/** Uses each item in order, and lets the event loop turn every few milliseconds. */
export const eachInTurns = <T>(
  items: Iterable<T>,
  use: (item: T) => void,
  clock: Turns,
): Promise<void> => inTurns(used(items, use), clock);

function* used<T>(items: Iterable<T>, use: (item: T) => void): Generator<undefined, void> {
  let isFirst = true;
  for (const item of items) {
    if (!isFirst) yield;
    isFirst = false;
    use(item);
  }
}
