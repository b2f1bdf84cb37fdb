// Files of the machine of kmend that tasks write for hosts: by real processes.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnCommand } from '../cli/child.ts';
import { type Practice, practice, sick, until } from '../cli/practice.ts';

let lab: Practice;
const hosts = ['one', 'two'] as const;

beforeAll(async () => {
  lab = await practice(hosts.map((name) => sick(name)));
  mkdirSync(join(lab.dir, 'templates'));
  writeFileSync(
    join(lab.dir, 'templates/list.j2'),
    '{% for line in said.stdout_lines %}{{ inventory_hostname }}: {{ line }}\n{% endfor %}',
  );
  mkdirSync(join(lab.dir, 'files'));
  writeFileSync(join(lab.dir, 'files/logo'), Buffer.from([0, 255, 128, 10, 39]));
});
afterAll(() => lab.close());

/** A process of its own: it begins in another directory than that of the playbook. */
async function run(args: readonly string[], more: readonly string[] = []) {
  const child = await spawnCommand(
    [...args, '-i', lab.fleet.inventoryFile, '--state-dir', lab.state, ...more],
    join(lab.dir, 'home'),
    { XDG_STATE_HOME: join(lab.dir, 'state-home') },
  );
  const exit = await child.ended;
  return { exit, out: child.out() + child.err() };
}

const text = (path: string): string => readFileSync(join(lab.dir, path), 'utf8');

/** What a host says must stay text: it has a template, a command and a way out of the directory. */
const trap = "{{ 1 + 1 }} $(touch trap) '../../x'";

const book = (name: string, tasks: string, keys = ''): string =>
  lab.file(`${name}.yaml`, `- hosts: all\n  become: true\n${keys}  tasks:\n${tasks}`);

describe('a file of this machine', () => {
  it('is planned, written once for each host, and left alone by the next run and a rollback', async () => {
    const path = book(
      'report',
      `    - command: {argv: [printf, '%s\\n', a, "{{ trap }}"], read_only: true, expand_argument_vars: false}
      vars: {trap: !unsafe "${trap}"}
      check_mode: false
      changed_when: false
      register: said
    - file: {path: reports, state: directory, mode: "0750"}
      delegate_to: localhost
    - copy:
        content: "{{ said.stdout }}\\n"
        dest: reports/{{ inventory_hostname }}.txt
      delegate_to: localhost
      register: written
    - template: {src: list.j2, dest: "{{ playbook_dir }}/reports/{{ inventory_hostname }}.list"}
      connection: local
    - copy: {src: logo, dest: reports/}
      delegate_to: localhost
    - local_action: {module: copy, content: "{{ inventory_hostname }}", dest: ./last}
    - assert: {that: written is changed}
      delegate_to: localhost
      when: check_written is defined
`,
    );
    const plan = await run(['plan', path]);
    expect(plan.out).toContain(`on this machine: file ${join(lab.dir, 'reports')}`);
    expect(plan.out).toContain(`on this machine: file ${join(lab.dir, 'reports/one.txt')}`);
    expect(plan.out).toContain(`+${trap}`);
    expect(plan.out).toContain('no rollback restores files of this machine');
    expect(existsSync(join(lab.dir, 'reports'))).toBe(false);

    const applied = await run(['apply', path, '--yes'], ['-e', 'check_written=yes']);
    expect(applied.exit, applied.out).toBe(0);
    expect(readdirSync(join(lab.dir, 'reports')).sort()).toEqual(
      ['logo', ...hosts.flatMap((host) => [`${host}.list`, `${host}.txt`])].sort(),
    );
    for (const host of hosts) {
      expect(text(`reports/${host}.txt`)).toBe(`a\n${trap}\n`);
      expect(text(`reports/${host}.list`)).toBe(`${host}: a\n${host}: ${trap}\n`);
    }
    expect([...readFileSync(join(lab.dir, 'reports/logo'))]).toEqual([0, 255, 128, 10, 39]);
    expect(statSync(join(lab.dir, 'reports')).mode & 0o777).toBe(0o750);
    // Each host has its own text for it: the last one wins, and none of them fails.
    expect(hosts).toContain(text('last'));
    expect(existsSync(join(lab.dir, 'trap'))).toBe(false);
    const id = lab.runs().at(-1) ?? '';
    const journal = lab.journalText(id);
    expect(
      journal.match(/"effect\.started"[^\n]*"kind":"local"[^\n]*write/g)?.length,
    ).toBeGreaterThan(5);

    const again = await run(['plan', path]);
    expect(again.out).toContain('Plan: 1 host to change, 1 with nothing to do, 0 refused');
    const back = await run(['rollback', id, '--yes']);
    expect(back.out).toContain(`on this machine: file ${join(lab.dir, 'reports/one.txt')}`);
    expect(text('reports/one.txt')).toBe(`a\n${trap}\n`);
  }, 120_000);

  it('that several hosts write is no drift of the later ones, also from a saved plan', async () => {
    const tasks = `    - command: "true"
    - copy: {content: "{{ inventory_hostname }}", dest: shared}
      delegate_to: localhost
`;
    const path = book('shared', tasks, '  serial: 1\n');
    const first = await run(['apply', path, '--yes']);
    expect([first.exit, text('shared')], first.out).toEqual([0, 'two']);
    // The plan has nothing to write for the second host, until the first one has written.
    const saved = join(lab.dir, 'plan.json');
    const planned = await run(['plan', path, '-o', saved]);
    expect(existsSync(saved), planned.out).toBe(true);
    const second = await run(['apply', saved, '--yes']);
    expect([second.exit, text('shared')], second.out).toEqual([0, 'two']);
    expect(second.out).not.toContain('drift');
  }, 90_000);

  it('kill -9 while it is written: the old one stays, and the resume writes it', async () => {
    const begun = join(lab.dir, 'begun');
    const check = lab.file('check.sh', `[ -e '${begun}' ] && exit 0; touch '${begun}'; sleep 5\n`);
    mkdirSync(join(lab.dir, 'own'));
    writeFileSync(join(lab.dir, 'own/kept'), 'old');
    const path = book(
      'killed',
      `    - copy: {content: new, dest: own/kept, validate: "sh ${check} %s"}
      delegate_to: localhost
`,
    );
    const args = ['apply', path, '--limit', 'one', '--yes', '-i', lab.fleet.inventoryFile];
    const child = await spawnCommand([...args, '--state-dir', lab.state], join(lab.dir, 'home'), {
      XDG_STATE_HOME: join(lab.dir, 'state-home'),
    });
    await until(`begun: ${child.out()}${child.err()}`, () => existsSync(begun), 30);
    child.signal('SIGKILL');
    await child.ended;
    expect(text('own/kept')).toBe('old');
    const resumed = await run(['resume', lab.runs().at(-1) ?? '', '--yes']);
    expect([resumed.exit, text('own/kept')], resumed.out).toEqual([0, 'new']);
    // The script of the killed one ends, too, and leaves nothing beside the file.
    await until('its end', () => readdirSync(join(lab.dir, 'own')).length === 1, 30);
    expect(text('own/kept')).toBe('new');
  }, 60_000);

  it('is not written where a host chooses the place', async () => {
    const path = book(
      'chosen',
      `    - command: {cmd: printf ../home/x, read_only: true}
      check_mode: false
      changed_when: false
      register: said
    - copy: {content: x, dest: "reports/{{ said.stdout }}"}
      delegate_to: localhost
`,
    );
    const applied = await run(['apply', path, '--yes']);
    expect(applied.exit).not.toBe(0);
    expect(applied.out).toContain('is a value from a host: in `dest` of a file of this machine');
    expect(existsSync(join(lab.dir, 'home/x'))).toBe(false);
  }, 60_000);

  it('that cannot be written fails its host, and says why', async () => {
    const path = book(
      'invalid',
      `    - copy: {content: x, dest: checked, validate: "grep -q y %s"}
      delegate_to: localhost
`,
    );
    const applied = await run(['apply', path, '--yes']);
    expect(applied.exit).not.toBe(0);
    expect(applied.out).toContain('its `validate` refused the new content');
    expect(readdirSync(lab.dir).filter((name) => name.startsWith('.kmend'))).toEqual([]);
    expect(existsSync(join(lab.dir, 'checked'))).toBe(false);
  }, 60_000);
});
