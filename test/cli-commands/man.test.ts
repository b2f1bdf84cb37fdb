// Manual pages: one a command, in the package, and without a finding of the tools that read them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes, manPage } from '../../src/cli/man.ts';
import { command } from '../cli/real-world.ts';

let dir = '';
let pages: readonly string[] = [];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kmend-man-'));
  const { exit, out } = await command(['man', '--write', dir], { home: dir });
  expect(exit).toBe(0);
  pages = readdirSync(dir).toSorted();
  expect(
    out
      .split('\n')
      .map((path) => basename(path))
      .toSorted(),
  ).toEqual(pages);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Bold letters are struck twice. */
const overstruck = new RegExp(`.${String.fromCharCode(8)}`, 'g');
const has = (program: string): boolean => spawnSync('which', [program]).status === 0;
const paths = (): readonly string[] => pages.map((name) => join(dir, name));
const page = async (...words: readonly string[]): Promise<string> =>
  (await command(['man', ...words], { home: dir })).out;

describe('manual pages', () => {
  it('are those that package.json lists, and the hidden commands have none', () => {
    const { man } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(man.map((path: string) => basename(path)).toSorted()).toEqual(pages);
    expect(pages.length).toBeGreaterThan(35);
    expect(pages.filter((name) => name.includes('__'))).toEqual([]);
  });

  it.skipIf(!has('mandoc'))('pass mandoc but for the missing date (skipped without it)', () => {
    const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', ...paths()], {
      encoding: 'utf8',
    });
    const found = stdout.split('\n').filter((line) => line !== '');
    expect(found.filter((line) => !line.includes('WARNING: missing date'))).toEqual([]);
    expect(found).toHaveLength(pages.length);
  });

  it.skipIf(!has('groff'))('pass groff (skipped without it)', () => {
    expect(
      spawnSync('groff', ['-man', '-ww', '-z', '-Tutf8', ...paths()], { encoding: 'utf8' }),
    ).toMatchObject({ status: 0, stderr: '' });
  });

  it.skipIf(!has('mandoc'))('say what the help says (skipped without mandoc)', async () => {
    const shown = spawnSync('mandoc', ['-T', 'utf8', '-O', 'width=1000'], {
      input: await page('resume'),
      encoding: 'utf8',
    }).stdout.replaceAll(overstruck, '');
    for (const text of [
      'kmend-resume - continue a run after a crash',
      'kmend resume [options] <run>',
      '--retry <hosts>',
      'A tripped brake is released when every failed host was acknowledged',
      'kmend(1)',
    ])
      expect(shown).toContain(text);
  });

  it('hold any text as text', () => {
    const hostile = new Command('kmend').description(".SH x\n'so /etc/passwd\n\\fBbold\\fR -y");
    expect(manPage(hostile, '1').split('\n').slice(1, 5)).toEqual([
      '.SH NAME',
      'kmend \\- \\&.SH x',
      "\\&'so /etc/passwd",
      '\\efBbold\\efR \\-y',
    ]);
  });

  it('name each exit code of README.md', () => {
    const [, table = ''] = readFileSync('README.md', 'utf8').split('\n## Exit codes\n');
    const [rows = ''] = table.split('\n## ');
    const codes = [...rows.matchAll(/\| (\d+(?:\/\d+)?) \|/g)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(12);
    expect(exitCodes.map(([code]) => code)).toEqual(
      codes.toSorted((a = '', b = '') => Number.parseInt(a, 10) - Number.parseInt(b, 10)),
    );
  });

  it('are refused for what is no command', async () => {
    const { exit, err } = await command(['man', 'audit', 'x'], { home: dir });
    expect([exit, err]).toEqual([3, expect.stringContaining('there is no command x')]);
  });
});
