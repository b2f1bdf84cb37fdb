// `become` and `become_user` of plays, blocks, imports and tasks: who a task runs as.
import { describe, expect, it } from 'vitest';
import { userOf } from '../../src/core/plan/task/user.ts';
import { loadPlaybook } from '../../src/load/index.ts';
import type { Become } from '../../src/model/host.ts';
import type { ModuleTask, Task } from '../../src/model/playbook.ts';
import { modules } from '../../src/modules/index.ts';

const load = (keys: string, task: string) =>
  loadPlaybook('p.yml', `- hosts: all\n  ${keys}\n  tasks:\n    - ${task}\n`, {
    modules,
    facts: [],
  });
const flat = (tasks: readonly Task[]): readonly ModuleTask[] =>
  tasks.flatMap((task) => (task.kind === 'block' ? flat(task.tasks) : [task]));
const playOf = (keys: string, task: string) => {
  const loaded = load(keys, task);
  expect(loaded.diagnostics).toEqual([]);
  const [play] = loaded.value?.plays ?? [];
  if (play === undefined) throw new Error('no play');
  return play;
};

describe('what a task asks for', () => {
  it.each([
    ['become: true', '{command: id}', true, undefined],
    ['become: true', '{command: id, become: false}', false, undefined],
    ['name: x', '{command: id, become: true, become_user: app}', true, 'app'],
    ['name: x', '{block: [{command: id}], become: true, become_user: app}', true, 'app'],
    ['become: true', '{block: [{command: id, become: true}], become: false}', true, undefined],
    ['become_user: app', '{command: id, become: true}', true, 'app'],
    ['vars: {root: no}', '{command: id, become: "{{ root }}"}', false, undefined],
    ['vars: {me: db}', '{command: id, become: true, become_user: "{{ me }}"}', true, 'db'],
  ])('%s, %s', (keys, task, become, user) => {
    const [only] = flat(playOf(keys, task).tasks);
    expect([only?.become, only?.becomeUser]).toEqual([become, user]);
  });

  it('a play says whether a task alone becomes root', () => {
    expect(playOf('name: x', '{command: id, become: true}').becomeByTask).toBe(true);
    expect(playOf('become: false', '{command: id, become: true}').becomeByTask).toBe(true);
    expect(playOf('become: true', '{command: id, become: true}').becomeByTask).toBeUndefined();
    expect(playOf('name: x', '{command: id}').becomeByTask).toBeUndefined();
  });

  it('only root can become other users', () => {
    expect(
      load('become_user: app', '{command: id, become_user: db}').diagnostics.map(
        ({ summary }) => summary,
      ),
    ).toEqual(['a task cannot have another `become_user` than its play (app)']);
  });
});

describe('who it runs as', () => {
  const root: Become = { method: 'sudo', user: 'root' };
  const byTask: Become = { ...root, byTask: true };
  const session = undefined;
  it.each<[string, Become | undefined, Partial<ModuleTask>, string | undefined]>([
    ['no become anywhere', undefined, { becomeUser: 'app' }, session],
    ['become of the play', root, {}, session],
    ['and a user of the task', root, { becomeUser: 'app' }, 'app'],
    ['and root by name', root, { becomeUser: 'root' }, session],
    ['but not this task', root, { become: false, becomeUser: 'app' }, ''],
    ['this task alone', byTask, { become: true }, session],
    ['as another user', byTask, { become: true, becomeUser: 'app' }, 'app'],
    ['another task alone', byTask, {}, ''],
    ['a variable wins', { ...root, fixed: ['become'] }, { become: false }, session],
    ['its user too', { ...root, fixed: ['user'] }, { becomeUser: 'app' }, session],
  ])('%s', (_, become, keys, user) => {
    const task = { ...keys } as ModuleTask;
    expect(userOf(task, { ...(become && { become }), login: 'ops' })).toBe(user);
  });

  it('root who logs in is root without become', () => {
    expect(userOf({} as ModuleTask, { become: byTask, login: 'root' })).toBe(undefined);
  });
});
