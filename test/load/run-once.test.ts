// `run_once`: which tasks one host does for all, and what is refused, with its place.
import { describe, expect, it } from 'vitest';
import { loadPlaybook } from '../../src/load/index.ts';
import { moduleTasksOf } from '../../src/model/playbook.ts';
import { modules } from '../../src/modules/index.ts';

const load = (text: string, keys = 'name: x') =>
  loadPlaybook('p.yml', `- hosts: all\n  ${keys}\n${text.replace(/^/gm, '  ')}\n`, {
    modules,
    facts: [],
  });
type Loaded = ReturnType<typeof load>;
const parts = ({ value }: Loaded) =>
  moduleTasksOf(value?.plays[0]?.tasks ?? []).map(({ once = 'each' }) => once);
const problems = ({ diagnostics }: Loaded) =>
  diagnostics.map(
    ({ place, summary, hint }) => `${place?.line}:${place?.column} ${summary}: ${hint}`,
  );

const once = '{command: a, run_once: true}';
const each = '{command: b}';

describe('with `serial: 1`', () => {
  it.each(['serial: 1', 'serial: "1"', 'serial: [1, 1]', 'rollout: {waves: [1]}'])(
    'is a plain task with %s',
    (keys) => {
      const loaded = load(`tasks: [${each}, ${once}, ${each}]`, keys);
      expect([problems(loaded), parts(loaded)]).toEqual([[], ['each', 'each', 'each']]);
    },
  );

  it.each(['serial: 2', 'serial: [1, 5]', 'serial: "10%"', 'name: x', 'throttle: 1'])(
    'is done once for the play with %s',
    (keys) => {
      expect(parts(load(`tasks: [${once}, ${each}]`, keys))).toEqual(['before', 'each']);
      expect(parts(load(`tasks: [${each}, ${once}]`, keys))).toEqual(['each', 'after']);
      expect(problems(load(`tasks: [${each}, ${once}, ${each}]`, keys))).toHaveLength(1);
      expect(parts(load('tasks: [{command: id, run_once: false}]', keys))).toEqual(['each']);
    },
  );
});

describe('prelude and epilogue', () => {
  it.each<[string, readonly string[]]>([
    [`tasks: [${once}]`, ['before']],
    [`tasks: [${once}, ${once}, ${each}, ${once}]`, ['before', 'before', 'each', 'after']],
    [`pre_tasks: [${once}]\ntasks: [${each}]\npost_tasks: [${once}]`, ['before', 'each', 'after']],
    [
      `tasks: [{block: [${each}, ${each}], rescue: [${each}], run_once: true}, ${each}]`,
      ['before', 'before', 'before', 'each'],
    ],
    [
      `tasks: [{block: [{command: b, run_once: false}, ${each}], run_once: true}]`,
      ['each', 'after'],
    ],
    [
      `tasks: [{block: [${once}, ${each}], when: x is defined}, ${once}]`,
      ['before', 'each', 'after'],
    ],
    ['tasks: [{local_action: command a, run_once: true}, {command: b}]', ['before', 'each']],
    [
      'tasks: [{command: a, delegate_to: localhost, run_once: true}, {command: b}]',
      ['before', 'each'],
    ],
  ])('%s', (text, expected) => {
    const loaded = load(text);
    expect([problems(loaded), parts(loaded)]).toEqual([[], expected]);
  });

  it('a question of a draft comes before the prelude', () => {
    const loaded = load(`tasks: [{decide: "what?"}, ${once}, ${each}]`);
    expect(parts(loaded)).toEqual(['each', 'before', 'each']);
    expect(problems(loaded)).toEqual([expect.stringContaining('a decision is open: what?')]);
  });

  it('a block is done once where all of its tasks are', () => {
    const tasks = load(`tasks: [{block: [${once}]}, {block: [${once}, ${each}]}]`).value?.plays[0]
      ?.tasks;
    expect(tasks?.map((task) => task.once)).toEqual(['before', undefined]);
  });
});

describe('refused', () => {
  it('between tasks that each host does, with both of them', () => {
    const text =
      'tasks:\n  - command: a\n  - command: b\n    name: It\n    run_once: true\n  - command: c';
    expect(problems(load(text))).toEqual([
      '7:7 kmend has `run_once` before or behind all tasks that each host does, and not between them: "command" (p.yml:4) comes before it, and "command" (p.yml:8) behind it: move it, or make it a play of its own; with `serial: 1` each host does it',
    ]);
  });

  it('before the handlers of the play, which each host may run', () => {
    const handlers = 'handlers: [{name: h, command: c}]';
    const main = '{command: b, notify: h}';
    expect(problems(load(`${handlers}\ntasks: [${main}, ${once}]`))).toEqual([
      expect.stringMatching(/not between them: .* "h" \(p.yml:3\) behind it: move it/),
    ]);
    expect(parts(load(`${handlers}\ntasks: [${main}]\npost_tasks: [${once}]`))).toEqual([
      'each',
      'each',
      'after',
    ]);
  });

  it.each([
    [
      `tasks: [{block: [${once}, ${each}], rescue: [${each}]}]`,
      '`run_once` is of a part of the block "block", which has `rescue` or `always`',
    ],
    [
      `tasks: [{block: [${each}], always: [${once}]}]`,
      '`run_once` is of a part of the block "block", which has `rescue` or `always`',
    ],
    [
      `handlers: [{name: h, command: c}]\ntasks: [{command: a, run_once: true, notify: h}]`,
      'a task with `run_once` notifies no handler',
    ],
    [
      `handlers: [{name: h, command: c}]\ntasks: [{command: b, notify: h}, {meta: flush_handlers}, {command: a, run_once: true, notify: h}]`,
      'a task with `run_once` notifies no handler',
    ],
    [
      `handlers: [{name: h, command: c, run_once: true}]\ntasks: [{command: a, notify: h}]`,
      'a handler runs on each host that notifies it, and not with `run_once`',
    ],
    [
      `tasks: [{command: a, run_once: true, no_log: true, register: r}, {command: "b {{ r.stdout }}"}]`,
      '`r` is hidden by `no_log`, and other hosts would read it: "command" (p.yml:3) reads it',
    ],
    [
      `tasks: [{command: a, run_once: true, no_log: true, register: r}, {block: [{command: b}], when: r.rc == 0}]`,
      '`r` is hidden by `no_log`',
    ],
  ])('%s', (text, problem) => {
    expect(problems(load(text))).toEqual([expect.stringContaining(problem)]);
  });

  it('on a play', () => {
    expect(problems(load(`tasks: [${each}]`, 'run_once: true'))).toEqual([
      expect.stringContaining('set it on the tasks that come before or behind all others'),
    ]);
  });

  it('once for a block, however many tasks it has', () => {
    const text = `tasks: [${each}, {block: [${each}, ${each}], run_once: true}, ${each}]`;
    expect(problems(load(text))).toHaveLength(1);
  });
});
