// Notices and gates go through the proxy that the environment names, as the API server's client
// does; nothing else of this machine decides where they go.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { httpClient } from '../../src/adapters/http/request.ts';
import { createGates } from '../../src/adapters/outside/gates.ts';
import { createNotifier } from '../../src/adapters/outside/notify.ts';
import type { Notice } from '../../src/engine/ports/outside.ts';

const dir = mkdtempSync(join(tmpdir(), 'kmend-proxy-'));
const seen: string[] = [];
/** What the proxy was given: the request line, and its login. */
const proxy = createServer((request, response) => {
  seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
  response.end('by the proxy');
});
proxy.on('connect', (request, socket) => {
  seen.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
  const port = (secure.address() as AddressInfo).port;
  const there = connect(port, '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    there.pipe(socket).pipe(there);
  });
  socket.on('error', () => there.destroy());
});
let secure: Server;
let port = 0;

beforeAll(async () => {
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...[
        '-keyout',
        `${dir}/key`,
        '-out',
        `${dir}/cert`,
        '-days',
        '2',
        '-subj',
        '/CN=hook.example',
      ],
    ],
    { stdio: 'ignore' },
  );
  secure = createTlsServer(
    { key: readFileSync(`${dir}/key`), cert: readFileSync(`${dir}/cert`) },
    (_, response) => void response.end('by TLS'),
  );
  for (const server of [proxy, secure])
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (proxy.address() as AddressInfo).port;
});
afterAll(() => {
  for (const server of [proxy, secure]) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(dir, { recursive: true });
});
beforeEach(() => void seen.splice(0));

const gate = {
  name: 'g',
  kind: 'http',
  for: 0,
  args: { url: 'http://web.example/ok?a=1' },
} as const;
const notice: Notice = {
  schema: 'kmend.notice/1',
  kind: 'brake',
  key: 'r/1',
  ...{ text: 't', why: 'w', at: 1, from: 'f' },
};

it('plain HTTP: the proxy gets the whole address, and its login', async () => {
  const env = { HTTP_PROXY: `http://ada:p%40ss@127.0.0.1:${port}` };
  const login = `Basic ${btoa('ada:p@ss')}`;
  expect(await createGates(undefined, { env }).read(gate)).toEqual({
    open: true,
    read: 'status 200',
  });
  const target = { kind: 'webhook', url: 'http://hook.example/s3cret' } as const;
  expect(await createNotifier({ env }).send(target, notice)).toMatchObject({ ok: true });
  expect(seen).toEqual([
    `GET http://web.example/ok?a=1 ${login}`,
    `POST http://hook.example/s3cret ${login}`,
  ]);
});

it('TLS: through a tunnel, and the certificate is that of the server', async () => {
  const env = { HTTPS_PROXY: `127.0.0.1:${port}` };
  const sent = await createNotifier({ env }).send(
    { kind: 'webhook', url: 'https://hook.example/s3cret' },
    notice,
  );
  // The certificate is nobody's that this machine knows.
  expect(sent).toMatchObject({
    failure: { message: 'it could not be reached (DEPTH_ZERO_SELF_SIGNED_CERT)', transport: true },
  });
  expect(seen).toEqual(['CONNECT hook.example:443 ']);
});

it.each([
  ['NO_PROXY names the host', { NO_PROXY: 'web.example' }],
  ['it is for the other scheme only', { HTTP_PROXY: '' }],
])('no proxy where %s', async (_, more) => {
  const env = { HTTP_PROXY: `http://127.0.0.1:${port}`, ...more };
  const reading = await createGates(undefined, { env, seconds: 2 }).read(gate);
  expect(reading.open).toBe(false);
  expect(seen).toEqual([]);
});

it('a proxy that is not there, or not supported, is an error that names no address', async () => {
  const send = (env: Readonly<Record<string, string>>) =>
    createNotifier({ env }).send({ kind: 'webhook', url: 'https://hook.example/s3cret' }, notice);
  const away = await send({ HTTPS_PROXY: 'http://127.0.0.1:1' });
  expect(away).toMatchObject({ failure: { message: 'it could not be reached (EPROXY)' } });
  expect(await send({ HTTPS_PROXY: 'ftp://127.0.0.1' })).toMatchObject({ ok: false });
});

it('a request ends with its signal, also while the answer comes', async () => {
  const slow = createServer((_, response) => void response.write('half'));
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(slow.address() as AddressInfo).port}/`);
  const ending = new AbortController();
  const { body } = await httpClient({})(url, { signal: ending.signal });
  const read = (async () => {
    for await (const _ of body) ending.abort();
  })();
  await expect(read).rejects.toThrow();
  slow.closeAllConnections();
  slow.close();
});
