// A saved plan is applied exactly, or not at all: stale inputs end the command before any connection, a host that drifted is left alone.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTransport } from '../../src/adapters/ssh/index.ts';
import { eventsOf, mendPlay, type Practice, play, practice, sick } from '../cli/practice.ts';
import type { WorldChanges } from '../cli/real-world.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice(
    ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((name) => sick(name)),
    { downSeconds: 0.2 },
  );
});
afterAll(() => lab.close());

/** A world that counts connections. */
function counting(): { readonly changes: Partial<WorldChanges>; readonly connections: () => number } {
  let count = 0;
  return {
    connections: () => count,
    changes: {
      transport: async (needs) => {
        const real = createTransport({ ...needs, home: lab.dir, env: {} });
        return {
          close: () => real.close(),
          connect: (target, options) => {
            count += 1;
            return real.connect(target, options);
          },
        };
      },
    },
  };
}

const saved = async (name: string, text: string, more: readonly string[] = []): Promise<string> => {
  const file = `${lab.dir}/${name}.json`;
  expect((await lab.run(['plan', lab.file(`${name}.yaml`, text), '-o', file, ...more])).exit).toBe(2);
  return file;
};

describe('a plan whose inputs have changed', () => {
  const stale = async (plan: string, words: RegExp): Promise<void> => {
    const world = counting();
    const done = await lab.run(['apply', plan, '--yes'], world.changes);
    expect(done.exit).toBe(8);
    expect(done.err).toMatch(words);
    expect(done.err).toContain('make a new plan');
    expect(world.connections()).toBe(0);
  };

  it('variables that were given before and are not now: the hint says so', async () => {
    const plan = await saved('vars', mendPlay(), ['-e', 'colour=blue']);
    await stale(plan, /extra variables \(-e\) has changed(?:.|\n)*give the same -e again/);
  });

  it('one byte of the playbook: 8, named, and not a single connection', async () => {
    const plan = await saved('byte', mendPlay());
    writeFileSync(`${lab.dir}/byte.yaml`, mendPlay().replace('name: Mend', 'name: mend'));
    await stale(plan, /is stale: .*byte\.yaml has changed/);
    writeFileSync(`${lab.dir}/byte.yaml`, mendPlay());
    expect((await lab.run(['apply', plan, '--yes', '--check'])).exit).not.toBe(8);
  });

  it('a variable of one host: 8, with the name of the host', async () => {
    const inventory = lab.file('inv.yaml', readFileSync(lab.fleet.inventoryFile, 'utf8'));
    const plan = await saved('vars', mendPlay(), ['-i', inventory]);
    writeFileSync(inventory, readFileSync(inventory, 'utf8').replace('h2: {', 'h2: {colour: blue, '));
    await stale(plan, /variables of h2 has changed/);
  });

  it('-e given otherwise: 8', async () => {
    const plan = await saved('extra', mendPlay(), ['-e', 'colour=blue']);
    await stale(plan, /extra variables \(-e\) has changed/);
  });

  it('another version of kmend: 8', async () => {
    const plan = await saved('version', mendPlay());
    const done = await lab.run(['apply', plan, '--yes'], { version: '9.9.9' });
    expect([done.exit, done.err]).toMatchObject([8, expect.stringContaining('this is 9.9.9')]);
  });
});

describe('a host that is not what its plan was made from', () => {
  it('is left untouched as drift, one that was mended meanwhile needs nothing, the rest goes on', async () => {
    const plan = await saved('drift', mendPlay('{max_unavailable: 1, brake: {failures: 0}}').replace('hosts: all', 'hosts: h1,h2,h3'));
    // h1 was mended by hand; on h2 somebody removed what the plan rests on: another argument is set now.
    const byHand = await lab.run(['apply', lab.file('one.yaml', mendPlay().replace('hosts: all', 'hosts: h1')), '--yes']);
    expect(byHand.exit).toBe(0);
    const other = lab.file(
      'two.yaml',
      play('    - kernel_arg: {key: cgroup.memory, value: nosocket}\n').replace('hosts: all', 'hosts: h2'),
    );
    expect((await lab.run(['apply', other, '--yes'])).exit).toBe(0);
    const done = await lab.run(['apply', plan, '--yes']);
    const events = lab.journal();
    expect(eventsOf(events, 'effect.started', 'h1')).toEqual([]);
    expect(eventsOf(events, 'host.done', 'h1')).toMatchObject([{ changed: false }]);
    expect(eventsOf(events, 'host.started').map((event) => event.host)).toEqual(['h2', 'h3']);
    expect(done.out).toMatch(/h1 .* already mended/);
    const [drifted] = eventsOf(events, 'host.failed', 'h2');
    expect(drifted).toMatchObject({ failure: { kind: 'drift', hint: 'make a new plan' }, touched: false, state: 'untouched' });
    expect(drifted?.failure.message).toMatch(/not what the plan was made from: .*nosocket/);
    expect(eventsOf(events, 'effect.started', 'h2')).toEqual([]);
    // Drift is no bad end of a host that was worked on: the brake stays open.
    expect(eventsOf(events, 'host.done', 'h3')).toMatchObject([{ changed: true, proven: 'yes' }]);
    expect(done.exit).toBe(4);
    expect(lab.host('h2').boots()).toBe(1);
  }, 60_000);

  it('hosts that were mended since take no slot: all are looked at before the first start, and none waits behind another', async () => {
    const plan = await saved('late', mendPlay('{max_unavailable: 1}').replace('hosts: all', 'hosts: h4,h5,h6'));
    expect(
      (await lab.run(['apply', lab.file('now.yaml', mendPlay('{max_unavailable: 2}').replace('hosts: all', 'hosts: h4,h5')), '--yes']))
        .exit,
    ).toBe(0);
    lab.fleet.set('h6', 'mute', true);
    const done = await lab.run(['apply', plan, '--yes', '-T', '1']);
    expect(done.exit).toBe(6);
    const events = lab.journal();
    expect(eventsOf(events, 'host.started').map((event) => event.host)).toEqual(['h6']);
    expect(eventsOf(events, 'drift.noted').map((event) => [event.host, ...event.what])).toEqual([
      ['h4', 'nothing of its plan is left to do (kmem: off)'],
      ['h5', 'nothing of its plan is left to do (kmem: off)'],
    ]);
    expect(done.out).toMatch(/2 done, 1 failed/);
    // Nothing was announced for them, so there is nothing to take back either.
    expect((await lab.run(['rollback', lab.runs().at(-1) ?? '', '--check', '-l', 'h4'])).exit).toBe(11);
  }, 60_000);

  it('--strict takes no difference at all', async () => {
    const plan = await saved(
      'strict',
      play('    - kernel_arg: {key: cgroup.memory, value: nokmem}\n    - shell: {cmd: "true"}\n').replace('hosts: all', 'hosts: h2'),
    );
    await lab.run([
      'apply',
      lab.file('fix.yaml', play('    - kernel_arg: {key: cgroup.memory, value: nokmem}\n').replace('hosts: all', 'hosts: h2')),
      '--yes',
    ]);
    const done = await lab.run(['apply', plan, '--yes', '--strict']);
    expect(done.exit).toBe(4);
    expect(eventsOf(lab.journal(), 'host.failed', 'h2')).toMatchObject([{ failure: { kind: 'drift' } }]);
  }, 60_000);
});

describe('secrets', () => {
  it('stand in no plan, no journal, no output: passwords of the inventory, -e, and what no_log hides', async () => {
    const words = ['sesame-become', 'sesame-extra', 'sesame-task', 'sesame-fact', 'sesame-out'];
    const inventory = lab.file(
      'secret.yaml',
      readFileSync(lab.fleet.inventoryFile, 'utf8').replace('h3: {', `h3: {ansible_become_password: ${words[0]}, `),
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
    const planned = await lab.run(['plan', lab.file('secret-play.yaml', text), '-i', inventory, '-o', plan, ...extra]);
    const json = await lab.run(['plan', `${lab.dir}/secret-play.yaml`, '-i', inventory, '--json', ...extra]);
    const applied = await lab.run(['apply', plan, '--yes', ...extra]);
    const report = await lab.run(['report', lab.runs().at(-1) ?? '']);
    expect(applied.exit, applied.out).toBe(0);
    const everything =
      [planned, json, applied, report].map((one) => one.out + one.err).join('\n') + readFileSync(plan, 'utf8') + lab.journalText();
    for (const word of words) expect(everything.includes(word), word).toBe(false);
    expect(eventsOf(lab.journal(), 'task.done')).toMatchObject([{ registered: { censored: true } }, {}, { status: 'ignored' }]);
  }, 30_000);
});
