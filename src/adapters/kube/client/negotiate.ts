// Negotiates the version of HTTP: one connection of HTTP/2 for all calls, else kept connections of
// HTTP/1.1.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Identity } from '../auth/credentials.ts';
import { type Address, dial } from './dial.ts';
import { createHttp1, type First, type Http1 } from './http1.ts';
import { createHttp2, type Http2 } from './http2.ts';
import type { Wire, WireReply, WireRequest } from './wire.ts';

/** Key that separates the connections of different identities. */
const keyOf = ({ certificate, key }: Identity): string => `${certificate ?? ''}${key ?? ''}`;

const speaksHttp2 = (socket: Socket): boolean => (socket as TLSSocket).alpnProtocol === 'h2';

/** Ends the wait when the signal fires. The promise goes on, since others wait for it too. */
function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void =>
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** The open connections to one server. */
export class NegotiatedWire implements Wire {
  readonly #address: Address;
  readonly #server: URL;
  #opened = 0;
  #closed = false;
  #http1: Http1 | undefined;
  #newest: { readonly key: string; readonly connection: Promise<Http2 | Http1> } | undefined;

  constructor(address: Address, options: { readonly onlyHttp1: boolean }) {
    this.#address = address;
    this.#server = new URL(address.cluster.server);
    if (this.#server.protocol === 'http:' || options.onlyHttp1) this.#openHttp1();
  }

  async send(request: WireRequest): Promise<WireReply> {
    return (this.#http1 ?? (await this.#connection(request.identity, request.signal))).send(
      request,
    );
  }

  opened(): number {
    return this.#opened;
  }

  close(): void {
    this.#closed = true;
    this.#http1?.close();
    this.#newest?.connection.then(
      (ready) => ready.close(),
      () => undefined,
    );
  }

  #open(identity: Identity, protocols: readonly string[]): Promise<Socket> {
    this.#opened += 1;
    return dial(this.#address, identity, protocols);
  }

  #openHttp1(first?: First): Http1 {
    this.#http1 ??= createHttp1(
      this.#server,
      (identity) => this.#open(identity, ['http/1.1']),
      first,
    );
    return this.#http1;
  }

  async #negotiate(identity: Identity): Promise<Http2 | Http1> {
    const socket = await this.#open(identity, ['h2', 'http/1.1']);
    if (this.#closed) socket.destroy();
    return speaksHttp2(socket)
      ? createHttp2(this.#server, socket)
      : this.#openHttp1({ socket, identity });
  }

  /** Returns the open connection of this identity, or opens a new one. */
  async #connection(identity: Identity, signal: AbortSignal): Promise<Http2 | Http1> {
    const key = keyOf(identity);
    const known = this.#newest;
    if (known !== undefined && known.key === key) {
      const ready = await unless(signal, known.connection);
      if (!('isOpen' in ready) || ready.isOpen()) return ready;
      // Several callers may find it closed. The first opens the next one.
      if (this.#newest !== known) return this.#connection(identity, signal);
    }
    const opening = this.#negotiate(identity);
    const next = { key, connection: opening };
    // A connection that failed to open is not kept. Its callers get the error.
    opening.catch(() => {
      if (this.#newest === next) this.#newest = undefined;
    });
    // Calls of the previous identity finish on their connection.
    known?.connection.then(
      (ready) => 'retire' in ready && ready.retire(),
      () => undefined,
    );
    this.#newest = next;
    return unless(signal, opening);
  }
}
