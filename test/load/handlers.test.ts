// Where handlers run: the copies that each flush gets, by what may notify them.
import { describe, expect, it } from 'vitest';
import { loadPlaybook } from '../../src/load/index.ts';
import type { Task } from '../../src/model/playbook.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';

const load = (text: string, files: Readonly<Record<string, string>> = {}) =>
  loadPlaybook('p.yml', text, { modules, facts: [], reader: tableReader(files) });

/** `NAME [notified by]` of each handler, and `NAME` of each task, in order. */
function order(tasks: readonly Task[]): readonly string[] {
  return tasks.flatMap((task): readonly string[] => {
    if (task.kind === 'task') return [task.name];
    if (task.notifiedBy === undefined) return order(task.tasks);
    const by = task.notifiedBy.map(({ task: id, unless = [] }) =>
      unless.length === 0 ? id : `${id} unless ${unless.join(' ')}`,
    );
    return [`${task.name} <- ${by.join(', ')}`];
  });
}
const of = (text: string, files?: Readonly<Record<string, string>>) => {
  const loaded = load(text, files);
  expect(loaded.diagnostics.filter(({ severity }) => severity !== 'note')).toEqual([]);
  return order(loaded.value?.plays[0]?.tasks ?? []);
};
const handlers = `  handlers:
    - {name: A, command: a}
    - {name: B, command: b, notify: [A, C], listen: [web, all]}
    - {name: C, command: c, listen: all}
`;
const t = (name: string, notify: string) => `{name: ${name}, command: x, notify: ${notify}}`;

describe('handlers', () => {
  it('run behind each list of tasks, in the order of their definition', () => {
    expect(
      of(`- hosts: all
${handlers}  pre_tasks: [${t('p', 'C')}]
  tasks: [${t('x', '[C, A]')}, ${t('y', 'A')}]
  post_tasks: [{command: z}]
`),
    ).toEqual(['p', 'C <- pre_tasks.0', 'x', 'y', 'A <- 0, 1', 'C <- 0', 'command']);
  });

  it('what a handler notifies runs in the same place, an earlier one behind it', () => {
    expect(of(`- hosts: all\n${handlers}  tasks: [${t('x', 'web')}]\n`)).toEqual([
      'x',
      'B <- 0',
      'C <- handlers.tasks.0.0',
      'A <- handlers.tasks.0.0',
    ]);
  });

  it('flush_handlers; a flush that a host may pass by leaves them to the next one', () => {
    const tasks = (when: string) => `- hosts: all
${handlers}  tasks:
    - ${t('x', 'C')}
    - {block: [{meta: flush_handlers}]${when}}
    - ${t('y', 'C')}
`;
    expect(of(tasks(''))).toEqual(['x', 'C <- 0', 'y', 'C <- 2']);
    expect(of(tasks(', when: "x is defined"'))).toEqual([
      'x',
      'C <- 0',
      'y',
      'C <- 0 unless 1.0.0, 2',
    ]);
  });

  it('of a block; of the same name the first one; templates of early variables', () => {
    const text = `- hosts: all
  vars: {svc: docker}
  handlers: [{name: restart docker, command: one}, {name: restart docker, command: two}]
  tasks: [{block: [{command: x}], notify: "restart {{ svc }}"}]
`;
    expect(of(text)).toEqual(['command', 'restart docker <- 0.0']);
    expect(JSON.stringify(load(text).value)).not.toContain('two');
  });

  it.each([
    ['imports', 'tasks:\n    - {import_role: {name: r}, ', '}'],
    ['roles', 'roles:\n    - {role: r, ', '}'],
  ])(
    'of a role that is there twice: those of the last time, with what that gives it (%s)',
    (_, before, behind) => {
      const files = {
        'roles/r/tasks/main.yml': '- {name: t, command: "x {{ w }}", notify: again}\n',
        'roles/r/handlers/main.yml': '- {name: again, command: "h {{ w }}"}\n',
      };
      const [list, item] = before.split('\n');
      const twice = ['a', 'b'].map((w) => `${item}vars: {w: ${w}}, when: rc == "${w}"${behind}`);
      const text = `- hosts: all\n  vars: {rc: b}\n  ${[list, ...twice].join('\n')}\n`;
      const { value, diagnostics } = load(text, files);
      expect(diagnostics).toEqual([]);
      const found = (tasks: readonly Task[]): readonly Task[] =>
        tasks.flatMap((task) =>
          task.kind === 'task' ? [] : task.notifiedBy === undefined ? found(task.tasks) : [task],
        );
      const seen = JSON.stringify(found(value?.plays[0]?.tasks ?? []));
      expect(seen).toContain('"w":"b"');
      expect(seen).toContain('rc == \\"b\\"');
      expect(seen).not.toMatch(/"w":"a"|rc == \\"a\\"/);
    },
  );

  it('of roles: with their variables, below those of the play, also by their role', () => {
    const files = {
      'roles/web/tasks/main.yml': '- {name: w, command: x, notify: [reload, only]}\n',
      'roles/web/handlers/main.yml':
        '- {name: reload, command: "r {{ port }}"}\n- {name: only, command: o}\n- import_tasks: more.yml\n',
      'roles/web/tasks/more.yml': '- {name: more, command: m}\n',
      'roles/web/vars/main.yml': 'port: 80\n',
    };
    const text = `- hosts: all
  roles: [web]
  handlers: [{name: reload, command: mine}]
  tasks: [${t('x', '["web : reload", more]')}]
`;
    expect(of(text, files)).toEqual([
      'w',
      'x',
      'reload <- 0',
      'only <- roles.0.0.0',
      'more <- 0',
      'reload <- roles.0.0.0',
    ]);
    expect(JSON.stringify(load(text, files).value)).toContain('mine');
  });

  it.each([
    [t('x', 'D'), 'no handler is called `D` or listens to it'],
    ['{command: x, listen: D}', 'only handlers `listen`'],
    ['{meta: end_play}', 'kmend has no `meta: end_play`'],
  ])('%s', (task, summary) => {
    const { diagnostics } = load(`- hosts: all\n${handlers}  tasks: [${task}]\n`);
    expect(diagnostics.map((one) => one.summary)).toEqual([summary]);
  });

  it('a block or an include is no handler', () => {
    const { diagnostics } = load(
      '- hosts: all\n  tasks: [{command: x}]\n  handlers: [{block: [{command: x}]}]\n',
    );
    expect(diagnostics.map((one) => one.summary)).toEqual(['`block` is no handler']);
  });
});
