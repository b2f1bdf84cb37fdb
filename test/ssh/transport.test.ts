// Both transports, kmend's own client and that of OpenSSH, against a real SSH server in this
// process: logins, host keys, jump hosts and servers that misbehave.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connection, Transport } from '../../src/engine/ports/transport.ts';
import { secret, type Target } from '../../src/model/host.ts';
import {
  keyPair,
  nobody,
  targetAt as plainTargetAt,
  type ServerOptions,
  startServer,
  startTcp,
  transportFor,
} from './server.ts';

let home = '';
/** What all tests are done with: kmend's own client, and that of OpenSSH. */
let chosen: Partial<Target> = {};
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-ssh-'));
  mkdirSync(join(home, '.ssh'));
});
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
  rmSync(home, { recursive: true, force: true });
});

async function server(options: ServerOptions = {}) {
  const made = await startServer(options);
  cleanups.push(made.close);
  return made;
}
async function tcp(speak: Parameters<typeof startTcp>[0]) {
  const made = await startTcp(speak);
  cleanups.push(made.close);
  return made;
}
/** A target of the transport that is tested. */
const targetAt = (port: number, more: Partial<Target> = {}): Target =>
  plainTargetAt(port, { ...chosen, knownHostsFiles: [join(home, 'known_hosts')], ...more });
function transport(more: Parameters<typeof transportFor>[1] = {}): Transport {
  const made = transportFor(home, more);
  cleanups.push(made.close);
  return made;
}
async function connected(target: Target, via = transport()): Promise<Connection> {
  const result = await via.connect(target);
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}
async function failure(target: Target, via = transport(), signal?: AbortSignal) {
  const result = await via.connect(target, signal === undefined ? {} : { signal });
  if (result.ok) throw new Error('it connected');
  return result.failure;
}
const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(home, name);
  writeFileSync(path, text, { mode });
  return path;
};

function rejectAll(context: ssh2.AuthContext): boolean {
  context.reject(['publickey']);
  return true;
}

/** A key that servers of a test may take. */
const known = keyPair();

describe.each<[string, Partial<Target>]>([
  ['kmend itself', {}],
  ['OpenSSH', { transport: 'openssh' }],
])('the transport: %s', (_name, kind) => {
  const isOpenSsh = kind.transport === 'openssh';
  /** What differs by design, of OpenSSH and of kmend itself. */
  const byOpenSsh = <T>(theirs: T, own: T): T => (isOpenSsh ? theirs : own);
  beforeEach(() => {
    chosen = kind;
  });

  describe('logging in', () => {
    it('works by password, and runs a command', async () => {
      const { port } = await server();
      const connection = await connected(targetAt(port));
      expect(
        await connection.exec({
          script: 'echo out; echo err >&2; exit 3',
          become: false,
          timeout: 5,
        }),
      ).toEqual({
        ok: true,
        value: { code: 3, stdout: 'out\n', stderr: 'err\n', truncated: false },
      });
      expect(connection.alive()).toBe(true);
      connection.close();
      expect(connection.alive()).toBe(false);
      expect(await connection.exec({ script: 'true', become: false, timeout: 5 })).toMatchObject({
        ok: false,
        failure: { kind: 'unreachable', transport: true },
      });
    });
    it(byOpenSsh('sends a password once', 'does not try `none` first'), async () => {
      const { port, methods } = await server();
      await connected(targetAt(port));
      // ssh asks for the methods first (RFC 4252, 5.2), and takes the inventory's password for each.
      expect(methods).toEqual(
        byOpenSsh(['none', 'keyboard-interactive', 'password'], ['password']),
      );
    });
    it.each(['ed25519', 'rsa', 'ecdsa'] as const)(
      'by an %s key, named keys before the password',
      async (type) => {
        const key = keyPair(type);
        const { port, methods } = await server({ publicKeys: [key.public] });
        await connected(targetAt(port, { privateKeyFiles: [file('key', key.private)] }));
        expect(new Set(methods)).toEqual(new Set(byOpenSsh(['none', 'publickey'], ['publickey'])));
      },
    );
    it('asks for the passphrase of an encrypted key once per run, also for many hosts at once', async () => {
      const key = keyPair('ed25519', 'open sesame');
      const { port } = await server({ publicKeys: [key.public] });
      let asked = 0;
      const asker = {
        ...nobody,
        attended: true,
        secret: async () => (asked++ === 0 ? 'wrong' : 'open sesame'),
      };
      const via = transport({ asker });
      const { password: _, ...target } = targetAt(port, {
        privateKeyFiles: [file('key', key.private)],
      });
      const results = await Promise.all(Array.from({ length: 8 }, () => via.connect(target)));
      expect(results.every((result) => result.ok)).toBe(true);
      expect(asked).toBe(2);
    });
    it(
      byOpenSsh(
        'fails if no operator can unlock an encrypted key (ssh reads it when the server takes it)',
        'fails before any connection if no operator can unlock an encrypted key',
      ),
      async () => {
        const key = keyPair('ed25519', 'x');
        const { port, tcp: count } = await server({ publicKeys: [key.public] });
        const path = file('key', key.private);
        const { password: _, ...target } = targetAt(port, { privateKeyFiles: [path] });
        expect(await failure(target)).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(
            `${path}.*${byOpenSsh('encrypted, and not unlocked', 'encrypted and no operator can be asked')}`,
          ),
        });
        expect(count()).toBe(byOpenSsh(1, 0));
      },
    );
    it.each([
      ['missing', undefined, 0o600, /does not exist/, /nothing \(No such file or directory\)/],
      [
        'readable by others',
        known.private,
        0o644,
        /others may read it \(mode 0644\); chmod 600/,
        /key ED25519 \(bad permissions\)/,
      ],
      ['no key at all', 'hello', 0o600, /cannot be used/, /key \((?:error in|invalid format)/],
      ['only a public key', known.public, 0o600, /holds no private key/, /\((?:error in|invalid)/],
    ])('names a key file that is %s', async (_what, text, mode, own, theirs) => {
      const { port } = await server({ publicKeys: [known.public] });
      const path = text === undefined ? join(home, 'nothing') : file('key', text, mode);
      const target = targetAt(port, { privateKeyFiles: [path] });
      const { password: _, ...without } = target;
      // kmend itself refuses the host even where there is a password; ssh goes on to the next method.
      expect(await failure(byOpenSsh(without, target))).toMatchObject({
        kind: 'auth',
        message: expect.stringMatching(byOpenSsh(theirs, own)),
      });
    });
    it('names all attempts and what the server accepts when it is refused', async () => {
      const { port } = await server({ onAuth: (context) => rejectAll(context) });
      const key = keyPair();
      const found = await failure(
        targetAt(port, {
          privateKeyFiles: [file('key', key.private)],
          password: secret('nope-nope'),
        }),
      );
      expect(found).toMatchObject({
        kind: 'auth',
        message: expect.stringMatching(
          /login refused: tried .*key.*; the server takes only publickey/,
        ),
      });
      expect(found.transport).toBeUndefined();
      expect(JSON.stringify(found)).not.toContain('nope-nope');
    });
    it('fails without anything to log in with', async () => {
      // The keys of the account, which only ssh reads.
      writeFileSync(join(home, '.ssh/config'), 'IdentityFile none\n');
      const { port, tcp: count } = await server();
      const { password: _, ...target } = targetAt(port);
      expect(await failure(target)).toMatchObject({
        kind: 'auth',
        message: expect.stringMatching(
          byOpenSsh(/tried nothing; the server/, /nothing to log in with/),
        ),
      });
      expect(count()).toBe(byOpenSsh(1, 0));
    });
    it('answers one hidden question of keyboard-interactive, and no second one', async () => {
      const answers: string[][] = [];
      const { port } = await server({
        onAuth: (context) => {
          if (context.method !== 'keyboard-interactive') return false;
          context.prompt([{ prompt: 'Password: ', echo: false }], 'PAM', '', (first) => {
            answers.push([...first]);
            context.prompt([{ prompt: 'New password: ', echo: false }], 'PAM', '', (second) => {
              answers.push([...second]);
              context.reject();
            });
          });
          return true;
        },
      });
      await failure(targetAt(port, { password: secret('old-one') }));
      expect(answers).toEqual([['old-one'], ['']]);
    });
    it('with two factors uses a key, then the password that was refused before it', async () => {
      const key = keyPair();
      let stage = 0;
      const { port } = await server({
        onAuth: (context) => {
          if (context.method === 'publickey' && stage === 0) {
            if (context.signature === undefined) context.accept();
            else {
              stage = 1;
              context.reject(['password'], true);
            }
          } else if (context.method === 'password' && stage === 1) context.accept();
          else context.reject([stage === 0 ? 'publickey' : 'password']);
          return true;
        },
      });
      await connected(targetAt(port, { privateKeyFiles: [file('key', key.private)] }));
      expect(stage).toBe(1);
    });
  });

  describe('host keys', () => {
    const strict = (port: number, knownHosts: string, more: Partial<Target> = {}) =>
      targetAt(port, { hostKeyChecking: 'yes', knownHostsFiles: [knownHosts], ...more });

    it('a known key is accepted; the types of known keys are offered first', async () => {
      const keys = [keyPair('ed25519'), keyPair('ecdsa'), keyPair('rsa')];
      const { port } = await server({ hostKeys: keys.map((key) => key.private) });
      for (const key of keys) {
        const parsed = ssh2.utils.parseKey(key.public) as ssh2.ParsedKey;
        const known = file(
          'kh',
          `[127.0.0.1]:${port} ${parsed.type} ${parsed.getPublicSSH().toString('base64')}\n`,
        );
        await connected(strict(port, known));
      }
    });
    it('an unknown key is refused, and the command in the hint (ssh shows no key, so it has none) accepts exactly this key', async () => {
      const { port } = await server();
      const known = join(home, 'kh');
      const found = await failure(strict(port, known));
      expect(found).toMatchObject({
        kind: 'host_key',
        message: expect.stringMatching(/ed25519 host key is not known: SHA256:[A-Za-z0-9+/]{43}$/),
      });
      expect(found.transport).toBeUndefined();
      if (isOpenSsh) return void expect(found.hint).toContain('log in once with ssh');
      const command = /to accept it: (echo .*)$/.exec(found.hint ?? '')?.[1] ?? 'false';
      const { execSync } = await import('node:child_process');
      execSync(command);
      await connected(strict(port, known));
    });
    it('a changed key is refused with both fingerprints (of ssh: the new one) and the line', async () => {
      const { port } = await server();
      const other = ssh2.utils.parseKey(keyPair().public) as ssh2.ParsedKey;
      const known = file(
        'kh',
        `# mine\n[127.0.0.1]:${port} ssh-ed25519 ${other.getPublicSSH().toString('base64')}\n`,
      );
      for (const hostKeyChecking of ['yes', 'accept-new'] as const) {
        const found = await failure(strict(port, known, { hostKeyChecking }));
        expect(found.kind).toBe('host_key');
        expect(found.message).toMatch(
          byOpenSsh(
            /CHANGED: it shows ed25519 SHA256:\S+, known is another \(.*kh:2\)$/,
            /CHANGED: it shows ed25519 SHA256:\S+, known is ed25519 SHA256:\S+ \(.*kh:2\)$/,
          ),
        );
        expect(found.hint).toContain(`ssh-keygen -R '[127.0.0.1]:${port}' -f ${known}`);
        expect(found.transport).toBeUndefined();
      }
    });
    it('accept-new adds a key once, also for concurrent connections, after a line without a newline', async () => {
      const { port, hostKey } = await server();
      const known = file('kh', 'other ssh-ed25519 AAAA');
      const via = transport();
      await Promise.all(
        Array.from({ length: 6 }, () =>
          connected(strict(port, known, { hostKeyChecking: 'accept-new' }), via),
        ),
      );
      expect(readFileSync(known, 'utf8')).toBe(
        `other ssh-ed25519 AAAA\n[127.0.0.1]:${port} ${hostKey}\n`,
      );
      await connected(strict(port, known));
    });
    it('accept-new with HashKnownHosts adds a hashed name that is found again', async () => {
      const { port } = await server();
      writeFileSync(join(home, '.ssh/config'), 'HashKnownHosts yes\n');
      // ssh makes no folder but ~/.ssh.
      const known = join(home, byOpenSsh('kh', 'deep/er/kh'));
      await connected(strict(port, known, { hostKeyChecking: 'accept-new' }));
      expect(readFileSync(known, 'utf8')).toMatch(/^\|1\|/);
      await connected(strict(port, known));
    });
    it('a file that was corrected during the run is read again', async () => {
      const { port, hostKey } = await server();
      const known = file('kh', '');
      const via = transport();
      await failure(strict(port, known), via);
      writeFileSync(known, `[127.0.0.1]:${port} ${hostKey}\n`);
      await connected(strict(port, known), via);
    });
    it('`no` accepts a changed key with a warning, but sends no password', async () => {
      const key = keyPair();
      const { port, methods } = await server({ publicKeys: [key.public] });
      const other = ssh2.utils.parseKey(keyPair().public) as ssh2.ParsedKey;
      const known = file(
        'kh',
        `[127.0.0.1]:${port} ssh-ed25519 ${other.getPublicSSH().toString('base64')}\n`,
      );
      const warnings: string[] = [];
      const via = transport({ warn: (text) => warnings.push(text) });
      await failure(strict(port, known, { hostKeyChecking: 'no' }), via);
      expect(methods).not.toContain('password');
      const become = { method: 'sudo', user: 'root', password: secret('x') } as const;
      const connection = await connected(
        strict(port, known, {
          hostKeyChecking: 'no',
          privateKeyFiles: [file('key', key.private)],
          become,
        }),
        via,
      );
      expect(await connection.exec({ script: 'id', become: true, timeout: 5 })).toMatchObject({
        ok: false,
        failure: { kind: 'host_key' },
      });
      expect(warnings).toHaveLength(1);
    });
    it('`no` adds an unknown key and reports it, so that a change is noticed; a file that cannot be written is no failure', async () => {
      const { port, hostKey } = await server();
      const known = join(home, 'new');
      const warnings: string[] = [];
      const via = transport({ warn: (text) => warnings.push(text) });
      await connected(strict(port, known, { hostKeyChecking: 'no' }), via);
      await connected(strict(port, known, { hostKeyChecking: 'no' }), via);
      expect(readFileSync(known, 'utf8')).toBe(`[127.0.0.1]:${port} ${hostKey}\n`);
      const said = (end: string) =>
        expect.stringMatching(
          new RegExp(`checking is off, .*ed25519 host key is trusted: SHA256:.*, ${end}$`),
        );
      expect(warnings).toEqual([said(`added to ${known}`)]);
      await connected(strict(port, join(home, 'new', 'below'), { hostKeyChecking: 'no' }), via);
      expect(warnings).toEqual([
        said(`added to ${known}`),
        said(byOpenSsh('not added', 'not added \\(E[A-Z]+\\)')),
      ]);
    });
    it('a revoked key is refused even without checking; a certificate authority is not enough for a plain key', async () => {
      const { port, hostKey } = await server();
      expect(
        await failure(
          strict(port, file('kh', `@revoked * ${hostKey}\n`), { hostKeyChecking: 'no' }),
        ),
      ).toMatchObject({
        kind: 'host_key',
        message: expect.stringMatching(
          byOpenSsh(/a host key that is revoked: ed25519/, /kh:1 revokes/),
        ),
      });
      expect(
        await failure(strict(port, file('kh2', `@cert-authority * ${hostKey}\n`))),
      ).toMatchObject({
        kind: 'host_key',
        message: expect.stringMatching(byOpenSsh(/host key is not known/, /certificate/)),
      });
    });
  });

  describe('servers that misbehave', () => {
    it('a server gets no agent and cannot open a channel', async () => {
      const clients: ssh2.Connection[] = [];
      const asked: string[] = [];
      const { port } = await server({
        onConnection: (client) => clients.push(client),
        onSession: (session) => {
          for (const request of ['auth-agent', 'x11', 'subsystem', 'shell'] as const)
            session.on(request as 'shell', (accept) => {
              asked.push(request);
              accept?.();
            });
        },
      });
      const connection = await connected(targetAt(port, { password: secret('right') }));
      const running = connection.exec({ script: 'sleep 1', become: false, timeout: 5 });
      await sleep(500);
      const [client] = clients;
      const opened = await Promise.all([
        new Promise<unknown>((resolve) =>
          client?.forwardOut('127.0.0.1', port, '127.0.0.1', 1, resolve),
        ),
        new Promise<unknown>((resolve) => client?.x11('127.0.0.1', 1, resolve)),
        new Promise<unknown>((resolve) =>
          client?.openssh_forwardOutStreamLocal('/tmp/.agent', resolve),
        ),
      ]);
      expect([opened.map((error) => error instanceof Error), asked]).toEqual([
        [true, true, true],
        [],
      ]);
      expect(await running).toMatchObject({ ok: true });
    });

    const quick = (port: number): Target => targetAt(port, { connectTimeout: 1 });
    it.each<[string, Parameters<typeof startTcp>[0], RegExp]>([
      ['accepts and says nothing', () => undefined, /no SSH banner within 1 s/],
      [
        'sends garbage without end',
        (socket) => void setInterval(() => socket.write('x'.repeat(9000)), 5).unref(),
        /not an SSH server|without end/,
      ],
      [
        'sends lines without end',
        (socket) => void setInterval(() => socket.write('hello\n'.repeat(2000)), 5).unref(),
        /not an SSH server|without end/,
      ],
      [
        'drips a banner that never ends',
        (socket) => void setInterval(() => socket.write('S'), 50).unref(),
        /no SSH banner within 1 s/,
      ],
      [
        'is a web server',
        (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
        /lost before handshake/,
      ],
      ['sheds load', (socket) => socket.end('Exceeded MaxStartups\r\n'), /lost before handshake/],
      ['hangs up at once', (socket) => socket.destroy(), /lost before handshake|reset/],
      [
        'resets in the key exchange',
        (socket) =>
          socket.write('SSH-2.0-x\r\n', () => setTimeout(() => socket.resetAndDestroy(), 50)),
        /reset during key exchange|lost during key exchange/,
      ],
      [
        'stops after the banner',
        (socket) => socket.write('SSH-2.0-x\r\n'),
        /login not done within 3 s \(key exchange\)/,
      ],
      ['sends a broken banner', (socket) => socket.write('SSH-9.9-x\r\n'), /banner is broken/],
      [
        'sends rubbish after the banner',
        (socket) => socket.write(`SSH-2.0-x\r\n${'\xff'.repeat(64)}`),
        /key exchange failed/,
      ],
    ])('%s', async (_what, speak, message) => {
      const { port } = await tcp(speak);
      const found = await failure(quick(port));
      expect(found).toMatchObject({ kind: 'unreachable', transport: true });
      expect(found.message).toMatch(message);
    });
    it('the text before the banner is reported', async () => {
      const { port } = await tcp((socket) => socket.end('Exceeded MaxStartups\r\n'));
      expect((await failure(quick(port))).detail).toBe('the server said: Exceeded MaxStartups');
    });
    it.each([30_000, 100_000, 250_000])('a banner of %i bytes is accepted', async (size) => {
      const { port } = await server({ banner: 'Keep out. '.repeat(size / 10) });
      const connection = await connected(targetAt(port));
      const script = 'cat';
      const stdin = 'x'.repeat(200_000);
      expect(await connection.exec({ script, stdin, become: false, timeout: 20 })).toMatchObject({
        value: { stdout: stdin },
      });
    });
    it.each([
      ['longer than 256 KiB', 'Keep out. '.repeat(30_000), ['aes128-gcm@openssh.com']],
      ['long, without AES-GCM', 'Keep out. '.repeat(25_000), ['aes128-ctr']],
    ])('a banner that is %s is reported', async (what, banner, cipher) => {
      const { port } = await server({ banner, algorithms: { cipher: cipher as never } });
      // A limit of kmend's own client only.
      if (isOpenSsh && what === 'long, without AES-GCM')
        return void (await connected(targetAt(port)));
      const found = await failure(targetAt(port));
      expect(found).toMatchObject({
        kind: 'unreachable',
        message: expect.stringMatching(/a packet that is too long/),
      });
      expect(found.hint).toContain('Banner in its sshd_config');
    });
    it('a closed port and an unknown name are reported', async () => {
      const { port, close } = await startTcp(() => undefined);
      close();
      expect(await failure(quick(port))).toMatchObject({
        kind: 'unreachable',
        transport: true,
        message: expect.stringMatching(/refused/),
      });
      expect((await failure(targetAt(22, { address: 'no-such-host.invalid' }))).kind).toBe(
        'unreachable',
      );
    });
    it('a server with old algorithms only is reported, and legacy_crypto allows it', async () => {
      const rsa = keyPair('rsa');
      const { port } = await server({
        hostKeys: [rsa.private],
        algorithms: { kex: ['diffie-hellman-group14-sha1'], serverHostKey: ['ssh-rsa'] },
      });
      expect(await failure(targetAt(port))).toMatchObject({
        kind: 'unreachable',
        hint: expect.stringMatching(/legacy_crypto/),
      });
      await connected(targetAt(port, { legacyCrypto: true }));
    });
    it('a server that answers no login in time is reported', async () => {
      const { port } = await server({ onAuth: () => true });
      expect(await failure(quick(port))).toMatchObject({
        kind: 'unreachable',
        transport: true,
        message: expect.stringMatching(/login not done within 3 s \(login\)/),
      });
    });
    it('a stop takes effect at once at every stage', async () => {
      const stages = [
        await tcp(() => undefined),
        await tcp((socket) => socket.write('SSH-2.0-x\r\n')),
        await server({ onAuth: () => true }),
      ];
      for (const { port } of stages) {
        const started = Date.now();
        const stop = new AbortController();
        setTimeout(() => stop.abort(), 100);
        expect(await failure(targetAt(port), transport(), stop.signal)).toMatchObject({
          kind: 'interrupted',
        });
        expect(Date.now() - started).toBeLessThan(1000);
      }
      expect(await failure(targetAt(1), transport(), AbortSignal.abort())).toMatchObject({
        kind: 'interrupted',
      });
    });
    it('the limit of handshakes is kept, and a waiting host can leave', async () => {
      let now = 0;
      let most = 0;
      const { port } = await server({
        onConnection: (client) => {
          most = Math.max(most, ++now);
          client.once('ready', () => now--);
        },
      });
      const via = transport({ handshakes: 2 });
      const stop = new AbortController();
      const all = Array.from({ length: 8 }, (_, i) =>
        via.connect(targetAt(port), i === 7 ? { signal: stop.signal } : {}),
      );
      stop.abort();
      const results = await Promise.all(all);
      expect(results.map((result) => result.ok)).toEqual([
        true,
        true,
        true,
        true,
        true,
        true,
        true,
        false,
      ]);
      expect(most).toBeLessThanOrEqual(2);
    });
  });

  describe('jump hosts', () => {
    /** The options of a target are not those of its jump host: for ssh they are in its file. */
    const gate = (lines: readonly string[], checking = 'no'): void => {
      const more = [
        `UserKnownHostsFile ${join(home, 'gates')}`,
        `StrictHostKeyChecking ${checking}`,
      ];
      const all = [...lines, ...(isOpenSsh ? more : [])];
      writeFileSync(join(home, '.ssh/config'), `${all.join('\n')}\n`);
    };
    /** A key file of a target, and of the jump host. */
    const gateKey = (key: { readonly private: string }, checking?: string): string => {
      const path = file('key', key.private);
      gate(isOpenSsh ? [`IdentityFile ${path}`] : [], checking);
      return path;
    };

    it(`${byOpenSsh('each host has a connection to its jump host', 'one connection serves all hosts behind a jump host')}, and it is opened again after a loss`, async () => {
      const key = keyPair();
      const jump = await server({ publicKeys: [key.public] });
      const { port } = await server();
      const identity = file('gate', key.private);
      gate(['Host gate', 'HostName 127.0.0.1', `Port ${jump.port}`, `IdentityFile ${identity}`]);
      const via = transport();
      const target = targetAt(port, { jump: 'gate' });
      const connections = await Promise.all(
        Array.from({ length: 5 }, () => connected(target, via)),
      );
      expect(
        await connections[0]?.exec({ script: 'echo through', become: false, timeout: 5 }),
      ).toMatchObject({
        ok: true,
        value: { stdout: 'through\n' },
      });
      expect(jump.logins()).toBe(byOpenSsh(5, 1));
      jump.drop();
      await sleep(200);
      expect(connections.map((connection) => connection.alive())).toEqual([
        false,
        false,
        false,
        false,
        false,
      ]);
      await connected(target, via);
      expect(jump.logins()).toBe(byOpenSsh(6, 2));
    });
    it('a connection reports its address; behind a jump host none is known', async () => {
      const key = keyPair();
      const jump = await server({ publicKeys: [key.public] });
      const { port } = await server();
      const direct = await connected(targetAt(port, { address: 'localhost' }));
      expect(direct.dialled?.[0]).toBe('localhost');
      expect(['127.0.0.1', '::1']).toContain(direct.dialled?.[1]);
      const behind = await connected(
        targetAt(port, {
          address: 'localhost',
          jump: `127.0.0.1:${jump.port}`,
          privateKeyFiles: [gateKey(key)],
        }),
      );
      expect(behind.dialled).toEqual(['localhost']);
    });
    it('a chain of two jump hosts works', async () => {
      const key = keyPair();
      const one = await server({ publicKeys: [key.public] });
      const two = await server({ publicKeys: [key.public] });
      const { port } = await server();
      const via = transport();
      await connected(
        targetAt(port, {
          jump: `a@127.0.0.1:${one.port},b@127.0.0.1:${two.port}`,
          privateKeyFiles: [gateKey(key)],
        }),
        via,
      );
      expect([one.logins(), two.logins()]).toEqual([1, 1]);
    });
    it('the host key of a jump host is checked, and the failure names the jump host', async () => {
      const jump = await server();
      const found = await failure(
        targetAt(1, {
          jump: `127.0.0.1:${jump.port}`,
          hostKeyChecking: 'yes',
          knownHostsFiles: [join(home, 'kh')],
          privateKeyFiles: [gateKey(keyPair(), 'yes')],
        }),
      );
      expect(found).toMatchObject({
        kind: 'host_key',
        message: expect.stringMatching(
          byOpenSsh(/^jump host .*No ED25519 host key is known/, /^jump host .*not known/),
        ),
      });
    });
    it.each([
      [true, /forbids the channel/],
      [false, /lost before handshake|lost|could not be opened/],
    ])('a jump host that refuses to forward (forbidden: %s)', async (noForward, message) => {
      const key = keyPair();
      const jump = await server({ publicKeys: [key.public], noForward });
      const dead = await startTcp(() => undefined);
      dead.close();
      const found = await failure(
        targetAt(dead.port, {
          jump: `root@127.0.0.1:${jump.port}`,
          privateKeyFiles: [gateKey(key)],
          connectTimeout: 1,
        }),
      );
      expect(found.kind).toBe('unreachable');
      expect(found.transport === true).toBe(!noForward);
      expect(found.message).toMatch(message);
    });
    it('a jump host that is down fails all hosts behind it with one attempt', async () => {
      const dead = await tcp((socket) => socket.destroy());
      const via = transport();
      const target = targetAt(1, {
        jump: `127.0.0.1:${dead.port}`,
        privateKeyFiles: [gateKey(keyPair())],
      });
      const all = await Promise.all([failure(target, via), failure(target, via)]);
      expect(all).toMatchObject([
        { kind: 'unreachable', transport: true },
        { kind: 'unreachable', transport: true },
      ]);
      expect(all[0]?.message).toMatch(/^jump host /);
    });
    it(
      byOpenSsh(
        'a jump host that accepts nothing but a password fails (its ssh asks nothing), and the operator is not asked',
        'the operator is asked for the password of a jump host that accepts nothing else',
      ),
      async () => {
        const jump = await server({ password: 'gate-pw' });
        const { port } = await server();
        const asked: string[] = [];
        const asker = {
          ...nobody,
          attended: true,
          secret: async (prompt: string) => (asked.push(prompt) > 0 ? 'gate-pw' : ''),
        };
        gate([]);
        const target = targetAt(port, { jump: `me@127.0.0.1:${jump.port}` });
        const result = await transport({ asker }).connect(target);
        expect(asked).toEqual(byOpenSsh([], ['Password for me@127.0.0.1: ']));
        if (!isOpenSsh) return void expect(result.ok).toBe(true);
        expect(result).toMatchObject({
          failure: {
            kind: 'auth',
            message: expect.stringMatching(/^jump host me@.*Permission denied/),
          },
        });
      },
    );
  });

  it('the transport reads and loads nothing before the first connection', async () => {
    const { port } = await server();
    writeFileSync(join(home, '.ssh/config'), 'Host "broken\n');
    const via = transport();
    expect(await failure(targetAt(port), via)).toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(byOpenSsh(/config line 1: /, /config:1 cannot be read/)),
    });
    writeFileSync(join(home, '.ssh/config'), '');
    await connected(targetAt(port), via);
  });
});
