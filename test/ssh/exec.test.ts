// Commands on a connection: input, output, time limits, and hosts that disappear during a command.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerChannel } from 'ssh2';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Connection, ExecRequest } from '../../src/engine/ports/transport.ts';
import { buildProbe, checkWants } from '../../src/facts/index.ts';
import type { FactWant } from '../../src/model/fact.ts';
import { type Become, secret, type Target } from '../../src/model/host.ts';
import {
  run,
  type ServerOptions,
  startServer,
  startTcp,
  targetAt,
  transportFor,
} from './server.ts';

let home = '';
/** What all tests are done with: kmend's own client, and that of OpenSSH. */
let chosen: Partial<Target> = {};
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-exec-'));
});
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
  rmSync(home, { recursive: true, force: true });
});

async function connection(
  options: ServerOptions = {},
  more: Partial<Target> = {},
  transportMore: Parameters<typeof transportFor>[1] = {},
) {
  const server = await startServer(options);
  const via = transportFor(home, transportMore);
  cleanups.push(server.close, via.close);
  const result = await via.connect(at(server.port, more));
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return { server, connection: result.value };
}
/** A target of the transport that is tested. */
const at = (port: number, more: Partial<Target> = {}): Target =>
  targetAt(port, { ...chosen, knownHostsFiles: [join(home, 'known_hosts')], ...more });
const exec = (on: Connection, script: string, more: Partial<ExecRequest> = {}) =>
  on.exec({ script, become: false, timeout: 10, ...more });
async function value(on: Connection, script: string, more: Partial<ExecRequest> = {}) {
  const result = await exec(on, script, more);
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}

/** A command that waits until the test has written the file of this name. */
const untilFile = (name: string): string => `until [ -e ${home}/${name} ]; do sleep 0.05; done`;

describe.each<[string, Partial<Target>]>([
  ['kmend itself', {}],
  ['OpenSSH', { transport: 'openssh' }],
])('commands over %s', (_transport, kind) => {
  beforeEach(() => {
    chosen = kind;
  });
  describe('input', () => {
    it('input is sent only after the script has started, and ends', async () => {
      let early = 0;
      const onExec = (channel: ServerChannel, command: string): void => {
        // Whatever comes in the first 200 ms came before the script could begin.
        const count = (chunk: Buffer): void => {
          early += chunk.length;
        };
        channel.on('data', count);
        setTimeout(() => {
          channel.off('data', count);
          run(channel, command);
        }, 200);
      };
      const { connection: on } = await connection({ onExec });
      expect(await value(on, 'cat', { stdin: 'secret words é\n' })).toMatchObject({
        stdout: 'secret words é\n',
        code: 0,
      });
      expect(early).toBe(0);
    });
    it('a megabyte of input exceeds the window of the channel', async () => {
      const { connection: on } = await connection();
      const stdin = 'x'.repeat(3 * 1024 * 1024);
      expect(await value(on, 'wc -c', { stdin })).toMatchObject({
        stdout: expect.stringMatching(/3145728/),
      });
    });
    it('a script that does not read its input is no error', async () => {
      const { connection: on } = await connection();
      expect(await value(on, 'exit 4', { stdin: 'x'.repeat(100_000) })).toMatchObject({ code: 4 });
    });
    it('a stream is sent no faster than the script reads it', async () => {
      const { connection: on } = await connection();
      let given = 0;
      async function* input(): AsyncGenerator<Uint8Array> {
        for (; given < 64; given++) yield Buffer.alloc(256 * 1024, given);
      }
      const outcome = value(on, `${untilFile('read')}; cksum`, { input });
      for (let before = -1; given === 0 || given > before; await sleep(100)) before = given;
      // What is under way: the window of the channel (2 MiB), a pipe, and what waits on both sides.
      expect(given).toBeLessThan(40);
      writeFileSync(join(home, 'read'), '');
      const all = Buffer.concat(
        Array.from({ length: 64 }, (_, index) => Buffer.alloc(256 * 1024, index)),
      );
      expect((await outcome).stdout).toBe(execFileSync('cksum', { input: all, encoding: 'utf8' }));
    });
    it('a stream is abandoned and closed when the script stops reading', async () => {
      const { connection: on } = await connection();
      let closed = false;
      async function* input(): AsyncGenerator<Uint8Array> {
        try {
          for (;;) yield Buffer.alloc(256 * 1024);
        } finally {
          closed = true;
        }
      }
      expect(await value(on, 'head -c 10 > /dev/null; exit 4', { input })).toMatchObject({
        code: 4,
      });
      await sleep(50);
      expect(closed).toBe(true);
    });
    it('a stream that cannot be read ends the script', async () => {
      const { connection: on } = await connection();
      // biome-ignore lint/correctness/useYield: it fails before its first piece
      async function* input(): AsyncGenerator<Uint8Array> {
        throw new Error('EIO: i/o error');
      }
      expect(await exec(on, 'cat; sleep 60', { input })).toMatchObject({
        ok: false,
        failure: { kind: 'exit', message: expect.stringMatching(/cannot be read: EIO/) },
      });
    });
    it('a long script that arrives incomplete does not run, and is a failure', async () => {
      const script = `: > ${home}/begun\n# ${'x'.repeat(50_000)}\n: > ${home}/ended`;
      const onExec = (channel: ServerChannel, command: string): void => {
        const child = spawn('/bin/sh', ['-c', command]);
        child.stdout.pipe(channel, { end: false });
        child.stderr.pipe(channel.stderr, { end: false });
        channel.once('data', (chunk: Buffer) => child.stdin.end(chunk.subarray(0, 20_000)));
        child.on('close', (code) => {
          channel.exit(code ?? 0);
          channel.end();
        });
      };
      const { connection: on } = await connection({ onExec });
      expect(await exec(on, script)).toMatchObject({
        ok: false,
        failure: {
          kind: 'exit',
          message: expect.stringMatching(/before the script began$/),
          detail: 'the script arrived cut',
        },
      });
      expect(readdirSync(home)).not.toContain('begun');
    });
    it('a script of 300 KiB works', async () => {
      const { connection: on } = await connection();
      expect(
        await value(on, `: '${'y'.repeat(300_000)}'\ncat; exit 5`, { stdin: 'in' }),
      ).toMatchObject({ code: 5, stdout: 'in' });
    });
  });

  describe('the length of a command', () => {
    const names = ['docker-ce', 'docker-ce-cli', 'containerd.io', 'kubelet', 'kernel'];
    const most: readonly FactWant[] = [
      { area: 'kernels' },
      ...checkWants,
      ...names.map((name): FactWant => ({ area: 'package', args: { name } })),
      { area: 'service', args: { name: 'docker' } },
    ];
    it.each<[string, Become | undefined]>([
      ['as the login user', undefined],
      ['behind sudo', { method: 'sudo', user: 'root' }],
      ['behind sudo with a password', { method: 'sudo', user: 'root', password: secret('pw-1') }],
      ['behind su', { method: 'su', user: 'root', password: secret('pw-1') }],
      ['behind doas', { method: 'doas', user: 'root' }],
    ])('%s: the command of the longest probe is below 8,192 bytes', async (_, become) => {
      const lengths: number[] = [];
      const onExec = (channel: ServerChannel, command: string): void => {
        lengths.push(Buffer.byteLength(command));
        channel.exit(1);
        channel.end();
      };
      const { connection: on } = await connection(
        { onExec },
        become === undefined ? {} : { become },
      );
      for (const more of [{}, { stdin: 'in' }])
        await exec(on, buildProbe(most), { become: true, ...more });
      expect(lengths).toHaveLength(2);
      expect(Math.max(...lengths)).toBeLessThan(8192);
    });
    it('a long script is one command and is sent at once', async () => {
      let commands = 0;
      const onExec = (channel: ServerChannel, command: string): void => {
        commands++;
        // The script comes before anything of it has announced itself.
        channel.once('readable', () => run(channel, command));
      };
      const { connection: on } = await connection({ onExec });
      expect(await value(on, `# ${'x'.repeat(40_000)}\ncat; exit 3`)).toMatchObject({
        code: 3,
        stdout: '',
      });
      expect(commands).toBe(1);
    });
  });

  describe('output', () => {
    it('the output of a login profile is dropped on both streams, also without a newline', async () => {
      const onExec = (channel: ServerChannel, command: string): void =>
        run(channel, `echo Welcome; printf 'no end'; echo oops >&2; ${command}`);
      const { connection: on } = await connection({ onExec });
      expect(await value(on, 'echo out; echo err >&2')).toEqual({
        code: 0,
        stdout: 'out\n',
        stderr: 'err\n',
        truncated: false,
      });
    });
    it('lines arrive while the command runs', async () => {
      const { connection: on } = await connection();
      const seen: string[] = [];
      // The second line is written only after the first has come.
      const result = await value(on, `echo one; ${untilFile('one')}; printf two`, {
        onLine: (line) => {
          seen.push(line);
          writeFileSync(join(home, line), '');
        },
      });
      expect(result.code).toBe(0);
      expect(seen).toEqual(['one', 'two']);
    });
    it('output beyond the limit is dropped, and its head is kept', async () => {
      const { connection: on } = await connection();
      const result = await value(
        on,
        'echo first; head -c 5000000 /dev/zero | tr "\\0" x; echo; echo last >&2',
        { maxOutput: 1000 },
      );
      expect(result).toMatchObject({ truncated: true, code: 0, stderr: 'last\n' });
      expect(result.stdout).toHaveLength(1000);
      expect(result.stdout.startsWith('first\n')).toBe(true);
    });
    it('the result names the signal that ended the command', async () => {
      const { connection: on } = await connection();
      // A shell, which watches the command for OpenSSH, has only the status.
      expect(await value(on, 'kill -TERM $$; sleep 5')).toMatchObject(
        kind.transport === 'openssh' ? { code: 143 } : { code: null, signal: 'SIGTERM' },
      );
    });
    it('several commands run at once on one connection', async () => {
      const { connection: on } = await connection();
      const all = await Promise.all(
        Array.from({ length: 5 }, (_, i) => value(on, `sleep 0.1; echo ${i}`)),
      );
      expect(all.map((one) => one.stdout)).toEqual(['0\n', '1\n', '2\n', '3\n', '4\n']);
    });
  });

  describe('the end of a command', () => {
    const pidFile = (): string => join(home, 'pid');
    const gone = async (): Promise<boolean> => {
      const pid = Number(readFileSync(pidFile(), 'utf8'));
      for (let round = 0; round < 30 && existsSync(`/proc/${pid}`); round++) await sleep(100);
      return !existsSync(`/proc/${pid}`);
    };
    it('a command that takes too long is a timeout, and no longer runs', async () => {
      const { connection: on } = await connection();
      const result = await exec(on, `sleep 60 & echo $! > ${pidFile()}; wait`, { timeout: 1 });
      expect(result).toMatchObject({
        ok: false,
        failure: { kind: 'timeout', message: expect.stringMatching(/longer than 1 s/) },
      });
      expect(result.ok || result.failure.transport).toBeUndefined();
      expect(await gone()).toBe(true);
      expect(await value(on, 'echo still usable')).toMatchObject({ stdout: 'still usable\n' });
    });
    it('a command that ignores TERM is killed', async () => {
      const { connection: on } = await connection();
      await exec(on, `trap '' TERM; echo $$ > ${pidFile()}; while :; do sleep 0.2; done`, {
        timeout: 1,
      });
      expect(await gone()).toBe(true);
    }, 20_000);
    it('an abort signal stops a command at once', async () => {
      const { connection: on } = await connection();
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 300);
      const result = await exec(on, `echo $$ > ${pidFile()}; sleep 60`, { signal: stop.signal });
      expect(result).toMatchObject({ ok: false, failure: { kind: 'interrupted' } });
      expect(await gone()).toBe(true);
      expect(await exec(on, 'true', { signal: AbortSignal.abort() })).toMatchObject({
        ok: false,
        failure: { kind: 'interrupted' },
      });
    });
    it('a server that never answers the request has the same time limit', async () => {
      const { connection: on } = await connection({ noAnswer: true });
      expect(await exec(on, 'true', { timeout: 0.3 })).toMatchObject({
        ok: false,
        failure: { kind: 'timeout' },
      });
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 100);
      expect(await exec(on, 'true', { signal: stop.signal })).toMatchObject({
        ok: false,
        failure: { kind: 'interrupted' },
      });
    });
    it('a connection that is lost during a command is a transport failure', async () => {
      const { server, connection: on } = await connection();
      setTimeout(server.drop, 300);
      expect(await exec(on, 'sleep 5')).toMatchObject({
        ok: false,
        failure: {
          kind: 'unreachable',
          transport: true,
          message: expect.stringMatching(/lost during session/),
        },
      });
      expect(on.alive()).toBe(false);
    });
    it('a server that no longer answers is noticed', async () => {
      // A relay that stops relaying: the TCP connection stays, as with a host that hangs.
      const inner = await startServer();
      const { connect } = await import('node:net');
      let frozen = false;
      const relay = await startTcp((socket) => {
        const other = connect(inner.port, '127.0.0.1');
        other.on('error', () => undefined);
        socket.on('data', (chunk) => frozen || other.write(chunk));
        other.on('data', (chunk) => frozen || socket.write(chunk));
      });
      const via = transportFor(home, { keepalive: { interval: 0.2, count: 3 } });
      cleanups.push(inner.close, relay.close, via.close);
      const result = await via.connect(at(relay.port));
      if (!result.ok) throw new Error(result.failure.message);
      expect(await value(result.value, 'sleep 1.5; echo kept')).toMatchObject({ stdout: 'kept\n' });
      setTimeout(() => {
        frozen = true;
      }, 100);
      const started = Date.now();
      expect(await exec(result.value, 'sleep 30', { timeout: 20 })).toMatchObject({
        ok: false,
        failure: { kind: 'unreachable', transport: true },
      });
      expect(Date.now() - started).toBeLessThan(10_000);
    });
  });

  describe('becoming another user', () => {
    /** Programs of an invented host are first in its path. */
    const withPath = (files: Readonly<Record<string, string>>): ServerOptions => ({
      onExec: (channel, command) => {
        const write = Object.entries(files).map(
          ([name, text]) =>
            `printf '%s' '${text.replaceAll("'", "'\\''")}' > ${home}/${name}; chmod +x ${home}/${name}`,
        );
        run(channel, `${write.join('; ')}; PATH=${home}:$PATH; ${command}`);
      },
    });
    const sudo = { become: { method: 'sudo', user: 'db', password: secret('pw-1') } } as const;

    it('the password is sent only after our own prompt, and never to the script', async () => {
      const script = `#!/bin/sh
printf 'Password:' >&2; sleep 0.3
printf '%s' "$5" >&2; IFS= read -r got; [ "$got" = pw-1 ] || { echo "got $got" >&2; exit 1; }
shift 8; exec "$@"`;
      const { connection: on } = await connection(withPath({ sudo: script }), sudo);
      expect(await value(on, 'cat; echo end', { become: true, stdin: 'mine\n' })).toEqual({
        code: 0,
        stdout: 'mine\nend\n',
        stderr: '',
        truncated: false,
      });
    });
    it('a second question means a wrong password, and does not hang', async () => {
      const script = `#!/bin/sh
while :; do printf '%s' "$5" >&2; IFS= read -r got || exit 1; echo 'Sorry, try again.' >&2; done`;
      const { connection: on } = await connection(withPath({ sudo: script }), sudo);
      expect(await exec(on, 'id', { become: true })).toMatchObject({
        ok: false,
        failure: { kind: 'auth', message: expect.stringMatching(/sudo refused the password/) },
      });
    });
    it.each<[string, string, RegExp]>([
      [
        'asks for a new password and waits',
        'echo "sudo: Account or password is expired, reset your password and try again" >&2; read -r new',
        /new password: that of the login user has expired/,
      ],
      [
        'asks for a new password and ends',
        'echo "sudo: Account or password is expired, reset your password and try again\nsudo: no password was provided\nsudo: unable to change expired password: Authentication token manipulation error\nsudo: a password is required" >&2; exit 1',
        /new password: that of the login user has expired/,
      ],
      [
        'refuses the account',
        'echo "sudo: account validation failure, is your account locked?\nsudo: a password is required" >&2; exit 1',
        /locked, or has expired/,
      ],
    ])(
      'sudo that took the password and %s: its own words are the reason',
      async (_, then, message) => {
        const script = `#!/bin/sh\nprintf '%s' "$5" >&2; IFS= read -r got; ${then}`;
        const { connection: on } = await connection(withPath({ sudo: script }), sudo);
        const began = Date.now();
        const result = await exec(on, 'id', { become: true, timeout: 30 });
        expect(result).toMatchObject({
          ok: false,
          failure: {
            kind: 'auth',
            message: expect.stringMatching(message),
            detail: expect.stringContaining('sudo: '),
          },
        });
        expect(Date.now() - began).toBeLessThan(20_000);
      },
    );
    it('a question in another form fails, and gets no password', async () => {
      const script = `#!/bin/sh
printf 'Token code: ' >&2; read -r got; echo "$got" > ${'$'}{0%/*}/got; exit 1`;
      const { connection: on } = await connection(withPath({ sudo: script }), sudo);
      const result = await exec(on, 'id', { become: true, timeout: 2 });
      expect(result).toMatchObject({
        ok: false,
        failure: {
          kind: 'auth',
          message: expect.stringMatching(/neither asked/),
          detail: expect.stringMatching(/Token code/),
        },
      });
    });
    it('no sudo is used if it is not requested, or for the login user itself', async () => {
      const { connection: on } = await connection(withPath({ sudo: '#!/bin/sh\nexit 9' }), {
        become: { method: 'sudo', user: 'ops' },
      });
      expect(await value(on, 'echo plain', { become: true })).toMatchObject({ stdout: 'plain\n' });
      expect(await value(on, 'echo plain', { become: false })).toMatchObject({ stdout: 'plain\n' });
    });
  });
});

describe('channels of kmend itself', () => {
  beforeEach(() => {
    chosen = {};
  });
  it('a background process that holds the output open does not delay the result', async () => {
    // The server here waits for the end of the output before it sends the status; sshd does not. So
    // the status is sent by hand.
    const { connection: on } = await connection({
      onExec: (channel, command) => {
        const mark = /printf '[^ ]* (kmend-\w+) (-\w+)/.exec(
          command.replaceAll("'\\\\'n'", 'n').replaceAll("'\\''", "'"),
        );
        channel.write(`${mark?.[1]}${mark?.[2]} 1\nanswer\n`);
        channel.exit(0);
      },
    });
    // The channel is never closed; the command itself may take longer than that is waited for.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    cleanups.push(vi.useRealTimers);
    const outcome = value(on, 'x');
    while (vi.getTimerCount() < 2) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(9000);
    expect(await outcome).toMatchObject({ code: 0, stdout: 'answer\n' });
  });
  it('a channel that closes without a status is a transport failure', async () => {
    const { connection: on } = await connection({
      onExec: (channel, command) => {
        run(channel, `${command.replace('exec ', '')} & sleep 0.3`);
        setTimeout(() => channel.close(), 600);
        channel.exit = () => undefined;
      },
    });
    expect(await exec(on, 'echo x')).toMatchObject({
      ok: false,
      failure: {
        kind: 'unreachable',
        transport: true,
        message: expect.stringMatching(/without an exit status/),
      },
    });
  });
});
