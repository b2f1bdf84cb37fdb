// `include_vars`: which files it reads, what it sets, and each error at its place.
import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/core/plan/task/frame.ts';
import { evaluateTask } from '../../src/core/plan/task-plan.ts';
import { hostScope, loadPlaybook } from '../../src/load/index.ts';
import type { ModuleTask, Task } from '../../src/model/playbook.ts';
import type { Mapping } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';
import { moduleNamed, noContext } from '../modules/laws.ts';

const files = {
  'site/a.yml': 'a: beside\nb: "{{ a }} {{ c }}"\nc: 1\n',
  'site/vars/a.yml': 'a: in vars\nb: "{{ a }}/{{ c }}"\nc: 1\n',
  'site/vars/el.yml': 'pkg: docker-ce\n',
  'site/vars/deb.yml': 'pkg: docker.io\n',
  'site/vars/list.yml': '- 1\n',
  'site/vars/empty.yml': '',
  'site/vars/wrong.yml': 'x: "{{ nowhere_ }}"\n',
  'site/more/x.yml': 'pkg: x\none: 1\n',
  'site/more/y/z.json': '{"pkg": "z"}',
  'site/other/n.txt': 'a: 1\n',
  'site/roles/r/tasks/main.yml': '- include_vars: own.yml\n- include_vars: {dir: d}\n',
  'site/roles/r/vars/own.yml': 'own: role\n',
  'site/roles/r/vars/d/k.yml': 'k: 2\n',
};
const load = (tasks: string, play = 'vars: {os: el}', extraVars: Mapping = {}) =>
  loadPlaybook('site/p.yml', `- hosts: all\n  ${play}\n  tasks:\n    - ${tasks}\n`, {
    modules,
    facts: [],
    reader: tableReader(files),
    extraVars,
    inventory: {
      hosts: new Map([['h', { name: 'h', groups: [], vars: {} }]]),
      groups: new Map([['all', { name: 'all', children: [], hosts: ['h'] } as never]]),
      files: [],
    },
  });
const flat = (tasks: readonly Task[]): readonly ModuleTask[] =>
  tasks.flatMap((task) => (task.kind === 'block' ? flat(task.tasks) : [task]));

/** What the tasks set one after the other, and the paths that were read. */
function setBy(tasks: string, learned: Mapping = {}, ...more: [string?, Mapping?]) {
  const { value, diagnostics } = load(tasks, ...more);
  expect(diagnostics).toEqual([]);
  const [play] = value?.plays ?? [];
  let known = learned;
  for (const task of flat(play?.tasks ?? [])) {
    const inventory = { hosts: new Map(), groups: new Map(), files: [] };
    const frame = {
      host: 'h',
      facts: {},
      asked: new Set<string>(),
      extraVars: more[1] ?? {},
      learned: known,
      playVars: play?.vars ?? {},
      variables: (layers) => hostScope(inventory, 'h', layers),
      context: noContext,
      user: {},
      readOnlyCommands: 'all',
    } satisfies Frame;
    const done = evaluateTask(
      task,
      moduleNamed(task.module),
      frame,
      [{ vars: task.vars }],
      () => {},
    );
    if (done.kind === 'plan') known = { ...known, ...done.plan.sets };
    else if (done.kind !== 'skip') throw new Error(JSON.stringify(done));
  }
  return { sets: known, files: value?.files };
}

describe('include_vars', () => {
  it.each<[string, Mapping, readonly string[]]>([
    ['include_vars: a.yml', { a: 'in vars', b: 'in vars/1', c: 1 }, ['site/vars/a.yml']],
    ['include_vars: vars/a.yml', { a: 'in vars', b: 'in vars/1', c: 1 }, ['site/vars/a.yml']],
    [
      'ansible.builtin.include_vars: {file: "{{ os }}.yml"}',
      { pkg: 'docker-ce' },
      ['site/vars/el.yml'],
    ],
    [
      'include_vars: {file: el.yml, name: own}',
      { own: { pkg: 'docker-ce' } },
      ['site/vars/el.yml'],
    ],
    [
      'include_vars: "{{ item }}"\n      loop: [el.yml, deb.yml]',
      { pkg: 'docker.io' },
      ['site/vars/el.yml', 'site/vars/deb.yml'],
    ],
    [
      'include_vars: "{{ item }}"\n      with_first_found: [no.yml, "{{ os }}.yml", deb.yml]',
      { pkg: 'docker-ce' },
      ['site/vars/el.yml'],
    ],
    [
      'include_vars: "{{ item }}"\n      with_first_found: [{files: [n.yml, x.yml], paths: [vars, more]}]',
      { pkg: 'x', one: 1 },
      ['site/more/x.yml'],
    ],
    ['include_vars: "{{ item }}"\n      with_first_found: [{files: [no.yml], skip: true}]', {}, []],
    ['include_vars: {dir: more}', { pkg: 'z', one: 1 }, ['site/more/x.yml', 'site/more/y/z.json']],
    ['include_vars: empty.yml', {}, ['site/vars/empty.yml']],
    ['include_vars: el.yml\n      when: os == "deb"', {}, ['site/vars/el.yml']],
    [
      'include_vars: el.yml\n    - set_fact: {p: "{{ pkg }}"}',
      { pkg: 'docker-ce', p: 'docker-ce' },
      ['site/vars/el.yml'],
    ],
    [
      'import_role: {name: r}',
      { own: 'role', k: 2 },
      ['site/roles/r/tasks/main.yml', 'site/roles/r/vars/own.yml', 'site/roles/r/vars/d/k.yml'],
    ],
  ])('%s', (tasks, sets, read) => {
    expect(setBy(tasks)).toEqual({ sets, files: read });
  });

  it('stands above variables of the play and the task, below set_fact and -e, as in Ansible', () => {
    const play = 'vars: {pkg: play, os: el}';
    const both = 'include_vars: el.yml\n      vars: {pkg: task}';
    expect(setBy(both, {}, play).sets).toEqual({ pkg: 'docker-ce' });
    expect(setBy(both, { pkg: 'set' }, play).sets).toEqual({ pkg: 'set' });
    expect(setBy(both, {}, play, { pkg: 'given' }).sets).toEqual({ pkg: 'given' });
  });

  it.each([
    ['include_vars: no.yml', 'site/p.yml:4:21 missing-file: there is no file no.yml'],
    ['include_vars: "{{ boot }}.yml"', 'site/p.yml:4:21 early-template: '],
    ['include_vars: list.yml', 'site/vars/list.yml:1:1 vars-shape: '],
    ['include_vars: wrong.yml', 'site/vars/wrong.yml:1:8 unknown-name: `nowhere_` is not defined'],
    ['include_vars: {dir: other}', 'site/p.yml:4:27 bad-value: site/other/n.txt ends neither'],
    ['include_vars: {dir: nodir}', 'site/p.yml:4:27 missing-file: there is no directory'],
    ['include_vars: {file: el.yml, depth: 1}', 'site/p.yml:4:36 unknown-key: '],
    ['include_vars: {name: x}', 'site/p.yml:4:7 bad-value: '],
    [
      'include_vars: "{{ item }}"\n      with_first_found: [no.yml]',
      'site/p.yml:5:25 missing-file: there is no file no.yml',
    ],
    ['debug: {msg: "{{ pkg }}"}\n    - include_vars: el.yml', 'site/p.yml:4:24 unknown-name: '],
  ])('%s is reported', (tasks, wanted) => {
    const [first] = load(tasks).diagnostics;
    const { place, code, summary } = first ?? {};
    expect(`${place?.file}:${place?.line}:${place?.column} ${code}: ${summary}`).toContain(wanted);
  });
});
