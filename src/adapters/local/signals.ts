// Signals: a read-only command ends within two seconds. A run comes to a safe state first; a second
// signal stops it at once.
import { setMaxListeners } from 'node:events';

export interface Signals {
  /** Its reason is the signal's name. */
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
  /** Handles signals from now on. Before, the default action ends a process that is blocked, too. */
  readonly listen: () => void;
  /** While this goes on, the first signal only asks for a safe state. */
  readonly underWay: <T>(work: () => Promise<T>) => Promise<T>;
  /** Exit code of the signal that came while nothing was under way. */
  readonly exit: () => number | undefined;
}

type Name = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Milliseconds after the signal: requests to hosts and servers end, then the process does. */
const limits = { kill: 1_000, exit: 1_900 };

const exitOf = (name: Name): number => (name === 'SIGTERM' ? 143 : 130);

/** @param end ends the process at once */
export function listenForSignals(
  say: (text: string) => void,
  end: (exit: number) => void,
): Signals {
  const stop = new AbortController();
  const kill = new AbortController();
  // Each host under way adds a listener: Node would report more than ten as a leak.
  setMaxListeners(0, stop.signal, kill.signal);
  let works = 0;
  let listening = false;
  let exit: number | undefined;
  const endSoon = (name: Name): void => {
    setTimeout(() => kill.abort(name), limits.kill).unref();
    setTimeout(() => end(exitOf(name)), limits.exit).unref();
  };
  const hear = (name: Name): void => {
    if (stop.signal.aborted) {
      kill.abort(name);
      endSoon(name);
    } else if (works > 0) {
      say('');
      say(
        `${name}: no further host is started; steps under way go to a safe state (once more: stop now)`,
      );
      stop.abort(name);
    } else {
      exit = exitOf(name);
      stop.abort(name);
      endSoon(name);
    }
  };
  return {
    stop: stop.signal,
    kill: kill.signal,
    listen: () => {
      if (listening) return;
      listening = true;
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
        process.on(name, () => hear(name));
    },
    underWay: async (work) => {
      works += 1;
      try {
        return await work();
      } finally {
        works -= 1;
      }
    },
    exit: () => exit,
  };
}
