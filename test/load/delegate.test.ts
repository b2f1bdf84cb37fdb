// `delegate_to`, `local_action` and `connection: local`: what is read, noted and refused.
import { describe, expect, it } from 'vitest';
import { loadPlaybook } from '../../src/load/index.ts';
import { hasErrors } from '../../src/model/diagnostic.ts';
import { moduleTasksOf } from '../../src/model/playbook.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';

const load = (task: string, keys = 'name: x') =>
  loadPlaybook('p.yml', `- hosts: all\n  ${keys}\n  tasks:\n    - ${task}\n`, {
    modules,
    facts: [],
  });
const summaries = ({ diagnostics }: ReturnType<typeof load>) =>
  diagnostics.map(({ severity, summary }) => `${severity}: ${summary}`);
const tasksOf = (loaded: ReturnType<typeof load>) =>
  moduleTasksOf(loaded.value?.plays[0]?.tasks ?? []);

describe('a task of this machine', () => {
  it.each([
    ['{command: id, delegate_to: localhost}'],
    ['{command: id, delegate_to: 127.0.0.1}'],
    ['{command: id, connection: local}'],
    ['{local_action: command id}'],
    ['{local_action: {module: command id}}'],
    ['{local_action: {module: ansible.builtin.command, cmd: id}}'],
    ['{block: [{command: id}], delegate_to: localhost}'],
    ['{block: [{command: id}], connection: local}'],
  ])('%s', (task) => {
    const loaded = load(task);
    expect(summaries(loaded)).toEqual([]);
    const [read] = tasksOf(loaded);
    expect(read?.module).toBe('command');
    expect(['id', { cmd: 'id' }]).toContainEqual(read?.args);
    expect(['localhost', '127.0.0.1']).toContain(read?.delegate?.to);
    expect(read?.delegate?.becomes).toBeUndefined();
  });

  it('takes the text form of a module, with its options', () => {
    const [task] = tasksOf(load('{local_action: command touch /x creates=/x}'));
    expect(task?.args).toEqual({ cmd: 'touch /x', creates: '/x' });
    const [shell] = tasksOf(load('local_action: shell echo "{{ inventory_hostname }}" | cat'));
    expect(shell).toMatchObject({
      module: 'shell',
      args: 'echo "{{ inventory_hostname }}" | cat',
    });
  });

  it.each(['[uptime]', '{cmd: uptime}', '""'])('local_action: %s has no module', (action) => {
    expect(summaries(load(`{local_action: ${action}}`))).toEqual([
      'error: no module is called `local_action`',
    ]);
  });

  it('checks the names in delegate_to', () => {
    const loaded = loadPlaybook(
      'p.yml',
      '- hosts: all\n  vars: {here: localhost}\n  tasks:\n    - {command: id, delegate_to: "{{ here }}"}\n',
      { modules, facts: [] },
    );
    expect(summaries(loaded)).toEqual([]);
    expect(tasksOf(loaded)[0]?.delegate).toEqual({ to: '{{ here }}' });
  });

  it('becomes only where the task or the block that is delegated says so', () => {
    const becomes = (task: string) => tasksOf(load(task, 'become: true'))[0]?.delegate?.becomes;
    expect(becomes('{command: id, delegate_to: localhost}')).toBeUndefined();
    expect(becomes('{command: id, delegate_to: localhost, become: no}')).toBeUndefined();
    expect(becomes('{command: id, delegate_to: localhost, become: yes}')).toBe(true);
    expect(becomes('{block: [{command: id}], delegate_to: localhost, become: yes}')).toBe(true);
    expect(
      becomes('{block: [{command: id, become: no}], delegate_to: localhost, become: yes}'),
    ).toBeUndefined();
  });

  it('notes that `become` of the play does not count', () => {
    const note = ['note: `become` of the play is for hosts: this task does not become'];
    const noted = (task: string) => summaries(load(task, 'become: true'));
    expect(noted('{command: id, delegate_to: localhost}')).toEqual(note);
    expect(noted('{command: id, delegate_to: localhost, become: no}')).toEqual([]);
    expect(noted('{debug: {msg: x}, delegate_to: localhost}')).toEqual([]);
  });
});

describe('k8s_drain', () => {
  const text = (state: string, keys: string): string =>
    `- hosts: all\n  become: true\n  tasks:\n    - kubernetes.core.k8s_drain: {name: "{{ inventory_hostname | lower }}", state: ${state}}\n${keys}`;

  it.each([
    ['drain', 'localhost'],
    ['drain', '"{{ groups[\'masters\'][0] }}"'],
    ['uncordon', 'cp1'],
  ])('%s reaches the cluster of kmend, whatever machine it is delegated to: %s', (state, to) => {
    const keys = `      delegate_to: ${to}\n      become: false\n`;
    const loaded = loadPlaybook('p.yml', text(state, keys), { modules, facts: [] });
    expect(hasErrors(loaded.diagnostics)).toBe(false);
    const [task] = tasksOf(loaded);
    expect([task?.module, task?.delegate, task?.become]).toEqual([state, undefined, undefined]);
  });
});

describe('tasks of other files', () => {
  const files = {
    'a.yml': '- {command: id}\n- {command: id, delegate_to: 127.0.0.1, become: no}\n',
    'roles/r/tasks/main.yml': '- {command: id}\n',
  };
  const read = (text: string, keys = 'name: x') =>
    loadPlaybook('p.yml', `- hosts: all\n  ${keys}\n${text.replace(/^/gm, '  ')}\n`, {
      modules,
      facts: [],
      reader: tableReader(files),
    });

  it.each([
    ['tasks: [{import_tasks: a.yml, KEYS}]', ['localhost', '127.0.0.1']],
    ['tasks: [{include_tasks: {file: a.yml, apply: {KEYS}}}]', ['localhost', '127.0.0.1']],
    ['tasks: [{block: [{include_tasks: a.yml}], KEYS}]', ['localhost', '127.0.0.1']],
    ['tasks: [{import_role: {name: r}, KEYS}]', ['localhost']],
    ['tasks: [{include_role: {name: r, apply: {KEYS}}}]', ['localhost']],
    ['roles: [{role: r, KEYS}]', ['localhost']],
  ])('%s', (text, machines) => {
    for (const keys of ['delegate_to: localhost', 'connection: local']) {
      const loaded = read(text.replace('KEYS', keys));
      expect(summaries(loaded)).toEqual([]);
      expect(tasksOf(loaded).map(({ delegate }) => delegate?.to)).toEqual(machines);
    }
    const becoming = read(text.replace('KEYS', 'delegate_to: localhost, become: true'));
    expect(tasksOf(becoming).map(({ delegate }) => delegate?.becomes)).toEqual(
      machines.map((_, index) => (index === 0 ? true : undefined)),
    );
    const once = text.replace('KEYS', 'run_once: true');
    expect(tasksOf(read(once, 'serial: 1')).map((task) => task.once)).toEqual(
      machines.map(() => undefined),
    );
    expect(summaries(read(once))).toEqual([]);
    expect(tasksOf(read(once)).map((task) => task.once)).toEqual(machines.map(() => 'before'));
  });

  it('an include has no such key itself', () => {
    const [found] = read('tasks: [{include_tasks: a.yml, delegate_to: localhost}]').diagnostics;
    expect(found).toMatchObject({
      summary: '`include_tasks` takes no `delegate_to`',
      hint: '`apply: {delegate_to: ...}` gives it to the tasks',
    });
  });
});

describe('refused', () => {
  it('another host, because it has its own slot', () => {
    const { diagnostics } = load('{command: id, delegate_to: lb1}');
    expect(diagnostics).toMatchObject([
      {
        severity: 'error',
        summary: '`delegate_to: lb1` is another host',
        hint: expect.stringContaining('each host has its own slot'),
      },
    ]);
  });

  it.each(['service: {name: x, state: started}', 'package: {name: x}', 'reboot: {}', 'drain: {}'])(
    '%s on this machine',
    (task) => {
      expect(summaries(load(`{${task}, delegate_to: localhost}`))).toEqual([
        `error: \`${task.split(':')[0]}\` changes hosts, and never the machine that runs kmend`,
      ]);
    },
  );

  it('lineinfile on this machine', () => {
    expect(summaries(load('{lineinfile: {line: x, path: /x}, delegate_to: localhost}'))).toEqual([
      'error: `lineinfile` changes hosts, and never the machine that runs kmend',
    ]);
  });

  it.each([
    ['copy: {content: x, dest: reports/x}', 'copy: `dest` should be an absolute path'],
    ['copy: {content: x, dest: /a/../x}', 'copy: `dest` should have no `.` and no `..` in it'],
    ['file: {path: reports, state: directory}', 'file: `path` should be an absolute path'],
    ['file: {dest: reports, state: directory}', 'file: `path` should be an absolute path'],
  ])('%s is a path of this machine only', (task, message) => {
    expect(summaries(load(`{${task}}`))).toEqual([`error: ${message}`]);
    expect(summaries(load(`{${task}, delegate_to: lb1}`))).toHaveLength(1);
    const loaded = load(`{${task}, delegate_to: localhost}`);
    expect(summaries(loaded)).toEqual([]);
    // The directory of the playbook is known when it is planned.
    const [, path] = /(?:dest|path): ([^,}]+)/.exec(task) ?? [];
    expect(Object.values(tasksOf(loaded)[0]?.args ?? {})).toContain(path);
  });

  it.each(['~/x', ''])('a path "%s" on this machine', (dest) => {
    const found = summaries(load(`{copy: {content: x, dest: "${dest}"}, delegate_to: localhost}`));
    expect(found).toEqual(['error: copy: `dest` should be an absolute path']);
  });

  it('another connection, and delegated facts', () => {
    expect(summaries(load('{command: id, connection: docker}'))).toEqual([
      'error: kmend has no `connection: docker` on a task',
    ]);
    expect(summaries(load('{command: id, delegate_to: localhost, delegate_facts: true}'))).toEqual([
      'error: kmend has no `delegate_facts` on a task',
    ]);
  });
});
