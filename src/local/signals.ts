// Signals: the first asks the run to stop in a safe state, the second stops it now.
import { setMaxListeners } from 'node:events';

export interface Signals {
  /** Its reason is the signal's name. */
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
}

export function listenForSignals(say: (text: string) => void): Signals {
  const stop = new AbortController();
  const kill = new AbortController();
  // Every host under way listens: Node would call more than ten of them a leak, on stderr.
  setMaxListeners(0, stop.signal, kill.signal);
  const hear = (name: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => (): void => {
    if (!stop.signal.aborted) {
      say(`\n${name}: no further host is started; steps under way go to a safe state (once more: stop now)`);
      stop.abort(name);
    } else kill.abort(name);
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, hear(name));
  return { stop: stop.signal, kill: kill.signal };
}
