// A controller that was stopped after it had called a host, and goes on when another one has taken its
// run: what it still sends acts on nothing.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  exitCodes,
  sealScript,
  startScript,
  writeScript,
} from '../../src/engine/effects/host-scripts.ts';

let root: string;

interface Call {
  readonly stdin: (text: string) => void;
  readonly ended: Promise<number | null>;
}

/** A call that a host has taken; its input may come later. */
function call(script: string): Call {
  const child = spawn('sh', ['-c', script], { env: { ...process.env, KMEND_ROOT: root } });
  child.stdin.on('error', () => {});
  return {
    stdin: (text) => void child.stdin.end(text),
    ended: new Promise((resolve) => child.once('close', resolve)),
  };
}

const token = (number: number) => ({ run: '20260101-000000-aaaa', number });
const ran = (): string => readFileSync(join(root, 'var/ran'), 'utf8');
const script = (): string => sealScript(`echo once >> "${root}/var/ran"`);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kmend-late-'));
  mkdirSync(join(root, 'proc/sys/kernel/random'), { recursive: true });
  mkdirSync(join(root, 'var'));
  writeFileSync(join(root, 'proc/sys/kernel/random/boot_id'), 'boot-1\n');
  writeFileSync(join(root, 'var/ran'), '');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function start(number: number): Promise<number | null> {
  const begun = call(startScript(token(number), 'h1/0/run'));
  begun.stdin(script());
  return begun.ended;
}

describe('a controller that goes on too late', () => {
  it('does not start again what its successor has started', async () => {
    const late = call(startScript(token(1), 'h1/0/run'));
    expect(await start(2)).toBe(0);
    await expect.poll(ran).toBe('once\n');
    late.stdin(script());
    expect(await late.ended).toBe(exitCodes.fenced);
    expect(ran()).toBe('once\n');
    expect(readdirSync(join(root, 'var/lib/kmend')).sort()).toEqual(['fence', 'spool']);
  });

  it('starts once what it has called for twice, whose input comes at one moment', async () => {
    const calls = Array.from({ length: 8 }, () => call(startScript(token(1), 'h1/0/run')));
    for (const one of calls) one.stdin(script());
    expect(await Promise.all(calls.map(({ ended }) => ended))).toEqual(calls.map(() => 0));
    await expect.poll(ran).toBe('once\n');
  });

  it('does not write a file that its successor has written', async () => {
    const path = '/etc/default/grub';
    const late = call(writeScript(token(1), 'h1/0/write', path, '644', 3));
    const next = call(writeScript(token(2), 'h1/0/write', path, '644', 3));
    next.stdin('new');
    expect(await next.ended).toBe(0);
    late.stdin('old');
    expect(await late.ended).toBe(exitCodes.fenced);
    expect(readFileSync(join(root, path), 'utf8')).toBe('new');
  });
});
