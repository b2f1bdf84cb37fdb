// `ProxyCommand`: what it means for a route, and a connection over the stdin and stdout of a command
// that works, fails, hangs, floods or leaves children.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { expandProxy, jumpIn } from '../../src/adapters/ssh/config/proxy-command.ts';
import type { Transport } from '../../src/engine/ports/transport.ts';
import type { Target } from '../../src/model/host.ts';
import { startServer, type TestServer, targetAt, transportFor } from './server.ts';

describe('a command of ssh -W', () => {
  it.each([
    ['ssh -W %h:%p bastion', 'bastion'],
    ['/usr/bin/ssh -q -W [%h]:%p -l me -p 2222 bastion', 'me@bastion:2222'],
    ['ssh -W%h:%p you@bastion -l me', 'you@bastion'],
    ['ssh -o Port=2222 -W %h:%p bastion', undefined],
    ['ssh -i key -W %h:%p bastion', undefined],
    ['ssh -F other -W %h:%p bastion', undefined],
    ['ssh -W %h:22 bastion', undefined],
    ['ssh -W %h:%p bastion | tee log', undefined],
    ['ssh -W %h:%p %r@bastion', undefined],
    ['ssh -W %h:%p', undefined],
    ['nc -X connect -x proxy:3128 %h %p', undefined],
  ])('%s is the jump host %s', (command, jump) => expect(jumpIn(command)).toBe(jump));
});

describe('tokens', () => {
  const names = { alias: 'n1', host: 'n1.example.net', port: 2222, user: 'ops' };
  it('are the host, its port, its name and the user', () => {
    expect(expandProxy('tsh proxy ssh %r@%h:%p --as=%n 100%%', names)).toEqual({
      ok: true,
      command: 'tsh proxy ssh ops@n1.example.net:2222 --as=n1 100%',
    });
  });
  it.each([
    ['nc %h %q', {}],
    ['nc %h %', {}],
    ['nc %h', { host: '$(touch /tmp/x)' }],
    ['nc %h', { host: '-oProxyCommand' }],
    ['nc %h', { host: '' }],
    ['nc %h %r', { user: 'a;b' }],
    ['nc %n', { alias: 'a b' }],
  ])('%s with %j is refused', (command, more) => {
    expect(expandProxy(command, { ...names, ...more })).toMatchObject({ ok: false });
  });
});

let home = '';
let server: TestServer;
let via: Transport;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'kmend-proxy-'));
  server = await startServer();
  via = transportFor(home, { env: process.env });
  writeFileSync(
    join(home, 'proxy.mjs'),
    "import { connect } from 'node:net';\nconst s = connect(process.argv[3], process.argv[2]);\nprocess.stdin.pipe(s).pipe(process.stdout);\n",
  );
});
afterEach(async () => {
  await via.close();
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

const file = (name: string): string => join(home, name);
const working = (): string => `${process.execPath} ${file('proxy.mjs')} 127.0.0.1 %p`;
/** The address leads nowhere: only the command reaches the server. */
const behind = (command: string, more: Partial<Target> = {}): Target =>
  targetAt(server.port, { address: 'behind.invalid', proxyCommand: command, ...more });

async function failure(command: string, more: Partial<Target> = {}) {
  const result = await via.connect(behind(command, more));
  if (result.ok) throw new Error('it is connected');
  return result.failure;
}

const pidIn = (name: string): number => Number(readFileSync(file(name), 'utf8'));
async function gone(pid: number): Promise<boolean> {
  for (let round = 0; round < 100; round++) {
    // A child whose parent has ended may stay as a zombie where nothing reaps it.
    const state = existsSync(`/proc/${pid}/stat`)
      ? readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.charAt(0)
      : 'Z';
    if (state === 'Z') return true;
    await sleep(50);
  }
  return false;
}

describe('a connection by command', () => {
  it('works, files the host key by name, and ends the command when it closes', async () => {
    const known = file('known');
    const result = await via.connect(
      behind(`sh -c 'echo $$ >${file('pid')}; exec ${working()}'`, {
        hostKeyChecking: 'accept-new',
        knownHostsFiles: [known],
      }),
    );
    if (!result.ok) throw new Error(result.failure.message);
    const answer = await result.value.exec({
      script: 'cat',
      stdin: 'in',
      become: false,
      timeout: 20,
    });
    expect(answer).toMatchObject({ value: { code: 0, stdout: 'in' } });
    expect(result.value.dialled).toEqual(['behind.invalid']);
    expect(readFileSync(known, 'utf8')).toBe(`[behind.invalid]:${server.port} ${server.hostKey}\n`);
    const pid = pidIn('pid');
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    // A process group of its own: Ctrl-C in the terminal does not cut it.
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[4]).toBe(String(pid));
    result.value.close();
    expect(await gone(pid)).toBe(true);
  });

  it('a megabyte passes each way', async () => {
    const result = await via.connect(behind(working()));
    if (!result.ok) throw new Error(result.failure.message);
    const stdin = 'x'.repeat(1_000_000);
    expect(
      await result.value.exec({ script: 'cat', stdin, become: false, timeout: 30 }),
    ).toMatchObject({ value: { code: 0, stdout: stdin } });
  });

  it('leads to the first jump host, too', async () => {
    const inner = await startServer();
    writeFileSync(
      file('config'),
      `Host gate\n  Port ${server.port}\n  User ops\n  ProxyCommand ${working()}\n`,
    );
    const jumping = transportFor(home, {
      env: process.env,
      configFile: file('config'),
      asker: { attended: true, confirm: async () => true, secret: async () => 'right' },
    });
    const results = await Promise.all(
      [1, 2, 3].map(() => jumping.connect(targetAt(inner.port, { jump: 'gate' }))),
    );
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(server.logins()).toBe(1);
    await jumping.close();
    await inner.close();
  });

  it('the first of ProxyJump and ProxyCommand of the file decides', async () => {
    writeFileSync(
      file('config'),
      `Host behind.invalid\n  ProxyCommand ${working()}\n  ProxyJump nowhere.invalid\n`,
    );
    const filed = transportFor(home, { env: process.env, configFile: file('config') });
    expect((await filed.connect(targetAt(server.port, { address: 'behind.invalid' }))).ok).toBe(
      true,
    );
    await filed.close();
  });
});

describe('the failure of a command', () => {
  it('has its status and its last words', async () => {
    const found = await failure(
      `sh -c 'echo connecting >&2; echo "no token: run login first" >&2; exit 255'`,
    );
    expect(found).toMatchObject({
      kind: 'unreachable',
      transport: true,
      message: expect.stringMatching(
        /: the proxy command ended with 255: no token: run login first$/,
      ),
      detail: 'connecting',
    });
  });
  it('that is not installed has no second try', async () => {
    const found = await failure('kmend-no-such-program %h');
    expect(found.message).toMatch(/the proxy command ended with 127: .*kmend-no-such-program/);
    expect(found.hint).toMatch(/installed/);
    expect(found).not.toHaveProperty('transport');
  });
  it('without a shell', async () => {
    const bare = transportFor(home, { env: { SHELL: '/no/such/shell' } });
    const result = await bare.connect(behind('true'));
    expect(result).toMatchObject({
      failure: { message: expect.stringMatching(/the proxy command cannot be started \(ENOENT\)/) },
    });
    await bare.close();
  });
  it('that hangs ends by the connect timeout, with what it said, and it is ended', async () => {
    const found = await failure(
      `sh -c 'echo $$ >${file('pid')}; echo waiting for approval >&2; trap "" TERM; while :; do sleep 1; done'`,
      { connectTimeout: 2 },
    );
    expect(found).toMatchObject({
      kind: 'unreachable',
      transport: true,
      message: expect.stringMatching(
        /no SSH banner within 2 s: the proxy command does not answer: waiting for approval$/,
      ),
    });
    expect(await gone(pidIn('pid'))).toBe(true);
  });
  it('that floods stderr is bounded, printable, and does not stop a connection', async () => {
    const noise = `sh -c 'head -c 3000000 /dev/zero | tr "\\\\0" x >&2; printf "\\\\033[2J" >&2; exit 1'`;
    const found = await failure(noise);
    expect(found.message).toMatch(/ended with 1: x+…$/);
    expect(found.message).not.toContain('\u001b');
    expect(found.message.length).toBeLessThan(400);
    expect(found).not.toHaveProperty('detail');
    const coloured = `sh -c 'printf "\\\\033[2Jno\\\\n" >&2; exit 1'`;
    expect((await failure(coloured)).message).toMatch(/ended with 1: [?]\[2Jno$/);
    const loud = `sh -c '(head -c 3000000 /dev/zero >&2) & exec ${working()}'`;
    expect((await via.connect(behind(loud))).ok).toBe(true);
  });
  it('that writes to stderr without end', async () => {
    const found = await failure(`sh -c 'cat /dev/zero >&2; exit 0'`, { connectTimeout: 60 });
    expect(found.message).toMatch(/the proxy command writes to stderr without end/);
  });
  it('that runs on without an output', async () => {
    expect((await failure(`sh -c 'exec sleep 60 >&-'`)).message).toMatch(
      /the proxy command closed its output$/,
    );
  });
  it('that leaves a child: the child is ended with it', async () => {
    const found = await failure(
      `sh -c 'sleep 60 <&- >&- 2>&- & echo $! >${file('pid')}; echo gone >&2; exit 3'`,
    );
    expect(found.message).toMatch(/ended with 3: gone/);
    expect(await gone(pidIn('pid'))).toBe(true);
  });
  it('that ends while its child keeps the output open', async () => {
    const found = await failure(`sh -c 'sleep 60 & echo $! >${file('pid')}; exit 4'`, {
      connectTimeout: 2,
    });
    expect(found.message).toMatch(/no SSH banner within 2 s: the proxy command ended with 4/);
    expect(await gone(pidIn('pid'))).toBe(true);
  });
  it('that is no way to an SSH server', async () => {
    expect((await failure(`sh -c 'echo HTTP/1.1 403 Forbidden; exit 1'`)).message).toMatch(
      /the proxy command ended with 1/,
    );
  });
  it('later, in a command, is in the failure of that command', async () => {
    const result = await via.connect(
      behind(`sh -c 'echo $$ >${file('pid')}; ${working()}; echo session expired >&2; exit 9'`),
    );
    if (!result.ok) throw new Error(result.failure.message);
    const running = result.value.exec({ script: 'sleep 60', become: false, timeout: 60 });
    await sleep(300);
    server.drop();
    expect(await running).toMatchObject({
      failure: {
        kind: 'unreachable',
        message: expect.stringMatching(
          /the proxy command ended with 9: session expired, during session/,
        ),
      },
    });
  });
  it('a stop ends it', async () => {
    const stop = new AbortController();
    const result = via.connect(behind(`sh -c 'echo $$ >${file('pid')}; sleep 60'`), {
      signal: stop.signal,
    });
    await vi.waitFor(() => expect(pidIn('pid')).toBeGreaterThan(0), 5_000);
    stop.abort();
    expect(await result).toMatchObject({ failure: { kind: 'interrupted' } });
    expect(await gone(pidIn('pid'))).toBe(true);
  });
  it('keeps the turn of its host: no more run than hosts are under way', async () => {
    let left = 0;
    const turn = { leave: () => void left++, again: async () => undefined };
    await via.connect(behind('sleep 60', { connectTimeout: 2 }), { turn });
    expect(left).toBe(0);
  });
});
