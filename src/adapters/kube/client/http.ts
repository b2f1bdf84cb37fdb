// Calls to the API server: limits of time and size, one retry on a stale connection or a 401, a stream for watches.
import { knownSecrets } from '../../../engine/effects/mask.ts';
import { type Failure, failed, type Outcome, ok } from '../../../model/run/failure.ts';
import type { Credentials, Identity } from '../auth/credentials.ts';
import type { ClusterConfig } from '../auth/kubeconfig.ts';
import { errorLimit, objectLimit, readLines, readWhole, sizeInMemory, TooMuch } from './answer.ts';
import { noAnswer, notAccepted } from './errors.ts';
import { createWire } from './negotiate.ts';
import type { WireReply } from './wire.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With its query, below the server's own path. */
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  readonly accept?: string;
  /** Seconds for the whole call; default 30. */
  readonly timeout?: number;
  /** Bytes of the answer, unpacked; default: what one object may have. */
  readonly most?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpReply {
  readonly status: number;
  readonly body: unknown;
  /** About the bytes that the body is in memory. */
  readonly size?: number;
  /** Seconds, where the server said. */
  readonly retryAfter?: number;
}

export interface HttpStats {
  readonly calls: number;
  readonly connections: number;
  /** Bytes of content, without headers, TLS and frames; of compressed content the bytes that travelled. */
  readonly sent: number;
  readonly received: number;
}

export interface Http {
  /** Fails only when there is no answer; a status of 400 and more is an answer. */
  readonly call: (request: HttpRequest) => Promise<Outcome<HttpReply>>;
  /** Gives each line to `onLine` until the server ends it, the connection is cut or the signal fires. A status that is not 200 is a reply. */
  readonly stream: (request: HttpRequest, onLine: (line: string) => void) => Promise<Outcome<HttpReply>>;
  /** The server's clock, by its Date headers, milliseconds since 1970. */
  readonly serverNow: () => number;
  readonly stats: () => HttpStats;
  readonly close: () => void;
}

export interface HttpOptions {
  readonly cluster: ClusterConfig;
  readonly credentials: Credentials;
  readonly proxy: string | undefined;
  /** Never HTTP/2, whatever the server speaks. */
  readonly onlyHttp1: boolean;
  readonly now: () => number;
  readonly userAgent: string;
}

const defaultTimeout = 30;
/** Date headers have whole seconds; less than this is no skew that could be seen. */
const noticeableSkew = 2_000;

interface Answered {
  readonly reply: WireReply;
  readonly identity: Identity;
}

/** A server that wants a client certificate ends the handshake by what ours is. */
const refusesUs = (error: unknown): boolean => error instanceof Error && 'code' in error && /^ERR_SSL_.*ALERT/.test(String(error.code));

/** What is no JSON stays text. */
function parsed(bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const cut = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');

export function createHttp({ cluster, credentials, proxy, onlyHttp1, now, userAgent }: HttpOptions): Http {
  const server = new URL(cluster.server);
  const wire = createWire({ cluster, ca: credentials.ca, proxy }, { onlyHttp1 });
  const base = server.pathname.replace(/\/$/, '');
  const stats = { calls: 0, sent: 0, received: 0 };
  let skew = 0;
  /** The server took our credential once: what then fails on the way to it, or in renewing it, may end by itself. */
  let accepted = false;
  const away = (failure: Failure): Failure => (accepted ? { ...failure, transport: true } : failure);

  async function send(request: HttpRequest, identity: Identity, signal: AbortSignal): Promise<WireReply> {
    const data = request.body === undefined ? undefined : JSON.stringify(request.body);
    const length = Buffer.byteLength(data ?? '');
    const headers = {
      accept: request.accept ?? 'application/json',
      'accept-encoding': 'gzip',
      'user-agent': userAgent,
      ...identity.headers,
      // Without a length HTTP/1.1 sends the body of a DELETE unframed and the API server ignores it (measured): the grace period would be lost.
      ...(data === undefined ? {} : { 'content-type': request.contentType ?? 'application/json', 'content-length': String(length) }),
    };
    stats.calls += 1;
    stats.sent += length;
    const reply = await wire.send({ method: request.method, path: `${base}${request.path}`, headers, data, identity, signal });
    const date = Date.parse(reply.headers.date ?? '');
    if (!Number.isNaN(date)) skew = Math.abs(date - now()) < noticeableSkew ? 0 : date - now();
    return reply;
  }

  /** A kept connection that the server closed just then says nothing about the server: once more, on a new one. */
  async function sendTwice(request: HttpRequest, identity: Identity, signal: AbortSignal): Promise<WireReply> {
    try {
      return await send(request, identity, signal);
    } catch (error) {
      if (!cut(error) || !(error as { reused?: boolean }).reused || signal.aborted) throw error;
      return await send(request, identity, signal);
    }
  }

  async function open(request: HttpRequest, signal: AbortSignal): Promise<Outcome<Answered>> {
    for (let again = false; ; again = true) {
      const identity = await credentials.identity(signal);
      if (!identity.ok) return { ok: false, failure: credentials.renews ? away(identity.failure) : identity.failure };
      const reply = await sendTwice(request, identity.value, signal).catch((error: unknown) => {
        if (again || !credentials.renews || !refusesUs(error)) throw error;
      });
      if (reply !== undefined && (reply.status !== 401 || !credentials.renews || (again && !accepted))) {
        accepted ||= reply.status !== 401;
        return ok({ reply, identity: identity.value });
      }
      identity.value.refuse();
      if (reply !== undefined) await readWhole(metered(reply), errorLimit);
      if (again) return { ok: false, failure: away(notAccepted(credentials.description)) };
    }
  }

  const metered = (reply: WireReply): WireReply => {
    reply.body.on('data', (chunk: Buffer) => {
      stats.received += chunk.length;
    });
    return reply;
  };

  /** A server or a proxy that repeats our credential in its error must not bring it onto a screen. */
  const replyOf = async ({ reply, identity }: Answered, most = objectLimit): Promise<HttpReply> => {
    const retryAfter = Number(reply.headers['retry-after'] ?? Number.NaN);
    const isError = reply.status >= 300;
    const bytes = await readWhole(metered(reply), isError ? errorLimit : most);
    if (reply.isCut()) throw Object.assign(new Error('the answer was cut'), { code: 'ECONNRESET' });
    const size = sizeInMemory(bytes);
    if (size === undefined) throw new TooMuch('is nested or divided as no answer of an API server is');
    const read = parsed(bytes);
    const body = isError ? masked(read, identity) : read;
    return { status: reply.status, body, size, ...(Number.isNaN(retryAfter) ? {} : { retryAfter }) };
  };

  /** Every call ends: by its answer, its time limit or the caller's signal. */
  async function within<T>(request: HttpRequest, act: (signal: AbortSignal) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const seconds = request.timeout ?? defaultTimeout;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), seconds * 1000);
    const end = (): void => limit.abort();
    request.signal?.addEventListener('abort', end, { once: true });
    if (request.signal?.aborted) limit.abort();
    try {
      const outcome = await act(limit.signal);
      if (outcome.ok || outcome.failure.kind !== 'interrupted' || request.signal?.aborted) return outcome;
      return { ok: false, failure: away({ kind: 'timeout', message: `no credential within ${seconds} s: ${credentials.description}` }) };
    } catch (error) {
      if (request.signal?.aborted) return failed('interrupted', 'the call was interrupted');
      if (limit.signal.aborted) {
        return failed('timeout', `the API server ${server.host} did not answer within ${seconds} s`, { transport: true });
      }
      if (error instanceof TooMuch) {
        const what = `${request.method} ${request.path.replace(/\?.*/, '')}`;
        return failed('parse', `the answer of the API server ${server.host} to ${what} ${error.message}`);
      }
      return { ok: false, failure: away(noAnswer(error instanceof Error ? error : new Error(String(error)), server.host)) };
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', end);
    }
  }

  return {
    call: (request) =>
      within(request, async (signal) => {
        const response = await open(request, signal);
        return response.ok ? ok(await replyOf(response.value, request.most)) : response;
      }),
    stream: (request, onLine) =>
      within(request, async (signal) => {
        const response = await open(request, signal);
        if (!response.ok) return response;
        const { reply } = response.value;
        if (reply.status !== 200) return ok(await replyOf(response.value));
        await readLines(metered(reply), onLine);
        return ok({ status: 200, body: undefined });
      }),
    serverNow: () => now() + skew,
    stats: () => ({ ...stats, connections: wire.opened() }),
    close: wire.close,
  };
}

/** An error of the server may hold our own credential. */
function masked(body: unknown, identity: Identity): unknown {
  const known = knownSecrets();
  known.learn(identity.secrets);
  return known.mask(body);
}
