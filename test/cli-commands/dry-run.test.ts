// A dry run runs no command of a play, but for read-only ones that somebody marked; a run runs all
// of them, on the turn of the host.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, play, practice, sick } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice([sick('h1')]);
});
afterAll(() => lab.close());

const trace = (): string => join(lab.host('h1').root, 'var/ran');
const ran = (): string => (existsSync(trace()) ? readFileSync(trace(), 'utf8') : '');
beforeEach(() => rmSync(trace(), { force: true }));

const reading = (mark: string, then = ''): string =>
  play(`    - name: Look
      shell: {cmd: 'echo ran >> "$KMEND_ROOT/var/ran"; echo seen', read_only: true}
      register: look
${mark}${then}`);
const unmarked = (then = ''): string => reading('', then);
const judged = `    - {name: Judge, assert: {that: "look.stdout == 'seen'"}}\n`;

describe('a read-only command without a mark', () => {
  it.each([
    ['plan', ['plan'], 2],
    ['apply --check', ['apply', '--check'], 2],
    ['apply without a yes', ['apply'], 3],
    ['validate', ['validate'], 0],
  ])('is not run by %s', async (_, [word = '', ...flags], exit) => {
    const inventory = word === 'validate' ? ['-i', lab.fleet.inventoryFile] : [];
    const done = await lab.run([
      word,
      lab.file('unmarked.yaml', unmarked(judged)),
      ...flags,
      ...inventory,
    ]);
    expect([done.exit, ran()]).toEqual([exit, '']);
    if (word === 'plan')
      expect(done.out).toContain(
        'a plan runs it only with `check_mode: false` on the task, or --run-read-only',
      );
  });

  it('is planned as later with no risk, and so is what depends on it', async () => {
    const done = await lab.run(['plan', lab.file('unmarked.yaml', unmarked(judged)), '--json']);
    const tasks: readonly { name: string; status: string; risk: string }[] = JSON.parse(done.out)
      .plays[0].hosts[0].tasks;
    expect(tasks.map(({ name, status, risk }) => `${name} ${status} ${risk}`)).toEqual([
      'Look later none',
      'Judge later none',
    ]);
  });

  it('leaves what a later set_fact sets unknown in the plan, not undefined', async () => {
    const then = `    - {name: Keep, set_fact: {kept: "{{ look.stdout }}"}}
    - {name: Also, when: "look.stdout == 'seen'", block: [{name: In, set_fact: {inner: 1}}]}
    - {name: Use, debug: {msg: "{{ kept }} {{ inner }}"}}\n`;
    const done = await lab.run(['plan', lab.file('kept.yaml', unmarked(then)), '--json']);
    const [host] = JSON.parse(done.out).plays[0].hosts;
    expect(host.refused).toBeUndefined();
    expect(
      host.tasks.map(({ name, status }: { name: string; status: string }) => `${name} ${status}`),
    ).toEqual(['Look', 'Keep', 'In', 'Use'].map((name) => `${name} later`));
    expect((await lab.run(['apply', lab.file('kept.yaml', unmarked(then)), '--yes'])).exit).toBe(0);
  });

  it('is run on the turn of its host, and what depends on it is judged', async () => {
    expect(
      (await lab.run(['apply', lab.file('unmarked.yaml', unmarked(judged)), '--yes'])).exit,
    ).toBe(0);
    expect(ran()).not.toBe('');
    expect(
      eventsOf(lab.journal(), 'task.done').map(({ name, status }) => `${name} ${status}`),
    ).toEqual(['Look ok', 'Judge ok']);
    const wrong = unmarked(judged.replace('seen', 'other'));
    expect((await lab.run(['apply', lab.file('wrong.yaml', wrong), '--yes'])).exit).toBe(4);
  });

  it('is not run when a saved plan is checked before its first start: behind a closed gate no host has its turn', async () => {
    const gated = unmarked().replace('rollout: {}', "rollout: {gates: [{command: 'false'}]}");
    expect(
      (await lab.run(['plan', lab.file('gated.yaml', gated), '-o', `${lab.dir}/gated.json`])).exit,
    ).toBe(2);
    const done = await lab.run(['apply', `${lab.dir}/gated.json`, '--yes']);
    expect([done.exit, ran()]).toEqual([10, '']);
  });

  it('is no difference from a saved plan, not for --strict either', async () => {
    await lab.run(['plan', lab.file('strict.yaml', unmarked()), '-o', `${lab.dir}/strict.json`]);
    expect((await lab.run(['apply', `${lab.dir}/strict.json`, '--yes', '--strict'])).exit).toBe(0);
    expect(ran()).not.toBe('');
  });
});

describe('a read-only command that a plan runs', () => {
  it.each([
    [
      'check_mode: false, as Ansible marks what runs in its --check',
      '      check_mode: false\n',
      [],
    ],
    ['check_mode: true', '      check_mode: true\n', []],
    ['--run-read-only', '', ['--run-read-only']],
  ])('by %s', async (_, mark, flags) => {
    const done = await lab.run(['plan', lab.file('marked.yaml', reading(mark, judged)), ...flags]);
    expect([done.exit, ran()]).toEqual([0, 'ran\n']);
  });

  it('is run again by the saved plan of --run-read-only, which says so', async () => {
    await lab.run([
      'plan',
      lab.file('flag.yaml', unmarked()),
      '--run-read-only',
      '-o',
      `${lab.dir}/flag.json`,
    ]);
    expect(JSON.parse(readFileSync(`${lab.dir}/flag.json`, 'utf8'))).toMatchObject({
      runReadOnly: true,
    });
  });
});

describe('check_mode on a task that may change something', () => {
  it.each(['true', 'false'])('%s is refused, with the reason', async (value) => {
    const file = lab.file(
      'wrong.yaml',
      play(`    - {name: Do, shell: {cmd: 'true'}, check_mode: ${value}}\n`),
    );
    const done = await lab.run(['plan', file]);
    expect(done.exit).toBe(3);
    expect(done.err).toContain('only on a command or shell task with `read_only: true`');
  });
});

describe('a loop that is refused', () => {
  const looped = (items: string, task = 'assert: {that: "item < 2"}'): string =>
    play(`    - {name: Judge, ${task}, loop: ${items}}\n`);
  it.each<[string, string, RegExp, RegExp | undefined]>([
    [
      'names all items that are wrong',
      looped('[5, 1, 7]', `fail: {msg: "{{ item }} is wrong"}, when: "item > 2"`),
      /5 is wrong; 7 is wrong/,
      /1 is wrong/,
    ],
    [
      'says once what is the same for each',
      looped('[5, 1, 7]', `fail: {msg: "all is wrong"}`),
      /all is wrong/,
      /all is wrong; all/,
    ],
    [
      'ends after ten',
      looped(
        `[${Array.from({ length: 13 }, (_, index) => index + 10)}]`,
        `fail: {msg: "no {{ item }}"}`,
      ),
      /no 19; and 3 more/,
      /no 20/,
    ],
  ])('%s', async (_what, text, says, not) => {
    const { out } = await lab.run(['plan', lab.file('loop.yaml', text)]);
    expect(out.replace(/\s+/g, ' ')).toMatch(says);
    if (not !== undefined) expect(out).not.toMatch(not);
  });
});
