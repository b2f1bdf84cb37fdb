// Many hosts, a bounded number at once. A host that is silent, or waits before its next try, holds
// none of the places.

import type { Target } from '../../model/host.ts';
import { type Failure, unhandled } from '../../model/run/failure.ts';
import type { Turn } from '../ports/transport.ts';
import { openSession, type Session, type SessionPorts } from './session.ts';
import { createSlots, type Slots } from './slots.ts';

export interface EachHostOptions {
  /**
   * Hosts read at the same moment. Not the number that may be out of service: reading disturbs
   * nobody.
   */
  readonly forks: number;
  /**
   * Retries after transport trouble. Each goes to the end of the queue, behind the first try of
   * every host.
   */
  readonly retries: number;
  readonly signal: AbortSignal;
  /**
   * Called when only hosts are left that are silent or wait before their next try, or none at all.
   */
  readonly onIdle?: () => void;
}

/**
 * Opens a session for each host, a bounded number at once, and closes it after use. Results come in
 * the order of the hosts, `onHost` is called for each as it comes. Where `use` throws over what a
 * host answered, that host has the result of a failure, and the others go on.
 */
export function forEachHost<T>(
  targets: readonly Target[],
  options: EachHostOptions,
  ports: SessionPorts,
  use: (session: Session) => Promise<T>,
  failed: (host: string, failure: Failure) => T | Promise<T>,
  onHost: (result: T) => void = () => {},
): Promise<readonly T[]> {
  const slots = createSlots(options.forks);
  const visit = async (target: Target): Promise<T> => {
    const turn = createTurn(slots, options.onIdle);
    await turn.again(false);
    const session = openSession(target, options.retries, ports, options.signal, turn);
    try {
      const result = await use(session)
        .catch((error: unknown) =>
          failed(target.name, unhandled(`the answers of ${target.name}`, error)),
        )
        .finally(session.close);
      onHost(result);
      return result;
    } finally {
      turn.leave();
    }
  };
  return Promise.all(targets.map(visit));
}

/**
 * After a signal every host fails at its next step, so that places come free by themselves: waiting
 * for one needs no signal.
 */
function createTurn(slots: Slots, onIdle: () => void = () => {}): Turn {
  let free: (() => void) | undefined;
  return {
    leave: () => {
      if (free === undefined) return;
      free();
      free = undefined;
      if (slots.idle()) onIdle();
    },
    again: async (first) => {
      free ??= await slots.take({ first });
    },
  };
}
