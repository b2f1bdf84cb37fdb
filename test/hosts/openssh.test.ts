// Logins by the OpenSSH client at a real sshd: what its control masters must not get wrong.
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TransportOptions } from '../../src/adapters/ssh/index.ts';
import type { Connection, ExecRequest, Transport } from '../../src/engine/ports/transport.ts';
import { secret, type Target } from '../../src/model/host.ts';
import {
  addUser,
  authorize,
  knownLine,
  makeKey,
  noSshd,
  type Sshd,
  startSshd,
} from '../ssh/real-sshd.ts';
import { transportFor } from '../ssh/server.ts';

const user = `kmx${process.pid % 100000}`;
const password = 'Pw-for-tests-7f3a';

/** Processes whose command line has this text: their numbers. */
const processes = (text: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => textOf(`/proc/${name}/cmdline`).includes(text))
    .map(Number);

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let round = 0; round < 200 && !holds(); round++) await sleep(50);
  expect(holds()).toBe(true);
}

describe.skipIf(noSshd !== '')(
  `the OpenSSH client and a real sshd${noSshd === '' ? '' : ` (skipped: ${noSshd})`}`,
  () => {
    let home = '';
    let sshd: Sshd;
    let account: { readonly remove: () => void };
    const path = (name: string): string => join(home, name);
    const cleanups: (() => unknown)[] = [];
    afterEach(async () => {
      for (const clean of cleanups.splice(0).reverse()) await clean();
    });

    beforeAll(async () => {
      home = mkdtempSync(join(tmpdir(), 'kmend-openssh-'));
      account = addUser(user, password);
      writeFileSync(
        path('banner'),
        'debug1: Server host key: ssh-ed25519 SHA256:fake\nKeep out.\n',
      );
      sshd = await startSshd(['UsePAM no', 'MaxSessions 3', `Banner ${path('banner')}`]);
      makeKey(path('id'), 'ed25519');
      authorize(sshd, user, [path('id.pub')]);
      writeFileSync(path('known'), knownLine(sshd, 'ed25519'));
      mkdirSync(path('run'), { mode: 0o700 });
    });
    afterAll(async () => {
      await sshd?.stop();
      account?.remove();
      rmSync(home, { recursive: true, force: true });
    });

    const target = (more: Partial<Target> = {}): Target => ({
      name: 'node-a',
      address: sshd.address,
      port: sshd.port,
      user,
      privateKeyFiles: [path('id')],
      knownHostsFiles: [path('known')],
      hostKeyChecking: 'yes',
      legacyCrypto: false,
      connectTimeout: 20,
      transport: 'openssh',
      ...more,
    });
    function transport(more: Partial<TransportOptions> = {}): Transport {
      const env = { ...process.env, XDG_RUNTIME_DIR: path('run') };
      const via = transportFor(home, { env, configFile: '', ...more });
      cleanups.push(via.close);
      return via;
    }
    async function connected(more: Partial<Target> = {}, via = transport()): Promise<Connection> {
      const result = await via.connect(target(more));
      if (!result.ok) throw new Error(JSON.stringify(result.failure));
      return result.value;
    }
    async function failure(more: Partial<Target>, via = transport()) {
      const result = await via.connect(target(more));
      if (result.ok) throw new Error('it connected');
      return result.failure;
    }
    const exec = (on: Connection, script: string, more: Partial<ExecRequest> = {}) =>
      on.exec({ script, become: false, timeout: 30, ...more });
    async function output(on: Connection, script: string): Promise<string> {
      const result = await exec(on, script);
      if (!result.ok) throw new Error(JSON.stringify(result.failure));
      return result.value.stdout;
    }
    /** The folder of the sockets, and the master of a socket. */
    const folder = (): string => join(path('run'), readdirSync(path('run'))[0] ?? 'none');
    const master = (): number =>
      processes(`${folder()}/1.sock`).find((pid) =>
        textOf(`/proc/${pid}/cmdline`).includes('-M'),
      ) ?? 0;
    const logins = (): number =>
      sshd.log().match(/Accepted (?:publickey|password) for/g)?.length ?? 0;

    it('says the same of a host as kmend itself', async () => {
      const own = transport();
      const { transport: _, ...plain } = target();
      const first = await own.connect(plain);
      if (!first.ok) throw new Error(first.failure.message);
      const second = await connected();
      expect([second.dialled, second.hostKey]).toEqual([first.value.dialled, first.value.hostKey]);
    });
    it.each([0, 3, 143, 254, 255])('the exit status %i is itself', async (code) => {
      const on = await connected();
      expect(await exec(on, `echo out; echo err >&2; exit ${code}`)).toEqual({
        ok: true,
        value: { code, stdout: 'out\n', stderr: 'err\n', truncated: false },
      });
    });
    it('a command whose end is not reported is a transport failure', async () => {
      const on = await connected();
      expect(await exec(on, 'kill -9 $PPID; sleep 0.2')).toMatchObject({
        ok: false,
        failure: { transport: true, message: expect.stringMatching(/without an exit status/) },
      });
      expect(await output(on, 'echo still here')).toBe('still here\n');
    });
    it('each connection is a new one, and its commands share it', async () => {
      const via = transport();
      const [one, two] = [await connected({}, via), await connected({}, via)];
      const port = 'set -- $SSH_CONNECTION; echo "$2"';
      const ports = [
        await output(one, port),
        await output(one, port),
        await output(two, port),
        await output(two, port),
      ];
      expect(ports[0]).toBe(ports[1]);
      expect(ports[2]).toBe(ports[3]);
      expect(new Set(ports).size).toBe(2);
    });
    it('more commands than MaxSessions wait, and none has a connection of its own', async () => {
      const on = await connected();
      const before = logins();
      const script = 'set -- $SSH_CONNECTION; sleep 0.3; echo "$2"';
      const ports = await Promise.all(Array.from({ length: 12 }, () => output(on, script)));
      expect(new Set(ports).size).toBe(1);
      expect(logins()).toBe(before);
    });
    it('a command beyond MaxSessions that must end another is refused, not sent elsewhere', async () => {
      const before = logins();
      const on = await connected();
      const results = await Promise.all(
        Array.from({ length: 4 }, () => exec(on, 'sleep 30', { timeout: 2 })),
      );
      expect(results.every((one) => !one.ok && one.failure.kind === 'timeout')).toBe(true);
      expect(logins()).toBe(before + 1);
    });
    it('a master that is stopped fails the command, and no other connection is made', async () => {
      const on = await connected();
      const before = logins();
      const pid = master();
      process.kill(pid, 'SIGSTOP');
      cleanups.push(
        () => processes(`${folder()}/1.sock`).includes(pid) && process.kill(pid, 'SIGCONT'),
      );
      expect(await exec(on, 'echo hi')).toMatchObject({
        ok: false,
        failure: {
          kind: 'unreachable',
          transport: true,
          message: expect.stringMatching(/does not answer/),
        },
      });
      expect(on.alive()).toBe(false);
      expect(logins()).toBe(before);
    });
    it('a master that is killed is a lost connection', async () => {
      const on = await connected();
      const running = exec(on, 'sleep 30');
      await sleep(500);
      process.kill(master(), 'SIGKILL');
      expect(await running).toMatchObject({
        ok: false,
        failure: {
          kind: 'unreachable',
          transport: true,
          message: expect.stringMatching(/lost during session/),
        },
      });
      expect(on.alive()).toBe(false);
      expect(await exec(on, 'true')).toMatchObject({ ok: false });
    });
    it('Ctrl-C does not reach the master, and close leaves nothing', async () => {
      const via = transport();
      const on = await connected({}, via);
      const group = (pid: number | 'self') => textOf(`/proc/${pid}/stat`).split(' ')[4];
      const pid = master();
      expect(pid).toBeGreaterThan(0);
      expect(group(pid)).not.toBe(group('self'));
      const gone = folder();
      on.close();
      await via.close();
      expect(existsSync(gone)).toBe(false);
      await until(() => processes(gone).length === 0);
    });
    it('a banner is no output, and cannot invent a host key', async () => {
      const on = await connected();
      expect(on.hostKey).not.toContain('fake');
      expect(await exec(on, 'echo out')).toMatchObject({ value: { stdout: 'out\n', stderr: '' } });
    });
    it('a password is in no command line, environment or file', async () => {
      const on = await connected({
        password: secret(password),
        privateKeyFiles: [],
        sshOptions: ['PubkeyAuthentication=no'],
      });
      expect(await output(on, 'id -un')).toBe(`${user}\n`);
      for (const pid of processes(folder()))
        for (const file of ['cmdline', 'environ'])
          expect(textOf(`/proc/${pid}/${file}`)).not.toContain(password);
      for (const name of readdirSync(folder()))
        if (!name.endsWith('.sock') && name !== 'alive')
          expect(textOf(join(folder(), name))).not.toContain(password);
    });
    it('a wrong password is sent once', async () => {
      const found = await failure({
        password: secret('wrong-one'),
        privateKeyFiles: [],
        sshOptions: ['PubkeyAuthentication=no', 'KbdInteractiveAuthentication=no'],
      });
      expect(found).toMatchObject({
        kind: 'auth',
        message: expect.stringMatching(/login refused: tried password; the server takes only /),
      });
      expect(sshd.log().match(new RegExp(`Failed password for ${user} `, 'g'))).toHaveLength(1);
      expect(JSON.stringify(found)).not.toContain('wrong-one');
    });
    it('a folder whose path is too long for a socket is passed over', async () => {
      const long = join(path('run'), 'x'.repeat(90));
      mkdirSync(long, { mode: 0o700 });
      cleanups.push(() => rmSync(long, { recursive: true }));
      const env = { ...process.env, XDG_RUNTIME_DIR: long };
      const on = await connected({}, transport({ env }));
      expect(await output(on, 'echo fine')).toBe('fine\n');
      expect(readdirSync(long)).toEqual([]);
    });
    it('without ssh the host is refused, and nothing is tried', async () => {
      const before = logins();
      const found = await failure({}, transport({ env: { PATH: path('nowhere') } }));
      expect(found).toMatchObject({
        kind: 'unreachable',
        message: 'node-a: ssh is not installed here, and its ansible_ssh_transport is openssh',
        hint: expect.stringContaining('install the OpenSSH client'),
      });
      expect(found.transport).toBeUndefined();
      expect(logins()).toBe(before);
    });
    it('the way comes from the configuration of ssh itself', async () => {
      const gate = await startSshd(['UsePAM no']);
      cleanups.push(gate.stop);
      authorize(gate, user, [path('id.pub')]);
      writeFileSync(
        path('config'),
        `Host gate\n HostName ${gate.address}\n Port ${gate.port}\n User ${user}\n IdentityFile ${path('id')}\n UserKnownHostsFile ${path('gate')}\n ProxyJump none\nMatch exec true\n ProxyJump gate\n`,
      );
      const via = transport({ configFile: path('config') });
      writeFileSync(path('gate'), '');
      expect(await failure({}, via)).toMatchObject({
        kind: 'host_key',
        message: expect.stringMatching(/^jump host gate: Host key verification failed/),
      });
      writeFileSync(path('gate'), knownLine(gate, 'ed25519'));
      const on = await connected({}, via);
      expect(await output(on, 'set -- $SSH_CONNECTION; echo "$1"')).not.toBe('');
      expect(gate.log()).toMatch(/Accepted publickey/);
      expect(on.dialled).toEqual([sshd.address]);
    });
    it('masters of a kmend that is killed end by themselves', async () => {
      const outfile = path('one.cjs');
      await build({
        stdin: {
          contents: `
import { createTransport } from ${JSON.stringify(resolve('src/adapters/ssh/index.ts'))};
const asker = { attended: false, confirm: async () => false, secret: async () => '' };
const transport = createTransport({ asker, home: ${JSON.stringify(home)}, env: process.env, warn: console.error, configFile: '' });
transport.connect(${JSON.stringify(target())}).then((result) => { console.log(result.ok); setInterval(() => undefined, 1000); });
`,
          loader: 'ts',
          resolveDir: process.cwd(),
        },
        bundle: true,
        platform: 'node',
        format: 'cjs',
        outfile,
        loader: { '.sh': 'text' },
        external: ['*.node', 'cpu-features'],
        logLevel: 'error',
      });
      const child = spawn(process.execPath, [outfile], {
        env: { ...process.env, XDG_RUNTIME_DIR: path('run') },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      cleanups.push(() => child.kill('SIGKILL'));
      await new Promise((done) => child.stdout.once('data', done));
      const left = folder();
      expect(processes(left).length).toBeGreaterThan(1);
      child.kill('SIGKILL');
      await until(() => processes(left).length === 0 && !existsSync(left));
    });
    it('what a killed kmend and its sweeper left is swept by the next one, and nothing else', async () => {
      const stale = join(path('run'), 'kmend-ssh-stale1');
      mkdirSync(stale, { mode: 0o700 });
      const socket = join(stale, '1.sock');
      execFileSync(
        'setsid',
        [
          ...[
            'ssh',
            '-f',
            '-M',
            '-N',
            '-F',
            'none',
            '-S',
            socket,
            '-i',
            path('id'),
            '-p',
            String(sshd.port),
          ],
          ...[
            '-o',
            `UserKnownHostsFile=${path('known')}`,
            '-o',
            'ControlPersist=yes',
            `${user}@${sshd.address}`,
          ],
        ],
        { stdio: 'ignore' },
      );
      const young = join(path('run'), 'kmend-ssh-young1');
      mkdirSync(young, { mode: 0o700 });
      cleanups.push(() => rmSync(young, { recursive: true }));
      const past = new Date(Date.now() - 120_000);
      utimesSync(stale, past, past);
      expect(existsSync(socket)).toBe(true);
      await connected();
      await until(() => !existsSync(stale) && processes(socket).length === 0);
      expect(existsSync(young)).toBe(true);
    });
  },
);
