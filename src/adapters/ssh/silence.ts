// A host that does not answer lets others go first, until it answers.
import type { Turn } from '../../engine/ports/transport.ts';

/**
 * Milliseconds. A lost packet is sent again after one second: who has not answered by then is far
 * away, overloaded or gone.
 */
const silentAfter = 1000;

/** Silent hosts that wait without a turn, each with a socket; further ones keep their turn. */
const mostSilent = 500;

export interface Silence {
  /** The host has answered: waits for its turn again, where it had left it. */
  readonly broken: () => Promise<void>;
  /** The try is over. */
  readonly end: () => void;
}

/** Watches the tries of one transport. */
export function createSilence(): (turn: Turn | undefined) => Silence {
  let silent = 0;
  return (turn) => {
    if (turn === undefined) return { broken: async () => {}, end: () => {} };
    let left = false;
    const timer = setTimeout(() => {
      if (silent >= mostSilent) return;
      silent++;
      left = true;
      turn.leave();
    }, silentAfter);
    const end = (): void => {
      clearTimeout(timer);
      if (left) silent--;
      left = false;
    };
    return {
      end,
      broken: async () => {
        const mustWait = left;
        end();
        if (mustWait) await turn.again(true);
      },
    };
  };
}
