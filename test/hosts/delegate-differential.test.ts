// Tasks of this machine by kmend and by the installed ansible-core: one playbook, the same results.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Practice, practice, sick } from '../cli/practice.ts';

const hasAnsible = spawnSync('ansible-playbook', ['--version']).status === 0;

/** Registers `it`, whose values are compared. */
const tasks: Readonly<Record<string, string>> = {
  command: `command: printf '%s|' a "b c"
      delegate_to: localhost`,
  argv: `command: {argv: [printf, "%s|", "a b", "{{ inventory_hostname }}"]}
      delegate_to: 127.0.0.1`,
  shell: `shell: echo x | tr x y; echo two; echo bad >&2
      connection: local`,
  'a status that is no failure': `shell: exit 3
      delegate_to: localhost
      failed_when: it.rc != 3
      changed_when: it.rc == 4`,
  'a failure that is ignored': `command: sh -c "echo said; exit 5"
      delegate_to: localhost
      ignore_errors: true`,
  creates: `command: {cmd: touch new, chdir: "{{ dir }}", creates: "{{ dir }}/new"}
      delegate_to: localhost`,
  'creates, and it is there': `command: {cmd: touch new, chdir: "{{ dir }}", creates: "{{ dir }}/new"}
      delegate_to: localhost`,
  'removes, and it is not there': `command: {cmd: rm gone, chdir: "{{ dir }}", removes: "{{ dir }}/gone"}
      delegate_to: localhost`,
  until: `shell: echo x >> {{ dir }}/tries; wc -l < {{ dir }}/tries
      delegate_to: localhost
      until: it.stdout | int == 3
      retries: 5
      delay: 0`,
  loop: `command: echo {{ item }}
      delegate_to: localhost
      loop: [a, "b c"]`,
  skipped: `command: echo never
      delegate_to: localhost
      when: inventory_hostname == 'another'`,
  'a file': `copy: {content: "of {{ inventory_hostname }}\\n", dest: "{{ dir | basename }}/made", mode: "0640"}
      delegate_to: localhost`,
  'a file that is as it should be': `copy: {content: "of {{ inventory_hostname }}\\n", dest: "{{ dir | basename }}/made", mode: "0640"}
      delegate_to: localhost`,
  'what is in it': `command: stat -c "%a %s" {{ dir }}/made
      delegate_to: localhost`,
  'a directory': `file: {path: "./{{ dir | basename }}/a/b", state: directory}
      connection: local`,
  'a file in no directory': `copy: {content: x, dest: "{{ dir }}/none/x"}
      delegate_to: localhost
      ignore_errors: true`,
  'a directory that is removed': `file: {path: "{{ dir | basename }}/../{{ dir | basename }}/a", state: absent}
      delegate_to: localhost`,
  local_action: 'local_action: shell pwd | sed s,.*/,,',
};

const compared = 'rc stdout stdout_lines stderr changed failed skipped'.split(' ');
/** A skipped task of Ansible does not say whether it has failed. */
const values = (of: string): string =>
  `[${compared.map((key) => `${of}.${key} | default(${key === 'failed' ? 'false' : 'none'})`).join(', ')}]`;

const book = Object.entries(tasks)
  .map(
    ([name, task], index) => `    - ${task}
      register: it
    - set_fact:
        it_${index}: "{{ ${name === 'loop' ? `[${values('it.results[0]')}, ${values('it.results[1]')}]` : values('it')} }}"
    - shell: printf %s {{ it_${index} | to_json | quote }} > {{ dir }}/result-${index}
      delegate_to: localhost
`,
  )
  .join('');

describe.skipIf(!hasAnsible)(
  'delegated tasks as those of ansible-core (skipped without it)',
  () => {
    let lab: Practice;
    const said: Record<'ours' | 'theirs', string> = { ours: '', theirs: '' };
    const resultIn = (who: 'ours' | 'theirs', index: number): unknown => {
      const file = join(lab.dir, who, `result-${index}`);
      if (!existsSync(file)) throw new Error(`${who}: no ${file}\n${said[who]}`);
      return JSON.parse(readFileSync(file, 'utf8').replaceAll(join(lab.dir, who), 'DIR'));
    };

    beforeAll(async () => {
      lab = await practice([sick('h1')]);
      for (const who of ['ours', 'theirs']) mkdirSync(join(lab.dir, who));
      const path = lab.file(
        'delegated.yaml',
        `- hosts: h1\n  gather_facts: false\n  serial: 1\n  tasks:\n${book}`,
      );
      const inventory = lab.file('local.ini', 'h1 ansible_connection=local\n');
      const theirs = spawnSync(
        'ansible-playbook',
        ['-i', inventory, path, '-e', `dir=${join(lab.dir, 'theirs')}`],
        {
          encoding: 'utf8',
          env: { ...process.env, HOME: join(lab.dir, 'home') },
          timeout: 150_000,
        },
      );
      said.theirs = theirs.stdout + theirs.stderr;
      const ours = await lab.run(['apply', path, '--yes', '-e', `dir=${join(lab.dir, 'ours')}`]);
      said.ours = ours.out + ours.err;
    }, 180_000);
    afterAll(() => lab.close());

    it.each(Object.keys(tasks).map((name, index) => ({ name, index })))('$name', ({ index }) => {
      expect(resultIn('ours', index)).toEqual(resultIn('theirs', index));
    });
  },
);
