// A block whose `when` reads what its own tasks register.
import { expect, it } from 'vitest';
import { loadPlaybook } from '../../src/load/index.ts';
import type { Task } from '../../src/model/playbook.ts';
import { modules } from '../../src/modules/index.ts';

const whenOf = (task: Task): unknown =>
  task.kind === 'block' ? [sourcesOf(task), task.tasks.map(whenOf)] : sourcesOf(task);
const sourcesOf = ({ when }: Task) => when.map(({ source }) => source);

const tasksOf = (block: string) => {
  const text = `- hosts: all\n  tasks:\n    - {command: id, register: r}\n    - when: r is changed\n      block:\n${block}`;
  const { value } = loadPlaybook('p.yml', text, { modules, facts: [] });
  return value?.plays[0]?.tasks.slice(1).map(whenOf);
};

it('is decided once where no task of it registers the name', () => {
  expect(tasksOf('        - {command: a, register: other}\n        - {command: b}\n')).toEqual([
    [['r is changed'], [[], []]],
  ]);
});

it('is asked again behind a task that registers or sets the name, as in Ansible', () => {
  expect(
    tasksOf(
      '        - {command: a, register: r}\n        - {command: b, when: "1 == 1"}\n        - {block: [{command: c}]}\n',
    ),
  ).toEqual([
    [['r is changed'], [[], ['r is changed', '1 == 1'], [['r is changed'], [['r is changed']]]]],
  ]);
  expect(tasksOf('        - {set_fact: {r: 1}}\n        - {command: b}\n')).toEqual([
    [['r is changed'], [[], ['r is changed']]],
  ]);
});
