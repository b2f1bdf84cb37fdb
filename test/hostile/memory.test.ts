// Memory: of the answers of a host only its facts are kept, however long they are.
import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildProbe, checkWants } from '../../src/facts/index.ts';
import { bundlePath } from '../cli/child.ts';

const pods = (await import(resolve(import.meta.dirname, '../../bench/pods.mjs'))) as {
  readonly makePodNode: (root: string) => void;
};

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kmend-memory-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const hosts = 1000;

it('check of 1,000 nodes with 110 pods each, and 100 kB of other text, needs no more than 64 MB of heap', async () => {
  pods.makePodNode(join(directory, 'node'));
  const env = { ...process.env, KMEND_ROOT: join(directory, 'node') };
  const output = spawnSync('sh', ['-c', buildProbe(checkWants)], { env, encoding: 'utf8' }).stdout;
  const outputs = join(directory, 'outputs');
  mkdirSync(outputs);
  const first = join(outputs, 'node-1');
  writeFileSync(
    first,
    output.replace('@@kmend done 13\n', `${'nothing of ours\n'.repeat(6500)}@@kmend done 13\n`),
  );
  for (let host = 2; host <= hosts; host++) linkSync(first, join(outputs, `node-${host}`));
  const done = spawnSync(
    process.execPath,
    ['--max-old-space-size=64', bundlePath(), 'check', '--from', outputs],
    {
      env: { ...process.env, HOME: directory },
      cwd: directory,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  expect([done.status, done.stderr]).toEqual([2, '']);
  expect(done.stdout).toContain(`${hosts} hosts: ${hosts} need a remedy`);
}, 180_000);
