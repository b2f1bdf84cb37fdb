// The lines of a journal in the database, by pieces: never more than one of them in memory.

import type { JournalEnd } from '../../../engine/ports/history.ts';
import { JournalError, MissingRunError } from '../../../engine/ports/state-errors.ts';
import { type Line, readChain, rootEnd } from '../../../engine/state/chain.ts';
import type { Event } from '../../../model/run/event.ts';
import type { Db } from '../link/db.ts';

const pieceEntries = 1_000;

/** The lines of a run from the entry `from` on, as far as they are written. */
export async function* linesOf(
  db: Pick<Db, 'query'>,
  run: string,
  from: number,
): AsyncGenerator<readonly Line[]> {
  for (let next = from; ; ) {
    const rows = await db.query<{ line: string }>(
      'select line from event where run = $1 and seq >= $2 order by seq limit $3',
      [run, next, pieceEntries],
    );
    if (rows.length > 0) yield rows.map(({ line }) => ({ bytes: Buffer.from(line), whole: true }));
    if (rows.length < pieceEntries) return;
    next += rows.length;
  }
}

interface Kept {
  readonly entries: number;
  readonly head: string;
  /** sha256 of the entry where an earlier scan ended. */
  readonly before: string | null;
}

/**
 * Shows every event of a run after `after`, in order, after checking its link. Throws a
 * JournalError where a link does not hold, or the journal ends before the entry that its run names,
 * and a MissingRunError where there is no such run.
 */
export async function scanRun(
  db: Db,
  run: string,
  see: (event: Event) => void,
  after?: JournalEnd,
): Promise<JournalEnd> {
  const place = `journal of run ${run} in ${db.place}`;
  const begin = after ?? rootEnd(run);
  const look = async (): Promise<Kept> => {
    const [kept] = await db.query<Kept>(
      `select seq as entries, head, (select encode(sha256(convert_to(line, 'UTF8')), 'hex')
         from event where run = $1 and seq = $2 - 1) as before
       from run where run = $1 and begun`,
      [run, begin.entries],
    );
    if (kept === undefined) throw new MissingRunError(run, db.place);
    return kept;
  };
  const wrong = (entry: number, why: string): JournalError =>
    new JournalError(place, entry, `${why}: the journal was changed`);
  const kept = await look();
  if (begin.entries > 0 && kept.before === null) throw wrong(begin.entries, 'was cut off');
  if (begin.entries > 0 && kept.before !== begin.head)
    throw wrong(begin.entries, 'does not follow the entry before it');
  const end = await readChain(place, linesOf(db, run, begin.entries), see, begin);
  if (end.entries < kept.entries) {
    // A run that is removed while it is read is missing, not changed.
    await look();
    throw wrong(end.entries, 'was cut off');
  }
  if (end.entries === kept.entries && end.head !== kept.head)
    throw wrong(Math.max(0, end.entries - 1), 'is not the last one that was written');
  return end;
}
