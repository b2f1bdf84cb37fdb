// A template that gives a number or a truth value, where an argument wants text: as Ansible's `str`.
import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/core/plan/task/frame.ts';
import { parseRendered } from '../../src/core/plan/task/texts.ts';
import { evaluateTask } from '../../src/core/plan/task-plan.ts';
import { hostScope, loadPlaybook } from '../../src/load/index.ts';
import { moduleTasksOf } from '../../src/model/playbook.ts';
import { textWanted } from '../../src/model/run/change.ts';
import { schemaOfArgs } from '../../src/model/shape/schema.ts';
import { isMapping, type Mapping } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { el7 } from '../modules/facts.ts';
import { moduleNamed, noContext } from '../modules/laws.ts';

const inventory = { hosts: new Map(), groups: new Map(), files: [] };
const playVars: Mapping = { n: 5, half: 0.5, on: true, list: [1, false, 'a'], mode: 420 };

/** The arguments that a module gets, or why it gets none. */
function given(task: string): unknown {
  const loaded = loadPlaybook(
    'p.yml',
    `- hosts: all\n  vars: ${JSON.stringify(playVars)}\n  tasks:\n    - ${task}\n`,
    { modules, facts: [] },
  );
  const [read] = moduleTasksOf(loaded.value?.plays[0]?.tasks ?? []);
  if (read === undefined) throw new Error(loaded.diagnostics.map(({ summary }) => summary).join());
  let args: unknown;
  const module = {
    ...moduleNamed(read.module),
    inEnvironment: undefined,
    facts: (got: unknown) => {
      args = got;
      return [];
    },
    plan: () => ({ changes: [] }),
  };
  const frame: Frame = {
    host: 'w1',
    facts: el7({}),
    asked: new Set(),
    extraVars: {},
    learned: {},
    playVars,
    variables: (layers) => hostScope(inventory, 'w1', layers),
    context: noContext,
    user: {},
    readOnlyCommands: 'all',
  };
  const { inEnvironment: _, ...asked } = module;
  const evaluation = evaluateTask(read, asked, frame, [], () => {});
  return evaluation.kind === 'wrong' ? evaluation.message : args;
}

describe('a value of a template as text', () => {
  it.each<[string, object]>([
    ['lineinfile: {path: /f, line: "{{ 5 }}"}', { line: '5' }],
    ['lineinfile: {path: /f, line: "{{ half }}"}', { line: '0.5' }],
    ['lineinfile: {path: /f, line: "{{ -7 }}"}', { line: '-7' }],
    [
      'lineinfile: {path: /f, line: "{{ on }}", create: "{{ on }}"}',
      { line: 'True', create: true },
    ],
    [
      'lineinfile: {path: /f, regexp: "{{ n }}", line: "{{ not on }}"}',
      { regexp: '5', line: 'False' },
    ],
    ['blockinfile: {path: /f, block: "{{ n }}"}', { block: '5' }],
    ['replace: {path: /f, regexp: a, replace: "{{ n }}"}', { replace: '5' }],
    ['copy: {dest: /f, content: "{{ n }}"}', { content: '5' }],
    ['file: {path: /f, owner: "{{ n }}", group: "{{ n }}"}', { owner: '5', group: '5' }],
    ['command: "echo {{ n }}"', { cmd: 'echo 5' }],
    ['command: "{{ n }}"', { cmd: '5' }],
    ['command: {argv: "{{ list }}"}', { argv: ['1', 'False', 'a'] }],
    ['command: {argv: [echo, "{{ n }}", "{{ on }}"]}', { argv: ['echo', '5', 'True'] }],
    ['command: {cmd: cat, stdin: "{{ n }}"}', { stdin: '5' }],
    ['shell: "{{ on }}"', { cmd: 'True' }],
    ['fail: {msg: "{{ n }}"}', { msg: '5' }],
    ['service: {name: "{{ n }}", state: started}', { name: '5' }],
    ['package: {name: "{{ n }}"}', { name: ['5'] }],
    ['package: {name: "{{ [n, n] }}"}', { name: ['5', '5'] }],
    ['debug: {msg: "{{ n }}"}', { msg: 5 }],
    ['wait_for: {port: "{{ n }}", timeout: "{{ n }}"}', { port: 5, timeout: 5 }],
    ['sysctl: {name: vm.swappiness, value: "{{ n }}"}', { value: 5 }],
  ])('%s', (task, expected) => {
    expect(given(task)).toMatchObject(expected);
  });

  it.each([
    ['file: {path: /f, mode: "{{ mode }}"}', 'the mode 420 is a number: put it in quotes'],
    ['package: {name: a, version: "{{ 20.1 }}"}', 'the version 20.1 is a number: put it in quotes'],
    ['lineinfile: {path: /f, line: "{{ list }}"}', 'should be text, not a list'],
    ['lineinfile: {path: "{{ n }}", line: x}', 'should be an absolute path'],
    ['lineinfile: {path: /f, line: x, create: "{{ n }}"}', 'should be true or false'],
  ])('but not of %s', (task, why) => {
    expect(given(task)).toContain(why);
  });
});

/** The arguments of a module that take any text. */
const textArgs = (args: Mapping): readonly string[] =>
  Object.entries(isMapping(args.properties) ? args.properties : {}).flatMap(([name, schema]) =>
    isMapping(schema) && schema.type === 'string' && schema.pattern === undefined ? [name] : [],
  );

it.each([...modules])('each text argument of %s takes a number and a truth value', (_, module) => {
  const messages = textArgs(schemaOfArgs(module.args)).flatMap((name) =>
    [5, true].flatMap((value) => {
      const parsed = parseRendered(module.args, { [name]: value });
      return parsed.success
        ? []
        : parsed.error.issues.filter(
            ({ path, message }) => path[0] === name && message.startsWith(textWanted),
          );
    }),
  );
  expect(messages).toEqual([]);
});
