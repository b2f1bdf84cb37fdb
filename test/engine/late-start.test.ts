// A controller that was stopped after it had called a host, and goes on when another one has taken its
// run: what it still sends acts on nothing.
import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as hostScripts from '../../src/engine/effects/host-scripts.ts';
import type { WriteEffect } from '../../src/model/run/effect.ts';

const { exitCodes, sealScript, startScript, writeScript } = hostScripts;

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
    const late = call(writeScript(token(1), writes(path, 'old')));
    const next = call(writeScript(token(2), writes(path, 'new')));
    next.stdin('new');
    expect(await next.ended).toBe(0);
    late.stdin('old');
    expect(await late.ended).toBe(exitCodes.fenced);
    expect(readFileSync(join(root, path), 'utf8')).toBe('new');
  });
});

const writes = (path: string, content: string): WriteEffect => ({
  ...{ kind: 'write', what: 'write', path, content, mode: '644', timeout: 10 },
});

/** Each script of the engine, as this controller sends it for an effect. */
function made(number: number): Readonly<Record<string, string>> {
  const [run, effect] = [token(number), 'h1/0/made'];
  return {
    bootScript: hostScripts.bootScript,
    cleanupScript: hostScripts.cleanupScript,
    clearSpoolScript: hostScripts.clearSpoolScript('/var/lib/kmend/run/h1'),
    closeFenceScript: hostScripts.closeFenceScript(run),
    copyScript: hostScripts.copyScript(run, {
      ...{ kind: 'copy', what: 'copy', from: '/x', name: 'x.rpm', timeout: 10 },
      ...{ sha256: 'a'.repeat(64), size: 3 },
    }),
    escalateScript: hostScripts.escalateScript(run, effect, 'boot-1', 'force'),
    heldScript: hostScripts.heldScript(run),
    pollScript: hostScripts.pollScript(run, effect, 1, 4096),
    rebootScript: hostScripts.rebootScript(run, effect),
    spoolIdScript: hostScripts.spoolIdScript('/var/lib/kmend', 'a'),
    startScript: startScript(run, effect),
    takeoverScript: hostScripts.takeoverScript(run),
    writeScript: writeScript(run, writes('/etc/made', 'old')),
  };
}

/** What a script that acts on its input gets. */
const inputs = (): Readonly<Record<string, string>> => ({
  startScript: script(),
  writeScript: 'old',
});

/** Scripts that read input and check no fence after it, each with the reason. */
const unchecked: Readonly<Record<string, string>> = {
  copyScript: 'a file gets its name only whole and with the right checksum, whoever sent its parts',
};

/** Programs of our scripts that read the standard input where no file is named. */
const readsInput = (text: string): boolean =>
  /(?:^|[;&|(]|\bdo|\bthen)\s*(?:cat|tee|dd|head|read)\b(?:\s+-\S+)*(?:\s+[a-z]+)*\s*(?:>|$|;|\|\|)/m.test(
    text,
  );

const tree = (): readonly string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !path.includes('/arriving.'))
    .map((path) => (statSync(path).isFile() ? `${path}: ${readFileSync(path, 'utf8')}` : path))
    .toSorted();

describe('each script of the engine', () => {
  const names = Object.keys(hostScripts).filter((name) => /Script$/.test(name));
  const reading = Object.entries(made(1)).flatMap(([name, text]) => (readsInput(text) ? name : []));

  it('is known here, and so is whether it reads its input', () => {
    expect(Object.keys(made(1)).toSorted()).toEqual(
      names.filter((name) => name !== 'sealScript').toSorted(),
    );
    expect(reading.toSorted()).toEqual(
      [...Object.keys(inputs()), ...Object.keys(unchecked)].toSorted(),
    );
  });

  it.each(reading.filter((name) => !(name in unchecked)))(
    '%s does nothing with what arrives after another controller has passed',
    async (name) => {
      const late = call(made(1)[name] ?? '');
      expect(await start(2)).toBe(0);
      await expect.poll(ran).toBe('once\n');
      await expect.poll(() => tree().some((path) => path.includes('/rc: '))).toBe(true);
      const before = tree();
      late.stdin(inputs()[name] ?? '');
      expect(await late.ended).toBe(exitCodes.fenced);
      expect(tree()).toEqual(before);
    },
  );

  it('that is sent with input is sent by these files, perform-run.ts also those of the play with their own', () => {
    const folder = join(import.meta.dirname, '../../src/engine');
    const sent = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }))
      .filter(({ text }) => /\bsession\??\.(?:read|once|fresh)\(/i.test(text))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/\b(?:stdin|input): (?!\(\))/g)].map(() => path),
      );
    const run = 'effects/perform-run.ts';
    expect(sent.toSorted()).toEqual(['effects/perform-copy.ts', run, run, run]);
  });
});
