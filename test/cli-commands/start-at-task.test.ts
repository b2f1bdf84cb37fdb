// `--start-at-task` through a plan, its file, a run and its resume: the same tasks are left out.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Plan } from '../../src/model/run/plan.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice([sick('h1')]);
});
afterAll(() => lab.close());

const at = (name: string): string => join(lab.host('h1').root, 'var', name);
const ran = (): string => (existsSync(at('ran')) ? readFileSync(at('ran'), 'utf8') : '');
beforeEach(() => {
  for (const name of ['ran', 'ready']) rmSync(at(name), { force: true });
});

const say = (word: string): string => `shell: 'echo ${word} >> "$KMEND_ROOT/var/ran"'`;
const tasks = `    - {name: First, ${say('first')}, tags: [always], register: first}
    - {name: Second, ${say('second')}}
    - {name: Ready, shell: 'test -e "$KMEND_ROOT/var/ready"'}
    - {name: Third, ${say('third')}}
`;

it('is kept in a saved plan, in its run, and in a resume', async () => {
  const playbook = lab.file('start.yaml', play(tasks));
  const file = join(lab.dir, 'start.json');
  const planned = await lab.run(['plan', playbook, '--start-at-task', 'Sec*', '-o', file]);
  expect(planned.exit).toBe(2);
  expect(planned.out).toContain('--start-at-task leaves out 1 task: First (shell)');
  const saved: Plan = JSON.parse(readFileSync(file, 'utf8'));
  expect(saved.startAtTask).toBe('Sec*');
  expect(saved.plays[0]?.hosts[0]?.tasks.map(({ name }) => name)).toEqual([
    'Second',
    'Ready',
    'Third',
  ]);
  expect((await lab.run(['apply', file, '--yes'])).exit).toBe(4);
  expect(ran()).toBe('second\n');
  writeFileSync(at('ready'), '');
  const run = lab.runs().at(-1) ?? '';
  expect((await lab.run(['resume', run, '--yes', '--retry', 'h1'])).exit).toBe(0);
  expect(ran()).toBe('second\nthird\n');
});

it('leaves out all tasks of the plays before it', async () => {
  const two = `${play(`    - {name: One, ${say('one')}}\n`)}${play(tasks)}`.replace(
    'name: Test',
    'name: Before',
  );
  writeFileSync(at('ready'), '');
  const done = await lab.run([
    'apply',
    lab.file('two.yaml', two),
    '--yes',
    '--start-at-task=Third',
  ]);
  expect([done.exit, ran()]).toEqual([0, 'third\n']);
});

it('says that a drain is left out before a reboot', async () => {
  const text = play('    - drain: {}\n    - {name: Restart, reboot: {}}\n');
  const done = await lab.run(['plan', lab.file('drain.yaml', text), '--start-at-task', 'Restart']);
  expect(done.out.replaceAll(/\s+/g, ' ')).toContain(
    'leaves out 1 task: drain; nothing takes a node out of service before `reboot`',
  );
});

it.each([
  ['Secnd', 'did you mean: Second'],
  ['ir', 'did you mean: First, Third'],
  ['first', 'did you mean: First'],
  ['xyzzy', '`--list-tasks` lists the names'],
])('an unknown name is an error before any host is contacted: %s', async (name, hint) => {
  const playbook = lab.file('start.yaml', play(tasks));
  const done = await lab.run(['plan', playbook, '--start-at-task', name]);
  expect(done.exit).toBe(3);
  expect(done.err).toContain(`--start-at-task: no task is called ${name}`);
  expect(done.err).toContain(hint);
});
