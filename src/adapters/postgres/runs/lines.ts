// The lines of a journal in the database, by pieces: never more than one of them in memory.
import type { Line } from '../../../engine/state/chain.ts';
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
