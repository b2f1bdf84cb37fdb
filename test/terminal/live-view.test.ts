// The live view on a real terminal: it stays in one piece whatever happens to the run and the
// terminal.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Practice, play, practice, remediationPlay, sick } from '../cli/practice.ts';
import { hasTmux, openScreen, type Screen, type Size, small } from './screen.ts';

let lab: Practice;
let screens: Screen[] = [];
let test = 0;
beforeAll(async () => {
  lab = await practice([
    ...['node-a1', 'node-b1', 'node-b2', 'node-c1', 'node-d1'].map((name) => sick(name)),
    sick('lost', { faults: { never: true } }),
  ]);
});
beforeEach(() => {
  test += 1;
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
/** A host that a test leaves half done counts in its own state directory only. */
const stateDir = (): string => `${lab.state}-${test}`;
const apply = (playbook: string, hosts: string): string =>
  `kmend apply ${playbook} -i fleet/inventory.yaml -l '${hosts}' --yes --state-dir ${stateDir()}; echo exit=$?`;
const command = (name: string, more = ''): string =>
  `kmend ${name} ${readdirSync(`${stateDir()}/runs`).at(-1)} ${more} --state-dir ${stateDir()}`;
const titles = (rows: readonly string[]): number =>
  rows.filter((row) => /^[❯✔✖■] /u.test(row)).length;

describe.skipIf(!hasTmux)('the live view on a terminal', () => {
  it('has above it at once what Ctrl-C means; the second ends the run', async () => {
    lab.file('sleep.yaml', play('    - shell: sleep 8; true\n    - command: "true"\n'));
    const terminal = await open(small);
    terminal.enter(apply('sleep.yaml', 'node-a1'));
    await terminal.sees(/> node-a1 .*sleep/);
    terminal.press('C-c');
    const rows = await terminal.sees(/^SIGINT: no further host is started[\s\S]*^❯ /m);
    expect(titles(rows), rows.join('\n')).toBe(1);
    expect(rows.join('').replace(/ /g, '')).toContain('(oncemore:stopnow)');
    terminal.press('C-c');
    await terminal.sees(/exit=130/, 5);
    // The cursor and the echo are back.
    terminal.enter('clear; echo back');
    await terminal.sees(/^back$/m);
  });

  it('shows what a second terminal does to the run', async () => {
    lab.file(
      'canary.yaml',
      play(
        '    - command: "true"\n',
        '{canary: {hosts: 1, soak: 0s, promote: manual}, soak: {host: 0s}, max_unavailable: 1}',
      ),
    );
    const terminal = await open(small);
    terminal.enter(apply('canary.yaml', 'node-b*'));
    await terminal.sees(/^❯[\s\S]*canary \| 1 done, 1 to go/m, 60);
    const second = await open(small);
    second.enter(command('pause', '--why lunch'));
    await terminal.sees(/paused by \S+: lunch/);
    second.enter(command('promote'));
    second.enter(command('continue'));
    await terminal.sees(/exit=0/, 60);
    expect(terminal.all()).toMatch(/^✔ /m);
  });

  it('is drawn anew, and once, on a terminal that is resized', async () => {
    lab.file('long.yaml', play('    - shell: sleep 12; true\n'));
    const terminal = await open({ columns: 140, rows: 40 });
    terminal.enter(apply('long.yaml', 'node-c1'));
    await terminal.sees(/> node-c1 .*sleep/);
    for (const size of [small, { columns: 50, rows: 20 }, { columns: 120, rows: 30 }]) {
      terminal.resize(size);
      // Two draws later.
      await sleep(2_200);
      expect(titles(terminal.rows()), terminal.rows().join('\n')).toBe(1);
    }
    await terminal.sees(/exit=0/, 60);
  });

  it('shows the brake, the failure that tripped it, and no mark of success', async () => {
    lab.file('lost.yaml', remediationPlay('{max_unavailable: 1}', '{timeout: 4s, stable_for: 1s}'));
    const terminal = await open(small);
    terminal.enter(apply('lost.yaml', 'lost,node-d1'));
    await terminal.sees(/exit=6/, 75);
    expect(terminal.all()).toMatch(/^✖ Remediate[\s\S]*brake on[\s\S]*x lost /m);
    expect(terminal.all()).not.toContain('✔');
  });
});
