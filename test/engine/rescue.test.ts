// block, rescue and always on real walks: which branch runs, what counts, and what a resume after
// kill -9 repeats.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnCommand } from '../cli/child.ts';
import { eventsOf, type Practice, practice, sick, until } from '../cli/practice.ts';

let lab: Practice;
const names = ['calm', 'grave', 'ignored', 'worse', 'known', 'killed', 'late', 'gone'];
beforeAll(async () => {
  lab = await practice(names.map((name) => sick(name)));
});
afterAll(() => lab.close());

const ran = (host: string): string => {
  const file = join(lab.host(host).root, 'var/ran');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};
const write = (text: string): string => `echo ${text} >> "$KMEND_ROOT/var/ran"`;
const sh = (name: string, cmd: string): string => `{name: ${name}, shell: {cmd: '${cmd}'}}`;
const on = (host: string, tasks: string, more = ''): string =>
  lab.file(`${host}.yaml`, `- hosts: ${host}\n${more}  tasks:\n${tasks}`);
const runOf = (host: string): string =>
  lab.runs().find((one) => lab.journalText(one).includes(`${host}.yaml`)) ?? '';
const apply = async (host: string, tasks: string, more?: string) => {
  const { exit, out } = await lab.run(['apply', on(host, tasks, more), '--yes']);
  return { exit, out, journal: lab.journal(runOf(host)) };
};

const reads = `{name: look, command: {argv: ['false'], read_only: true}, check_mode: false}`;

describe.concurrent('block, rescue and always', () => {
  it('a rescue without a change before it: done, exit 0, and the names of the failure', async () => {
    const tasks = `    - block: [${sh('bad', 'exit 3')}]
      rescue: [{debug: {msg: "{{ ansible_failed_task.name }}: {{ ansible_failed_result.msg }}"}, register: d}, ${sh('saved', write('saved'))}]
      always: [${sh('always', write('always'))}]
    - ${sh('next', write('next'))}
`;
    const { exit, out, journal } = await apply(
      'calm',
      tasks,
      '  rollout: {brake: {rescued: ignore}}\n',
    );
    expect([exit, ran('calm')], out).toEqual([0, 'saved\nalways\nnext\n']);
    expect(eventsOf(journal, 'block.rescued')).toMatchObject([{ failed: 'bad' }]);
    expect(out).toMatch(/1 rescued/);
  }, 60_000);

  it('after a change of something that runs it counts for the brake, until it is acknowledged', async () => {
    const tasks = `    - block: [${sh('made', write('made'))}, ${sh('bad', 'exit 3')}]
      rescue: [${sh('saved', write('saved'))}]
`;
    const { exit, out, journal } = await apply('grave', tasks);
    expect([exit, ran('grave')], out).toEqual([12, 'made\nsaved\n']);
    expect(eventsOf(journal, 'brake.tripped')).toMatchObject([
      { host: 'grave', why: expect.stringContaining('ended with 3') },
    ]);
    const resumed = await lab.run(['resume', runOf('grave'), '--done', 'grave', '--why', 'fine']);
    expect([resumed.exit, ran('grave')], resumed.out + resumed.err).toEqual([0, 'made\nsaved\n']);
  }, 60_000);

  it('a rescue that fails: the host fails, and always runs', async () => {
    const tasks = `    - block: [${sh('bad', 'exit 3')}]
      rescue: [${sh('worse', 'exit 4')}, ${sh('never', write('never'))}]
      always: [${sh('always', write('always'))}]
`;
    const { exit, journal } = await apply('worse', tasks);
    expect([exit, ran('worse')]).toEqual([4, 'always\n']);
    expect(eventsOf(journal, 'host.failed')).toMatchObject([
      { task: 'worse', failure: { message: expect.stringContaining('ended with 4') } },
    ]);
  }, 60_000);

  it('a block that is known to fail is planned with its rescue', async () => {
    const tasks = `    - block: [{fail: {msg: no}}, ${sh('never', write('never'))}]
      rescue: [${sh('saved', write('saved'))}]
`;
    const plan = await lab.run(['plan', on('known', tasks)]);
    expect(plan.out).toMatch(/! run sh: echo saved/);
    const { exit } = await apply('known', tasks);
    expect([exit, ran('known')]).toEqual([0, 'saved\n']);
  }, 60_000);

  it('a command that only reads may fail, too', async () => {
    const tasks = `    - block: [${reads}]\n      rescue: [${sh('saved', write('saved'))}]\n`;
    expect([(await apply('ignored', tasks)).exit, ran('ignored')]).toEqual([0, 'saved\n']);
  }, 60_000);

  /** Kills the controller when the host has written this, and resumes the run. */
  const killed = async (host: string, tasks: string, text: string) => {
    const child = await spawnCommand(
      ['apply', on(host, tasks), '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', lab.state],
      join(lab.dir, 'home'),
    );
    await until(`${host}: ${child.out()}${child.err()}`, () => ran(host).endsWith(text), 30);
    child.signal('SIGKILL');
    await child.ended;
    return lab.run(['resume', runOf(host), '--yes']);
  };

  it('kill -9 in a rescue: the block is not walked again, the rescue ran once', async () => {
    const tasks = `    - block: [${sh('made', write('made'))}, {name: bad, shell: {cmd: '${write('bad')}; exit 3'}, register: r}]
      rescue: [{name: saved, shell: {cmd: '${write('{{ r.rc }}')}; sleep 2'}}]
`;
    const { exit, out } = await killed('killed', tasks, '3\n');
    expect([exit, ran('killed')], out).toEqual([12, 'made\nbad\n3\n']);
  }, 60_000);

  it('kill -9 in always: the failure is not forgotten', async () => {
    const tasks = `    - block: [${sh('bad', `${write('bad')}; exit 3`)}]
      always: [${sh('always', `${write('always')}; sleep 2`)}]
`;
    const { exit, out } = await killed('late', tasks, 'always\n');
    expect([exit, ran('late')], out).toEqual([4, 'bad\nalways\n']);
  }, 60_000);
});
