// Servers that flood, hang up and lie on a connection, over both transports: each ends in a
// classified failure, in bounded time and space, and without control characters.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type ssh2 from 'ssh2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../src/engine/ports/transport.ts';
import type { Target } from '../../src/model/host.ts';
import type { Failure } from '../../src/model/run/failure.ts';
import { type ServerOptions, startServer, startTcp, targetAt, transportFor } from './server.ts';

let home = '';
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-bad-'));
});
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
  rmSync(home, { recursive: true, force: true });
});

/** What the library has below its server: enough to send any packet. */
interface Wire {
  readonly _protocol?: {
    readonly _packetRW: {
      readonly write: {
        readonly allocStart: number;
        readonly alloc: (size: number) => Buffer;
        readonly finalize: (packet: Buffer) => Buffer;
      };
    };
    readonly _cipher: { readonly encrypt: (packet: Buffer) => void };
  };
  readonly _sock?: { readonly destroyed: boolean; readonly writableLength: number };
}

function send(client: ssh2.Connection, payload: Buffer): void {
  const wire = (client as unknown as Wire)._protocol;
  if (wire === undefined) throw new Error('the library has another structure');
  const { allocStart, alloc, finalize } = {
    allocStart: wire._packetRW.write.allocStart,
    alloc: wire._packetRW.write.alloc.bind(wire._packetRW.write),
    finalize: wire._packetRW.write.finalize.bind(wire._packetRW.write),
  };
  const packet = alloc(payload.length);
  packet.set(payload, allocStart);
  wire._cipher.encrypt(finalize(packet));
}

/** A string of the protocol. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
}
/** SSH_MSG_DEBUG, SSH_MSG_USERAUTH_BANNER and SSH_MSG_DISCONNECT. */
const debug = (value: string) => Buffer.concat([Buffer.from([4, 1]), text(value), text('')]);
const banner = (value: string) => Buffer.concat([Buffer.from([53]), text(value), text('')]);
const disconnect = (value: string) =>
  Buffer.concat([Buffer.from([1, 0, 0, 0, 11]), text(value), text('')]);

/** Sends as fast as the client takes it, until the client is gone or `stop` says so. */
function pump(client: ssh2.Connection, payload: Buffer, stop = () => false): void {
  const socket = (client as unknown as Wire)._sock;
  const timer = setInterval(() => {
    if (socket === undefined || socket.destroyed || stop()) return clearInterval(timer);
    for (let count = 0; count < 2000 && socket.writableLength < 1024 * 1024; count++)
      send(client, payload);
  }, 2);
  cleanups.push(() => clearInterval(timer));
}

const evil = '\x1b[2J\x1b]0;owned\x07\x9b31mred\rgone';
const control = /\\u00[01][0-9a-f]|\\u007f|\\u00[89][0-9a-f]|\\r|\\b|[\x7f-\x9f]/;

describe.each<[string, Partial<Target>]>([
  ['kmend itself', {}],
  ['OpenSSH', { transport: 'openssh' }],
])('servers that misbehave towards %s', (_name, chosen) => {
  const isOpenSsh = chosen.transport === 'openssh';
  const via = () => {
    const made = transportFor(home, { env: { XDG_RUNTIME_DIR: home } });
    cleanups.push(made.close);
    return made;
  };
  const at = (port: number, more: Partial<Target> = {}): Target =>
    targetAt(port, { ...chosen, knownHostsFiles: [join(home, 'known_hosts')], ...more });
  async function server(options: ServerOptions) {
    const made = await startServer(options);
    cleanups.push(made.close);
    return made;
  }
  async function failure(port: number): Promise<Failure> {
    const result = await via().connect(at(port, { connectTimeout: 1 }));
    if (result.ok) throw new Error('it connected');
    return result.failure;
  }
  async function connected(options: ServerOptions): Promise<Connection> {
    const { port } = await server(options);
    const result = await via().connect(at(port));
    if (!result.ok) throw new Error(JSON.stringify(result.failure));
    return result.value;
  }
  /** Bytes of all files that the transport has made. */
  const stored = (): number =>
    readdirSync(home, { recursive: true, encoding: 'utf8' })
      .map((name) => statSync(join(home, name), { throwIfNoEntry: false })?.size ?? 0)
      .reduce((sum, size) => sum + size, 0);
  /** A server that does this to the first login. */
  const atLogin = (act: (client: ssh2.Connection) => void): ServerOptions => {
    let client: ssh2.Connection | undefined;
    let begun = false;
    return {
      onConnection: (made) => {
        client = made;
      },
      onAuth: () => {
        if (client !== undefined && !begun) act(client);
        begun = true;
        return true;
      },
    };
  };

  it('messages without end in place of a login', async () => {
    const { port } = await server(atLogin((client) => pump(client, debug('x'.repeat(900)))));
    const found = await failure(port);
    expect(found).toMatchObject({
      kind: 'unreachable',
      transport: true,
      message: expect.stringMatching(
        isOpenSsh ? /sends without end/ : /login not done within 3 s \(login\)/,
      ),
    });
    expect(JSON.stringify(found).length).toBeLessThan(5000);
  });
  it('banners without end in place of a login', async () => {
    const { port } = await server(atLogin((client) => pump(client, banner('x'.repeat(9000)))));
    const found = await failure(port);
    expect(found).toMatchObject({ kind: 'unreachable', transport: true });
    expect(JSON.stringify(found).length).toBeLessThan(5000);
    expect(stored()).toBeLessThan(1024 * 1024);
  });
  it('messages without end on a connection fill no disk, and commands go on', async () => {
    let client: ssh2.Connection | undefined;
    let over = false;
    const on = await connected({
      onConnection: (made) => {
        client = made;
      },
    });
    if (client === undefined) throw new Error('no client');
    pump(client, debug('x'.repeat(900)), () => over);
    let shrunk = false;
    // The log of ssh, which has each message, is emptied again.
    for (let round = 0, before = 0; round < (isOpenSsh ? 100 : 5) && !shrunk; round++) {
      await sleep(100);
      const now = stored();
      shrunk = before > 4 * 1024 * 1024 && now < before;
      before = now;
    }
    expect(shrunk).toBe(isOpenSsh);
    over = true;
    expect(await on.exec({ script: 'echo still', become: false, timeout: 20 })).toMatchObject({
      value: { stdout: 'still\n' },
    });
    expect(stored()).toBeLessThan(1024 * 1024);
  }, 30_000);
  it.each<[string, Parameters<typeof atLogin>[0], RegExp]>([
    ['hangs up', (client) => client.end(), /lost during login|hung up during login/],
    [
      'says why it hangs up',
      (client) => send(client, disconnect('go away')),
      /hung up during login: .*go away|lost during login/,
    ],
    ['sends a broken packet', (client) => send(client, Buffer.from([53, 255])), /login/],
  ])('a server that %s during the login', async (_what, act, message) => {
    const { port } = await server(atLogin(act));
    const found = await failure(port);
    expect(found).toMatchObject({ kind: 'unreachable', transport: true });
    expect(found.message).toMatch(message);
  });
  it('what a server says has no control characters', async () => {
    const preface = await startTcp((socket) =>
      socket.end(Buffer.from(`${evil}\r\nSSH-2.0-${evil}\r\n`, 'latin1')),
    );
    cleanups.push(preface.close);
    const ways = [
      preface,
      await server(atLogin((client) => send(client, disconnect(evil)))),
      await server({
        banner: evil,
        onAuth: (context) => {
          context.reject([`password,${evil}` as never]);
          return true;
        },
      }),
    ];
    for (const { port } of ways) {
      const found = await failure(port);
      expect(['unreachable', 'auth']).toContain(found.kind);
      expect(JSON.stringify(found)).not.toMatch(control);
    }
  });
  it.each(['stdout', 'stderr'] as const)(
    'output without end on %s before a command began',
    async (stream) => {
      const on = await connected({
        onExec: (channel) => {
          const to = stream === 'stdout' ? channel : channel.stderr;
          const more = () => {
            while (to.write(Buffer.alloc(32 * 1024, 'x')));
            to.once('drain', more);
          };
          more();
        },
      });
      expect(await on.exec({ script: 'true', become: false, timeout: 20 })).toMatchObject({
        ok: false,
        failure: { kind: 'parse', message: expect.stringMatching(/it sends without end/) },
      });
    },
  );
  it('output without end of a command', async () => {
    const on = await connected({});
    expect(
      await on.exec({ script: 'exec cat /dev/zero', become: false, timeout: 60, maxOutput: 1000 }),
    ).toMatchObject({
      ok: false,
      failure: { kind: 'parse', message: expect.stringMatching(/more output came back/) },
    });
  }, 60_000);
  it('a server that opens no session', async () => {
    const on = await connected({ refuses: 'session' });
    expect(await on.exec({ script: 'true', become: false, timeout: 20 })).toMatchObject({
      ok: false,
      failure: { kind: 'unreachable', message: expect.stringMatching(/could not be opened/) },
    });
    expect(on.alive()).toBe(true);
  });
  it(`a server that runs no command${isOpenSsh ? ' (ssh does not report that)' : ''}`, async () => {
    const on = await connected({ refuses: 'exec' });
    expect(await on.exec({ script: 'true', become: false, timeout: 2 })).toMatchObject({
      ok: false,
      failure: { kind: isOpenSsh ? 'timeout' : 'unreachable' },
    });
    expect(on.alive()).toBe(true);
  });
});
