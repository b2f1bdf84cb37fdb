// Ansible's older loops and `args`: what each task gets, against what Ansible makes of it.
import { describe, expect, it } from 'vitest';
import { loopItems } from '../../src/core/plan/task-plan.ts';
import { hostScope, loadInventory, loadPlaybook } from '../../src/load/index.ts';
import type { ModuleTask } from '../../src/model/playbook.ts';
import { present } from '../../src/model/present.ts';
import type { Mapping } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';

const load = (task: string, vars: Mapping = {}) =>
  loadPlaybook(
    'p.yml',
    `- hosts: all\n  vars: ${JSON.stringify(vars)}\n  tasks:\n${task.replace(/^/gm, '    ').trimEnd()}\n`,
    { modules, facts: [] },
  );
const taskOf = (text: string, vars: Mapping = {}): ModuleTask => {
  const { value, diagnostics } = load(text, vars);
  const [task] = value?.plays[0]?.tasks ?? [];
  if (task?.kind !== 'task') throw new Error(JSON.stringify(diagnostics));
  return task;
};
const errorsOf = (text: string): readonly string[] =>
  load(text).diagnostics.map(
    ({ place, code, summary, hint }) =>
      `${place?.line}:${place?.column} ${code}: ${summary} -> ${hint}`,
  );

const vars: Mapping = {
  ...{ one: 'x', list: [1, [2, [3]], null], map: { a: 1, b: 2 } },
  users: [
    { name: 'u', keys: ['k1', 'k2'] },
    { name: 'v', keys: [] },
  ],
};
const itemsOf = (loop: string): unknown => {
  const scope = hostScope({ hosts: new Map(), groups: new Map(), files: [] }, 'h', {
    playVars: vars,
  });
  const found = loopItems(taskOf(`- debug: {msg: "{{ item }}"}\n  ${loop}\n`, vars), scope);
  return 'items' in found ? found.items.map(({ item }) => item) : found;
};

describe('older loops', () => {
  // What ansible-core 2.19 gave for the same variables.
  it.each<[string, unknown]>([
    ['with_items: [a, b]', ['a', 'b']],
    ['with_items: ["{{ list }}", "p-{{ one }}", 5]', [1, [2, [3]], null, 'p-x', 5]],
    ['with_items: "{{ list }}"', [1, 2, [3], null]],
    ['with_items: "{{ one }}"', ['x']],
    ['with_list: ["{{ list }}", b]', [[1, [2, [3]], null], 'b']],
    ['with_flattened: [[1, [2]], "{{ one }}"]', [1, 2, 'x']],
    [
      'with_dict: "{{ map }}"',
      [
        { key: 'a', value: 1 },
        { key: 'b', value: 2 },
      ],
    ],
    ['with_dict: {c: "{{ one }}"}', [{ key: 'c', value: 'x' }]],
    [
      'with_together: [[a, b], [1]]',
      [
        ['a', 1],
        ['b', null],
      ],
    ],
    [
      'with_nested: [[a, b], [1, 2]]',
      [
        ['a', 1],
        ['a', 2],
        ['b', 1],
        ['b', 2],
      ],
    ],
    [
      'with_indexed_items: [a, b]',
      [
        [0, 'a'],
        [1, 'b'],
      ],
    ],
    [
      'with_subelements: ["{{ users }}", keys]',
      [
        [{ name: 'u', keys: ['k1', 'k2'] }, 'k1'],
        [{ name: 'u', keys: ['k1', 'k2'] }, 'k2'],
      ],
    ],
    [`with_items: ['"both" ''quotes'' \\ and {{ one }}']`, [`"both" 'quotes' \\ and x`]],
  ])('%s', (loop, expected) => expect(itemsOf(loop)).toEqual(expected));

  it('report a wrong template at its place, two loops, and kinds that are not there', () => {
    expect(errorsOf('- debug: {msg: x}\n  with_items: ["{{ nope | }}"]\n')).toEqual([
      expect.stringMatching(/^5:31 /),
    ]);
    expect(errorsOf('- debug: {msg: x}\n  loop: [1]\n  with_items: [2]\n')).toEqual([
      '6:7 said-twice: a task has one loop, this one has loop and with_items -> undefined',
    ]);
    expect(errorsOf('- debug: {msg: x}\n  with_first_found: [a]\n')).toEqual([
      expect.stringMatching(/^5:7 unsupported-keyword: .* -> name the files/),
    ]);
  });
});

describe('args', () => {
  it.each<[string, unknown]>([
    ['- command: touch x\n  args: {creates: /x}', { cmd: 'touch x', creates: '/x' }],
    ['- shell: "echo a chdir=/usr"\n  args: {chdir: /tmp}', { cmd: 'echo a', chdir: '/usr' }],
    ['- command:\n  args: {cmd: uptime, chdir: /tmp}', { cmd: 'uptime', chdir: '/tmp' }],
    ['- service: {name: sshd}\n  args: {state: started}', { name: 'sshd', state: 'started' }],
  ])('%s', (text, args) => expect(taskOf(text).args).toEqual(args));

  it('that no form takes, or with a wrong name, are errors at their place', () => {
    expect(errorsOf('- command: touch x\n  args: {create: /x}\n')).toEqual([
      expect.stringMatching(/^5:14 unknown-argument: .*did you mean `creates`/),
    ]);
    expect(errorsOf('- command: touch x\n  args: [creates]\n')).toEqual([
      '5:13 bad-value: `args` should be a mapping of arguments -> undefined',
    ]);
  });
});

it('a loop reads the variables of its task, and of nothing that is not there', () => {
  const reader = tableReader({ 'i.yml': 'all: {hosts: {h: {}}}\n' });
  const inventory = loadInventory(['i.yml'], { reader }).value;
  const ofTask = (loop: string): readonly string[] =>
    loadPlaybook(
      'p.yml',
      `- hosts: all\n  tasks:\n    - debug: {msg: "{{ item }}"}\n      loop: "{{ ${loop} }}"\n      vars: {own: [1]}\n`,
      { modules, facts: [], ...present({ inventory }) },
    ).diagnostics.map(({ summary }) => summary);
  expect(ofTask('missing | default(own)')).toEqual([]);
  expect(ofTask('missing')).toEqual(['`missing` is not defined']);
});
