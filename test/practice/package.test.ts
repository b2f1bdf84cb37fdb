// The published package: what `npm pack` makes brings the practice fleet, in a bundle that the
// program loads on demand.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'kmend-package-'));
const state = join(folder, 'state');
const kmend = (...args: readonly string[]): string =>
  execFileSync(
    process.execPath,
    [join(folder, 'package/bin/kmend.mjs'), ...args, '--state-dir', state],
    { cwd: folder, encoding: 'utf8' },
  );

describe('the package', () => {
  beforeAll(() => {
    const cwd = resolve(import.meta.dirname, '../..');
    execFileSync('npm', ['run', 'build'], { cwd, stdio: 'ignore' });
    const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
      cwd,
      encoding: 'utf8',
    });
    execFileSync('tar', ['-xzf', packed.trim().split('\n').at(-1) ?? ''], { cwd: folder });
  });
  afterAll(() => {
    kmend('lab', 'down');
    rmSync(folder, { recursive: true, force: true });
  });

  it('starts the practice fleet, lists it and ends it', () => {
    expect(kmend('lab', 'up')).toMatch(/^\d+ hosts are up; try:\n {2}kmend check -i /);
    expect(kmend('lab', 'list')).toMatch(/^node-a1 +127\.0\.0\.1:\d+ .*answers/m);
    expect(kmend('lab', 'down')).toBe('the practice fleet is down\n');
  });

  it('has the fleet in no other file than its own', () => {
    const holds = (file: string): boolean =>
      readFileSync(join(folder, 'package/dist', file), 'utf8').includes('Error: Nothing to do');
    expect([holds('kmend.cjs'), holds('practice.cjs')]).toEqual([false, true]);
  });
});
