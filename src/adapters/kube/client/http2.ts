// HTTP/2: every call and watch is a stream of one connection, which pings tell from a dead one.
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import type { Socket } from 'node:net';
import type { WireReply, WireRequest } from './wire.ts';

/** The default of 64 kB a round trip would make long lists slow; Go's clients take 4 MiB too. */
const streamWindow = 4 * 1024 * 1024;
const connectionWindow = 16 * 1024 * 1024;

/** Milliseconds. */
export interface Pings {
  readonly every: number;
  /** From a ping to the end of a connection that stayed silent. */
  readonly timeout: number;
}

/**
 * A connection that went dead without a sign is found in 25 s at most: before the time limit of a
 * call that was sent on it.
 */
const usual: Pings = { every: 15_000, timeout: 10_000 };

const cutError = (reused: boolean, cause?: unknown): Error =>
  Object.assign(new Error('the connection was cut', { cause }), { code: 'ECONNRESET', reused });

/**
 * Node's own errors of streams and sessions say that the connection or this stream of it ended: for
 * the caller, a cut.
 */
function asCut(error: unknown, reused: boolean): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  return code.startsWith('ERR_HTTP2_') ? cutError(reused, error) : Object.assign(error, { reused });
}

export interface Http2 {
  /** False when it takes no more requests: ended by either side. */
  readonly isOpen: () => boolean;
  readonly send: (request: WireRequest) => Promise<WireReply>;
  /** Takes no more requests, and ends with the last of those under way. */
  readonly retire: () => void;
  readonly close: () => void;
}

/**
 * Pings until the session ends; when nothing at all comes back, ends it. (On a slow line a long
 * answer may keep that of the ping waiting.)
 */
function keepAlive(session: ClientHttp2Session, socket: Socket, { every, timeout }: Pings): void {
  let late: NodeJS.Timeout | undefined;
  const timer = setInterval(() => {
    if (late !== undefined || session.destroyed) return;
    const before = socket.bytesRead;
    late = setTimeout(() => {
      late = undefined;
      if (socket.bytesRead === before) session.destroy(cutError(true));
    }, timeout);
    late.unref();
    session.ping(() => undefined);
  }, every);
  timer.unref();
  session.once('close', () => {
    clearInterval(timer);
    clearTimeout(late);
  });
}

/** Over a connection whose TLS agreed on `h2`. */
export function createHttp2(server: URL, socket: Socket, pings = usual): Http2 {
  const session = connect(server, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: streamWindow },
  });
  session.once('connect', () => session.setLocalWindowSize(connectionWindow));
  // Each stream tells of it by itself.
  session.on('error', () => undefined);
  keepAlive(session, socket, pings);
  // An idle connection does not keep the program alive.
  session.unref();
  let open = 0;
  let used = false;

  const send = ({ method, path, headers, data, signal }: WireRequest): Promise<WireReply> =>
    new Promise((resolve, reject) => {
      const reused = used;
      used = true;
      const stream = session.request(
        { ...(headers as Record<string, string | string[]>), ':method': method, ':path': path },
        { endStream: data === undefined, signal },
      );
      if (open === 0) session.ref();
      open += 1;
      stream.on('response', (answered) =>
        resolve({
          status: Number(answered[':status']),
          headers: answered,
          body: stream,
          // A stream that is broken off ends like a whole one.
          isCut: () => stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR,
        }),
      );
      stream.on('error', (error) => reject(asCut(error, reused)));
      stream.on('close', () => {
        open -= 1;
        if (open === 0) session.unref();
        reject(cutError(reused));
      });
      if (data !== undefined) stream.end(data);
    });

  return {
    isOpen: () => !session.closed && !session.destroyed,
    send: async (request) => {
      const reused = used;
      try {
        return await send(request);
      } catch (error) {
        throw asCut(error, reused);
      }
    },
    retire: () => session.close(),
    close: () => session.destroy(),
  };
}
