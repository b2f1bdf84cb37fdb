// A saved plan whose inputs have changed ends the command before any connection; hosts that are as
// it would leave them take no slot.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, remediationPlay } from '../fakes/plays.ts';
import { recordHost } from '../fakes/recording.ts';
import { type VirtualFleet, virtualFleet } from '../fakes/virtual-fleet.ts';

let lab: VirtualFleet;
beforeAll(async () => {
  lab = virtualFleet(await recordHost(), { h1: {}, h2: {}, h3: {}, h4: {}, h5: {}, h6: {} });
});
afterAll(() => lab.close());

const saved = async (name: string, text: string, more: readonly string[] = []): Promise<string> => {
  const file = `${lab.dir}/${name}.json`;
  expect((await lab.run(['plan', lab.file(`${name}.yaml`, text), '-o', file, ...more])).exit).toBe(
    2,
  );
  return file;
};

describe('a plan whose inputs have changed', () => {
  const stale = async (plan: string, words: RegExp): Promise<void> => {
    const before = lab.connections();
    const done = await lab.run(['apply', plan, '--yes']);
    expect(done.exit).toBe(8);
    expect(done.err).toMatch(words);
    expect(done.err).toContain('make a new plan');
    expect(lab.connections()).toBe(before);
  };

  it('variables that were given before and are not now: the hint says so', async () => {
    const plan = await saved('vars', remediationPlay(), ['-e', 'colour=blue']);
    await stale(plan, /extra variables \(-e\) has changed(?:.|\n)*give the same -e again/);
  });

  it('one byte of the playbook: 8, named, and not a single connection', async () => {
    const plan = await saved('byte', remediationPlay());
    writeFileSync(
      `${lab.dir}/byte.yaml`,
      remediationPlay().replace('name: Remediate', 'name: remediate'),
    );
    await stale(plan, /is stale: .*byte\.yaml has changed/);
    writeFileSync(`${lab.dir}/byte.yaml`, remediationPlay());
    expect((await lab.run(['apply', plan, '--yes', '--check'])).exit).not.toBe(8);
  });

  it('a file that the playbook includes, and one of a role: 8, named', async () => {
    const play = `${remediationPlay()}    - import_tasks: more.yaml\n    - import_role: {name: last}\n`;
    lab.file('more.yaml', '- debug: {msg: more}\n');
    mkdirSync(`${lab.dir}/roles/last/tasks`, { recursive: true });
    const role = lab.file('roles/last/tasks/main.yaml', '- debug: {msg: last}\n');
    const plan = await saved('parts', play);
    lab.file('more.yaml', '- debug: {msg: other}\n');
    await stale(plan, /is stale: .*more\.yaml has changed/);
    lab.file('more.yaml', '- debug: {msg: more}\n');
    writeFileSync(role, '- debug: {msg: other}\n');
    await stale(plan, /is stale: .*roles\/last\/tasks\/main\.yaml has changed/);
  });

  it('a variable of one host: 8, with the name of the host', async () => {
    const inventory = lab.file('inv.yaml', readFileSync(lab.inventory, 'utf8'));
    const plan = await saved('vars', remediationPlay(), ['-i', inventory]);
    writeFileSync(
      inventory,
      readFileSync(inventory, 'utf8').replace('h2: {', 'h2: {colour: blue, '),
    );
    await stale(plan, /variables of h2 has changed/);
  });

  it('-e given otherwise: 8', async () => {
    const plan = await saved('extra', remediationPlay(), ['-e', 'colour=blue']);
    await stale(plan, /extra variables \(-e\) has changed/);
  });

  it('another version of kmend: 8', async () => {
    const plan = await saved('version', remediationPlay());
    const done = await lab.run(['apply', plan, '--yes'], { version: '9.9.9' });
    expect([done.exit, done.err]).toMatchObject([8, expect.stringContaining('this is 9.9.9')]);
  });
});

it('hosts that were remediated since take no slot: all are read before the first start, and none waits for another', async () => {
  const plan = await saved(
    'late',
    remediationPlay('{max_unavailable: 1}').replace('hosts: all', 'hosts: h4,h5,h6'),
  );
  expect(
    (
      await lab.run([
        'apply',
        lab.file(
          'now.yaml',
          remediationPlay('{max_unavailable: 2}').replace('hosts: all', 'hosts: h4,h5'),
        ),
        '--yes',
      ])
    ).exit,
  ).toBe(0);
  lab.host('h6').unreachable = 'mute';
  const done = await lab.run(['apply', plan, '--yes', '-T', '1']);
  expect(done.exit).toBe(6);
  const events = lab.journal();
  expect(eventsOf(events, 'host.started').map((event) => event.host)).toEqual(['h6']);
  expect(eventsOf(events, 'drift.noted').map((event) => [event.host, ...event.what])).toEqual([
    ['h4', 'nothing of its plan is left to do (kmem: off)'],
    ['h5', 'nothing of its plan is left to do (kmem: off)'],
  ]);
  expect(done.out).toMatch(/2 done, 1 failed/);
  // Nothing was announced for them, so there is nothing to roll back either.
  expect((await lab.run(['rollback', lab.runs().at(-1) ?? '', '--check', '-l', 'h4'])).exit).toBe(
    11,
  );
});
