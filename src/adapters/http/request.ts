// One HTTP request, through the proxy of the environment where it names one.
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { type Env, proxyFor, tunnel, unsupportedProxy } from './proxy.ts';

export interface HttpRequest {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly location: string | undefined;
  /** Decompressed by nobody: no compression is asked for. Must be read or left by `discard`. */
  readonly body: AsyncIterable<Uint8Array>;
  readonly discard: () => void;
}

export type SendHttp = (url: URL, request: HttpRequest) => Promise<HttpAnswer>;

/** Milliseconds for the tunnel of a proxy; the signal of the request ends it earlier. */
const tunnelTimeout = 10_000;

/** A redirect is an answer like any other. An error never holds the address, which may be secret. */
export const httpClient =
  (env: Env): SendHttp =>
  async (url, { method = 'GET', headers = {}, body, signal }) => {
    signal.throwIfAborted();
    const proxy = proxyFor(url.href, undefined, env);
    const wrong = proxy === undefined ? undefined : unsupportedProxy(proxy);
    if (wrong !== undefined) throw new Error(wrong);
    const way =
      proxy === undefined
        ? { to: url }
        : url.protocol === 'http:' && /^https?:/.test(proxy)
          ? throughForwarder(url, new URL(proxy))
          : { to: url, socket: await tunnelTo(url, proxy, signal) };
    return new Promise((resolve, reject) => {
      const send = way.to.protocol === 'https:' ? tlsRequest : plainRequest;
      const { socket } = way;
      const request = send(
        way.to,
        {
          method,
          signal,
          ...way.options,
          headers: { ...headers, ...way.options?.headers },
          // An agent would open a connection of its own.
          ...(socket === undefined ? { agent: false } : { createConnection: () => socket }),
        },
        (response) => resolve(answerOf(response)),
      );
      request.once('error', reject);
      request.end(body);
    });
  };

interface Way {
  readonly to: URL;
  readonly socket?: Socket;
  readonly options?: { readonly path: string; readonly headers: Readonly<Record<string, string>> };
}

/** Plain HTTP: the proxy is given the whole address, since many open tunnels to port 443 only. */
function throughForwarder(url: URL, proxy: URL): Way {
  const { username, password } = proxy;
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const headers = {
    host: url.host,
    ...(login === ':'
      ? {}
      : { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }),
  };
  return {
    to: new URL(proxy.origin),
    options: { path: `${url.origin}${url.pathname}${url.search}`, headers },
  };
}

async function tunnelTo(url: URL, proxy: string, signal: AbortSignal): Promise<Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isTls = url.protocol === 'https:';
  const socket = await tunnel(proxy, host, Number(url.port) || (isTls ? 443 : 80), tunnelTimeout);
  if (signal.aborted) socket.destroy();
  signal.throwIfAborted();
  return isTls
    ? tlsConnect({ socket, ...(isIP(host) === 0 ? { servername: host } : { host }) })
    : socket;
}

const answerOf = (response: IncomingMessage): HttpAnswer => ({
  status: response.statusCode ?? 0,
  location: response.headers.location,
  body: response,
  discard: () => {
    response.on('error', () => {});
    response.destroy();
  },
});
