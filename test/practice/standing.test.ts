// A fleet in the background, as `kmend lab up` starts it: it outlives the command, answers, and
// stops when `kmend lab down` asks for it.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { labDown, labList, labUp } from '../../practice/index.ts';

const program = resolve(import.meta.dirname, '../../bin/kmend.mjs');
const state = mkdtempSync(join(tmpdir(), 'kmend-standing-'));
const dir = join(state, 'lab');
const serve = { command: process.execPath, args: [program, 'lab', 'serve', '--state-dir', state] };

afterAll(async () => {
  await labDown(dir);
  rmSync(state, { recursive: true, force: true });
});

it('starts a fleet once, lists its hosts, and stops it once', async () => {
  const first = await labUp(dir, serve);
  expect(first.wasUp).toBe(false);
  expect(readFileSync(first.info.inventoryFile, 'utf8')).toContain('node-a1: {ansible_port: ');
  expect(await labUp(dir, serve)).toEqual({ info: first.info, wasUp: true });
  const hosts = (await labList(dir)) ?? [];
  expect(hosts.filter((host) => !host.answers).map((host) => host.name)).toEqual(['node-c2']);
  expect(await labDown(dir)).toBe(true);
  expect(await labList(dir)).toBeUndefined();
  expect(await labDown(dir)).toBe(false);
});

describe('a fleet that does not start', () => {
  const node = (script: string) => ({ command: process.execPath, args: ['-e', script] });
  const isAlive = (pid: string): boolean => existsSync(`/proc/${pid}`);

  it('is reported with its own output', async () => {
    const failing = node('console.error("no port left"); process.exit(1)');
    await expect(labUp(dir, failing)).rejects.toThrow(/no port left/);
  });

  it('is reported when its program does not exist', async () => {
    const missing = { command: join(state, 'no-such-program'), args: [] };
    await expect(labUp(dir, missing)).rejects.toThrow(/did not start/);
  });

  it('leaves no process behind when it is not up in time', async () => {
    const hanging = node('console.log("pid=" + process.pid); setInterval(() => {}, 1000)');
    const error = await labUp(dir, { ...hanging, timeLimit: 1500 }).catch(String);
    const pid = /pid=(\d+)/.exec(String(error))?.[1] ?? 'no pid';
    expect(pid).toMatch(/^\d+$/);
    await expect.poll(() => isAlive(pid)).toBe(false);
  });
});
