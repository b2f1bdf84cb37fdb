// Which version of HTTP carries the calls: all at once on one connection of HTTP/2, on kept ones of HTTP/1.1 where the server speaks nothing newer.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Identity } from '../auth/credentials.ts';
import { type Address, dial } from './dial.ts';
import { createHttp1, type First, type Http1 } from './http1.ts';
import { createHttp2, type Http2 } from './http2.ts';
import type { Wire } from './wire.ts';

/** By what connections of different people are kept apart. */
const keyOf = ({ certificate, key }: Identity): string => `${certificate ?? ''}${key ?? ''}`;

const speaksHttp2 = (socket: Socket): boolean => (socket as TLSSocket).alpnProtocol === 'h2';

/** An ended signal ends the waiting, not what is waited for: others wait for it too. */
function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

export function createWire(address: Address, options: { readonly onlyHttp1: boolean }): Wire {
  const server = new URL(address.cluster.server);
  let opened = 0;
  let closed = false;
  let http1: Http1 | undefined;
  let http2: { readonly key: string; readonly connection: Promise<Http2 | Http1> } | undefined;

  function open(identity: Identity, protocols: readonly string[]): Promise<Socket> {
    opened += 1;
    return dial(address, identity, protocols);
  }

  const openHttp1 = (first?: First): Http1 => {
    http1 ??= createHttp1(server, (identity) => open(identity, ['http/1.1']), first);
    return http1;
  };

  async function negotiate(identity: Identity): Promise<Http2 | Http1> {
    const socket = await open(identity, ['h2', 'http/1.1']);
    if (closed) socket.destroy();
    return speaksHttp2(socket) ? createHttp2(server, socket) : openHttp1({ socket, identity });
  }

  /** The connection for this identity: the one that is there, or a new one when that has ended. */
  async function connection(identity: Identity, signal: AbortSignal): Promise<Http2 | Http1> {
    const key = keyOf(identity);
    const known = http2;
    if (known !== undefined && known.key === key) {
      const ready = await unless(signal, known.connection);
      if (!('isOpen' in ready) || ready.isOpen()) return ready;
      // Of many that find it ended, the first opens the next.
      if (http2 !== known) return connection(identity, signal);
    }
    const opening = negotiate(identity);
    const next = { key, connection: opening };
    // One that could not be opened is not kept; who waits for it hears why.
    opening.catch(() => {
      if (http2 === next) http2 = undefined;
    });
    // Another identity's calls go on to their end.
    known?.connection.then(
      (ready) => 'retire' in ready && ready.retire(),
      () => undefined,
    );
    http2 = next;
    return unless(signal, opening);
  }

  if (server.protocol === 'http:' || options.onlyHttp1) openHttp1();

  return {
    send: async (request) => (http1 ?? (await connection(request.identity, request.signal))).send(request),
    opened: () => opened,
    close: () => {
      closed = true;
      http1?.close();
      http2?.connection.then(
        (ready) => ready.close(),
        () => undefined,
      );
    },
  };
}
