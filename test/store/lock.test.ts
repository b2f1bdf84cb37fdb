// Locks as files: freed by the proven death of a holder, never by time, and never left behind.
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
