// Reading a journal: line by line, every link of the hash chain checked, and never more than a
// piece of it in memory.
import { hash } from 'node:crypto';
import type { JournalEnd } from '../../engine/ports/history.ts';
import { JournalError } from '../../engine/ports/state-errors.ts';
import type { Event } from '../../model/run/event.ts';
import { wrongEvent } from '../../model/shape/event-shape.ts';
import { dataIn } from '../../model/shape/shape.ts';
import { isMapping } from '../../model/value.ts';
import { openOwn } from './owned.ts';

export const hashOf = (line: string | Buffer): string => hash('sha256', line);

/** The hash before the first entry. It depends on the run, so that no journal passes for another's. */
export const rootOf = (run: string): string => hashOf(`kmend journal ${run}`);

/**
 * Shows every event in order, each after the next entry has confirmed its hash. Only the last entry
 * is shown unconfirmed. Throws a JournalError that names the first entry whose hash does not hold.
 * Where `see` throws, that entry does not fit those before it.
 * @param after where an earlier scan ended: only what was added since is read
 */
export async function scanJournal(
  path: string,
  run: string,
  see: (event: Event) => void,
  after?: JournalEnd,
): Promise<JournalEnd> {
  const begin = after ?? { entries: 0, head: rootOf(run), size: 0 };
  let end: JournalEnd = { ...begin, torn: false };
  let last: Event | undefined;
  const show = (event: Event | undefined): void => {
    if (event === undefined) return;
    const wrong = wrongEvent(event);
    if (wrong !== undefined)
      throw new JournalError(path, event.seq, `was not written by this version of kmend: ${wrong}`);
    try {
      see(event);
    } catch (error) {
      throw new JournalError(
        path,
        event.seq,
        `does not fit those before it: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  for await (const lines of linesOf(path, begin))
    for (const { bytes, whole } of lines) {
      if (!whole) {
        end = { ...end, torn: true };
        break;
      }
      const event = parseLine(path, bytes, end);
      const { entries, size } = end;
      end = { ...end, entries: entries + 1, head: hashOf(bytes), size: size + bytes.length + 1 };
      show(last);
      last = event;
    }
  show(last);
  return end;
}

function parseLine(path: string, line: Buffer, { entries, head }: JournalEnd): Event {
  const data = dataIn(line.toString('utf8'));
  const wrong = (why: string): JournalError => new JournalError(path, entries, why);
  if (!isMapping(data)) throw wrong('is no JSON mapping');
  if (data.seq !== entries)
    throw wrong(`numbered ${JSON.stringify(data.seq)}: an entry is missing or was put in`);
  if (data.prev !== head)
    throw wrong('does not follow the entry before it: the journal was changed');
  // The shape is checked before the event is shown.
  return data as unknown as Event;
}

interface Line {
  /** Without the line end. */
  readonly bytes: Buffer;
  readonly whole: boolean;
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
