// A fleet in the background, as `kmend lab up` starts it: it outlives the command, answers, and
// ends when told to.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { labDown, labList, labUp } from '../../practice/index.ts';

const program = resolve(import.meta.dirname, '../../bin/kmend.mjs');
const state = mkdtempSync(join(tmpdir(), 'kmend-standing-'));
const dir = join(state, 'lab');
const serve = { command: process.execPath, args: [program, 'lab', 'serve', '--state-dir', state] };

afterAll(async () => {
  await labDown(dir);
  rmSync(state, { recursive: true, force: true });
});

it('up, up again, list, down, down again', async () => {
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

it('one that cannot start says why', async () => {
  const bad = {
    command: process.execPath,
    args: ['-e', 'console.error("no port left"); process.exit(1)'],
  };
  await expect(labUp(dir, bad)).rejects.toThrow(/no port left/);
});
