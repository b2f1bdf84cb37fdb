// Which version of HTTP carries the calls: all at once on one connection of HTTP/2, on kept ones of
// HTTP/1.1 where the server speaks nothing newer.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Identity } from '../auth/credentials.ts';
import { type Address, dial } from './dial.ts';
import { createHttp1, type First, type Http1 } from './http1.ts';
import { createHttp2, type Http2 } from './http2.ts';
import type { Wire, WireReply, WireRequest } from './wire.ts';

/** By what connections of different people are kept apart. */
const keyOf = ({ certificate, key }: Identity): string => `${certificate ?? ''}${key ?? ''}`;

const speaksHttp2 = (socket: Socket): boolean => (socket as TLSSocket).alpnProtocol === 'h2';

/** An ended signal ends the waiting, not what is waited for: others wait for it too. */
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

  /** The connection for this identity: the one that is there, or a new one when that has ended. */
  async #connection(identity: Identity, signal: AbortSignal): Promise<Http2 | Http1> {
    const key = keyOf(identity);
    const known = this.#newest;
    if (known !== undefined && known.key === key) {
      const ready = await unless(signal, known.connection);
      if (!('isOpen' in ready) || ready.isOpen()) return ready;
      // Of many that find it ended, the first opens the next.
      if (this.#newest !== known) return this.#connection(identity, signal);
    }
    const opening = this.#negotiate(identity);
    const next = { key, connection: opening };
    // One that could not be opened is not kept; who waits for it hears why.
    opening.catch(() => {
      if (this.#newest === next) this.#newest = undefined;
    });
    // Another identity's calls go on to their end.
    known?.connection.then(
      (ready) => 'retire' in ready && ready.retire(),
      () => undefined,
    );
    this.#newest = next;
    return unless(signal, opening);
  }
}
