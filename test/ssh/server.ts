// An SSH server within this process for tests: runs commands with a real sh, and misbehaves on
// request.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import ssh2 from 'ssh2';
import { createTransport, type TransportOptions } from '../../src/adapters/ssh/index.ts';
import type { Asker } from '../../src/engine/ports/local.ts';
import type { Target } from '../../src/model/host.ts';
import { secret } from '../../src/model/host.ts';

type KeyType = 'ed25519' | 'rsa' | 'ecdsa';

/**
 * Generates a key. The library's own parser refuses about one in some hundred, so it is generated
 * again.
 */
export function keyPair(
  type: KeyType = 'ed25519',
  passphrase?: string,
): { readonly private: string; readonly public: string } {
  const size = type === 'rsa' ? { bits: 2048 } : type === 'ecdsa' ? { bits: 256 } : {};
  const lock = passphrase === undefined ? {} : { passphrase, cipher: 'aes256-cbc', rounds: 1 };
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync(type as 'ed25519', { ...size, ...lock } as never);
    if (!(ssh2.utils.parseKey(pair.private, passphrase) instanceof Error)) return pair;
  }
}

export interface ServerOptions {
  readonly hostKeys?: readonly string[];
  readonly algorithms?: ssh2.Algorithms;
  readonly password?: string;
  /** Sent before the login, like `Banner` in sshd_config. */
  readonly banner?: string;
  /** Public keys that may log in. */
  readonly publicKeys?: readonly string[];
  /** Replaces the execution of the command. */
  readonly onExec?: (channel: ssh2.ServerChannel, command: string) => void;
  readonly onConnection?: (client: ssh2.Connection) => void;
  readonly onSession?: (session: ssh2.Session) => void;
  readonly onAuth?: (context: ssh2.AuthContext) => boolean;
  /** Refuses forwarding. */
  readonly noForward?: boolean;
  /** Refuses sessions, or the commands in them. */
  readonly refuses?: 'session' | 'exec';
  /** Opens sessions but answers no request in them. */
  readonly noAnswer?: boolean;
}

export interface TestServer {
  readonly port: number;
  readonly hostKey: string;
  /** Number of SSH logins. */
  readonly logins: () => number;
  readonly tcp: () => number;
  readonly methods: readonly string[];
  readonly drop: () => void;
  readonly close: () => Promise<void>;
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const own = keyPair();
  const hostKeys = options.hostKeys ?? [own.private];
  const methods: string[] = [];
  const clients = new Set<ssh2.Connection>();
  let logins = 0;
  let tcp = 0;
  const server = new ssh2.Server(
    {
      hostKeys: [...hostKeys],
      ...(options.algorithms === undefined ? {} : { algorithms: options.algorithms }),
      ...(options.banner === undefined ? {} : { banner: options.banner }),
    },
    (client) => {
      tcp++;
      clients.add(client);
      options.onConnection?.(client);
      client.on('error', () => undefined).on('close', () => clients.delete(client));
      client.on('authentication', (context) => {
        methods.push(context.method);
        if (options.onAuth?.(context) === true) return;
        if (context.method === 'password' && context.password === (options.password ?? 'right'))
          return context.accept();
        if (context.method === 'publickey' && isKnown(context.key.data, options.publicKeys))
          return context.accept();
        context.reject(['publickey', 'password', 'keyboard-interactive']);
      });
      client.on('ready', () => {
        logins++;
        // Without a listener the library says "administratively prohibited", as sshd does without
        // AllowTcpForwarding.
        if (options.noForward !== true)
          client.on('tcpip', (accept, _reject, info) => {
            const channel = accept();
            const socket = connect(info.destPort, info.destIP);
            socket.on('error', () => channel.close());
            socket.pipe(channel).pipe(socket);
          });
        client.on('request', (_accept, reject) => reject?.());
        client.on('session', (accept, reject) => {
          if (options.refuses === 'session') return reject();
          const session = accept();
          options.onSession?.(session);
          session.on('pty', (take) => take?.());
          if (options.noAnswer === true) return void session.on('exec', () => undefined);
          session.on('exec', (take, refuse, { command }) => {
            if (options.refuses === 'exec') return refuse?.();
            const channel = take();
            channel.on('error', () => undefined);
            if (options.onExec === undefined) run(channel, command);
            else options.onExec(channel, command);
          });
        });
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const first = ssh2.utils.parseKey(hostKeys[0] ?? '') as ssh2.ParsedKey;
  return {
    port: (server.address() as { port: number }).port,
    hostKey: `${first.type} ${first.getPublicSSH().toString('base64')}`,
    logins: () => logins,
    tcp: () => tcp,
    methods,
    drop: () => {
      for (const client of clients) client.end();
    },
    close: () =>
      new Promise((resolve) => {
        for (const client of clients) client.end();
        server.close(() => resolve());
      }),
  };
}

const isKnown = (data: Buffer, keys: readonly string[] = []): boolean =>
  keys.some((key) => (ssh2.utils.parseKey(key) as ssh2.ParsedKey).getPublicSSH().equals(data));

/** Runs a login shell with one string, as sshd does. */
export function run(channel: ssh2.ServerChannel, command: string, shell = '/bin/sh'): void {
  const child = spawn(shell, ['-c', command], { detached: true, stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  channel.pipe(child.stdin);
  // One write at a time: ssh2 forgets the stderr of a channel whose stdout waits for the window too.
  const closed = once(channel, 'close');
  let sent: Promise<unknown> = Promise.resolve();
  const pass = (from: Readable, to: Writable): void => {
    from.on('data', (chunk: Buffer) => {
      from.pause();
      const write = (): Promise<void> => new Promise((resolve) => to.write(chunk, () => resolve()));
      sent = sent.then(() => Promise.race([write(), closed])).then(() => from.resume());
    });
  };
  pass(child.stdout, channel);
  pass(child.stderr, channel.stderr);
  child.on('close', async (code, signal) => {
    // The end of a channel drops what its window has not let through yet.
    await sent;
    if (signal === null) channel.exit(code ?? 0);
    else channel.exit(signal.slice(3) as never);
    channel.end();
  });
}

/** A TCP server that is not an SSH server. */
export async function startTcp(
  speak: (socket: Socket) => void,
): Promise<{ readonly port: number; readonly close: () => void }> {
  const sockets = new Set<Socket>();
  const server: NetServer = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    speak(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

export const nobody: Asker = {
  attended: false,
  confirm: async () => false,
  secret: async () => '',
};

/** A transport that reads no configuration of this machine. */
export const transportFor = (home: string, more: Partial<TransportOptions> = {}) =>
  createTransport({
    asker: nobody,
    home,
    env: {},
    warn: () => undefined,
    globalKnownHosts: [],
    systemConfigFile: '',
    ...more,
  });

/** A target that logs in with the password `right`, without host key checking. */
export const targetAt = (port: number, more: Partial<Target> = {}): Target => ({
  name: 'node-a',
  address: '127.0.0.1',
  port,
  user: 'ops',
  password: secret('right'),
  hostKeyChecking: 'no',
  legacyCrypto: false,
  connectTimeout: 5,
  ...more,
});
