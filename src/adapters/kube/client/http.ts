// Calls to the API server: limits of time and size, one retry after a stale connection or a 401,
// and streams for watches.
import { knownSecrets } from '../../../engine/effects/mask.ts';
import { type Failure, type Outcome, ok } from '../../../model/run/failure.ts';
import type { Credentials, Identity } from '../auth/credentials.ts';
import type { ClusterConfig } from '../auth/kubeconfig.ts';
import { errorLimit, objectLimit, readLines, readWhole, sizeInMemory, TooMuch } from './answer.ts';
import { noAnswer, notAccepted } from './errors.ts';
import { NegotiatedWire } from './negotiate.ts';
import type { Wire, WireReply } from './wire.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path with its query, relative to the server's URL. */
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  readonly accept?: string;
  /** Seconds for the whole call. Default 30. */
  readonly timeout?: number;
  /** Largest answer in bytes, decompressed. Default: the limit of one object. */
  readonly most?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpReply {
  readonly status: number;
  readonly body: unknown;
  /** Estimated size of the body in memory, in bytes. */
  readonly size?: number;
  /** Seconds, from the server's Retry-After header. */
  readonly retryAfter?: number;
}

export interface HttpStats {
  readonly calls: number;
  readonly connections: number;
  /** Bytes of content on the network, compressed, without headers, TLS and frames. */
  readonly sent: number;
  readonly received: number;
}

export interface Http {
  /** Fails only without an answer. A status of 400 or more is an answer. */
  readonly call: (request: HttpRequest) => Promise<Outcome<HttpReply>>;
  /**
   * Calls `onLine` for each line until the server ends the stream, the connection is lost or the
   * signal fires. A status other than 200 is returned as a reply.
   */
  readonly stream: (
    request: HttpRequest,
    onLine: (line: string) => void,
  ) => Promise<Outcome<HttpReply>>;
  /** The server's time from its Date headers, milliseconds since 1970. */
  readonly serverNow: () => number;
  readonly stats: () => HttpStats;
  readonly close: () => void;
}

export interface HttpOptions {
  readonly cluster: ClusterConfig;
  readonly credentials: Credentials;
  readonly proxy: string | undefined;
  /** Use HTTP/1.1 even if the server supports HTTP/2. */
  readonly onlyHttp1: boolean;
  readonly now: () => number;
  readonly userAgent: string;
}

const defaultTimeout = 30;
/** Milliseconds. Date headers have whole seconds, so that a smaller skew cannot be measured. */
const noticeableSkew = 2_000;

interface Answered {
  readonly reply: WireReply;
  readonly identity: Identity;
}

/** A server that requires a client certificate rejects ours by ending the handshake. */
const isCertificateRefused = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^ERR_SSL_.*ALERT/.test(String(error.code));

/** Parses JSON. Anything else stays text. */
function parsed(bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const isConnectionLost = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'ECONNRESET' || error.code === 'EPIPE');

/**
 * The connection to one API server, with its clock skew and whether it has accepted our credential.
 */
export class HttpClient implements Http {
  readonly #options: HttpOptions;
  readonly #wire: Wire;
  readonly #host: string;
  readonly #base: string;
  #calls = 0;
  #sent = 0;
  #received = 0;
  /** Milliseconds by which the server's clock is ahead. */
  #skew = 0;
  /**
   * The server has accepted our credential once. A later error of the network or of a renewal may
   * then pass.
   */
  #accepted = false;

  constructor(options: HttpOptions) {
    const { cluster, credentials, proxy, onlyHttp1 } = options;
    const server = new URL(cluster.server);
    this.#options = options;
    this.#wire = new NegotiatedWire({ cluster, ca: credentials.ca, proxy }, { onlyHttp1 });
    this.#host = server.host;
    this.#base = server.pathname.replace(/\/$/, '');
  }

  call(request: HttpRequest): Promise<Outcome<HttpReply>> {
    return this.#within(request, async (signal) => {
      const response = await this.#open(request, signal);
      return response.ok ? ok(await this.#replyOf(response.value, request.most)) : response;
    });
  }

  stream(request: HttpRequest, onLine: (line: string) => void): Promise<Outcome<HttpReply>> {
    return this.#within(request, async (signal) => {
      const response = await this.#open(request, signal);
      if (!response.ok) return response;
      const { reply } = response.value;
      if (reply.status !== 200) return ok(await this.#replyOf(response.value));
      await readLines(this.#metered(reply), onLine);
      return ok({ status: 200, body: undefined });
    });
  }

  serverNow(): number {
    return this.#options.now() + this.#skew;
  }

  stats(): HttpStats {
    return {
      calls: this.#calls,
      sent: this.#sent,
      received: this.#received,
      connections: this.#wire.opened(),
    };
  }

  close(): void {
    this.#wire.close();
  }

  async #send(request: HttpRequest, identity: Identity, signal: AbortSignal): Promise<WireReply> {
    const { userAgent, now } = this.#options;
    const data = request.body === undefined ? undefined : JSON.stringify(request.body);
    const length = Buffer.byteLength(data ?? '');
    const headers = {
      accept: request.accept ?? 'application/json',
      'accept-encoding': 'gzip',
      'user-agent': userAgent,
      ...identity.headers,
      // Without a length, HTTP/1.1 sends the body of a DELETE unframed and the API server ignores
      // it (measured). The grace period would be lost.
      ...(data === undefined
        ? {}
        : {
            'content-type': request.contentType ?? 'application/json',
            'content-length': String(length),
          }),
    };
    this.#calls += 1;
    this.#sent += length;
    const reply = await this.#wire.send({
      method: request.method,
      path: `${this.#base}${request.path}`,
      headers,
      data,
      identity,
      signal,
    });
    const date = Date.parse(reply.headers.date ?? '');
    if (!Number.isNaN(date))
      this.#skew = Math.abs(date - now()) < noticeableSkew ? 0 : date - now();
    return reply;
  }

  /**
   * Retries once on a new connection when the server closed a kept one, which says nothing about
   * the server.
   */
  async #sendRetrying(
    request: HttpRequest,
    identity: Identity,
    signal: AbortSignal,
  ): Promise<WireReply> {
    try {
      return await this.#send(request, identity, signal);
    } catch (error) {
      if (!isConnectionLost(error) || !(error as { reused?: boolean }).reused || signal.aborted)
        throw error;
      return await this.#send(request, identity, signal);
    }
  }

  async #open(request: HttpRequest, signal: AbortSignal): Promise<Outcome<Answered>> {
    const { credentials } = this.#options;
    for (let again = false; ; again = true) {
      const identity = await credentials.identity(signal);
      if (!identity.ok)
        return {
          ok: false,
          failure: credentials.renews ? this.#asPassing(identity.failure) : identity.failure,
        };
      const reply = await this.#sendRetrying(request, identity.value, signal).catch(
        (error: unknown) => {
          if (again || !credentials.renews || !isCertificateRefused(error)) throw error;
        },
      );
      if (
        reply !== undefined &&
        (reply.status !== 401 || !credentials.renews || (again && !this.#accepted))
      ) {
        this.#accepted ||= reply.status !== 401;
        return ok({ reply, identity: identity.value });
      }
      identity.value.refuse();
      if (reply !== undefined) await readWhole(this.#metered(reply), errorLimit);
      if (again)
        return { ok: false, failure: this.#asPassing(notAccepted(credentials.description)) };
    }
  }

  #asPassing(failure: Failure): Failure {
    return this.#accepted ? { ...failure, transport: true } : failure;
  }

  #metered(reply: WireReply): WireReply {
    reply.body.on('data', (chunk: Buffer) => {
      this.#received += chunk.length;
    });
    return reply;
  }

  /** Hides our credential in an error of a server or proxy that repeats it. */
  async #replyOf({ reply, identity }: Answered, most = objectLimit): Promise<HttpReply> {
    const retryAfter = Number(reply.headers['retry-after'] ?? Number.NaN);
    const isError = reply.status >= 300;
    const bytes = await readWhole(this.#metered(reply), isError ? errorLimit : most);
    if (reply.isIncomplete())
      throw Object.assign(new Error('the answer is incomplete'), { code: 'ECONNRESET' });
    const size = sizeInMemory(bytes);
    if (size === undefined)
      throw new TooMuch('is nested or divided as no answer of an API server is');
    const read = parsed(bytes);
    const body = isError ? masked(read, identity) : read;
    return {
      status: reply.status,
      body,
      size,
      ...(Number.isNaN(retryAfter) ? {} : { retryAfter }),
    };
  }

  /** Ends each call by its answer, its time limit or the caller's signal. */
  async #within<T>(
    request: HttpRequest,
    act: (signal: AbortSignal) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const { description } = this.#options.credentials;
    const seconds = request.timeout ?? defaultTimeout;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), seconds * 1000);
    const end = (): void => limit.abort();
    request.signal?.addEventListener('abort', end, { once: true });
    if (request.signal?.aborted) limit.abort();
    try {
      const outcome = await act(limit.signal);
      if (outcome.ok || outcome.failure.kind !== 'interrupted' || request.signal?.aborted)
        return outcome;
      return {
        ok: false,
        failure: this.#asPassing({
          kind: 'timeout',
          message: `no credential within ${seconds} s: ${description}`,
        }),
      };
    } catch (error) {
      return { ok: false, failure: this.#failureOf(error, request, limit.signal) };
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', end);
    }
  }

  #failureOf(error: unknown, request: HttpRequest, limit: AbortSignal): Failure {
    const host = this.#host;
    if (request.signal?.aborted)
      return { kind: 'interrupted', message: 'the call was interrupted' };
    if (limit.aborted) {
      const message = `the API server ${host} did not answer within ${request.timeout ?? defaultTimeout} s`;
      return { kind: 'timeout', message, transport: true };
    }
    if (error instanceof TooMuch) {
      const what = `${request.method} ${request.path.replace(/\?.*/, '')}`;
      return {
        kind: 'parse',
        message: `the answer of the API server ${host} to ${what} ${error.message}`,
      };
    }
    return this.#asPassing(
      noAnswer(error instanceof Error ? error : new Error(String(error)), host),
    );
  }
}

/** Masks our credential in the body of an error. */
function masked(body: unknown, identity: Identity): unknown {
  const known = knownSecrets();
  known.learn(identity.secrets);
  return known.mask(body);
}
