// The program finds the playbooks and pages that it ships, however it was started.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/adapters/local/index.ts';
import { bundlePath } from '../cli/child.ts';

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kmend-root-'));
  mkdirSync(join(dir, 'installed/kmend/dist'), { recursive: true });
  mkdirSync(join(dir, 'installed/.bin'));
  mkdirSync(join(dir, 'carried'));
  for (const folder of ['installed/kmend', 'carried']) {
    cpSync('playbooks', join(dir, folder, 'playbooks'), { recursive: true });
    cpSync('docs', join(dir, folder, 'docs'), { recursive: true });
  }
  cpSync(bundlePath(), join(dir, 'installed/kmend/dist/kmend.cjs'));
  cpSync(bundlePath(), join(dir, 'carried/kmend.cjs'));
  writeFileSync(join(dir, 'hosts.yaml'), 'all: {hosts: {a: {}}}\n');
  symlinkSync('../kmend/dist/kmend.cjs', join(dir, 'installed/.bin/kmend'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe.each([
  ['from its package', 'installed/kmend/dist/kmend.cjs', 'installed/kmend'],
  ['by the link that npm makes', 'installed/.bin/kmend', 'installed/kmend'],
  ['as a bundle that was carried to another machine', 'carried/kmend.cjs', 'carried'],
])('started %s', (_, program, root) => {
  it('it knows where its files are', () =>
    expect(packageRoot(join(dir, program))).toBe(join(dir, root)));

  it('it opens its pages', () => {
    const run = spawnSync(process.execPath, [join(dir, program), 'docs', 'kmem'], {
      cwd: dir,
      env: { HOME: dir },
      encoding: 'utf8',
    });
    expect([run.status, run.stderr, run.stdout]).toEqual([
      0,
      '',
      readFileSync('docs/kmem.md', 'utf8'),
    ]);
  });

  it('a manifest has the roles that it ships', () => {
    const words = [
      'schedule',
      'install',
      'nightly',
      '--every',
      'daily',
      '--as',
      'kubernetes',
      '--image',
      'x',
      '--',
      'check',
      '-i',
      'hosts.yaml',
    ];
    const run = spawnSync(process.execPath, [join(dir, program), ...words], {
      cwd: dir,
      env: { HOME: dir },
      encoding: 'utf8',
    });
    expect([run.status, run.stderr, run.stdout]).toEqual([
      0,
      '',
      expect.stringMatching(/kind: ClusterRole\n.*kind: CronJob/s),
    ]);
  });
});
