// Fetching a package file: what is followed, what is refused, and that nothing half is kept.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { download } from '../../src/adapters/local/index.ts';

const body = Buffer.alloc(3_000_000, 'package');
const sha256 = createHash('sha256').update(body).digest('hex');

const answers: Readonly<Record<string, RequestListener>> = {
  '/file': (_, answer) => answer.end(body),
  '/moved': (_, answer) => answer.writeHead(301, { location: '/moved2' }).end(),
  '/moved2': (_, answer) => answer.writeHead(302, { location: 'file' }).end(),
  '/round': (_, answer) => answer.writeHead(302, { location: '/round' }).end(),
  '/ftp': (_, answer) => answer.writeHead(302, { location: 'ftp://127.0.0.1/file' }).end(),
  '/cut': (_, answer) => {
    answer.writeHead(200, { 'content-length': body.length });
    answer.write(body.subarray(0, 1_000_000), () => answer.destroy());
  },
  '/token': (_, answer) =>
    answer.writeHead(302, { location: '/nothing?X-Amz-Signature=geheim' }).end(),
  '/login': (_, answer) =>
    answer.writeHead(302, { location: 'http://user:geheim@127.0.0.1/file?geheim' }).end(),
  '/403': (_, answer) => answer.writeHead(403).end('no'),
  '/slow': (_, answer) => void answer.writeHead(200).write('a'),
};

describe('a download', () => {
  let server: Server;
  let base = '';
  const dir = mkdtempSync(join(tmpdir(), 'kmend-download-'));
  const to = join(dir, 'state/packages', sha256);
  const fetched = (path: string, wanted = sha256, signal = new AbortController().signal) =>
    download({ url: `${base}${path}`, sha256: wanted, to, signal });
  beforeAll(async () => {
    server = createServer((request, answer) =>
      (answers[request.url ?? ''] ?? ((_, other) => other.writeHead(404).end()))(request, answer),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(dir, { recursive: true });
  });

  it.each([
    ['/403', /answered 403/],
    ['/nothing', /answered 404 for http:\/\/127\.0\.0\.1:\d+\/nothing$/],
    ['/round', /redirected more than 5 times/],
    ['/ftp', /redirected to ftp:/],
    ['/token', /answered 404 for http:\/\/127\.0\.0\.1:\d+\/nothing$/],
    ['/login', /^it is redirected to http:\/\/127\.0\.0\.1\/file with a login in the address$/],
    ['/cut', /./],
  ])('of %s is refused, and nothing stays', async (path, why) => {
    expect(await fetched(path)).toMatch(why);
    expect(readdirSync(join(dir, 'state/packages'))).toEqual([]);
  });
  it('with another checksum is refused, and nothing stays', async () => {
    expect(await fetched('/file', '0'.repeat(64))).toBe(`what came has the sha256 ${sha256}`);
    expect(existsSync(to)).toBe(false);
  });
  it('from where nobody listens says why', async () => {
    expect(
      await download({
        url: 'http://127.0.0.1:1/x',
        sha256,
        to,
        signal: new AbortController().signal,
      }),
    ).toMatch(/ECONNREFUSED|bad port/);
  });
  it('ends when the command is ended', async () => {
    const kill = new AbortController();
    setTimeout(() => kill.abort(), 200);
    expect(await fetched('/slow', sha256, kill.signal)).toMatch(/abort/i);
  });
  it('is kept whole, over two redirects', async () => {
    expect(await fetched('/moved')).toBeUndefined();
    expect(readFileSync(to).equals(body)).toBe(true);
  });
});
