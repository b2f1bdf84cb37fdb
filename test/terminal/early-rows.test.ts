// Hosts on a real terminal while others are silent: each has its row as it answers, the terminal never
// has more rows than it shows, and the table at the end is that of a pipe.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import { hasTmux, openScreen, type Screen, type Size, sizes, small } from './screen.ts';

let lab: Practice;
let screens: Screen[] = [];
const hosts = Array.from({ length: 30 }, (_, index) => `h${String(index + 1).padStart(2, '0')}`);
beforeAll(async () => {
  lab = await practice([
    ...hosts.map((name) => sick(name)),
    sick('silent', { faults: { mute: true } }),
  ]);
});
afterEach(() => {
  for (const screen of screens) screen.close();
  screens = [];
});
afterAll(() => lab.close());

const open = async (size: Size): Promise<Screen> => {
  const screen = await openScreen(lab.dir, size);
  screens.push(screen);
  return screen;
};

describe.skipIf(!hasTmux)('hosts that are read, on a terminal', () => {
  it.each(sizes)('have rows while one is silent: %o', async (size) => {
    const terminal = await open(size);
    terminal.enter('clear; kmend check -i fleet/inventory.yaml; echo exit=$?');
    const rows = await terminal.sees(/30 of 31 hosts read.*no answer yet: silent/, 60);
    const shown = rows.filter((row) => /^h\d\d +\S+ +remedy: /.test(row));
    expect(shown.length).toBe(Math.min(30, size.rows - 3));
    terminal.press('C-c');
    await terminal.sees(/interrupted: 30 of 31 hosts were read, not silent/);
    await terminal.sees(/exit=130/);
    // Nothing of what was drawn meanwhile is left above the table.
    const all = terminal.all().split('\n');
    expect(all.filter((row) => /hosts read|remedy: /.test(row))).toEqual([]);
    expect(all.filter((row) => /^h\d\d /.test(row)).map((row) => row.slice(0, 3))).toEqual(hosts);
  });

  it('end with the table that a pipe gets', async () => {
    const terminal = await open(small);
    const check = "kmend check -i fleet/inventory.yaml -l 'h*'";
    terminal.enter(`clear; COLUMNS=80 ${check} > piped; ${check}; echo exit=$?`);
    await terminal.sees(/exit=2/, 120);
    const piped = readFileSync(join(lab.dir, 'piped'), 'utf8').trimEnd().split('\n');
    const all = terminal.all().split('\n');
    const table = piped.filter((row) => /^(?:host|h\d\d) /.test(row)).map((row) => row.trimEnd());
    expect(table).toHaveLength(31);
    expect(all.filter((row) => /^(?:host|h\d\d) /.test(row))).toEqual(table);
  });

  it('of a plan have rows, too, and Ctrl-C leaves them', async () => {
    lab.file('look.yaml', play('    - command: "true"\n'));
    const terminal = await open(small);
    terminal.enter('clear; kmend plan look.yaml -i fleet/inventory.yaml; echo exit=$?');
    await terminal.sees(/30 of 31 hosts planned.*no answer yet: silent/, 60);
    terminal.press('C-c');
    await terminal.sees(/exit=130/);
    const all = terminal.all().split('\n');
    const left = all.filter((row) => /^h\d\d +to change/.test(row));
    expect(left.map((row) => row.slice(0, 3))).toEqual(hosts);
    expect(all).toContain('30 of 31 hosts planned');
  });
});
