// The copy of a file to a host: its script in a real shell, over a connection that is cut, with a
// disk that is full, and with what is there already.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localHost, systemClock } from '../../src/adapters/local/index.ts';
import type { EffectContext } from '../../src/engine/effects/effect-context.ts';
import { performCopy } from '../../src/engine/effects/perform-copy.ts';
import type { Connection, ExecRequest, Transport } from '../../src/engine/ports/transport.ts';
import { openSession } from '../../src/engine/session/session.ts';
import type { CopyEffect } from '../../src/model/run/effect.ts';
import { failed, ok } from '../../src/model/run/failure.ts';
import { shells } from '../modules/host-tree.ts';

let dir = '';
let file = '';
const bytes = randomBytes(1_500_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kmend-copy-'));
  file = join(dir, 'tool.rpm');
  writeFileSync(file, bytes);
  mkdirSync(join(dir, 'root'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const effect = (more: Partial<CopyEffect> = {}): CopyEffect => ({
  kind: 'copy',
  what: 'copy tool to the host',
  from: file,
  name: 'tool-2.rpm',
  sha256,
  size: bytes.length,
  timeout: 30,
  ...more,
});
const target = (name = 'tool-2.rpm') => join(dir, 'root/var/lib/kmend/packages', name);

interface Host {
  readonly shell?: readonly string[];
  /** Bytes after which a connection is lost, one for each; none = never. */
  readonly cuts?: readonly number[];
  /** Programs of its PATH, as sh texts, before those of this machine. */
  readonly tools?: Readonly<Record<string, string>>;
  /** Where other programs are found. */
  readonly path?: string;
}

/** A connection that runs scripts here, in a tree of their own. */
function transportOf({
  shell = ['sh'],
  cuts = [],
  tools = {},
  path = process.env.PATH ?? '',
}: Host): Transport {
  const bin = join(dir, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const [name, text] of Object.entries(tools)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const left = [...cuts];
  const exec = (request: ExecRequest, lose: () => void): ReturnType<Connection['exec']> =>
    new Promise((resolve) => {
      // By SHLVL bash knows that it was not started by rshd, for which it would read ~/.bashrc.
      const [program = 'sh', ...flags] = shell;
      const child = spawn(program, [...flags, '-c', request.script], {
        env: { KMEND_ROOT: join(dir, 'root'), PATH: `${bin}:${path}`, SHLVL: '2' },
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        for (const line of text.split('\n').filter(Boolean)) request.onLine?.(line);
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.stdin.on('error', () => undefined);
      let lost = false;
      child.on('close', (code) => {
        if (!lost) resolve(ok({ code, stdout, stderr, truncated: false }));
      });
      const cut = left.shift();
      void (async () => {
        let sent = 0;
        for await (const chunk of request.input?.() ?? []) {
          child.stdin.write(chunk);
          sent += chunk.length;
          if (cut === undefined || sent < cut) continue;
          lost = true;
          child.stdin.end();
          child.on('close', () =>
            resolve(failed('unreachable', 'the connection was lost', { transport: true })),
          );
          return lose();
        }
        child.stdin.end();
      })();
    });
  return {
    connect: async () => {
      let alive = true;
      return ok({
        exec: (request) =>
          exec(request, () => {
            alive = false;
          }),
        close: () => {
          alive = false;
        },
        alive: () => alive,
      });
    },
    close: async () => {},
  };
}

function copy(host: Host = {}, of = effect()) {
  const clock = { ...systemClock, sleep: async () => {} };
  const { signal } = new AbortController();
  const session = openSession(
    { name: 'h', hostKeyChecking: 'yes', legacyCrypto: false, connectTimeout: 5 },
    3,
    { transport: transportOf(host), clock },
    signal,
  );
  // Only what a copy asks for.
  const context = {
    host: 'h',
    session,
    clock,
    localHost,
    token: { run: 'r1', number: 1 },
    signal,
    record: async () => undefined,
  } as unknown as EffectContext;
  return performCopy(of, { task: '0', effect: 'h/0/1', resumed: false, repeatable: true }, context);
}

describe('a copy', () => {
  it.each([['sh'], ...shells].map((shell) => [shell.join(' '), shell] as const))(
    'is whole and checked, by %s',
    async (_, shell) => {
      expect(await copy({ shell })).toEqual({
        result: { ok: true, data: { sent: bytes.length, seconds: expect.any(Number) } },
      });
      expect(readFileSync(target()).equals(bytes)).toBe(true);
      expect(existsSync(`${target()}.part`)).toBe(false);
      // What is there is not sent again.
      expect((await copy({ shell })).result.data?.sent).toBe(0);
    },
  );

  it('is continued where a lost connection left it', async () => {
    const { result, failure } = await copy({ cuts: [300_000, 600_000] });
    expect([failure, readFileSync(target()).equals(bytes)]).toEqual([undefined, true]);
    // Chunks of 256 KiB: two and three of them came, and nothing is sent twice.
    expect(result.data?.sent).toBe(bytes.length);
  });

  it('gives up after as many lost connections as the play retries, and what came stays', async () => {
    const { failure } = await copy({ cuts: [1, 1, 1, 1] });
    expect(failure).toMatchObject({ kind: 'unreachable' });
    expect([existsSync(target()), readFileSync(`${target()}.part`).length]).toEqual([
      false,
      4 * 256 * 1024,
    ]);
  });

  it.each([
    ['other bytes', Buffer.alloc(1000, 1)],
    ['more than the file has', Buffer.alloc(bytes.length + 5)],
    ['as many other bytes', Buffer.alloc(bytes.length)],
  ])('of which the host has %s begins anew', async (_, part) => {
    mkdirSync(join(dir, 'root/var/lib/kmend/packages'), { recursive: true });
    writeFileSync(`${target()}.part`, part);
    expect((await copy()).failure).toBeUndefined();
    expect(readFileSync(target()).equals(bytes)).toBe(true);
  });

  it('whose target was changed is made again', async () => {
    await copy();
    writeFileSync(target(), 'other');
    await copy();
    expect(readFileSync(target()).equals(bytes)).toBe(true);
  });

  it.each<[string, Host, Partial<CopyEffect>, RegExp]>([
    [
      'no room',
      { tools: { df: 'echo x; echo "fs 1 1 20000 1% /"' } },
      {},
      /^no room for tool-2\.rpm \(1\.5 MB\)/,
    ],
    [
      'a disk that is full in the middle',
      { tools: { cat: 'head -c 1000; exit 1' } },
      {},
      /^no room for/,
    ],
    [
      'another file than the plan had',
      {},
      { sha256: 'b'.repeat(64) },
      /is not the file of the plan/,
    ],
    ['a file that became shorter', {}, { size: bytes.length + 1 }, /is not the file of the plan/],
  ])('with %s is refused: nothing is at its place', async (_, host, more, message) => {
    const { failure } = await copy(host, effect(more));
    expect(failure).toMatchObject({ kind: 'refused', message: expect.stringMatching(message) });
    expect(existsSync(target())).toBe(false);
  });

  it('is checked by openssl where sha256sum is not there, and refused where neither is', async () => {
    const needed = [
      'mkdir',
      'ln',
      'rm',
      'mv',
      'cat',
      'wc',
      'df',
      'awk',
      'sed',
      'grep',
      'readlink',
      'sleep',
      'cut',
      'dirname',
    ];
    const only = (...more: readonly string[]): Host => ({
      shell: ['/bin/sh'],
      path: '/nothing',
      tools: Object.fromEntries(
        [...needed, ...more].map((name) => [name, `PATH=/usr/bin:/bin exec ${name} "$@"`]),
      ),
    });
    expect((await copy(only('openssl'))).failure).toBeUndefined();
    expect(readFileSync(target()).equals(bytes)).toBe(true);
    rmSync(join(dir, 'bin'), { recursive: true });
    expect((await copy(only(), effect({ name: 'other.rpm' }))).failure).toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/neither sha256sum nor openssl/),
    });
  });

  it('is not begun on a host that another run holds', async () => {
    mkdirSync(join(dir, 'root/var/lib/kmend'), { recursive: true });
    writeFileSync(join(dir, 'root/var/lib/kmend/fence'), 'r0 1 open\n');
    expect((await copy()).failure).toMatchObject({ kind: 'fenced' });
    expect(existsSync(target())).toBe(false);
  });
});
