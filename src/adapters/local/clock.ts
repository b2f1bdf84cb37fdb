// The real clock.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../engine/ports/local.ts';

/** The longest wait of a Node timer, in milliseconds. A longer sleep is split. */
const longest = 2 ** 31 - 1;

/** Those who wait for a turn of the event loop. */
const waiting: (() => void)[] = [];

function wakeNext(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(wakeNext);
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true || milliseconds <= 0) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(milliseconds, longest));
      signal?.addEventListener('abort', end, { once: true });
    }),
  yield: () =>
    new Promise((resolve) => {
      if (waiting.push(resolve) === 1) setImmediate(wakeNext);
    }),
  random: Math.random,
  id: () =>
    BigInt(`0x${randomBytes(10).toString('hex')}`)
      .toString(36)
      .padStart(16, '0')
      .slice(-16),
};
