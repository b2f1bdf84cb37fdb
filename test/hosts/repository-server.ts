// Package repositories on this machine as they go wrong: one server that answers under /CAUSE/, one
// with TLS, one proxy that asks for a login.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface RepositoryServer {
  /**
   * `http://127.0.0.1:PORT`; `/ok/` is the repository, `/signed/` the same, signed by a key that no
   * host knows, `/403/` and the like answer so, `/stall/` never does, `/to/URL` redirects there.
   */
  readonly http: string;
  /** The same with TLS, by a certificate that nobody signed. */
  readonly https: string;
  /** Its certificate, and one that has expired, as files; `expiredHttps` shows that one. */
  readonly certificate: string;
  readonly expiredHttps: string;
  readonly expiredCertificate: string;
  /** A proxy that lets nobody through without a login. */
  readonly proxy: string;
  readonly close: () => Promise<void>;
}

/** `folder` holds the repository, `work` gets keys and certificates. */
export async function repositoryServer(folder: string, work: string): Promise<RepositoryServer> {
  const signature = signatureOf(join(folder, 'repodata/repomd.xml'), join(work, 'gpg'));
  const answer: RequestListener = (request, response) =>
    reply(folder, signature, request, response);
  const now = tlsOf(work, 'now', []);
  const before = tlsOf(work, 'before', [
    '-not_before',
    '20200101000000Z',
    '-not_after',
    '20210101000000Z',
  ]);
  const proxy = createServer((_, response) =>
    response.writeHead(407, { 'Proxy-Authenticate': 'Basic realm=x' }).end(),
  );
  proxy.on('connect', (_, socket) =>
    socket.end(
      'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n\r\n',
    ),
  );
  const servers = [
    createServer(answer),
    createTlsServer(now, answer),
    createTlsServer(before, answer),
    proxy,
  ];
  const ports = await Promise.all(servers.map(listening));
  const at = (scheme: string, index: number): string => `${scheme}://127.0.0.1:${ports[index]}`;
  return {
    http: at('http', 0),
    https: at('https', 1),
    certificate: join(work, 'now.pem'),
    expiredHttps: at('https', 2),
    expiredCertificate: join(work, 'before.pem'),
    proxy: at('http', 3),
    close: async () => void (await Promise.all(servers.map(closed))),
  };
}

function reply(
  folder: string,
  signature: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const [, word = '', ...rest] = (request.url ?? '/').split('/');
  if (word === 'stall') return;
  if (word === 'page') return void response.end('<html>please log in</html>');
  if (word === 'to')
    return void response.writeHead(301, { Location: decodeURIComponent(rest[0] ?? '') }).end();
  if (/^\d+$/.test(word)) return void response.writeHead(Number(word)).end();
  const path = join(folder, ...rest.map((part) => part.replace(/^\.\.$/, '')));
  if (word === 'signed' && request.url?.endsWith('.asc') === true)
    return void response.end(signature);
  if (!/^(?:ok|signed)$/.test(word) || !statSync(path, { throwIfNoEntry: false })?.isFile())
    return void response.writeHead(404).end();
  response.end(readFileSync(path));
}

function signatureOf(file: string, home: string): string {
  mkdirSync(home, { mode: 0o700 });
  const gpg = (...words: readonly string[]): string =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--passphrase', '', ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  gpg('--quick-gen-key', 'lab@localhost', 'rsa2048', 'sign', 'never');
  const signature = gpg('--armor', '--detach-sign', '--output', '-', file);
  execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
  return signature;
}

function tlsOf(
  work: string,
  name: string,
  dates: readonly string[],
): { readonly key: string; readonly cert: string } {
  const [key, cert] = [join(work, `${name}.key`), join(work, `${name}.pem`)];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      ...subject,
      ...dates,
    ],
    {
      stdio: 'ignore',
    },
  );
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });
