// The HTTP server of `kmend serve`. Every request is checked here, before a route sees it: by which
// name it came, from which page, from whom, and how large it is.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { createLogins, type LoginNeeds, type Logins } from './logins.ts';
import { type Address, namesOf } from './names.ts';
import { type Answer, type Asked, plainText, type Route } from './site.ts';
import { createStreams, type StreamLimits, type Streams, streamLimits } from './stream.ts';

const pack = promisify(gzip);

export interface WebNeeds extends Omit<LoginNeeds, 'onLink'> {
  readonly address: Address;
  readonly routes: readonly Route[];
  /** Gets the token of the next one-time link, at once and whenever one was used. */
  readonly onLink: (token: string, port: number) => void;
  /** An error of kmend itself: the reader learns nothing of it. */
  readonly onError: (error: unknown) => void;
  readonly limits?: StreamLimits;
}

export interface WebServer {
  readonly port: number;
  /** Ends all streams and connections. */
  readonly close: () => Promise<void>;
}

/** Bytes of a command. */
const longestBody = 4096;

/** No script, style or connection but its own; no page of others shows it in a frame. */
const headers = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** What all requests share. */
interface Site {
  readonly routes: readonly Route[];
  readonly names: ReadonlyMap<string, string>;
  readonly cookieName: string;
  readonly logins: Logins;
  readonly streams: Streams;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Listens, or fails with the error of the operating system (EADDRINUSE, EACCES). */
export async function createWebServer(needs: WebNeeds): Promise<WebServer> {
  const { listen, port } = needs.address;
  const streams = createStreams(needs.limits ?? streamLimits);
  let site: Site | undefined;
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 10_000, maxHeaderSize: 16_384 },
    (request, response) => {
      if (site !== undefined) void serve(request, response, site, needs.onError);
    },
  );
  server.maxConnections = 200;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, listen, () => resolve());
  });
  server.on('error', needs.onError);
  const bound = (server.address() as AddressInfo).port;
  site = {
    routes: needs.routes,
    names: namesOf({ ...needs.address, port: bound }),
    // Ports share their cookies.
    cookieName: `kmend-${bound}`,
    logins: createLogins({ ...needs, onLink: (token) => needs.onLink(token, bound) }),
    streams,
  };
  return {
    port: bound,
    close: () =>
      new Promise((resolve) => {
        streams.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  site: Site,
  onError: (error: unknown) => void,
): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  try {
    await send(await answerTo(request, response, site), request, response, site);
  } catch (error) {
    onError(error);
    if (response.headersSent) response.destroy();
    else await send(plainText(500, 'an error of kmend: see its output'), request, response, site);
  }
}

async function answerTo(
  request: IncomingMessage,
  response: ServerResponse,
  site: Site,
): Promise<Answer> {
  const { method = '', headers } = request;
  const origin = site.names.get(headers.host ?? '');
  if (origin === undefined)
    return plainText(
      421,
      'this server does not have that name: kmend serve --public-url names one more',
    );
  if (isFromElsewhere(headers)) return plainText(403, 'requests of other sites are refused');
  if (method !== 'GET' && method !== 'POST') {
    response.setHeader('Allow', 'GET, POST');
    return plainText(405, `${method} is not known here`);
  }
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const isLogin = path === '/login' && method === 'GET';
  if (isLogin) return logIn(new URLSearchParams(query).get('token') ?? '', request, response, site);
  const reader = await readerOf(request, site);
  if (reader === undefined)
    return plainText(401, 'not logged in: open the link that kmend serve has given');
  for (const route of site.routes) {
    const found = route.method === method ? partsOf(route.path.exec(path)) : undefined;
    if (found === undefined) continue;
    const asked = { reader, parts: found, body: undefined, accept: headers.accept ?? '' };
    return method === 'GET'
      ? route.answer(asked)
      : command({ request, response }, route, asked, origin);
  }
  return plainText(404, 'there is nothing here');
}

/** Undefined where a part is no valid encoding. */
function partsOf(match: RegExpExecArray | null): readonly string[] | undefined {
  if (match === null) return undefined;
  try {
    return match.slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

const readerOf = (request: IncomingMessage, { logins, cookieName }: Site) =>
  logins.readerOf(request.headers, cookieOf(request, cookieName));

function cookieOf({ headers }: IncomingMessage, name: string): string {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim().split('=', 2));
  return pairs.find(([key]) => key === name)?.[1] ?? '';
}

/**
 * Another site, or another port of this machine, has the browser ask: only a link to a page of ours
 * may come from there. Browsers set these headers, and no page can change them.
 */
function isFromElsewhere(headers: IncomingMessage['headers']): boolean {
  const [site, mode, target] = ['site', 'mode', 'dest'].map((one) => headers[`sec-fetch-${one}`]);
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  return mode !== 'navigate' || target !== 'document';
}

async function logIn(
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
  site: Site,
): Promise<Answer> {
  const login = await site.logins.login(token);
  const isIn = (await readerOf(request, site)) !== undefined;
  if (login.kind === 'too_many') {
    response.setHeader('Retry-After', '60');
    return plainText(429, 'too many logins: wait a minute');
  }
  if (login.kind === 'wrong' && !isIn)
    return plainText(403, 'this link was used, or was never given: take the newest one');
  if (login.kind === 'in') {
    const isSecure = site.names.get(request.headers.host ?? '')?.startsWith('https:') === true;
    response.setHeader(
      'Set-Cookie',
      `${site.cookieName}=${login.cookie}; Path=/; Max-Age=${login.seconds}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`,
    );
  }
  // After a redirect that another site began, the browser would keep a strict cookie back. A page
  // that goes on by itself is the beginning of a new navigation.
  return {
    kind: 'text',
    type: 'text/html; charset=utf-8',
    text: '<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>kmend</title><a href="/">kmend</a>\n',
  };
}

async function command(
  { request, response }: Exchange,
  route: Route,
  asked: Asked,
  origin: string,
): Promise<Answer> {
  if (!asked.reader.control)
    return plainText(403, 'this reader may not give commands (kmend serve --allow-control)');
  // A form of another site sends cookies too, but cannot choose its origin.
  if (request.headers.origin !== origin)
    return plainText(403, 'commands come from pages of this server only');
  if (!/^application\/json\s*(?:;|$)/.test(request.headers['content-type'] ?? ''))
    return plainText(415, 'a command is application/json');
  const text = await bodyOf(request);
  if (text === undefined) {
    // What is left of it is not read.
    response.setHeader('Connection', 'close');
    return plainText(413, `a command has at most ${longestBody} bytes`);
  }
  try {
    return await route.answer({ ...asked, body: JSON.parse(text) });
  } catch (error) {
    if (error instanceof SyntaxError) return plainText(400, 'a command is JSON');
    throw error;
  }
}

/** Undefined where it is too long. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > longestBody) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function send(
  answer: Answer,
  request: IncomingMessage,
  response: ServerResponse,
  site: Site,
): Promise<void> {
  const packed = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  if (answer.kind === 'text') {
    const isPacked = packed && answer.text.length > 1000;
    const bytes = isPacked ? await pack(answer.text) : Buffer.from(answer.text);
    if (isPacked) response.setHeader('Content-Encoding', 'gzip');
    response.writeHead(answer.status ?? 200, {
      'Content-Type': answer.type,
      'Content-Length': bytes.length,
    });
    response.end(bytes);
    return;
  }
  if (site.streams.isFull()) {
    response.setHeader('Retry-After', '30');
    return send(plainText(503, 'too many pages are open'), request, response, site);
  }
  if (packed) response.setHeader('Content-Encoding', 'gzip');
  // For nginx: it would keep events back.
  response.setHeader('X-Accel-Buffering', 'no');
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.flushHeaders();
  const isAllowed = async (): Promise<boolean> => (await readerOf(request, site)) !== undefined;
  // A reader that left while the answer was made closes nothing any more.
  if (!response.destroyed) site.streams.open(response, packed, answer.open, isAllowed);
}
