// A saved plan is applied exactly, or not at all: a host that drifted is left alone, and no secret
// stands in it.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, play, practice, remediationPlay, sick } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice(
    ['h1', 'h2', 'h3'].map((name) => sick(name)),
    { downSeconds: 0.2 },
  );
});
afterAll(() => lab.close());

const saved = async (name: string, text: string, more: readonly string[] = []): Promise<string> => {
  const file = `${lab.dir}/${name}.json`;
  expect((await lab.run(['plan', lab.file(`${name}.yaml`, text), '-o', file, ...more])).exit).toBe(
    2,
  );
  return file;
};

describe('a host that is not what its plan was made from', () => {
  it('is not touched (drift); a host that was remediated meanwhile needs nothing; the others go on', async () => {
    const plan = await saved(
      'drift',
      remediationPlay('{max_unavailable: 1, brake: {failures: 0}}').replace(
        'hosts: all',
        'hosts: h1,h2,h3',
      ),
    );
    // h1 was remediated by hand. On h2 somebody set another argument than the plan expects.
    const byHand = await lab.run([
      'apply',
      lab.file('one.yaml', remediationPlay().replace('hosts: all', 'hosts: h1')),
      '--yes',
    ]);
    expect(byHand.exit).toBe(0);
    const other = lab.file(
      'two.yaml',
      play('    - kernel_arg: {key: cgroup.memory, value: nosocket}\n').replace(
        'hosts: all',
        'hosts: h2',
      ),
    );
    expect((await lab.run(['apply', other, '--yes'])).exit).toBe(0);
    const done = await lab.run(['apply', plan, '--yes']);
    const events = lab.journal();
    expect(eventsOf(events, 'effect.started', 'h1')).toEqual([]);
    expect(eventsOf(events, 'host.done', 'h1')).toMatchObject([{ changed: false }]);
    expect(eventsOf(events, 'host.started').map((event) => event.host)).toEqual(['h2', 'h3']);
    expect(done.out).toMatch(/h1 .* already remediated/);
    const [drifted] = eventsOf(events, 'host.failed', 'h2');
    expect(drifted).toMatchObject({
      failure: { kind: 'drift', hint: 'make a new plan' },
      touched: false,
      state: 'untouched',
    });
    expect(drifted?.failure.message).toMatch(/not what the plan was made from: .*nosocket/);
    expect(eventsOf(events, 'effect.started', 'h2')).toEqual([]);
    // Drift is no failure of a touched host: the brake does not count it.
    expect(eventsOf(events, 'host.done', 'h3')).toMatchObject([{ changed: true, proven: 'yes' }]);
    expect(done.exit).toBe(4);
    expect(lab.host('h2').boots()).toBe(1);
  }, 60_000);

  it('--strict takes no difference at all', async () => {
    const plan = await saved(
      'strict',
      play(
        '    - kernel_arg: {key: cgroup.memory, value: nokmem}\n    - shell: {cmd: "true"}\n',
      ).replace('hosts: all', 'hosts: h2'),
    );
    await lab.run([
      'apply',
      lab.file(
        'fix.yaml',
        play('    - kernel_arg: {key: cgroup.memory, value: nokmem}\n').replace(
          'hosts: all',
          'hosts: h2',
        ),
      ),
      '--yes',
    ]);
    const done = await lab.run(['apply', plan, '--yes', '--strict']);
    expect(done.exit).toBe(4);
    expect(eventsOf(lab.journal(), 'host.failed', 'h2')).toMatchObject([
      { failure: { kind: 'drift' } },
    ]);
  }, 60_000);
});

describe('secrets', () => {
  it('are in no plan, no journal and no output: passwords of the inventory, -e, and what no_log hides', async () => {
    const words = ['sesame-become', 'sesame-extra', 'sesame-task', 'sesame-fact', 'sesame-out'];
    const inventory = lab.file(
      'secret.yaml',
      readFileSync(lab.fleet.inventoryFile, 'utf8').replace(
        'h3: {',
        `h3: {ansible_become_password: ${words[0]}, `,
      ),
    );
    const tasks = `    - name: Hidden
      shell: {cmd: 'echo sesame-task; echo {{ token }} > /dev/null; echo sesame-out >&2; true'}
      no_log: true
      register: hidden
    - name: Also hidden
      set_fact: {key: sesame-fact}
      no_log: true
    - name: Hidden and bad
      shell: {cmd: 'echo sesame-out; exit 3'}
      no_log: true
      ignore_errors: true
`;
    const plan = `${lab.dir}/secret-plan.json`;
    const extra = ['-e', 'token=sesame-extra'];
    const text = play(tasks).replace('hosts: all', 'hosts: h3');
    const planned = await lab.run([
      'plan',
      lab.file('secret-play.yaml', text),
      '-i',
      inventory,
      '-o',
      plan,
      ...extra,
    ]);
    const json = await lab.run([
      'plan',
      `${lab.dir}/secret-play.yaml`,
      '-i',
      inventory,
      '--json',
      ...extra,
    ]);
    const applied = await lab.run(['apply', plan, '--yes', ...extra]);
    const report = await lab.run(['report', lab.runs().at(-1) ?? '']);
    expect(applied.exit, applied.out).toBe(0);
    const everything =
      [planned, json, applied, report].map((one) => one.out + one.err).join('\n') +
      readFileSync(plan, 'utf8') +
      lab.journalText();
    for (const word of words) expect(everything.includes(word), word).toBe(false);
    expect(eventsOf(lab.journal(), 'task.done')).toMatchObject([
      { registered: { censored: true } },
      {},
      { status: 'ignored' },
    ]);
  }, 30_000);
});
