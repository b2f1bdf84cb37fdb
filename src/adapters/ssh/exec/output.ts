// What comes back from a command: dropped up to the ready mark, then kept up to a limit and handed
// out line by line.
import { StringDecoder } from 'node:string_decoder';

/** Text before the ready mark that is kept for a failure's detail. */
const keptBefore = 8 * 1024;
/**
 * Bytes that may come before the script has announced itself, in the rest of that line, and in all:
 * whoever sends more is not listened to.
 */
const most = { before: 256 * 1024, tail: 64, all: 64 * 1024 * 1024 };
/** A line without end is handed out in pieces of about this size. */
const longestLine = 1024 * 1024;

export interface Output {
  readonly feed: (chunk: Buffer) => void;
  /** True once the mark was seen. */
  readonly started: () => boolean;
  /** What came before the mark: banners, questions, refusals. */
  readonly before: () => string;
  /** The rest of the mark's line: the process id. */
  readonly tail: () => string;
  readonly text: () => string;
  readonly truncated: () => boolean;
  /** More came than any command has to say; nothing of the rest is looked at. */
  readonly flooded: () => boolean;
  /** Hands out the last, unfinished line. */
  readonly end: () => void;
}

export interface OutputOptions {
  readonly mark: string;
  readonly limit: number;
  /** From a terminal: CR LF becomes LF. */
  readonly terminal: boolean;
  readonly onLine?: (line: string) => void;
}

export function createOutput({ mark, limit, terminal, onLine }: OutputOptions): Output {
  let before = '';
  let at = -1;
  let tail = '';
  let started = false;
  let flooded = false;
  let came = 0;
  let size = 0;
  let truncated = false;
  const kept: Buffer[] = [];
  const lines = onLine === undefined ? undefined : createLines(onLine, terminal);

  const keep = (chunk: Buffer): void => {
    const room = limit - size;
    if (chunk.length > room) truncated = true;
    if (chunk.length === 0 || room <= 0) return;
    const part = chunk.length > room ? chunk.subarray(0, room) : chunk;
    kept.push(part);
    size += part.length;
    lines?.feed(part);
  };
  const search = (chunk: Buffer): void => {
    // Bytes, not characters: what follows the mark may be cut in the middle of one.
    before += chunk.toString('latin1');
    // Only where nobody has looked yet: it may come byte by byte.
    const fresh = before.length - chunk.length;
    if (at < 0) at = before.indexOf(mark, Math.max(0, fresh - mark.length));
    const end = at < 0 ? -1 : before.indexOf('\n', Math.max(at, fresh));
    if (end < 0) {
      flooded = at < 0 ? came > most.before : before.length - at > mark.length + most.tail;
      if (before.length > 2 * keptBefore && at < 0)
        before = before.slice(0, 512) + before.slice(-keptBefore);
      return;
    }
    const rest = before.slice(end + 1);
    tail = before.slice(at + mark.length, end).trim();
    before = before.slice(0, at);
    started = true;
    keep(Buffer.from(rest, 'latin1'));
  };
  const feed = (chunk: Buffer): void => {
    came += chunk.length;
    flooded ||= came > most.all;
    if (flooded) return;
    if (started) keep(chunk);
    else search(chunk);
  };
  return {
    feed,
    started: () => started,
    before: () => Buffer.from(before, 'latin1').toString('utf8').replaceAll('\r\n', '\n'),
    tail: () => tail,
    text: () => {
      const text = whole(kept, truncated);
      return terminal ? text.replaceAll('\r\n', '\n') : text;
    },
    truncated: () => truncated,
    flooded: () => flooded,
    end: () => lines?.end(truncated),
  };
}

/** A character that the limit cut in two is left out. */
function whole(kept: readonly Buffer[], truncated: boolean): string {
  const bytes = kept.length === 1 && kept[0] !== undefined ? kept[0] : Buffer.concat(kept);
  return truncated ? new StringDecoder('utf8').write(bytes) : bytes.toString('utf8');
}

function createLines(onLine: (line: string) => void, terminal: boolean) {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const give = (line: string): void =>
    onLine(terminal && line.endsWith('\r') ? line.slice(0, -1) : line);
  return {
    feed: (chunk: Buffer): void => {
      const parts = (rest + decoder.write(chunk)).split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts) give(line);
      if (rest.length < longestLine) return;
      give(rest);
      rest = '';
    },
    end: (truncated: boolean): void => {
      if (!truncated) rest += decoder.end();
      if (rest !== '') give(rest);
      rest = '';
    },
  };
}
