// An observer for work that shows nothing; what it logs can be seen.
import type { Observer } from '../../src/app/observer.ts';

export const quiet = (logged: string[] = []): Observer => ({
  notice: () => {},
  log: (text) => void logged.push(text),
  diagnostics: () => {},
  reading: () => ({ answered: () => {}, end: () => {}, stopped: () => {} }),
  fetching: () => {},
  planned: async () => {},
  resuming: () => {},
  openRun: async () => {
    throw new Error('no run is begun here');
  },
  failed: () => 1,
});
