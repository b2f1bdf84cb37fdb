// Hints lead to what works: habits of Terraform, kubectl and Ansible, and foreign words in playbooks.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPlaybook } from '../../src/load/index.ts';
import { modules } from '../../src/modules/index.ts';
import { command } from '../cli/real-world.ts';

let home = '';
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-hints-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
const kmend = (line: string) => command(line.split(' '), { home });

describe('a habit of another tool', () => {
  it.each([
    ['apply x.yaml -auto-approve', "unknown option '-auto-approve'", 'use --yes'],
    ['apply x.yaml --auto-approve', "unknown option '--auto-approve'", 'use --yes'],
    ['plan x.yaml -out=plan.json', "unknown option '-out'", 'use -o FILE'],
    ['plan x.yaml -target=h1', "unknown option '-target'", 'use -l PATTERN'],
    ['plan x.yaml -lock-timeout=5s', "unknown option '-lock-timeout'", 'use --wait'],
    ['plan x.yaml -detailed-exitcode', "unknown option '-detailed-exitcode'", 'always ends with 2'],
    ['plan x.yaml -no-color', "unknown option '-no-color'", 'use --no-color'],
    ['resume', "missing required argument 'run'", '`kmend runs` lists runs'],
    [
      'plan x.yaml -o json',
      'not a format: json',
      '--json prints JSON; a file of that name is ./json',
    ],
    ['check --output json', "unknown option '--output'", 'use --json'],
    ['get nodes', "unknown command 'get'", '`kmend check` reads all hosts'],
    ['apply x.yaml --step', "unknown option '--step'", '`kmend apply FILE` does exactly that'],
    ['plan x.yaml --step', "unknown option '--step'", '`promote: manual` stops'],
    ['check -c local', "unknown option '-c'", 'hosts are reached over ssh'],
    ['check --flush-cache', "unknown option '--flush-cache'", 'facts are read anew'],
  ])('%s', async (line, message, hint) => {
    const { exit, err, out } = await kmend(line);
    expect([exit, out]).toEqual([3, '']);
    expect(err).toContain(message);
    expect(err.split('\n').at(-1)).toMatch(/^ {2}hint: /);
    expect(err).toContain(hint);
  });

  it('is not looked for in the command line of a job', async () => {
    const { exit, out } = await kmend(
      `schedule install nightly --every daily --as cron --state-dir ${home}/state -- check -l -var`,
    );
    expect([exit, out]).toEqual([0, expect.stringContaining('schedule run nightly')]);
  });

  it('is accepted where it changes nothing', async () => {
    const playbook = `${home}/tags.yml`;
    writeFileSync(
      playbook,
      '- hosts: all\n  tags: [a]\n  tasks: [{command: id, tags: [c, b]}, {command: id, tags: a}]\n',
    );
    const { exit, out } = await kmend(`plan ${playbook} -i n1, --list-tags --flush-cache -c ssh`);
    expect([exit, out.split('\n').slice(2)]).toEqual([
      0,
      ['', '  play #1 (all): all\tTAGS: [a]', '      TASK TAGS: [a, b, c]'],
    ]);
    expect((await kmend(`plan ${playbook} -i n1, -c local`)).err).toContain(
      'Allowed choices are ssh, smart',
    );
  });

  it('is no hint for a word that nobody has', async () => {
    expect((await kmend('constructor')).err).not.toContain('hint');
    expect((await kmend('cordon n1')).err).not.toContain('Did you mean');
  });
});

describe('a word of Ansible in a playbook', () => {
  const hints = (task: string): readonly (string | undefined)[] =>
    loadPlaybook('p.yaml', task, { modules, facts: [] }).diagnostics.map(({ hint }) => hint);

  it.each([
    [
      '- hosts: all\n  tasks: [{reboot: {reboot_command: /sbin/halt}}]',
      /^leave it out, or see `escalate`/,
    ],
    ['- hosts: all\n  tasks: [{reboot: {tmeout: 60}}]', /^did you mean `timeout`\?/],
    ['- hosts: all\n  tasks: [{include: b.yaml}]', /^it is `import_tasks` or `include_tasks`/],
    ['- hosts: all\n  tasks: [{systemd: {no_block: true, name: x}}]', /kmend waits for systemd/],
  ])('%s', (text, hint) => {
    expect(hints(text)).toContainEqual(expect.stringMatching(hint));
  });
});
