// Playbooks of several files: imports, includes, roles and files of variables, and each error at its
// place in the file that it is in.
import { describe, expect, it } from 'vitest';
import { wantedBy } from '../../src/app/plan/wanted-tasks.ts';
import { loadPlaybook } from '../../src/load/index.ts';
import type { BlockTask, ModuleTask, Play, Task } from '../../src/model/playbook.ts';
import { smallModules } from '../fakes/small-modules.ts';
import { tableReader } from '../fakes/table-reader.ts';

const load = (
  text: string,
  files: Readonly<Record<string, string>> = {},
  extraVars = {},
  rolesPath: readonly string[] = [],
) =>
  loadPlaybook('site/p.yml', text, {
    modules: smallModules,
    facts: ['kernel.release'],
    extraVars,
    reader: tableReader(files),
    rolesPath,
  });
const playsOf = (...args: Parameters<typeof load>): readonly Play[] => {
  const { value, diagnostics } = load(...args);
  if (value === undefined) throw new Error(JSON.stringify(diagnostics, null, 1));
  return value.plays;
};
const playOf = (...args: Parameters<typeof load>): Play => {
  const [play] = playsOf(...args);
  if (play === undefined) throw new Error('no play');
  return play;
};
const errorsOf = (...args: Parameters<typeof load>): readonly string[] =>
  load(...args).diagnostics.map(
    ({ place, code, summary }) =>
      `${place?.file}:${place?.line}:${place?.column} ${code}: ${summary}`,
  );

interface Flat {
  readonly task: ModuleTask;
  readonly vars: Record<string, unknown>;
  readonly defaults: Record<string, unknown>;
  /** Conditions of the blocks around it, each asked once. */
  readonly once: readonly string[];
}
const flat = (tasks: readonly Task[], around: readonly BlockTask[] = []): readonly Flat[] =>
  tasks.flatMap((task) =>
    task.kind === 'block'
      ? flat(task.tasks, [...around, task])
      : [
          {
            task,
            vars: Object.assign({}, ...around.map(({ vars }) => vars), task.vars),
            defaults: Object.assign({}, ...around.map(({ defaults }) => defaults ?? {})),
            once: around.flatMap(({ when }) => when.map(({ source }) => source)),
          },
        ],
  );
const namesOf = (play: Play): readonly string[] => flat(play.tasks).map(({ task }) => task.name);
const own = ({ task }: Flat): readonly string[] => task.when.map(({ source }) => source);

const play = (rest: string): string => `- hosts: all\n${rest.replace(/^/gm, '  ').trimEnd()}\n`;

describe('import_tasks', () => {
  const files = {
    'site/a.yml': '- {name: a1, nothing: , when: x is defined}\n- {name: a2, nothing: }\n',
  };

  it('stands for its tasks, and gives each its condition, tags and variables', () => {
    const text = play(
      'tags: [p]\nvars: {x: 1}\ntasks:\n- import_tasks: a.yml\n  when: x == 1\n  tags: [i]\n  vars: {y: 2}\n',
    );
    const [first, second] = flat(playOf(text, files).tasks);
    expect([first?.task.name, second?.task.name]).toEqual(['a1', 'a2']);
    expect(first && own(first)).toEqual(['x == 1', 'x is defined']);
    expect(second && own(second)).toEqual(['x == 1']);
    expect(second?.once).toEqual([]);
    expect(second?.task.tags).toEqual(['p', 'i']);
    expect(second?.vars).toEqual({ y: 2 });
    expect(second?.task.place).toEqual({ file: 'site/a.yml', line: 2, column: 4 });
  });

  it('has a name from variables that are known early, beside the file that names it first', () => {
    const text = play('vars: {part: b}\ntasks:\n- import_tasks: "{{ part }}/{{ part }}.yml"\n');
    const nested = {
      'site/b/b.yml': '- import_tasks: c.yml\n',
      'site/b/c.yml': '- {name: beside, nothing: }\n',
      'site/c.yml': '- {name: of the playbook, nothing: }\n',
    };
    expect(namesOf(playOf(text, nested))).toEqual(['beside']);
    expect(load(text, nested).value?.files).toEqual(['site/b/b.yml', 'site/b/c.yml']);
    expect(errorsOf(play('tasks:\n- import_tasks: "{{ kernel.release }}.yml"\n'))).toEqual([
      expect.stringMatching(/^site\/p\.yml:3:19 early-template/),
    ]);
  });

  it('reports what is wrong in the file that it is in, and a file that is not there', () => {
    expect(
      errorsOf(play('tasks:\n- import_tasks: a.yml\n'), { 'site/a.yml': '- nosuch: 1\n' }),
    ).toEqual(['site/a.yml:1:3 unknown-module: no module is called `nosuch`']);
    expect(errorsOf(play('tasks:\n- import_tasks: nope.yml\n'))).toEqual([
      'site/p.yml:3:19 missing-file: there is no file nope.yml',
    ]);
    expect(errorsOf(play('tasks:\n- import_tasks: a.yml\n  retries: 3\n'), files)).toEqual([
      'site/p.yml:4:5 unknown-key: `import_tasks` takes no `retries`',
    ]);
  });

  it('that leads to itself is an error', () => {
    const circle = {
      'site/a.yml': '- import_tasks: b.yml\n',
      'site/b.yml': '- import_tasks: a.yml\n',
    };
    expect(errorsOf(play('tasks:\n- import_tasks: a.yml\n'), circle)).toEqual([
      'site/b.yml:1:17 cyclic-import: site/a.yml leads to itself',
    ]);
  });
});

describe('include_tasks', () => {
  const files = { 'site/a.yml': '- {name: a1, nothing: }\n- {name: a2, nothing: , tags: [t]}\n' };

  it('asks its condition once, and gives its tasks nothing but what `apply` says', () => {
    const text = play(
      'vars: {x: 1}\ntasks:\n- include_tasks: {file: a.yml, apply: {tags: [q], no_log: true}}\n  when: x == 1\n  tags: [i]\n',
    );
    const [first] = flat(playOf(text, files).tasks);
    expect(first?.once).toEqual(['x == 1']);
    expect(first && own(first)).toEqual([]);
    expect([first?.task.tags, first?.task.noLog, first?.task.enteredBy]).toEqual([
      ['q'],
      true,
      [['i']],
    ]);
  });

  it('with tags is entered only where it is wanted itself, as in Ansible', () => {
    const text = play('tasks:\n- include_tasks: a.yml\n  tags: [i]\n');
    const tasks = flat(playOf(text, files).tasks).map(({ task }) => task);
    const wanted = (tags: readonly string[]): readonly string[] =>
      tasks.filter(wantedBy({ tags })).map(({ name }) => name);
    expect(wanted(['i'])).toEqual([]);
    expect(wanted(['t'])).toEqual([]);
    expect(wanted(['i', 't'])).toEqual(['a2']);
    expect(wanted(['all'])).toEqual(['a1', 'a2']);
  });

  it.each([
    'loop: "{{ all }}"',
    'with_items: ["{{ all }}"]',
    'with_items: [x, y]',
    'with_list: "{{ all }}"',
  ])('is repeated for each item of a list that is known early: %s', (loop) => {
    const text = play(
      `vars: {all: [x, y]}\ntasks:\n- include_tasks: "{{ one }}.yml"\n  ${loop}\n  loop_control: {loop_var: one}\n`,
    );
    const two = {
      'site/x.yml': '- {name: x, nothing: }\n',
      'site/y.yml': '- {name: y, nothing: }\n',
    };
    const tasks = flat(playOf(text, two).tasks);
    expect(tasks.map(({ task, vars }) => [task.name, vars])).toEqual([
      ['x', { one: 'x' }],
      ['y', { one: 'y' }],
    ]);
    expect(new Set(tasks.map(({ task }) => task.id)).size).toBe(2);
  });

  it('takes no key that Ansible refuses there', () => {
    expect(errorsOf(play('tasks:\n- include_tasks: a.yml\n  become: true\n'), files)).toEqual([
      'site/p.yml:4:5 unknown-key: `include_tasks` takes no `become`',
    ]);
  });
});

describe('roles', () => {
  const role = {
    'site/roles/web/tasks/main.yml':
      '- {name: "web {{ port }}", nothing: }\n- import_tasks: more.yml\n',
    'site/roles/web/tasks/more.yml': '- {name: more, nothing: }\n',
    'site/roles/web/defaults/main.yml': 'port: 80\nshared: 1\n',
    'site/roles/web/vars/main.yml': 'user: www\n',
    'site/roles/web/meta/main.yml': 'dependencies:\n- {role: base, level: 2}\n',
    'site/roles/base/tasks/main.yaml': '- {name: base, nothing: }\n',
  };

  it('are beside the playbook first, then where `roles_path` says, in its order', () => {
    const role = (name: string): string => `- {name: ${name}, nothing: }\n`;
    const found = (...names: readonly string[]) =>
      namesOf(
        playOf(
          play('roles: [web]\n'),
          Object.fromEntries(names.map((name) => [`${name}/web/tasks/main.yml`, role(name)])),
          {},
          ['/a', '/b'],
        ),
      );
    expect(found('site/roles', '/a', '/b')).toEqual(['site/roles']);
    expect(found('/b', '/a', 'site')).toEqual(['/a']);
    expect(found('/b', 'site')).toEqual(['/b']);
    expect(found('site')).toEqual(['site']);
  });

  it('come after pre_tasks and before tasks, those that they depend on first', () => {
    const text = play(
      'pre_tasks:\n- {name: before, nothing: }\nroles: [web]\ntasks:\n- {name: tasks, nothing: }\npost_tasks:\n- {name: "after {{ shared }}", nothing: }\n',
    );
    const found = playOf(text, role);
    expect(namesOf(found)).toEqual([
      ...['before', 'base', 'web {{ port }}', 'more', 'tasks', 'after {{ shared }}'],
    ]);
    const ids = flat(found.tasks).map(({ task }) => task.id);
    expect(new Set(ids).size).toBe(ids.length);
    // A play without roles keeps the ids that journals of older versions have.
    expect(ids[4]).toBe('0');
  });

  it('have defaults below the inventory, and variables and parameters above the play', () => {
    const text = play(
      'roles:\n- role: web\n  port: 8080\n  vars: {mode: x}\n  tags: [w]\n  when: port > 1\n',
    );
    const found = playOf(text, role);
    const [base, web] = flat(found.tasks);
    expect(web?.defaults).toEqual({ port: 80, shared: 1 });
    expect(web?.vars).toMatchObject({
      ...{ port: 8080, mode: 'x', user: 'www', role_name: 'web', role_path: 'site/roles/web' },
    });
    expect(base?.vars).toMatchObject({ level: 2, role_name: 'base' });
    expect([web?.task.tags, web && own(web), base && own(base)]).toEqual([
      ['w'],
      ['port > 1'],
      ['port > 1'],
    ]);
    expect([found.defaults, found.vars]).toEqual([{ port: 80, shared: 1 }, { user: 'www' }]);
  });

  it('are done once, unless their parameters differ or the role allows it', () => {
    const twice = 'roles: [base, base, {role: base, a: 1}]\n';
    expect(namesOf(playOf(play(twice), role))).toEqual(['base', 'base']);
    const allowed = { ...role, 'site/roles/base/meta/main.yml': 'allow_duplicates: true\n' };
    expect(namesOf(playOf(play(twice), allowed))).toEqual(['base', 'base', 'base']);
  });

  it('are included with other files, and their defaults stay inside', () => {
    const files = {
      'site/roles/web/tasks/start.yml': '- {name: "start {{ port }}", nothing: }\n',
      'site/roles/web/defaults/small.yml': 'port: 1\n',
    };
    const text = play(
      'tasks:\n- include_role: {name: web, tasks_from: start, defaults_from: small}\n',
    );
    const found = playOf(text, files);
    const [first] = flat(found.tasks);
    expect([first?.task.name, first?.defaults, found.defaults]).toEqual([
      'start {{ port }}',
      { port: 1 },
      undefined,
    ]);
    expect(errorsOf(play('tasks:\n- include_role: {name: web, tasks_from: no}\n'), files)).toEqual([
      'site/p.yml:3:26 missing-file: there is no file no in site/roles/web/tasks',
    ]);
  });

  it('are found in a collection beside the playbook, under its full name only', () => {
    const inside = 'site/collections/ansible_collections/ops/nodes/roles/patch/tasks/main.yml';
    const files = { [inside]: '- {name: patch, nothing: }\n' };
    expect(namesOf(playOf(play('roles: [ops.nodes.patch]\n'), files))).toEqual(['patch']);
    expect(errorsOf(play('roles: [patch]\n'), files)).toEqual([
      'site/p.yml:2:11 missing-role: there is no role patch',
    ]);
  });

  it('that are missing, lead to themselves or bring programs are errors', () => {
    expect(errorsOf(play('roles: [nope]\n'))).toEqual([
      'site/p.yml:2:11 missing-role: there is no role nope',
    ]);
    const circle = {
      'site/roles/a/meta/main.yml': 'dependencies: [b]\n',
      'site/roles/b/meta/main.yml': 'dependencies: [a]\n',
    };
    expect(errorsOf(play('roles: [a]\n'), circle)).toEqual([
      'site/roles/b/meta/main.yml:1:16 cyclic-import: the role a leads to itself',
    ]);
    const programs = { 'site/roles/a/library/x.py': '' };
    expect(errorsOf(play('roles: [a]\n'), programs)).toEqual([
      'site/p.yml:2:11 role-programs: the role a brings programs for Ansible',
    ]);
  });
});

describe('vars_files', () => {
  it('are above the variables of the play, and of a list the first that is there counts', () => {
    const text = play(
      'vars: {a: 1, b: 1, os: el7}\nvars_files: [[x.yml, "{{ os }}.yml"], common.yml]\ntasks: [{nothing: , when: c == 3}]\n',
    );
    const files = { 'site/el7.yml': 'a: 2\n', 'site/vars/common.yml': 'c: 3\n' };
    const found = load(text, files);
    expect(found.value?.plays[0]?.vars).toEqual({ a: 2, b: 1, os: 'el7', c: 3 });
    expect(found.value?.files).toEqual(['site/el7.yml', 'site/vars/common.yml']);
  });

  it('that are missing are an error, unlike in Ansible', () => {
    expect(errorsOf(play('vars_files: [x.yml]\ntasks: []\n'))).toEqual([
      'site/p.yml:2:16 missing-file: there is no file x.yml',
    ]);
  });
});

describe('import_playbook', () => {
  it('stands for its plays, which get its tags, condition and variables', () => {
    const files = {
      'site/sub/b.yml':
        '- hosts: web\n  tags: [own]\n  vars: {y: 1}\n  tasks:\n  - import_tasks: t.yml\n',
      'site/sub/t.yml': '- {name: inner, nothing: }\n',
    };
    const plays = playsOf(
      `- import_playbook: sub/b.yml\n  tags: [imported]\n  vars: {x: 2}\n  when: x == 2\n${play('tasks: []\n')}`,
      files,
    );
    expect(plays.map(({ hosts }) => hosts)).toEqual(['web', 'all']);
    expect([plays[0]?.tags, plays[0]?.vars]).toEqual([['imported', 'own'], { x: 2, y: 1 }]);
    const [inner] = flat(plays[0]?.tasks ?? []);
    expect([inner?.task.name, inner && own(inner)]).toEqual(['inner', ['x == 2']]);
  });

  it('that leads to itself is an error', () => {
    expect(errorsOf('- import_playbook: p.yml\n')).toEqual([
      'site/p.yml:1:20 cyclic-import: site/p.yml leads to itself',
    ]);
  });
});
