// Streams of server-sent events: packed, bounded in number, and ended where the reader is too slow.
import type { ServerResponse } from 'node:http';
import { constants, createGzip } from 'node:zlib';
import type { Channel } from './site.ts';

export interface StreamLimits {
  readonly streams: number;
  /** Milliseconds after which a reader that takes nothing is dropped. */
  readonly stalled: number;
  /** Milliseconds between comments that keep a proxy from ending a quiet stream. */
  readonly beat: number;
}

export const streamLimits: StreamLimits = { streams: 20, stalled: 30_000, beat: 15_000 };

export interface Streams {
  readonly isFull: () => boolean;
  /** @param isAllowed asked again at each beat: a session may have ended */
  readonly open: (
    response: ServerResponse,
    packed: boolean,
    begin: (channel: Channel) => () => void,
    isAllowed: () => Promise<boolean>,
  ) => void;
  readonly close: () => void;
}

export function createStreams(limits: StreamLimits): Streams {
  const ends = new Set<() => void>();
  return {
    isFull: () => ends.size >= limits.streams,
    open: (response, packed, begin, isAllowed) => {
      const out = writerOf(response, packed);
      let blockedSince: number | undefined;
      const write = (text: string): void => {
        if (ends.has(end) && !out.write(text)) blockedSince ??= Date.now();
      };
      out.onDrain(() => {
        blockedSince = undefined;
      });
      let stop = (): void => {};
      const end = (): void => {
        if (!ends.delete(end)) return;
        clearInterval(beat);
        stop();
        out.end();
      };
      const drop = (): void => {
        end();
        response.destroy();
      };
      const beat = setInterval(
        async () => {
          if (blockedSince !== undefined && Date.now() - blockedSince > limits.stalled)
            return drop();
          // Who cannot be looked up is not allowed.
          if (!(await isAllowed().catch(() => false))) return end();
          if (blockedSince === undefined) write(': \n\n');
        },
        Math.min(limits.beat, limits.stalled),
      );
      ends.add(end);
      response.on('close', end);
      stop = begin({
        ready: () => blockedSince === undefined && ends.has(end),
        send: (event, data, id) =>
          write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`),
        end,
      });
      if (!ends.has(end)) stop();
    },
    close: () => {
      for (const end of [...ends]) end();
    },
  };
}

interface Writer {
  /** False once the reader is behind. */
  readonly write: (text: string) => boolean;
  readonly onDrain: (drained: () => void) => void;
  readonly end: () => void;
}

/** Each write is flushed at once: a packed stream would keep small events back. */
function writerOf(response: ServerResponse, packed: boolean): Writer {
  if (!packed)
    return {
      write: (text) => response.write(text),
      onDrain: (drained) => void response.on('drain', drained),
      end: () => response.end(),
    };
  const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
  gzip.pipe(response);
  return {
    write: (text) => gzip.write(text),
    onDrain: (drained) => void gzip.on('drain', drained),
    end: () => gzip.end(),
  };
}
