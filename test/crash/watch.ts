// What is watched from outside while controllers are killed: the most hosts that were away, or
// under way, at one moment.
import type { Event, EventType } from '../../src/model/run/event.ts';

/** The largest number that `now` gave, asked fifty times a second until `end`. */
export function watchMost(now: () => number): {
  readonly most: () => number;
  readonly end: () => void;
} {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, now());
  }, 20);
  return { most: () => most, end: () => clearInterval(timer) };
}

/** The most hosts that had begun and not come to one of these ends. */
export function mostUnderWay(events: readonly Event[], ends: readonly EventType[]): number {
  const open = new Set<string>();
  let most = 0;
  for (const event of events) {
    if (event.type === 'host.started') open.add(event.host);
    else if (ends.includes(event.type) && 'host' in event && event.host !== undefined)
      open.delete(event.host);
    most = Math.max(most, open.size);
  }
  return most;
}
