// The person at this machine: also where no file knows their name, as in a container that runs
// under a number.
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { operatorOf } from '../../src/adapters/local/index.ts';
import { bundlePath } from '../cli/child.ts';

const isRoot = process.geteuid?.() === 0;

it.runIf(isRoot)('a user without a name and without HOME can work', async () => {
  const bundle = bundlePath();
  for (const folder of [dirname(bundle), dirname(dirname(bundle))]) chmodSync(folder, 0o755);
  const { status, stdout, stderr } = spawnSync(process.execPath, [bundle, 'docs', 'reboot'], {
    uid: 54_321,
    gid: 54_321,
    cwd: '/',
    env: {},
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toContain('reboot');
});

it('only root is believed who called sudo', () => {
  expect(operatorOf({ SUDO_USER: 'alice' }).who === 'alice').toBe(isRoot);
  expect(operatorOf({ SUDO_USER: '' }).who).not.toBe('');
});
