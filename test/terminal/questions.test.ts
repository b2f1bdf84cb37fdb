// Every question of kmend is visible on a real terminal, with a run under way and without one.
import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, play, practice, remediationPlay, sick } from '../cli/practice.ts';
import { hasTmux, masked, openScreen, type Screen, type Size, sizes, small } from './screen.ts';

const harmlessTask = '    - command: "true"\n';

let lab: Practice;
let screens: Screen[] = [];
beforeAll(async () => {
  lab = await practice([
    ...['node-a1', 'node-a2', 'node-b1', 'node-b2'].map((name) => sick(name)),
    sick('gone', { closed: true }),
    sick('sudo', { user: 'ops', faults: { sudo: 'battery' } }),
  ]);
});
afterEach(() => {
  for (const screen of screens) screen.close();
  screens = [];
});
afterAll(() => lab.close());

const open = async (size: Size, env = {}): Promise<Screen> => {
  const screen = await openScreen(lab.dir, size, env);
  screens.push(screen);
  return screen;
};
const state = (): string => `--state-dir ${lab.state}`;

/** The live view and what is below it. */
const view = (rows: readonly string[]): string =>
  masked(rows.slice(rows.findIndex((row) => /^[❯✔✖■] /u.test(row))));

describe.skipIf(!hasTmux)('a question on a terminal', () => {
  it.each(sizes)(
    'is visible below the live view, one after the other: $columns x $rows',
    async (size) => {
      lab.file('play.yaml', remediationPlay('{unplannable: ask, max_unavailable: 2}'));
      const terminal = await open(size);
      const hosts = `${size === small ? 'node-a*' : 'node-b*'},gone`;
      terminal.enter(
        `kmend plan play.yaml -i fleet/inventory.yaml -l '${hosts}' -o plan.json ${state()}`,
      );
      await terminal.sees(/plan\.json[\s\S]*^\$$/m);
      terminal.enter(`clear; kmend apply plan.json ${state()}; echo exit=$?`);
      const first = await terminal.sees(/Go on without\? \[y\/N\] _/);
      expect(view(first)).toMatchSnapshot();
      terminal.press('y');
      await terminal.sees(/Go on without\? \[y\/N\] y_/);
      terminal.press('Enter');
      const second = await terminal.sees(/Go on\? \[y\/N\] _/);
      expect(view(second)).toMatchSnapshot();
      terminal.enter('y');
      await terminal.sees(/exit=/, 60);
      // The answers stay, and no other question was asked.
      expect(terminal.all().match(/.*\[y\/N\].*/g)).toEqual([
        '1 host cannot be planned for. Go on without? [y/N] y',
        'This run may reboot on 2 hosts. Go on? [y/N] y',
      ]);
      expect(eventsOf(lab.journal(), 'approved').map(({ about }) => about)).toEqual([
        'unplannable',
        'risk',
      ]);
    },
  );

  it('for a passphrase is visible while hosts of a resume are under way', async () => {
    lab.file('sleep.yaml', play(`    - shell: sleep 4; true\n${harmlessTask}`));
    const terminal = await open(small);
    terminal.enter(`kmend apply sleep.yaml -i fleet/inventory.yaml -l node-a1 --yes ${state()}`);
    await terminal.sees(/> node-a1 .*sleep/);
    terminal.press('C-c');
    await terminal.sees(/\(exit 130\)[\s\S]*^\$$/m);
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'horse', '-f', lab.fleet.keyFile]);
    try {
      terminal.enter(`clear; kmend resume ${lab.runs().at(-1)} ${state()}; echo exit=$?`);
      await terminal.sees(/^❯[\s\S]*^Passphrase for .*fleet\/id: *_$/m);
      terminal.enter('wrong');
      await terminal.sees(/^❯[\s\S]*\(wrong passphrase\): *_$/m);
      terminal.enter('horse');
      await terminal.sees(/exit=0/, 60);
      expect(terminal.all()).not.toContain('horse');
    } finally {
      execFileSync('ssh-keygen', ['-q', '-p', '-P', 'horse', '-N', '', '-f', lab.fleet.keyFile]);
    }
  });

  it('for the become password is visible before the live view, which takes no answer', async () => {
    lab.file(
      'become.yaml',
      play(`    - shell: sleep 4; true\n${harmlessTask}`, '{}', '  become: true\n'),
    );
    const terminal = await open(small);
    terminal.enter(
      `kmend apply become.yaml -K -i fleet/inventory.yaml -l sudo --yes ${state()}; echo exit=$?`,
    );
    await terminal.sees(/^BECOME password: *$/m);
    terminal.enter('battery');
    await terminal.sees(/^❯[\s\S]*> sudo .*sleep/m, 60);
    terminal.press('C-c');
    await terminal.sees(/exit=130/);
    terminal.enter(`clear; kmend resume ${lab.runs().at(-1)} -K ${state()}; echo exit=$?`);
    await terminal.sees(/^BECOME password: *$/m);
    terminal.enter('battery');
    await terminal.sees(/exit=0/, 60);
    expect(terminal.all()).not.toContain('battery');
  });

  it('disappears when the run is aborted from a second terminal', async () => {
    lab.file('abort.yaml', play(harmlessTask, '{unplannable: ask}'));
    const terminal = await open(small);
    terminal.enter(`kmend plan abort.yaml -i fleet/inventory.yaml -o plan.json ${state()}`);
    await terminal.sees(/plan\.json[\s\S]*^\$$/m);
    terminal.enter(`clear; kmend apply plan.json ${state()}; echo exit=$?`);
    await terminal.sees(/^❯[\s\S]*\[y\/N\] _/m, 60);
    const second = await open(small);
    second.enter(`kmend abort ${lab.runs().at(-1)} --why lunch ${state()}`);
    await terminal.sees(/exit=/, 60);
    expect(terminal.all()).toContain('lunch');
    expect(terminal.all()).not.toContain('[y/N]');
  });

  it('is a no after Ctrl-C, which is a signal as elsewhere', async () => {
    lab.file('command.yaml', play(harmlessTask));
    const terminal = await open(small);
    const apply = `kmend apply command.yaml -i fleet/inventory.yaml -l node-a1 ${state()}`;
    const before = lab.runs().length;
    terminal.enter(`${apply}; echo exit=$?`);
    await terminal.sees(/^Carry this out\? \[y\/N\]/m);
    terminal.press('C-c');
    await terminal.sees(/exit=130/);
    expect(lab.runs().length).toBe(before);
    // The terminal echoes again.
    terminal.enter('clear; echo back');
    await terminal.sees(/^back$/m);
  });

  it('on a terminal that cannot move its cursor is a plain line below plain lines', async () => {
    lab.file('plain.yaml', play('    - shell: "true"\n'));
    const terminal = await open(small, { TERM: 'dumb' });
    terminal.enter(
      `kmend apply plain.yaml -i fleet/inventory.yaml -l node-a1 ${state()}; echo exit=$?`,
    );
    await terminal.sees(/^Carry this out\? \[y\/N\]/m);
    terminal.enter('y');
    await terminal.sees(/exit=0/, 60);
    expect(terminal.all()).toContain('Carry this out? [y/N] y\n');
    expect(terminal.all()).not.toContain('❯');
  });
});
