// A run that was killed before its first entry was on disk: every command says so at once, and a
// job does not come back to it.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Practice, play, practice, sick } from '../cli/practice.ts';

let lab: Practice;
let finished = '';
beforeAll(async () => {
  lab = await practice([sick('h1')]);
  await lab.run([
    'apply',
    lab.file('a.yaml', play("    - name: First\n      shell: {cmd: 'true'}\n")),
    '--yes',
  ]);
  finished = lab.runs()[0] ?? '';
});
afterAll(() => lab.close());

describe.each([
  ['an empty journal', '', ['plan.json', 'settings.json']],
  ['a first entry that is cut off', '{"v":1,"seq":0,"at":17', ['plan.json', 'settings.json']],
  ['an empty journal and no other file', '', []],
])('%s', (name, text, files) => {
  const run = `20200101-00000${name.length % 10}-${String(name.length).padStart(4, '0')}`;
  beforeAll(() => {
    const folder = join(lab.state, 'runs', run);
    mkdirSync(folder);
    for (const file of files)
      copyFileSync(join(lab.state, 'runs', finished, file), join(folder, file));
    writeFileSync(join(folder, 'journal.ndjson'), text);
  });

  it('resume says so and ends with 3', async () => {
    const resumed = await lab.run(['resume', run, '--yes']);
    expect([resumed.exit, resumed.err]).toEqual([
      3,
      expect.stringContaining(`run ${run} never began`),
    ]);
  }, 10_000);

  if (files.length > 0)
    it('an operator command is refused, since nobody would take it up', async () => {
      const paused = await lab.run(['pause', run]);
      const resolved = await lab.run(['resolve', run, 'h1']);
      expect([paused.exit, resolved.exit, paused.out + resolved.out]).toEqual([3, 3, '']);
      expect(paused.err).toContain(`run ${run} never began`);
    });

  it('runs lists it, and report says what it is', async () => {
    expect((await lab.run(['runs'])).out).toMatch(new RegExp(`${run}.*never began`));
    const report = await lab.run(['report', run]);
    expect([report.exit, report.out]).toEqual([
      0,
      expect.stringContaining('did nothing on any host'),
    ]);
    expect(report.out).not.toContain('ago');
  });
});

it('runs fits into a terminal of 80 columns, however long the name of a play', async () => {
  const name = 'Take hosts out of kernel-memory accounting, unattended, at night';
  await lab.run([
    'apply',
    lab.file('b.yaml', play("    - shell: {cmd: 'true'}\n").replace('name: Test', `name: ${name}`)),
    '--yes',
  ]);
  const { out } = await lab.run(['runs'], { width: () => 80 });
  expect(out.replace(/\s+/g, ' ')).toContain(`${name}: exit 0: 1 done`);
  expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

it('a job does not take it up', async () => {
  const folder = join(lab.state, 'runs/20200101-000000-job0');
  mkdirSync(folder);
  writeFileSync(join(folder, 'settings.json'), '{"flags": {"job": "nightly"}}');
  writeFileSync(join(folder, 'journal.ndjson'), '');
  const turn = await lab.run([
    'schedule',
    'run',
    'nightly',
    '--state-dir',
    lab.state,
    '--',
    'check',
    '-i',
    lab.fleet.inventoryFile,
  ]);
  expect([turn.exit, turn.out]).toEqual([2, expect.not.stringContaining('interrupted')]);
  expect(turn.err).not.toContain('never began');
}, 30_000);
