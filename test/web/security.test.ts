// Who reaches the server of `kmend serve`, and with what: each refusal by a real client.
import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Address,
  createWebServer,
  digestOf,
  json,
  type ProxyLogin,
  type Route,
  type WebServer,
} from '../../src/adapters/web/index.ts';
import type { StreamLimits } from '../../src/adapters/web/stream.ts';
import { until } from '../cli/practice.ts';
import { listen, type Received, type Sent, send } from './client.ts';

const running: WebServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

interface Options {
  readonly address?: Partial<Address>;
  readonly allowControl?: boolean;
  readonly proxy?: ProxyLogin;
  readonly limits?: StreamLimits;
  /** Awaited whenever a token is looked up. */
  readonly lookUp?: () => Promise<void>;
  /** Awaited before a stream begins. */
  readonly beforeStream?: () => Promise<void>;
}

async function site(options: Options = {}) {
  const clock = { now: Date.parse('2026-11-27T12:00:00Z') };
  const links: string[] = [];
  const tokens = new Map([[digestOf('wall-screen-token'), 'wall']]);
  const commands: unknown[] = [];
  const errors: unknown[] = [];
  const routes: readonly Route[] = [
    { method: 'GET', path: /^\/$/, answer: async ({ reader }) => json(reader) },
    {
      method: 'GET',
      path: /^\/api\/runs\/([^/]+)\/events$/,
      answer: async () => {
        await options.beforeStream?.();
        return {
          kind: 'stream',
          open: (channel) => {
            channel.send('snapshot', JSON.stringify({ is: 'first' }), 7);
            const more = setInterval(() => {
              if (channel.ready())
                channel.send('delta', JSON.stringify({ is: 'x'.repeat(200_000) }));
            }, 5);
            return () => clearInterval(more);
          },
        };
      },
    },
    {
      method: 'GET',
      path: /^\/fails$/,
      answer: async () => {
        throw new Error('password=hunter2');
      },
    },
    {
      method: 'POST',
      path: /^\/api\/runs\/([^/]+)\/command$/,
      answer: async ({ reader, parts, body }) => {
        commands.push([reader.who, ...parts, body]);
        return json({}, 202);
      },
    },
  ];
  const server = await createWebServer({
    address: { listen: '127.0.0.1', port: 0, ...options.address },
    routes,
    who: 'ada',
    allowControl: options.allowControl ?? true,
    ...(options.proxy && { proxy: options.proxy }),
    ...(options.limits && { limits: options.limits }),
    now: () => clock.now,
    tokenNamed: async (digest) => {
      await options.lookUp?.();
      return tokens.get(digest);
    },
    onLink: (token) => void links.push(token),
    onError: (error) => void errors.push(error),
  });
  running.push(server);
  const { port } = server;
  const logIn = async (token = links.at(-1) ?? '', headers = {}): Promise<string> => {
    const { headers: got } = await send(port, `/login?token=${token}`, { headers });
    return got['set-cookie']?.[0]?.split(';')[0] ?? '';
  };
  const command = (cookie: string, sent: Sent = {}): Promise<Received> =>
    send(port, '/api/runs/r1/command', {
      body: '{"command":"pause"}',
      ...sent,
      headers: {
        cookie,
        origin: `http://127.0.0.1:${port}`,
        'content-type': 'application/json',
        ...sent.headers,
      },
    });
  return { server, port, clock, links, tokens, commands, errors, logIn, command };
}

const events = '/api/runs/r1/events';

describe('the server', () => {
  it('listens on loopback only', async () => {
    const { port } = await site();
    expect((await send(port, '/')).status).toBe(401);
    const other = await fetch(`http://127.0.0.2:${port}/`).catch((error) => error.cause.code);
    expect(other).toBe('ECONNREFUSED');
  });

  it.each(['/', events, '/nothing', '/fails'])('shows nobody %s without a login', async (path) => {
    const { port } = await site();
    const { status, text } = await send(port, path);
    expect([status, text]).toEqual([401, expect.stringContaining('not logged in')]);
    expect((await send(port, path, { headers: { cookie: `kmend-${port}=x` } })).status).toBe(401);
  });

  it('takes no command without a login', async () => {
    const { command, commands } = await site();
    expect([(await command('')).status, commands]).toEqual([401, []]);
  });

  it.each([
    'evil.example',
    'evil.example:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    'localhost.evil.example:PORT',
    '127.0.0.1:PORT.evil.example',
  ])('refuses the name %s (DNS rebinding), also with a login', async (name) => {
    const { port, logIn } = await site();
    const cookie = await logIn();
    const host = name.replace('PORT', String(port));
    const { status, text } = await send(port, '/', { headers: { host, cookie } });
    expect([status, text]).toEqual([421, expect.not.stringContaining('ada')]);
  });

  it('has the names of loopback, and that of --public-url', async () => {
    const { port, logIn } = await site({
      address: { publicUrl: new URL('https://kmend.example.net') },
    });
    const cookie = await logIn();
    const status = async (host: string): Promise<number> =>
      (await send(port, '/', { headers: { host, cookie } })).status;
    expect(await status(`127.0.0.1:${port}`)).toBe(200);
    expect(await status(`localhost:${port}`)).toBe(200);
    expect(await status('kmend.example.net')).toBe(200);
    expect(await status(`kmend.example.net:${port}`)).toBe(421);
  });

  it('forbids scripts, styles and frames of others in every answer', async () => {
    const { port, logIn } = await site();
    const cookie = await logIn();
    for (const [path, headers] of [
      ['/', { cookie }],
      ['/', {}],
      ['/login?token=x', {}],
      ['/', { host: 'evil.example' }],
      ['/fails', { cookie }],
    ] as const) {
      const { headers: got } = await send(port, path, { headers });
      const policy = got['content-security-policy'];
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(got).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      });
      expect(got).not.toHaveProperty('access-control-allow-origin');
    }
  });

  it('says nothing of an error of its own', async () => {
    const { port, logIn, errors } = await site();
    const { status, text } = await send(port, '/fails', { headers: { cookie: await logIn() } });
    expect([status, text]).toEqual([500, 'an error of kmend: see its output\n']);
    expect(errors).toHaveLength(1);
  });

  it.each(['PUT', 'DELETE', 'OPTIONS', 'TRACE', 'HEAD'])('knows no %s', async (method) => {
    const { port, logIn } = await site();
    const headers = { cookie: await logIn() };
    expect((await send(port, '/', { method, headers })).status).toBe(405);
  });
});

describe('a login', () => {
  it('is one link that works once; then there is another one', async () => {
    const { port, links } = await site();
    const [first = ''] = links;
    expect(Buffer.from(first, 'base64url')).toHaveLength(24);
    const { status, headers } = await send(port, `/login?token=${first}`);
    expect(status).toBe(200);
    expect(headers['set-cookie']).toEqual([
      expect.stringMatching(
        new RegExp(`^kmend-${port}=[\\w-]{32}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict$`),
      ),
    ]);
    const again = await send(port, `/login?token=${first}`);
    expect([again.status, again.headers['set-cookie']]).toEqual([403, undefined]);
    expect(links).toHaveLength(2);
    expect((await send(port, `/login?token=${links[1]}`)).status).toBe(200);
  });

  it.each(['', 'x', 'a'.repeat(32)])('is refused with the token "%s"', async (token) => {
    const { port } = await site();
    const { status, headers } = await send(port, `/login?token=${token}`);
    expect([status, headers['set-cookie']]).toEqual([403, undefined]);
  });

  it('ends after twelve hours, and its open pages with it', async () => {
    const { port, logIn, clock } = await site({
      limits: { streams: 20, stalled: 10_000, beat: 20 },
    });
    const cookie = await logIn();
    const stream = await listen(port, events, { headers: { cookie } });
    clock.now += 12 * 3_600_000 - 1;
    expect((await send(port, '/', { headers: { cookie } })).status).toBe(200);
    clock.now += 1;
    expect((await send(port, '/', { headers: { cookie } })).status).toBe(401);
    await stream.ended;
  });

  it('is marked for TLS where the browser comes by TLS', async () => {
    const { port, links } = await site({
      address: { publicUrl: new URL('https://kmend.example.net') },
    });
    const headers = { host: 'kmend.example.net' };
    const { headers: got } = await send(port, `/login?token=${links[0]}`, { headers });
    expect(got['set-cookie']?.[0]).toMatch(/; Secure$/);
  });

  it('can be tried twenty times a minute with wrong tokens', async () => {
    const { port, clock, links } = await site();
    const tries = Array.from({ length: 20 }, (_, index) => send(port, `/login?token=${index}`));
    expect(new Set((await Promise.all(tries)).map(({ status }) => status))).toEqual(new Set([403]));
    const { status, headers } = await send(port, `/login?token=${links[0]}`);
    expect([status, headers['retry-after']]).toEqual([429, '60']);
    clock.now += 60_001;
    expect((await send(port, `/login?token=${links[0]}`)).status).toBe(200);
  });
});

describe('a command', () => {
  it('comes from a page of this server, as JSON', async () => {
    const { command, commands, logIn } = await site();
    const { status } = await command(await logIn());
    expect([status, commands]).toEqual([202, [['ada', 'r1', { command: 'pause' }]]]);
  });

  it.each<[string, Sent, number]>([
    ['without an origin', { headers: { origin: '' } }, 403],
    ['of another site', { headers: { origin: 'https://evil.example' } }, 403],
    ['of another port of this machine', { headers: { origin: 'http://127.0.0.1:1' } }, 403],
    ['of a file or a frame', { headers: { origin: 'null' } }, 403],
    ['of another name of this server', { headers: { origin: 'http://localhost:PORT' } }, 403],
    ['as a form sends it', { headers: { 'content-type': 'text/plain' } }, 415],
    [
      'as another form sends it',
      { headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
    ],
    ['without a type', { headers: { 'content-type': '' } }, 415],
    ['that is too long', { body: `{"reason":"${'x'.repeat(4096)}"}` }, 413],
    ['that is no JSON', { body: 'command=pause' }, 400],
    ['of another site, by fetch', { headers: { 'sec-fetch-site': 'cross-site' } }, 403],
    ['of another port, by fetch', { headers: { 'sec-fetch-site': 'same-site' } }, 403],
    ['to nothing', { method: 'PUT' }, 405],
  ])('%s is refused', async (_, sent, status) => {
    const { port, command, commands, logIn } = await site();
    const headers = Object.fromEntries(
      Object.entries(sent.headers ?? {}).map(([name, value]) => [
        name,
        value.replace('PORT', String(port)),
      ]),
    );
    const answer = await command(await logIn(), { ...sent, headers });
    expect([answer.status, commands]).toEqual([status, []]);
  });

  it('is refused where the server is read-only', async () => {
    const { command, commands, logIn } = await site({ allowControl: false });
    expect([(await command(await logIn())).status, commands]).toEqual([403, []]);
  });

  it('is no GET', async () => {
    const { port, commands, logIn } = await site();
    const headers = { cookie: await logIn(), origin: `http://127.0.0.1:${port}` };
    expect((await send(port, '/api/runs/r1/command', { headers })).status).toBe(404);
    expect(commands).toEqual([]);
  });
});

describe('a page', () => {
  it.each<[string, Readonly<Record<string, string>>, number]>([
    ['fetches', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }, 403],
    ['shows it as an image', { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image' }, 403],
    [
      'frames it',
      {
        'sec-fetch-site': 'same-site',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'iframe',
      },
      403,
    ],
    [
      'has a link to it',
      {
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
      },
      200,
    ],
    ['is not there', { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }, 200],
  ])('of another site %s', async (_, headers, status) => {
    const { port, logIn } = await site();
    const answer = await send(port, '/', { headers: { ...headers, cookie: await logIn() } });
    expect(answer.status).toBe(status);
  });
});

describe('a header of a proxy', () => {
  const proxy = { header: 'remote-user', secret: 'a secret of twenty-four' };
  const named = { 'remote-user': 'grace', 'kmend-proxy-secret': proxy.secret };

  it('names the user where the proxy proves itself', async () => {
    const { port, command, commands } = await site({ proxy });
    const { text } = await send(port, '/', { headers: named });
    expect(JSON.parse(text)).toEqual({ who: 'grace', control: true });
    await command('', { headers: named });
    expect(commands).toEqual([['grace', 'r1', { command: 'pause' }]]);
  });

  it.each<[string, ProxyLogin | undefined, Readonly<Record<string, string>>]>([
    ['without the secret', proxy, { 'remote-user': 'grace' }],
    ['with another secret', proxy, { ...named, 'kmend-proxy-secret': 'x' }],
    ['with an empty secret', proxy, { ...named, 'kmend-proxy-secret': '' }],
    ['where none was set up', undefined, named],
    ['without a user', proxy, { ...named, 'remote-user': '' }],
    ['with a user that is no name', proxy, { ...named, 'remote-user': '<b>root</b>' }],
    [
      'of the kind that any client can send',
      proxy,
      { 'x-forwarded-user': 'root', 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1' },
    ],
  ])('%s names nobody', async (_, given, headers) => {
    const { port } = await site({ ...(given && { proxy: given }) });
    expect((await send(port, '/', { headers })).status).toBe(401);
  });

  it('does not change the name or the scheme of the server', async () => {
    const { port, links, logIn, command } = await site({
      address: { publicUrl: new URL('https://kmend.example.net') },
    });
    const forwarded = { 'x-forwarded-host': 'kmend.example.net', 'x-forwarded-proto': 'https' };
    const wrong = { ...forwarded, host: 'evil.example' };
    expect((await send(port, '/', { headers: wrong })).status).toBe(421);
    const { headers } = await send(port, `/login?token=${links[0]}`, { headers: forwarded });
    expect(headers['set-cookie']?.[0]).not.toContain('Secure');
    const origin = { ...forwarded, origin: 'https://kmend.example.net' };
    expect((await command(await logIn(), { headers: origin })).status).toBe(403);
  });
});

describe('a read-only token', () => {
  const bearer = { authorization: 'Bearer wall-screen-token' };

  it('reads as often as it is used, and gives no command', async () => {
    const { port, command, commands, logIn } = await site();
    const cookie = await logIn('wall-screen-token');
    await logIn('wall-screen-token');
    for (const headers of [{ cookie }, bearer])
      expect(JSON.parse((await send(port, '/', { headers })).text)).toEqual({
        who: 'token wall',
        control: false,
      });
    expect((await command(cookie)).status).toBe(403);
    expect((await command('', { headers: bearer })).status).toBe(403);
    expect(commands).toEqual([]);
  });

  it('ends when it is revoked, and the pages that are open with it', async () => {
    const { port, tokens, logIn } = await site({
      limits: { streams: 20, stalled: 10_000, beat: 20 },
    });
    const cookie = await logIn('wall-screen-token');
    const stream = await listen(port, events, { headers: { cookie } });
    tokens.clear();
    for (const headers of [{ cookie }, bearer])
      expect((await send(port, '/', { headers })).status).toBe(401);
    await stream.ended;
  });
});

/** Waits until the server takes one more stream. */
async function room(port: number, headers: Readonly<Record<string, string>>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const stream = await listen(port, events, { headers });
    stream.close();
    if (stream.status === 200) return;
    await sleep(20);
  }
  throw new Error('no stream was ended');
}

describe('streams', () => {
  it.each(['gzip', 'identity'])('arrive event by event (%s)', async (encoding) => {
    const { port, logIn } = await site();
    const headers = { cookie: await logIn(), 'accept-encoding': encoding };
    const stream = await listen(port, events, { headers });
    await until('three events', () => stream.events.length > 3);
    expect(stream.headers['content-type']).toBe('text/event-stream');
    expect(stream.events[0]).toEqual({ event: 'snapshot', id: '7', data: { is: 'first' } });
    stream.close();
  });

  it('are twenty at most; one that is closed makes room', async () => {
    const { port, logIn } = await site();
    const headers = { cookie: await logIn() };
    const all = await Promise.all(
      Array.from({ length: 20 }, () => listen(port, events, { headers })),
    );
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200));
    const { status, headers: got } = await send(port, events, { headers });
    expect([status, got['retry-after']]).toEqual([503, '30']);
    all[0]?.close();
    await room(port, headers);
    for (const stream of all) stream.close();
  });

  it('of a reader that takes nothing are dropped', async () => {
    const { port, logIn } = await site({ limits: { streams: 1, stalled: 100, beat: 10_000 } });
    const headers = { cookie: await logIn() };
    const slow = await listen(port, events, { headers });
    slow.stall();
    await room(port, headers);
  });

  it.each(['gzip', 'identity'])(
    'whose reader leaves before they begin take no room (%s)',
    async (encoding) => {
      const [begins, begin] = [new EventEmitter(), new EventEmitter()];
      let isFirst = true;
      const { port, logIn, errors } = await site({
        limits: { streams: 1, stalled: 10_000, beat: 10 },
        beforeStream: async () => {
          if (!isFirst) return;
          isFirst = false;
          const begun = once(begin, 'now');
          begins.emit('now');
          await begun;
        },
      });
      const headers = { cookie: await logIn(), 'accept-encoding': encoding };
      const asked = once(begins, 'now');
      const leaver = connect(port, '127.0.0.1');
      leaver.write(
        `GET ${events} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nCookie: ${headers.cookie}\r\nAccept-Encoding: ${encoding}\r\n\r\n`,
      );
      await asked;
      leaver.destroy();
      await sleep(50);
      begin.emit('now');
      await sleep(50);
      await room(port, headers);
      expect(errors).toEqual([]);
    },
  );

  it.each(['gzip', 'identity'])(
    'may lose their reader while its token is looked up (%s)',
    async (encoding) => {
      const lookUp = { isSlow: false };
      const { port, logIn, errors } = await site({
        limits: { streams: 1, stalled: 10_000, beat: 10 },
        lookUp: () => sleep(lookUp.isSlow ? 60 : 0),
      });
      const headers = { cookie: await logIn('wall-screen-token'), 'accept-encoding': encoding };
      const stream = await listen(port, events, { headers });
      lookUp.isSlow = true;
      await sleep(30);
      stream.close();
      await sleep(100);
      lookUp.isSlow = false;
      await room(port, headers);
      expect(errors).toEqual([]);
    },
  );

  it('end where their reader can no longer be looked up', async () => {
    const lookUp = { fails: false };
    const { port, logIn } = await site({
      limits: { streams: 1, stalled: 10_000, beat: 10 },
      lookUp: async () => {
        if (lookUp.fails) throw new Error('the state directory is gone');
      },
    });
    const headers = { cookie: await logIn('wall-screen-token') };
    const stream = await listen(port, events, { headers });
    lookUp.fails = true;
    await stream.ended;
  });

  it('end with the server', async () => {
    const { server, port, logIn } = await site();
    const stream = await listen(port, events, { headers: { cookie: await logIn() } });
    await server.close();
    await stream.ended;
    expect(await send(port, '/').catch((error) => error.code)).toBe('ECONNREFUSED');
  });
});
