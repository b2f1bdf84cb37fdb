// The real clock, and turns of the event loop.
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

/** Milliseconds between two rounds of work, and hosts that go on at once: their work is 10 ms. */
const rounds = { apart: 150, hosts: 8 };

/** Parts of the event loop. */
export interface Loop {
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** Calls it after so many milliseconds; 0 = when the loop has turned. */
  readonly later: (call: () => void, milliseconds: number) => void;
}

const systemLoop: Loop = {
  now: () => performance.now(),
  later: (call, milliseconds) =>
    milliseconds > 0 ? void setTimeout(call, milliseconds) : void setImmediate(call),
};

/**
 * Waits for a round of work, at most 150 ms and the rounds before. Who comes alone waits for one turn of
 * the loop. The promises of several hosts go on step by step, and a step that has just been done for one
 * host takes half of the time for the next.
 */
export function createGathering({ now, later }: Loop = systemLoop): () => Promise<void> {
  const waiting: (() => void)[] = [];
  let ended = Number.NEGATIVE_INFINITY;
  let working = false;
  const work = (): void => {
    for (const goOn of waiting.splice(0, rounds.hosts)) goOn();
    working = waiting.length > 0;
    if (working) later(work, 0);
    else ended = now();
  };
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (working) return;
      working = true;
      later(work, Math.min(rounds.apart, Math.max(0, ended + rounds.apart - now())));
    });
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
  gather: createGathering(),
  random: Math.random,
  id: () =>
    BigInt(`0x${randomBytes(10).toString('hex')}`)
      .toString(36)
      .padStart(16, '0')
      .slice(-16),
};
