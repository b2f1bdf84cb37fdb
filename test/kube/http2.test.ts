// A connection of HTTP/2: its calls when it dies, with and without a sign, and its idle state.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http2';
import {
  type AddressInfo,
  connect,
  createServer as createRelay,
  type Server,
  type Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttp2 } from '../../src/adapters/kube/client/http2.ts';
import { sleep } from './cluster-on.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const listen = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
};

/** Answers at once; `/hang` never, `/half` in part. A relay in front of it can fall silent. */
async function lab() {
  const port = await listen(
    createServer((request, response) => {
      if (request.url === '/hang') return;
      response.write('first half');
      if (request.url !== '/half') response.end();
    }) as unknown as Server,
  );
  const between: Socket[] = [];
  const relay = createRelay((client) => {
    const upstream = connect(port, '127.0.0.1');
    between.push(client, upstream);
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
  });
  const through = await listen(relay);
  closing.push(() => between.forEach((socket) => void socket.destroy()));
  const socket = connect(through, '127.0.0.1');
  await once(socket, 'connect');
  const http2 = createHttp2(new URL(`http://127.0.0.1:${through}`), socket, {
    every: 100,
    timeout: 150,
  });
  closing.push(http2.close);
  return {
    http2,
    ask: (path: string, signal = new AbortController().signal) =>
      http2.send({
        method: 'GET',
        path,
        headers: {},
        data: undefined,
        identity: { headers: {}, secrets: [] },
        signal,
      }),
    goSilent: () => {
      for (const end of between) end.unpipe().pause();
    },
    cut: () => {
      for (const end of between) end.destroy();
    },
  };
}

const read = async (body: AsyncIterable<Buffer>): Promise<string> => {
  let text = '';
  for await (const chunk of body) text += chunk.toString();
  return text;
};

describe('a connection of HTTP/2', () => {
  it('stays open while it answers pings, however long a call takes', async () => {
    const { http2, ask } = await lab();
    const late = ask('/hang').catch(() => 'ended');
    await sleep(800);
    expect(http2.isOpen()).toBe(true);
    const reply = await ask('/');
    expect(await read(reply.body)).toBe('first half');
    expect(reply.isIncomplete()).toBe(false);
    http2.close();
    expect(await late).toBe('ended');
  });

  it('that falls silent is closed, and its calls fail as lost', async () => {
    const { http2, ask, goSilent } = await lab();
    await ask('/');
    const waiting = ask('/hang');
    goSilent();
    await expect(waiting).rejects.toMatchObject({ code: 'ECONNRESET', reused: true });
    expect(http2.isOpen()).toBe(false);
    await expect(ask('/')).rejects.toMatchObject({ code: 'ECONNRESET', reused: true });
  });

  it('stays open without answers to pings while it sends; it is closed when it falls silent', async () => {
    // By hand, frame by frame: SETTINGS, then WINDOW_UPDATE again and again, and never an answer to
    // a ping.
    const frame = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const talking: NodeJS.Timeout[] = [];
    const port = await listen(
      createRelay((client) => {
        client.on('error', () => undefined).resume();
        client.write(frame('000000 04 00 00000000'));
        talking.push(setInterval(() => client.write(frame('000004 08 00 00000000 00000001')), 30));
        closing.push(() => client.destroy());
      }),
    );
    closing.push(() => talking.forEach(clearInterval));
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const http2 = createHttp2(new URL(`http://127.0.0.1:${port}`), socket, {
      every: 100,
      timeout: 150,
    });
    closing.push(http2.close);
    await sleep(900);
    expect(http2.isOpen()).toBe(true);
    talking.forEach(clearInterval);
    await sleep(600);
    expect(http2.isOpen()).toBe(false);
  });

  it('carries many long answers at once', async () => {
    const long = Buffer.alloc(6_000_000, 'x');
    const port = await listen(
      createServer(
        { maxSessionMemory: 1_000 },
        (_, response) => void response.end(long),
      ) as unknown as Server,
    );
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const http2 = createHttp2(new URL(`http://127.0.0.1:${port}`), socket);
    closing.push(http2.close);
    const signal = new AbortController().signal;
    const ask = () =>
      http2.send({
        method: 'GET',
        path: '/',
        headers: {},
        data: undefined,
        identity: { headers: {}, secrets: [] },
        signal,
      });
    const replies = await Promise.all(Array.from({ length: 30 }, ask));
    const sizes = await Promise.all(replies.map(async ({ body }) => (await read(body)).length));
    expect(new Set(sizes)).toEqual(new Set([long.length]));
  });

  it('that is lost fails its calls, also one whose answer has started', async () => {
    const { ask, cut } = await lab();
    const half = await ask('/half');
    const waiting = ask('/hang');
    await sleep(20);
    cut();
    await expect(waiting).rejects.toMatchObject({ code: 'ECONNRESET' });
    await read(half.body).catch(() => undefined);
    expect(half.isIncomplete()).toBe(true);
  });

  it('cancels a call when its caller stops', async () => {
    const { http2, ask } = await lab();
    const stop = new AbortController();
    const waiting = ask('/hang', stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    expect((await ask('/')).status).toBe(200);
    expect(http2.isOpen()).toBe(true);
  });

  it('that is retired finishes open calls and accepts no new ones', async () => {
    const { http2, ask } = await lab();
    const half = await ask('/half');
    http2.retire();
    await expect(ask('/')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(half.isIncomplete()).toBe(false);
    expect(http2.isOpen()).toBe(false);
  });

  it('does not keep the process alive while it is idle', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kmend-http2-'));
    closing.push(() => rmSync(folder, { recursive: true }));
    const program = join(folder, 'ask.mjs');
    const port = await listen(
      createServer((_, response) => void response.end('well')) as unknown as Server,
    );
    const lines = [
      `import { connect } from 'node:net';`,
      `import { createHttp2 } from './http2.ts';`,
      `const socket = connect(${port}, '127.0.0.1');`,
      `const http2 = createHttp2(new URL('http://127.0.0.1:${port}'), socket);`,
      // Nothing is ever asked of this one.
      `createHttp2(new URL('http://127.0.0.1:${port}'), connect(${port}, '127.0.0.1'));`,
      `const signal = new AbortController().signal;`,
      `const reply = await http2.send({ method: 'GET', path: '/', headers: {}, data: undefined, identity: { headers: {}, secrets: [] }, signal });`,
      `for await (const chunk of reply.body) console.log(chunk.toString());`,
    ];
    buildSync({
      stdin: {
        contents: lines.join('\n'),
        resolveDir: new URL('../../src/adapters/kube/client', import.meta.url).pathname,
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: program,
    });
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    const [text, [code]] = await Promise.all([read(child.stdout), once(child, 'close')]);
    clearTimeout(timer);
    expect({ text, code }).toEqual({ text: 'well\n', code: 0 });
  });
});
