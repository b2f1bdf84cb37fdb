// What the entry prints without loading the bundle is what the bundle itself would print.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

describe('the published entry', () => {
  let folder = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kmend-entry-'));
    const { build } = (await import(join(root, 'scripts/build.mjs'))) as {
      build(options: { out: string }): string;
    };
    build({ out: join(folder, 'dist/kmend.cjs') });
    for (const part of ['bin', 'package.json'])
      cpSync(join(root, part), join(folder, part), { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const says = (file: string, ...args: string[]): string =>
    execFileSync(process.execPath, [join(folder, file), ...args], { encoding: 'utf8' });

  it.each(['--help', '-h', '--version', '-V'])('%s', (flag) => {
    const text = says('bin/kmend.mjs', flag);
    expect(text).toBe(says('dist/kmend.cjs', flag));
    expect(text).toMatch(flag.includes('-h') ? /^Usage: kmend / : /^\d+\.\d+\.\d+/);
  });

  it('--help is 80 wide, whatever the terminal', () => {
    expect(
      Math.max(
        ...says('bin/kmend.mjs', '--help')
          .split('\n')
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(80);
  });

  it('help of a command comes from the bundle', () => {
    expect(says('bin/kmend.mjs', 'check', '--help')).toMatch(/^Usage: kmend check /);
  });
});
