// SIGTERM ends the program within two seconds wherever it waits, and the second signal ends a run
// that does not heed the first.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { listenForSignals } from '../../src/adapters/local/signals.ts';
import { terminalAsker } from '../../src/adapters/local/terminal-asker.ts';
import { bundlePath } from '../cli/child.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';

/** Two seconds, and what a busy machine needs to report the end of a process. */
const limit = 2_800;

let dir: string;
let lab: Practice;
let silent: Server;
let calls = 0;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kmend-signal-'));
  lab = await practice([sick('node')]);
  // Accepts connections and never sends anything: sshd, API server, webhook and package server alike.
  silent = createServer((socket) => {
    calls += 1;
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
}, 60_000);
afterAll(async () => {
  await lab.close();
  silent.close();
  rmSync(dir, { recursive: true, force: true });
});

const port = (): number => {
  const address = silent.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on a port');
  return address.port;
};

const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};

interface Waiting {
  readonly process: ChildProcess;
  readonly ended: Promise<number | string>;
  readonly printed: () => string;
}

async function start(args: readonly string[]): Promise<Waiting> {
  // Descriptor 3 is a pipe into which nothing is ever written.
  const line = 'exec "$0" "$@" 3< <(exec sleep 60)';
  const words = [
    process.execPath,
    bundlePath(),
    ...args,
    ...(args[0] === 'drain' ? [] : ['--state-dir', join(dir, 'state')]),
  ];
  const child = spawn('bash', ['-c', line, ...words], {
    cwd: dir,
    env: { HOME: dir, PATH: process.env.PATH ?? '' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (printed += String(chunk)));
  // 'exit' and not 'close': a grandchild may hold the pipes.
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  return { process: child, ended, printed: () => printed };
}

const silentHost = (): readonly string[] => [
  '-i',
  'mute,',
  '-e',
  `ansible_host=127.0.0.1 ansible_port=${port()} ansible_password=x`,
  '-T',
  '60',
];
const kubeconfig = (): string =>
  file(
    'kubeconfig',
    `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: "http://127.0.0.1:${port()}"}}], users: [{name: u, user: {token: t}}]}`,
  );
const mark = (): string => join(dir, 'reached');
const sleeper = (): string => file('list.sh', `#!/bin/sh\n: > '${mark()}'\nexec sleep 60\n`, 0o755);
const playbook = (name: string, rollout: string): string =>
  file(name, play('    - command: "true"\n', rollout));
const onLab = (name: string, rollout: string): readonly string[] => [
  'apply',
  playbook(name, rollout),
  '--yes',
  '--wait',
  '-i',
  lab.fleet.inventoryFile,
];
const called = (): boolean => calls > 0;
const marked = (): boolean => readdirSync(dir).includes('reached');

const otherDay = (): string =>
  ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][(new Date().getUTCDay() + 3) % 7] ?? 'sun';

/** A claim that came first and does not get on: this process lives. */
function claimFirst(): void {
  const { address, port } = lab.host('node');
  const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const claim = {
    run: '0',
    hosts: [`${address}:${port}`],
    state: 'claiming',
    machine: hostname(),
    boot,
    pid: process.pid,
    started: stat[19],
  };
  mkdirSync(join(dir, 'state/locks'), { recursive: true, mode: 0o700 });
  writeFileSync(join(dir, 'state/locks/9.lock'), JSON.stringify(claim));
}
const claims = (): number => readdirSync(join(dir, 'state/locks')).length;

interface Place {
  readonly name: string;
  readonly args: () => readonly string[];
  readonly reached: (waiting: Waiting) => boolean;
}

const places: readonly Place[] = [
  { name: 'an inventory program', args: () => ['check', '-i', sleeper()], reached: marked },
  {
    name: 'variables that never end',
    args: () => ['check', '-i', 'h1,', '-e', '@/dev/fd/3'],
    // Nothing shows that it reads: it would have tried to connect at once.
    reached: () => true,
  },
  { name: 'a password', args: () => ['check', '-i', 'h1,', '-k'], reached: () => true },
  {
    name: 'a connection that is not answered (check)',
    args: () => ['check', ...silentHost()],
    reached: called,
  },
  {
    name: 'a connection that is not answered (doctor)',
    args: () => ['doctor', 'all', ...silentHost()],
    reached: called,
  },
  {
    name: 'a connection that is not answered (drift)',
    args: () => ['drift', '--all', ...silentHost()],
    reached: called,
  },
  {
    name: 'a plan',
    args: () => ['plan', playbook('p.yaml', '{}'), ...silentHost()],
    reached: called,
  },
  {
    name: 'the API server (drain)',
    args: () => ['drain', 'n1', '--kubeconfig', kubeconfig()],
    reached: called,
  },
  {
    name: 'the API server (inventory)',
    args: () => ['inventory', 'from-cluster', '--kubeconfig', kubeconfig()],
    reached: called,
  },
  {
    name: 'a gate command',
    args: () =>
      onLab('gate.yaml', `{gates: [{name: quiet, command: ": > '${mark()}'; sleep 60"}]}`),
    reached: marked,
  },
  {
    name: 'a closed window',
    args: () =>
      onLab(
        'window.yaml',
        `{windows: [{from: "00:00", to: "23:59", tz: UTC, days: ${otherDay()}}]}`,
      ),
    reached: ({ printed }) => printed().includes('waiting'),
  },
  {
    name: 'the lock of its hosts',
    args: () => {
      claimFirst();
      return onLab('lock.yaml', '{}');
    },
    reached: () => claims() > 1,
  },
];

describe('SIGTERM while it waits for', () => {
  afterEach(() => {
    calls = 0;
    rmSync(mark(), { force: true });
  });

  it.each(places)(
    '$name',
    async ({ args, reached }) => {
      const waiting = await start(args());
      for (let tries = 0; tries < 300 && !reached(waiting); tries++) await sleep(50);
      expect(reached(waiting), waiting.printed()).toBe(true);
      await sleep(700);
      expect(waiting.process.exitCode, waiting.printed()).toBeNull();
      const began = Date.now();
      waiting.process.kill('SIGTERM');
      const end = await waiting.ended;
      expect(Date.now() - began, waiting.printed()).toBeLessThan(limit);
      expect([143, 'SIGTERM'], waiting.printed()).toContain(end);
      expect(waiting.printed()).not.toContain('internal error');
    },
    60_000,
  );
});

describe('the signals of a process', () => {
  afterEach(() => {
    vi.useRealTimers();
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
  });
  const listening = () => {
    vi.useFakeTimers();
    const ends: number[] = [];
    const printed: string[] = [];
    const signals = listenForSignals(
      (text) => printed.push(text),
      (exit) => ends.push(exit),
    );
    signals.listen();
    return { signals, ends, printed };
  };

  it('with nothing under way end it within two seconds, even where nothing heeds them', () => {
    const { signals, ends } = listening();
    process.emit('SIGTERM');
    expect([signals.stop.aborted, signals.kill.aborted, signals.exit()]).toEqual([
      true,
      false,
      143,
    ]);
    vi.advanceTimersByTime(1_000);
    expect([signals.kill.aborted, ends]).toEqual([true, []]);
    vi.advanceTimersByTime(1_000);
    expect(ends).toEqual([143]);
  });

  it('while hosts are under way ask for a safe state first; the second ends it within two seconds', async () => {
    const { signals, ends, printed } = listening();
    let done = (): void => {};
    const work = signals.underWay(() => new Promise<void>((resolve) => (done = resolve)));
    process.emit('SIGINT');
    vi.advanceTimersByTime(3_600_000);
    expect([signals.stop.aborted, signals.kill.aborted, ends, signals.exit()]).toEqual([
      true,
      false,
      [],
      undefined,
    ]);
    expect(printed.join()).toContain('go to a safe state');
    process.emit('SIGINT');
    expect(signals.kill.aborted).toBe(true);
    vi.advanceTimersByTime(2_000);
    expect(ends).toEqual([130]);
    done();
    await work;
  });
});

describe('a question on a terminal', () => {
  const terminal = () => {
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: vi.fn() });
    const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
    const stop = new AbortController();
    const streams = { input, output } as unknown as Parameters<typeof terminalAsker>[0];
    return { stop, input, asker: terminalAsker(streams, stop.signal) };
  };

  it('is a no when a signal comes', async () => {
    const { asker, stop } = terminal();
    const answer = asker.confirm('Carry this out?');
    setTimeout(() => stop.abort('SIGTERM'), 20);
    expect(await answer).toBe(false);
  });

  it('for a secret leaves the terminal as it was', async () => {
    const { asker, stop, input } = terminal();
    const answer = asker.secret('password: ');
    setTimeout(() => stop.abort('SIGTERM'), 20);
    expect(await answer).toBe('');
    expect(input.setRawMode.mock.calls).toEqual([[true], [false]]);
  });
});
