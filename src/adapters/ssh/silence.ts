// Lets other hosts go first while a host does not answer.
import type { Turn } from '../../engine/ports/transport.ts';

/**
 * Milliseconds. A lost packet is sent again after one second: a host without an answer by then is
 * far away, overloaded or gone.
 */
const silentAfter = 1000;

/**
 * Limit of hosts that wait without a turn, since each uses a socket. Further hosts keep their turn.
 */
const mostSilent = 500;

export interface Silence {
  /** Call it when the host answers. It waits for a turn again if it had left its own. */
  readonly broken: () => Promise<void>;
  /** The attempt has ended. */
  readonly end: () => void;
}

/** Observes the attempts of one transport. */
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
