// Reads the output of a command: skips it up to the ready mark, keeps it up to a limit and passes
// on its lines.
import { StringDecoder } from 'node:string_decoder';

/** Bytes before the ready mark that are kept for the detail of a failure. */
const keptBefore = 8 * 1024;
/**
 * Limits in bytes: before the mark, in the rest of its line, and in all. A host that exceeds one is
 * cut off.
 */
const most = { before: 256 * 1024, tail: 64, all: 64 * 1024 * 1024 };
/** A longer line is passed on in pieces of this size. */
const longestLine = 1024 * 1024;

export interface Output {
  readonly feed: (chunk: Buffer) => void;
  /** True: the mark has arrived. */
  readonly started: () => boolean;
  /** The output before the mark: banners, questions, refusals. */
  readonly before: () => string;
  /** The rest of the mark's line: the process id. */
  readonly tail: () => string;
  readonly text: () => string;
  readonly truncated: () => boolean;
  /** True: the output exceeds a limit. The rest is ignored. */
  readonly flooded: () => boolean;
  /** Passes on the last, unfinished line. */
  readonly end: () => void;
}

export interface OutputOptions {
  readonly mark: string;
  readonly limit: number;
  /** It came from a terminal: CR LF becomes LF. */
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
  const lines = onLine === undefined ? undefined : createLines(onLine, terminal);
  const head = createHead(limit, (part) => lines?.feed(part));
  const search = (chunk: Buffer): void => {
    // latin1 keeps bytes: a character after the mark may be split between chunks.
    before += chunk.toString('latin1');
    // Search only the new part, since output may arrive byte by byte.
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
    head.feed(Buffer.from(rest, 'latin1'));
  };
  const feed = (chunk: Buffer): void => {
    came += chunk.length;
    flooded ||= came > most.all;
    if (flooded) return;
    if (started) head.feed(chunk);
    else search(chunk);
  };
  return {
    feed,
    started: () => started,
    before: () => Buffer.from(before, 'latin1').toString('utf8').replaceAll('\r\n', '\n'),
    tail: () => tail,
    text: () => (terminal ? head.text().replaceAll('\r\n', '\n') : head.text()),
    truncated: head.truncated,
    flooded: () => flooded,
    end: () => lines?.end(head.truncated()),
  };
}

/** Keeps bytes up to the limit. */
function createHead(limit: number, onPart: (part: Buffer) => void) {
  const kept: Buffer[] = [];
  let size = 0;
  let truncated = false;
  return {
    feed: (chunk: Buffer): void => {
      const room = limit - size;
      if (chunk.length > room) truncated = true;
      if (chunk.length === 0 || room <= 0) return;
      const part = chunk.length > room ? chunk.subarray(0, room) : chunk;
      kept.push(part);
      size += part.length;
      onPart(part);
    },
    truncated: () => truncated,
    /** Drops a character that the limit split. */
    text: (): string => {
      const bytes = kept.length === 1 && kept[0] !== undefined ? kept[0] : Buffer.concat(kept);
      return truncated ? new StringDecoder('utf8').write(bytes) : bytes.toString('utf8');
    },
  };
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
