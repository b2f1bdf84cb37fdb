// Reading a journal, wherever it is kept: line by line, every link of the hash chain checked.
import { hash } from 'node:crypto';
import type { Event } from '../../model/run/event.ts';
import { wrongEvent } from '../../model/shape/event-shape.ts';
import { dataIn } from '../../model/shape/shape.ts';
import { isMapping } from '../../model/value.ts';
import type { JournalEnd } from '../ports/history.ts';
import { JournalError } from '../ports/state-errors.ts';

export const hashOf = (line: string | Buffer): string => hash('sha256', line);

/** The hash before the first entry. It depends on the run, so that no journal passes for another's. */
export const rootOf = (run: string): string => hashOf(`kmend journal ${run}`);

/** Where a journal begins. */
export const rootEnd = (run: string): JournalEnd => ({
  entries: 0,
  head: rootOf(run),
  size: 0,
  torn: false,
});

export interface Line {
  /** Without the line end. */
  readonly bytes: Buffer;
  /** False for what a crash left of a last line. */
  readonly whole: boolean;
}

/**
 * Shows every event in order, each after the next entry has confirmed its hash. Only the last entry
 * is shown unconfirmed. Throws a JournalError that names the first entry whose hash does not hold.
 * Where `see` throws, that entry does not fit those before it.
 * @param path names the journal in errors
 * @param batches its lines after `begin`, by pieces
 */
export async function readChain(
  path: string,
  batches: AsyncIterable<readonly Line[]>,
  see: (event: Event) => void,
  begin: Pick<JournalEnd, 'entries' | 'head' | 'size'>,
): Promise<JournalEnd> {
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
  for await (const lines of batches)
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
