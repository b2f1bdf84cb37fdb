// Signals: the first asks the run to stop in a safe state, the second stops it now.

export interface Signals {
  /** Its reason is the signal's name. */
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
}

export function listenForSignals(say: (text: string) => void): Signals {
  const stop = new AbortController();
  const kill = new AbortController();
  const hear = (name: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => (): void => {
    if (!stop.signal.aborted) {
      say(`\n${name}: no further host is started; steps under way go to a safe state (once more: stop now)`);
      stop.abort(name);
    } else kill.abort(name);
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, hear(name));
  return { stop: stop.signal, kill: kill.signal };
}
