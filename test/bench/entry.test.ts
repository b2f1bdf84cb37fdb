// What the entry prints without loading the bundle is what the bundle itself would print.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

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

  describe('compiled code', () => {
    let home = '';
    beforeEach(() => {
      home = mkdtempSync(join(folder, 'home-'));
    });

    const runs = (args: readonly string[], env: Readonly<Record<string, string>> = {}): string =>
      execFileSync(process.execPath, [join(folder, 'bin/kmend.mjs'), ...args], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, HOME: home, ...env },
      });
    const help = (env?: Readonly<Record<string, string>>): string => runs(['check', '--help'], env);
    const kept = (): string => join(home, '.cache/kmend');
    const files = (): readonly string[] => (existsSync(kept()) ? readdirSync(kept()) : []);
    const only = (): string => {
      expect(files()).toHaveLength(1);
      return join(kept(), files()[0] ?? '');
    };
    /** Changes the last byte, so that nothing but the content differs. */
    const endWith = (path: string, sign: string): void =>
      writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, -1), Buffer.from(sign)]));
    const permissions = (path: string): number => statSync(path).mode & 0o777;
    /** Which file it is: one that is replaced has another number. */
    const inode = (): number => statSync(only()).ino;

    it('is kept for the next command, and only for this user', () => {
      const text = help();
      const first = inode();
      expect([permissions(kept()), permissions(only())]).toEqual([0o700, 0o600]);
      expect(help()).toBe(text);
      expect(inode()).toBe(first);
      runs(['validate', '--help']);
      expect(files()).toHaveLength(2);
    });

    it('is compiled anew where a disk has changed it', () => {
      const text = help();
      const before = readFileSync(only());
      for (const at of [0, 3, before.length >> 1, before.length - 1]) {
        const broken = Buffer.from(before);
        broken[at] = (broken[at] ?? 0) ^ 0x10;
        writeFileSync(only(), broken);
        expect(help()).toBe(text);
        expect(readFileSync(only()).equals(broken)).toBe(false);
      }
      writeFileSync(only(), '');
      expect(help()).toBe(text);
      expect(statSync(only()).size).toBeGreaterThan(100_000);
    });

    it('is not read where others could have written it', () => {
      help();
      const first = inode();
      chmodSync(only(), 0o620);
      help();
      expect(inode()).not.toBe(first);
      chmodSync(kept(), 0o777);
      const second = inode();
      chmodSync(only(), 0o602);
      help();
      expect([inode(), permissions(only())]).toEqual([second, 0o602]);
    });

    it.runIf(process.getuid?.() === 0)('is not written into the home of another user', () => {
      chownSync(home, 1234, 1234);
      help();
      expect(readdirSync(home)).toEqual([]);
    });

    it('is not kept where it is not wanted or cannot be', () => {
      help({ NODE_DISABLE_COMPILE_CACHE: '1' });
      expect(readdirSync(home)).toEqual([]);
      expect(help({ HOME: join(home, 'missing') })).toMatch(/^Usage/);
      expect(help({ HOME: '' })).toMatch(/^Usage/);
      writeFileSync(join(home, '.cache'), '');
      expect(help()).toMatch(/^Usage/);
    });

    it('lies where the user wants caches', () => {
      const place = join(home, 'caches');
      mkdirSync(place);
      help({ XDG_CACHE_HOME: place });
      expect(readdirSync(join(place, 'kmend'))).toHaveLength(1);
      expect(readdirSync(home)).toEqual(['caches']);
    });

    it('is of this bundle, and goes when nothing has replaced it for 90 days', () => {
      help();
      const old = only();
      const bundle = join(folder, 'dist/kmend.cjs');
      const text = readFileSync(bundle);
      try {
        endWith(bundle, ' ');
        help();
        expect(files()).toHaveLength(2);
        const long = Date.now() / 1000 - 91 * 86_400;
        utimesSync(old, long, long);
        endWith(bundle, '\t');
        help();
        expect(files()).toHaveLength(2);
        expect(existsSync(old)).toBe(false);
      } finally {
        writeFileSync(bundle, text);
      }
    });
  });
});
