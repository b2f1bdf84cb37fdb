// The lines of a journal file: never more than a piece of it in memory.

import type { JournalEnd } from '../../engine/ports/history.ts';
import { JournalError } from '../../engine/ports/state-errors.ts';
import { type Line, readChain, rootEnd } from '../../engine/state/chain.ts';
import type { Event } from '../../model/run/event.ts';
import { openOwn } from './owned.ts';

/**
 * Shows every event of a journal file, in order, after checking its link.
 * @param after where an earlier scan ended: only what was added since is read
 */
export function scanJournal(
  path: string,
  run: string,
  see: (event: Event) => void,
  after?: JournalEnd,
): Promise<JournalEnd> {
  const begin = after ?? rootEnd(run);
  return readChain(path, linesOf(path, begin), see, begin);
}

/** The whole lines of a journal file, by pieces. */
export async function* wholeLines(path: string): AsyncGenerator<readonly string[]> {
  for await (const lines of linesOf(path, { size: 0, entries: 0 }))
    yield lines.flatMap(({ bytes, whole }) => (whole ? [bytes.toString('utf8')] : []));
}

const pieceSize = 1 << 18;
const lineEnd = 10;

/** The lines after those that were read before, by pieces of the file. */
async function* linesOf(
  path: string,
  { size, entries }: Pick<JournalEnd, 'size' | 'entries'>,
): AsyncGenerator<readonly Line[]> {
  const file = await openOwn(path);
  try {
    if ((await file.stat()).size < size)
      throw new JournalError(path, entries, 'was cut off: the journal was changed');
    let rest: Buffer[] = [];
    for (let at = size; ; ) {
      const { bytesRead, buffer } = await file.read(
        Buffer.allocUnsafe(pieceSize),
        0,
        pieceSize,
        at,
      );
      at += bytesRead;
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      const lines: Line[] = [];
      let from = 0;
      for (let to = piece.indexOf(lineEnd); to !== -1; to = piece.indexOf(lineEnd, from)) {
        const last = piece.subarray(from, to);
        lines.push({
          bytes: rest.length === 0 ? last : Buffer.concat([...rest, last]),
          whole: true,
        });
        rest = [];
        from = to + 1;
      }
      if (from < bytesRead) rest.push(piece.subarray(from));
      yield lines;
    }
    if (rest.length > 0) yield [{ bytes: Buffer.concat(rest), whole: false }];
  } finally {
    await file.close();
  }
}
