// The picture of a run in the README: what the commands in it print today.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const hasScript = spawnSync('script', ['--version']).status === 0;

it.skipIf(!hasScript)(
  `docs/run.svg is fresh${hasScript ? '' : ' (needs script of util-linux)'}`,
  () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/picture.mjs', '--check'], {
      encoding: 'utf8',
      // A run that goes wrong asks its operator, and nobody answers here.
      timeout: 180_000,
    });
    expect([status, stderr]).toEqual([0, '']);
  },
);
