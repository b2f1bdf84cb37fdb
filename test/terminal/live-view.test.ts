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
    ...['node-a1', 'node-b1', 'node-b2', 'node-c1', 'node-d1', 'node-e1', 'node-e2', 'node-e3'].map(
      (name) => sick(name),
    ),
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

const many = Array.from({ length: 60 }, (_, index) => `h${String(index + 1).padStart(2, '0')}`);

const open = async (size: Size, env: Readonly<Record<string, string>> = {}): Promise<Screen> => {
  const screen = await openScreen(lab.dir, size, env);
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
    const rows = await terminal.sees(
      /^❯[\s\S]*canary \| 1 done, 1 to go[\s\S]*waits for its prom/m,
      60,
    );
    // What to type is in one piece.
    const promote = command('promote').replace(/ +--.*/, '');
    expect(
      rows.filter((row) => row.trim() === promote),
      rows.join('\n'),
    ).toHaveLength(1);
    const second = await open(small);
    second.enter(command('pause', '--why lunch'));
    await terminal.sees(/paused by \S+: lunch/);
    second.enter(command('promote'));
    second.enter(command('continue'));
    await terminal.sees(/exit=0/, 60);
    expect(terminal.all()).toMatch(/^✔ /m);
  });

  // On a busy machine the signal of a resized terminal comes after the next draw, or never.
  it.each([
    ['that is resized', ''],
    ['whose signal does not come', "process.stdout; process.removeAllListeners('SIGWINCH');"],
  ])('is drawn anew, and once, on a terminal %s', async (_terminal, first) => {
    lab.file('long.yaml', play('    - shell: sleep 25; true\n'));
    const terminal = await open(
      { columns: 140, rows: 40 },
      { NODE_OPTIONS: `--require=${lab.file('first.cjs', first)}` },
    );
    // A terminal is full when it has been used.
    terminal.enter(`seq 60; ${apply('long.yaml', 'node-c1')}`);
    await terminal.sees(/> node-c1 .*sleep/);
    for (const size of [small, { columns: 50, rows: 20 }, { columns: 120, rows: 30 }]) {
      // Between two draws: what is under way to a terminal that folds its rows is drawn wrongly.
      const before = terminal.rows().join();
      await expect.poll(() => terminal.rows().join(), { timeout: 15_000 }).not.toBe(before);
      terminal.resize(size);
      // Two draws later, and later still where the machine is busy.
      await sleep(2_200);
      await expect.poll(() => titles(terminal.rows()), { timeout: 15_000 }).toBe(1);
    }
    await terminal.sees(/exit=0/, 60);
  });

  it('names the brake and the failed host while another host is under way', async () => {
    lab.file(
      'brake.yaml',
      play(
        `    - shell: "{{ 'sleep 2; false' if inventory_hostname == 'node-e1' else 'sleep 9; true' }}"\n`,
        '{max_unavailable: 2}',
      ),
    );
    const terminal = await open(small);
    terminal.enter(apply('brake.yaml', 'node-e*'));
    const rows = await terminal.sees(/^❯[\s\S]*BRAKE: [\s\S]*x node-e1[\s\S]*> node-\S+ /m, 60);
    expect(titles(rows), rows.join('\n')).toBe(1);
    expect(
      rows.filter((row) => row.includes('--retry node-e1')),
      rows.join('\n'),
    ).toHaveLength(1);
    await terminal.sees(/exit=5/, 60);
    expect(titles(terminal.all().split('\n'))).toBe(1);
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

describe.skipIf(!hasTmux)('the live view of 60 hosts', () => {
  let fleet: Practice;
  beforeAll(async () => {
    fleet = await practice(many.map((name) => sick(name)));
  });
  afterAll(() => fleet.close());

  it('fits 24 rows: the title above, failed hosts, how many more are under way', async () => {
    const task = `    - shell: "{{ 'false' if inventory_hostname in ['h03', 'h07'] else 'sleep 5; true' }}"\n`;
    fleet.file('many.yaml', play(task, '{max_unavailable: 30, brake: {failures: 9}}'));
    const terminal = await openScreen(fleet.dir, small);
    screens.push(terminal);
    terminal.enter(
      `clear; kmend apply many.yaml -i fleet/inventory.yaml --yes --state-dir ${fleet.state}; echo exit=$?`,
    );
    const rows = await terminal.sees(/x h0[37] [\s\S]*x h0[37] [\s\S]*> and \d+ more/, 120);
    expect(rows[0]).toMatch(/^❯ Test \(run /);
    expect(rows[1]).toMatch(/ \[[>x.]+\] {2}0 of 60/);
    expect(titles(rows), rows.join('\n')).toBe(1);
    for (const host of ['h03', 'h07'])
      expect(rows.filter((row) => row.trim().endsWith(`--retry ${host}`))).toHaveLength(1);
    await terminal.sees(/exit=4/, 120);
    // Nothing of the views before the last one is left.
    expect(terminal.all().match(/ of 60 /g)).toHaveLength(1);
  });
});
