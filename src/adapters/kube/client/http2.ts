// HTTP/2: all calls and watches share one connection. Pings detect a dead one.
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import type { Socket } from 'node:net';
import type { WireReply, WireRequest } from './wire.ts';

/** The default window of 64 kB per round trip slows long lists. Go's clients use 4 MiB too. */
const streamWindow = 4 * 1024 * 1024;
const connectionWindow = 16 * 1024 * 1024;

/** Milliseconds. */
export interface Pings {
  readonly every: number;
  /** Milliseconds without any byte after a ping until the connection is closed. */
  readonly timeout: number;
}

/** Detects a dead connection within 25 s, before the time limit of a call sent on it. */
const usual: Pings = { every: 15_000, timeout: 10_000 };

const connectionLost = (reused: boolean, cause?: unknown): Error =>
  Object.assign(new Error('the connection was lost', { cause }), { code: 'ECONNRESET', reused });

/**
 * Turns Node's errors of streams and sessions into a lost connection, which the caller may retry.
 */
function asConnectionLost(error: unknown, reused: boolean): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  return code.startsWith('ERR_HTTP2_')
    ? connectionLost(reused, error)
    : Object.assign(error, { reused });
}

export interface Http2 {
  /** False: it accepts no more requests, because either side closed it. */
  readonly isOpen: () => boolean;
  readonly send: (request: WireRequest) => Promise<WireReply>;
  /** Accepts no more requests, and closes after the last open one. */
  readonly retire: () => void;
  readonly close: () => void;
}

/**
 * Pings until the session ends. Closes it if no byte at all arrives: on a slow network a long
 * answer may delay the answer to a ping.
 */
function keepAlive(session: ClientHttp2Session, socket: Socket, { every, timeout }: Pings): void {
  let late: NodeJS.Timeout | undefined;
  const timer = setInterval(() => {
    if (late !== undefined || session.destroyed) return;
    const before = socket.bytesRead;
    late = setTimeout(() => {
      late = undefined;
      if (socket.bytesRead === before) session.destroy(connectionLost(true));
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

/** Uses a connection for which TLS negotiated `h2`. */
export function createHttp2(server: URL, socket: Socket, pings = usual): Http2 {
  const session = connect(server, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: streamWindow },
  });
  session.once('connect', () => session.setLocalWindowSize(connectionWindow));
  // Each open stream reports the error too.
  session.on('error', () => undefined);
  keepAlive(session, socket, pings);
  // An idle connection must not keep the process alive.
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
          // A stream that is reset ends like a complete one.
          isIncomplete: () => stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR,
        }),
      );
      stream.on('error', (error) => reject(asConnectionLost(error, reused)));
      stream.on('close', () => {
        open -= 1;
        if (open === 0) session.unref();
        reject(connectionLost(reused));
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
        throw asConnectionLost(error, reused);
      }
    },
    retire: () => session.close(),
    close: () => session.destroy(),
  };
}
