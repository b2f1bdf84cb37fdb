// The lock of a run's hosts, and the guard against another run that has taken them.
import { StateGoneError } from '../../engine/ports/state-errors.ts';
import type { Journal, Store } from '../../engine/ports/store.ts';
import { present } from '../../model/present.ts';
import type { EventBody } from '../../model/run/event.ts';
import { addressOf } from '../plan/project.ts';
import type { Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';
import type { PlayRun } from './drive.ts';

export type HeldLock = Extract<Awaited<ReturnType<Store['lock']>>, { readonly held: true }>;

/** The addresses of the hosts, so that two names of one machine are one lock. */
const lockedHosts = ({ ready }: PlayRun): readonly string[] =>
  [...ready.setup.hosts.values()].map(({ target }) => addressOf(target));

/** Locks the hosts of a run while it works. A lock of another run ends the command. */
export async function locked(
  run: PlayRun,
  id: string,
  session: Session,
  work: (lock: HeldLock) => Promise<number>,
): Promise<number> {
  const store = await session.ports.store();
  const lock = await store.lock(lockedHosts(run), id, run.takeover);
  if (!lock.held)
    throw new CommandError(
      7,
      `these hosts are locked by ${lock.by}`,
      'wait for it, or see `kmend runs`; a lock is freed by its run or by the proven death of its process, never by time; ' +
        `if you know that it is dead: --takeover ${lock.run}`,
    );
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

/** Entries by which a controller acts on a host, or gives the result of a host or the run. */
const ownersOnly: ReadonlySet<EventBody['type']> = new Set([
  'host.started',
  'effect.started',
  'host.failed',
  'run.finished',
]);

/**
 * A journal that checks the lock before such an entry: a controller that was stopped and wakes up
 * after a takeover must do nothing. The new owner has removed the output of its scripts from the
 * hosts, which is no failure of these.
 */
export const guarded = (journal: Journal, lock: HeldLock, state: string): Journal => ({
  run: journal.run,
  end: () => journal.end(),
  follow: (see) => journal.follow(see),
  close: () => journal.close(),
  append: async (body, sync) => {
    if (ownersOnly.has(body.type)) await mayGoOn(journal.run, lock, state);
    return journal.append(body, sync);
  },
  ...present({
    appendAfter:
      journal.appendAfter &&
      (async (entries: number, body: EventBody) => {
        if (ownersOnly.has(body.type)) await mayGoOn(journal.run, lock, state);
        return journal.appendAfter?.(entries, body);
      }),
    catchUp: journal.catchUp && (async () => journal.catchUp?.()),
  }),
});

async function mayGoOn(run: string, lock: HeldLock, state: string): Promise<void> {
  const found = await lock.state();
  if (found === 'gone') throw new StateGoneError(state);
  if (found === 'taken')
    throw new CommandError(
      7,
      `the hosts of run ${run} were taken over by another run`,
      'nothing more was done here; see `kmend runs`',
    );
}
