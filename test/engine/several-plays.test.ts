// A playbook of several plays: a run each, one after the other, also when the controller dies in
// one of them.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnCommand } from '../cli/child.ts';
import { eventsOf, type Practice, practice, sick, until } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice([sick('first'), sick('second'), sick('third')]);
});
afterAll(() => lab.close());

const did = (host: string): string => {
  const file = join(lab.host(host).root, 'var/did');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

const playOn = (host: string, cmd: string): string =>
  `- name: Play of ${host}\n  hosts: ${host}\n  tasks:\n    - {name: Mark, shell: {cmd: '${cmd}'}}\n`;
const mark = 'echo once >> "$KMEND_ROOT/var/did"';

describe('several plays', () => {
  it('a resume goes on with the plays that come after, once', async () => {
    const text = [
      playOn('first', `${mark}; sleep 2`),
      playOn('second', mark),
      playOn('third', mark),
    ].join('');
    const path = lab.file('plays.yaml', text);
    const child = await spawnCommand(
      ['apply', path, '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', lab.state],
      join(lab.dir, 'home'),
    );
    await until('the first play has begun', () => did('first') !== '');
    child.signal('SIGKILL');
    await child.ended;
    const [run = ''] = lab.runs();
    const resumed = await lab.run(['resume', run]);
    expect([resumed.exit, resumed.err]).toEqual([0, '']);
    expect(
      lab.runs().map((one) => eventsOf(lab.journal(one), 'run.started').map(({ play }) => play)),
    ).toEqual([['Play of first'], ['Play of second'], ['Play of third']]);
    const all = (): readonly string[] => ['first', 'second', 'third'].map(did);
    expect(all()).toEqual(['once\n', 'once\n', 'once\n']);

    const again = await lab.run(['resume', run]);
    expect([again.exit, again.out]).toEqual([
      0,
      expect.stringContaining(
        `see \`kmend runs --state-dir ${lab.state}\`: Play of second, Play of third`,
      ),
    ]);
    expect(all()).toEqual(['once\n', 'once\n', 'once\n']);
  }, 60_000);

  it('after a play that does not end well none is begun, by its resume neither', async () => {
    const path = lab.file(
      'bad.yaml',
      [playOn('first', 'test -e "$KMEND_ROOT/var/good"'), playOn('second', mark)].join(''),
    );
    const before = lab.runs().length;
    expect((await lab.run(['apply', path, '--yes'])).exit).toBe(4);
    expect(lab.runs()).toHaveLength(before + 1);
    expect(did('second')).toBe('once\n');
    expect((await lab.run(['resume', lab.runs().at(-1) ?? ''])).exit).toBe(4);
    expect(lab.runs()).toHaveLength(before + 1);
  }, 60_000);
});
