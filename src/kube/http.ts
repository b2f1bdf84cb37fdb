// HTTP to the API server on kept connections: time limits, one retry on a stale connection or a 401, gzip, a stream for watches.
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest, type RequestOptions } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import { createGunzip } from 'node:zlib';
import { failed, type Outcome, ok } from '../model/failure.ts';
import type { Credentials, Identity } from './credentials.ts';
import { noAnswer } from './errors.ts';
import type { ClusterConfig } from './kubeconfig.ts';
import { tunnel } from './proxy.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With its query, below the server's own path. */
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  readonly accept?: string;
  /** Seconds for the whole call; default 30. */
  readonly timeout?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpReply {
  readonly status: number;
  readonly body: unknown;
  /** Seconds, where the server said. */
  readonly retryAfter?: number;
}

export interface HttpStats {
  readonly calls: number;
  readonly connections: number;
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
  readonly now: () => number;
  readonly userAgent: string;
}

const defaultTimeout = 30;
const connectTimeout = 10_000;
/** Date headers have whole seconds; less than this is no skew that could be seen. */
const noticeableSkew = 2_000;

type Connected = (error: Error | null, socket?: Socket) => void;

/** Opens its connections through a CONNECT tunnel; Node calls `createConnection` for each new one. */
class TunnelAgent extends TlsAgent {
  readonly proxy: string;

  constructor(proxy: string) {
    super({ keepAlive: true });
    this.proxy = proxy;
  }

  createConnection(options: ConnectionOptions & { readonly host: string; readonly port: number }, connected: Connected): undefined {
    tunnel(this.proxy, options.host, Number(options.port), connectTimeout).then(
      (socket) => connected(null, tlsConnect({ ...options, socket })),
      (error: Error) => connected(error),
    );
    return undefined;
  }
}

const cut = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');

type Sent = { readonly response: IncomingMessage; readonly reused: boolean };

export function createHttp({ cluster, credentials, proxy, now, userAgent }: HttpOptions): Http {
  const server = new URL(cluster.server);
  const plain = server.protocol === 'http:';
  const agent = plain
    ? new PlainAgent({ keepAlive: true })
    : proxy === undefined
      ? new TlsAgent({ keepAlive: true })
      : new TunnelAgent(proxy);
  const base = server.pathname.replace(/\/$/, '');
  const stats = { calls: 0, connections: 0, sent: 0, received: 0 };
  let skew = 0;

  function options(request: HttpRequest, identity: Identity, data: string | undefined): RequestOptions {
    const headers = {
      accept: request.accept ?? 'application/json',
      'accept-encoding': 'gzip',
      'user-agent': userAgent,
      ...identity.headers,
      // Without a length Node sends the body of a DELETE unframed and the API server ignores it (measured): the grace period would be lost.
      ...(data === undefined
        ? {}
        : { 'content-type': request.contentType ?? 'application/json', 'content-length': String(Buffer.byteLength(data)) }),
    };
    const secure = {
      ...(credentials.ca === undefined ? {} : { ca: credentials.ca }),
      ...(identity.certificate === undefined ? {} : { cert: identity.certificate, key: identity.key }),
      ...(cluster.tlsServerName === undefined ? {} : { servername: cluster.tlsServerName }),
      rejectUnauthorized: !cluster.insecure,
    };
    return {
      agent,
      host: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port || (plain ? 80 : 443),
      method: request.method,
      path: `${base}${request.path}`,
      headers: headers as Record<string, string>,
      ...(plain ? {} : secure),
    };
  }

  function send(request: HttpRequest, identity: Identity, signal: AbortSignal): Promise<Sent> {
    const data = request.body === undefined ? undefined : JSON.stringify(request.body);
    stats.calls += 1;
    return new Promise((resolve, reject) => {
      const sending = (plain ? plainRequest : tlsRequest)({ ...options(request, identity, data), signal });
      let slow: NodeJS.Timeout | undefined;
      sending.on('socket', (socket) => {
        if (sending.reusedSocket) return;
        stats.connections += 1;
        slow = setTimeout(() => sending.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })), connectTimeout);
        socket.once(plain ? 'connect' : 'secureConnect', () => clearTimeout(slow));
      });
      sending.on('response', (response) => {
        clearTimeout(slow);
        const date = Date.parse(response.headers.date ?? '');
        if (!Number.isNaN(date)) skew = Math.abs(date - now()) < noticeableSkew ? 0 : date - now();
        resolve({ response, reused: sending.reusedSocket });
      });
      sending.on('error', (error) => {
        clearTimeout(slow);
        reject(Object.assign(error, { reused: sending.reusedSocket }));
      });
      stats.sent += Buffer.byteLength(data ?? '');
      sending.end(data);
    });
  }

  /** A kept connection that the server closed just then says nothing about the server: once more, on a new one. */
  async function sendTwice(request: HttpRequest, identity: Identity, signal: AbortSignal): Promise<Sent> {
    try {
      return await send(request, identity, signal);
    } catch (error) {
      if (!cut(error) || !(error as { reused?: boolean }).reused || signal.aborted) throw error;
      return await send(request, identity, signal);
    }
  }

  async function open(request: HttpRequest, signal: AbortSignal): Promise<Outcome<IncomingMessage>> {
    for (let again = false; ; again = true) {
      const identity = await credentials.identity(signal);
      if (!identity.ok) return identity;
      const { response } = await sendTwice(request, identity.value, signal);
      if (response.statusCode !== 401 || again || !credentials.refused()) return ok(response);
      response.resume();
    }
  }

  async function readBody(response: IncomingMessage): Promise<unknown> {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => {
      stats.received += chunk.length;
    });
    const stream = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response;
    // A cut in the middle does not end the pipe by itself.
    response.on('error', (error) => stream.destroy(error));
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }

  const replyOf = async (response: IncomingMessage): Promise<HttpReply> => {
    const retryAfter = Number(response.headers['retry-after'] ?? Number.NaN);
    const body = await readBody(response);
    return { status: response.statusCode ?? 0, body, ...(Number.isNaN(retryAfter) ? {} : { retryAfter }) };
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
      return await act(limit.signal);
    } catch (error) {
      if (request.signal?.aborted) return failed('interrupted', 'the call was interrupted');
      if (limit.signal.aborted) {
        return failed('timeout', `the API server ${server.host} did not answer within ${seconds} s`, { transport: true });
      }
      return { ok: false, failure: noAnswer(error instanceof Error ? error : new Error(String(error)), server.host) };
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', end);
    }
  }

  return {
    call: (request) =>
      within(request, async (signal) => {
        const response = await open(request, signal);
        return response.ok ? ok(await replyOf(response.value)) : response;
      }),
    stream: (request, onLine) =>
      within(request, async (signal) => {
        const response = await open(request, signal);
        if (!response.ok) return response;
        if (response.value.statusCode !== 200) return ok(await replyOf(response.value));
        await readLines(response.value, (line, bytes) => {
          stats.received += bytes;
          onLine(line);
        });
        return ok({ status: 200, body: undefined });
      }),
    serverNow: () => now() + skew,
    stats: () => ({ ...stats }),
    close: () => agent.destroy(),
  };
}

/** Ending the response from outside makes it raise an error: for a watch that is an end like any other. */
async function readLines(response: IncomingMessage, onLine: (line: string, bytes: number) => void): Promise<void> {
  const stream = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response;
  response.on('error', (error) => stream.destroy(error));
  let rest = '';
  try {
    for await (const chunk of stream.setEncoding('utf8')) {
      rest += chunk as string;
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 1);
        if (line !== '') onLine(line, line.length + 1);
      }
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}
