// The socket of a claim: it listens as long as its process lives, and says nothing where another
// kernel could have it.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { beginLife, lives } from '../../src/adapters/store/locks/life.ts';

const directory = mkdtempSync(join(tmpdir(), 'kmend-life-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('listens until it ends, also below a path that is too long for a socket', async () => {
  const deep = join(directory, 'd'.repeat(120));
  mkdirSync(deep);
  const claim = join(deep, 'r1.lock');
  const life = await beginLife(claim);
  const inode = life?.inode ?? 0;
  expect(await lives(claim, inode)).toBe(true);
  expect(await lives(claim, inode + 1)).toBeUndefined();
  await life?.end();
  expect([await lives(claim, inode), existsSync(`${claim}.socket`)]).toEqual([undefined, false]);
});

it('a process that is stopped lives, one that was killed does not, and a copy of its socket says nothing', async () => {
  const claim = join(directory, 'r2.lock');
  const script = `require('node:net').createServer().listen(${JSON.stringify(`${claim}.socket`)}, () => {
    console.log(require('node:fs').lstatSync(${JSON.stringify(`${claim}.socket`)}).ino) })`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data');
  const inode = Number(String(said));
  child.kill('SIGSTOP');
  expect(await lives(claim, inode)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await lives(claim, inode)).toBe(false);
  execFileSync('cp', ['-a', `${claim}.socket`, join(directory, 'copy.lock.socket')]);
  expect(await lives(join(directory, 'copy.lock'), inode)).toBeUndefined();
});

it('is absent where no socket can be made', async () => {
  expect(await beginLife('/proc/r3.lock')).toBeUndefined();
  expect(await beginLife(join(directory, 'nowhere/r3.lock'))).toBeUndefined();
});

it.skipIf(process.getuid?.() !== 0)(
  'says nothing on a file system that other kernels, or other mounts of its files, may have (root only: mounts an overlay)',
  async () => {
    const at = (name: string): string => join(directory, 'overlay', name);
    for (const name of ['lower', 'upper', 'work', 'merged'])
      mkdirSync(at(name), { recursive: true });
    const options = `lowerdir=${at('lower')},upperdir=${at('upper')},workdir=${at('work')}`;
    execFileSync('sh', ['-c', `mount -t overlay overlay -o ${options} ${at('merged')}`]);
    try {
      expect(await beginLife(at('merged/r4.lock'))).toBeUndefined();
      const life = await beginLife(at('upper/r4.lock'));
      expect(await lives(at('upper/r4.lock'), life?.inode ?? 0)).toBe(true);
      expect(await lives(at('merged/r4.lock'), life?.inode ?? 0)).toBeUndefined();
      await life?.end();
    } finally {
      execFileSync('sh', ['-c', `umount ${at('merged')}`]);
    }
  },
);
