// The lock of hosts: one holder, freed by it or by its proven death, never by time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from '../../src/adapters/store/locks/lock.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kmend-lock-'));
});
afterEach(() => rm(directory, { recursive: true }));

const holderFile = async () =>
  join(directory, (await readdir(directory)).find((name) => name.endsWith('.lock')) ?? 'none');

describe('the lock of hosts', () => {
  it('is held by one run and free again after its release', async () => {
    const first = await takeLock(directory, ['a'], 'r1');
    expect(first.held).toBe(true);
    expect(await takeLock(directory, ['a'], 'r2')).toMatchObject({
      held: false,
      by: expect.stringContaining('run r1'),
    });
    expect((await takeLock(directory, ['b'], 'r3')).held).toBe(true);
    if (first.held) await first.release();
    expect((await takeLock(directory, ['a'], 'r2')).held).toBe(true);
  });

  it('lets exactly one of many win', async () => {
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, index) => takeLock(directory, ['a', 'b'], `r${index}`)),
    );
    expect(all.filter((lock) => lock.held)).toHaveLength(1);
  });

  it('is taken over from a holder that is proven dead, not from one that is only silent', async () => {
    await takeLock(directory, ['a', 'b'], 'r1');
    const path = await holderFile();
    const holder = JSON.parse(await readFile(path, 'utf8'));
    const sleeper = spawn('sleep', ['60']);
    await once(sleeper, 'spawn');
    const started = (await readFile(`/proc/${sleeper.pid}/stat`, 'utf8'))
      .split(') ')[1]
      ?.split(' ')[19];
    sleeper.kill('SIGSTOP');
    await writeFile(
      path,
      JSON.stringify({ ...holder, socket: undefined, pid: sleeper.pid, started }),
    );
    expect((await takeLock(directory, ['a', 'b'], 'r2')).held).toBe(false);
    sleeper.kill('SIGKILL');
    await once(sleeper, 'exit');
    expect((await takeLock(directory, ['a', 'b'], 'r2')).held).toBe(true);
  });

  it('is not taken from a holder on another machine', async () => {
    await takeLock(directory, ['a', 'b'], 'r1');
    const path = await holderFile();
    await writeFile(
      path,
      JSON.stringify({
        ...JSON.parse(await readFile(path, 'utf8')),
        machine: 'elsewhere',
        boot: 'another',
        pid: 1,
        started: '0',
      }),
    );
    expect(await takeLock(directory, ['a', 'b'], 'r2')).toMatchObject({
      held: false,
      by: expect.stringContaining('elsewhere'),
    });
  });

  it('is about hosts: runs that share none go side by side, runs that share one do not', async () => {
    const first = await takeLock(directory, ['a', 'b'], 'r1');
    expect((await takeLock(directory, ['c'], 'r2')).held).toBe(true);
    expect(await takeLock(directory, ['b', 'd'], 'r3')).toMatchObject({
      held: false,
      by: expect.stringContaining('run r1'),
    });
    expect((await takeLock(directory, ['d'], 'r3')).held).toBe(true);
    if (first.held) await first.release();
    expect((await takeLock(directory, ['b'], 'r4')).held).toBe(true);
  });

  it('is taken over by name only, and the old holder finds out', async () => {
    const first = await takeLock(directory, ['a'], 'r1');
    expect((await takeLock(directory, ['a'], 'r2', 'r9')).held).toBe(false);
    expect(first.held && (await first.state())).toBe('held');
    const second = await takeLock(directory, ['a'], 'r2', 'r1');
    expect(second.held).toBe(true);
    expect(first.held && (await first.state())).toBe('taken');
    if (first.held) await first.release();
    expect(second.held && (await second.state())).toBe('held');
  });

  it('is held by a claim of an older version until an operator names it: where its process ran is not known', async () => {
    await takeLock(directory, ['a'], 'r1');
    const { run, hosts, state, machine, boot } = JSON.parse(
      await readFile(await holderFile(), 'utf8'),
    );
    await writeFile(
      await holderFile(),
      JSON.stringify({ run, hosts, state, machine, boot, pid: 2 ** 30, started: '1' }),
    );
    expect(await takeLock(directory, ['a'], 'r2')).toMatchObject({
      held: false,
      run: 'r1',
      by: expect.stringContaining('older version'),
    });
    expect((await takeLock(directory, ['a'], 'r2', 'r1')).held).toBe(true);
  });

  it('leaves nothing behind, and neither does a holder that is found dead', async () => {
    const first = await takeLock(directory, ['a'], 'r1');
    expect(await readdir(directory)).toHaveLength(2);
    if (first.held) await first.release();
    expect(await readdir(directory)).toEqual([]);
    await takeLock(directory, ['b'], 'r2');
    const path = await holderFile();
    await writeFile(
      path,
      JSON.stringify({
        ...JSON.parse(await readFile(path, 'utf8')),
        socket: undefined,
        started: '1',
      }),
    );
    const third = await takeLock(directory, ['b'], 'r3');
    expect((await readdir(directory)).filter((name) => name.startsWith('r2.'))).toEqual([]);
    if (third.held) await third.release();
  });

  it('is gone, not taken, once its directory was moved, removed or replaced', async () => {
    const inner = join(directory, 'locks');
    const lock = await takeLock(inner, ['a'], 'r1');
    if (!lock.held) throw new Error('not held');
    await rename(inner, join(directory, 'moved'));
    expect(await lock.state()).toBe('gone');
    await mkdir(inner);
    expect(await lock.state()).toBe('gone');
    await rm(inner, { recursive: true });
    await rename(join(directory, 'moved'), inner);
    expect(await lock.state()).toBe('held');
  });
});
