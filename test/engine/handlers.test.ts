// Handlers and rescues on real walks: what runs, how often, and what a resume after kill -9 repeats.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnCommand } from '../cli/child.ts';
import { type Practice, practice, sick, until } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice(['once', 'killed', 'kept', 'failed'].map((name) => sick(name)));
});
afterAll(() => lab.close());

const ran = (host: string): string => {
  const file = join(lab.host(host).root, 'var/ran');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};
const write = (text: string): string => `echo ${text} >> "$KMEND_ROOT/var/ran"`;
const on = (host: string, tasks: string, handlers: string): string =>
  lab.file(`${host}.yaml`, `- hosts: ${host}\n  handlers:\n${handlers}  tasks:\n${tasks}`);
const restart = `    - {name: restart, shell: {cmd: '${write('restarted')}; sleep 2'}}\n`;

/** Applies a playbook on one host, and kills the controller when the host has written this. */
async function killedAfter(host: string, path: string, text: string): Promise<string> {
  const child = await spawnCommand(
    ['apply', path, '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', lab.state],
    join(lab.dir, 'home'),
  );
  await until(`${host}: ${child.out()}${child.err()}`, () => ran(host).endsWith(text), 30);
  child.signal('SIGKILL');
  await child.ended;
  return lab.runs().find((one) => lab.journalText(one).includes(`${host}.yaml`)) ?? '';
}

describe('handlers', () => {
  it('run once, behind all that notify them, and only where something has changed', async () => {
    const tasks = `    - {name: a, shell: {cmd: '${write('a')}'}, notify: restart}
    - {name: b, shell: {cmd: '${write('b')}'}, notify: restart}
    - {name: c, shell: {cmd: '${write('c')}'}, changed_when: false, notify: other}
    - {name: d, pause: {seconds: 1}, notify: other}
    - {name: e, wait_for: {path: /proc, delay: 1}, notify: other}
`;
    const path = on('once', tasks, `${restart}    - {name: other, shell: {cmd: exit 1}}\n`);
    const plan = await lab.run(['plan', path]);
    expect(plan.out).toMatch(/restarted/);
    expect(plan.out).not.toMatch(/exit 1/);
    const { exit, err } = await lab.run(['apply', path, '--yes']);
    expect([exit, err, ran('once')]).toEqual([0, '', 'a\nb\nc\nrestarted\n']);
  }, 60_000);

  it.concurrent('kill -9 in a handler: the resume waits for it, and it ran once', async () => {
    const tasks = `    - {name: a, shell: {cmd: '${write('a')}'}, notify: restart}\n`;
    const run = await killedAfter('killed', on('killed', tasks, restart), 'restarted\n');
    const resumed = await lab.run(['resume', run, '--yes']);
    expect([resumed.exit, ran('killed')], resumed.out).toEqual([0, 'a\nrestarted\n']);
  }, 60_000);

  it.concurrent('kill -9 between the change and its handler: the resume still runs it', async () => {
    const tasks = `    - {name: a, shell: {cmd: '${write('a')}'}, notify: restart}
    - {name: b, shell: {cmd: '${write('b')}; sleep 2'}}
`;
    const run = await killedAfter('kept', on('kept', tasks, restart), 'b\n');
    const resumed = await lab.run(['resume', run, '--yes']);
    expect([resumed.exit, ran('kept')], resumed.out).toEqual([0, 'a\nb\nrestarted\n']);
  }, 60_000);

  it.concurrent('a host that fails runs none', async () => {
    const tasks = `    - {name: a, shell: {cmd: '${write('a')}'}, notify: restart}
    - {name: b, shell: {cmd: exit 3}}
`;
    const { exit } = await lab.run(['apply', on('failed', tasks, restart), '--yes']);
    expect([exit, ran('failed')]).toEqual([4, 'a\n']);
  }, 60_000);
});
