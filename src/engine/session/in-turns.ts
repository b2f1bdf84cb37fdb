// Work on each of many hosts, in pieces that let the event loop turn.
import type { Clock } from '../ports/local.ts';

/** Milliseconds of work between two turns of the event loop. */
const longest = 10;

/** Does what `items.map(make)` does, and lets the event loop turn every few milliseconds. */
export async function mapInTurns<T, R>(
  items: readonly T[],
  make: (item: T, index: number) => R,
  clock: Pick<Clock, 'now' | 'yield'>,
): Promise<readonly R[]> {
  const made: R[] = [];
  let began = clock.now();
  for (const [index, item] of items.entries()) {
    if (Math.abs(clock.now() - began) >= longest) {
      await clock.yield();
      began = clock.now();
    }
    made.push(make(item, index));
  }
  return made;
}
