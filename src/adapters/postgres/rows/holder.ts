// The process that leads a run, as the session of this process sees it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '../link/db.ts';
import { whoIn } from '../runs/lead.ts';

/** The process that leads a run; `alive` is null where it is not proven dead. */
export interface Leader {
  readonly about: string;
  readonly alive: boolean | null;
}

/** A leader that is not proven dead counts as alive. */
export const isAlive = (leader: Leader | undefined): boolean =>
  leader !== undefined && leader.alive !== false;

/**
 * A leader as one look sees it, which needs no session of a process. Only who may enter one can wait
 * for proof of a death; to a reader a leader without its lock is gone, unless the server has just
 * started and its processes enter again.
 */
async function seenLeader(
  db: Db,
  run: string,
): Promise<(Leader & { readonly enters: boolean }) | undefined> {
  const [found] = await db.query<Leader & { readonly enters: boolean }>(
    `select coalesce(h.about, '') as about, e.enters, case
         when r.leader is null then false
         when is_alive(r.leader) then true
         when not e.enters and has_settled() then false
       end as alive
     from run r left join holder h on h.id = r.leader, lateral (
       select has_function_privilege('enter(integer, text, text)', 'execute') as enters) e
     where r.run = $1`,
    [run],
  );
  return found;
}

/** Undefined where there is no such run; `alive` is false where nobody leads it. */
export async function leaderOf(db: Db, run: string): Promise<Leader | undefined> {
  const seen = await seenLeader(db, run);
  if (seen === undefined || seen.alive !== null || !seen.enters) return seen;
  const me = await db.me();
  // In the session: the death of others is proven by its age.
  const [found] = await db.inSession<Leader>(
    `select coalesce(h.about, '') as about, judge(r.leader, $2) as alive
     from run r left join holder h on h.id = r.leader where r.run = $1`,
    [run, me],
  );
  return found;
}

/** Milliseconds between two reads of a leader that is not proven dead yet. */
export const lookEvery = 250;

/** Waits, as long as the session must have watched, where the leader shows no sign of life. */
export async function holderOf(db: Db, run: string): Promise<string | undefined> {
  for (;;) {
    const leader = await leaderOf(db, run);
    if (leader === undefined || leader.alive === false) return undefined;
    if (leader.alive) return whoIn(leader.about);
    await sleep(lookEvery);
  }
}
