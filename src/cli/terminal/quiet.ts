// What `--quiet` leaves: failures, warnings, questions, and how a command ended.
import type { Observer } from '../../app/observer.ts';
import type { FleetFlags } from '../../app/session/flags.ts';
import type { Event } from '../../model/run/event.ts';

/** How a command prints, and how much. */
export type Style = Pick<FleetFlags, 'json' | 'quiet'>;

/** Events that an operator has to know of while a run goes on. */
const notable: ReadonlySet<Event['type']> = new Set([
  'host.failed',
  'brake.tripped',
  'run.paused',
  'run.aborted',
  'cluster.away',
  'warning',
]);

/** A wait that only a command ends names it. */
export const isNotable = (event: Event): boolean =>
  notable.has(event.type) || (event.type === 'waiting' && event.why.includes('kmend promote'));

/** An observer without progress, and without messages that only inform. */
export const quietly = (observer: Observer): Observer => ({
  ...observer,
  notice: (text, level) => {
    if (level === 'warning') observer.notice(text, level);
  },
  log: () => {},
  diagnostics: (found) => observer.diagnostics(found.filter(({ severity }) => severity !== 'note')),
  reading: () => ({ answered: () => {}, end: () => {}, stopped: () => {} }),
  fetching: () => {},
  resuming: () => {},
});
