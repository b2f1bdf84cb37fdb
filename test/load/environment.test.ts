// `environment` of plays, blocks, imports, roles and tasks: the layers of a task, their merge, and what
// becomes of them in its scripts.
import { describe, expect, it } from 'vitest';
import { environmentOf, withProxies } from '../../src/core/plan/task/environment.ts';
import { renderDeep, scopeOf } from '../../src/expression/index.ts';
import { loadPlaybook } from '../../src/load/index.ts';
import { viewOf } from '../../src/model/fact.ts';
import type { ModuleTask, Task } from '../../src/model/playbook.ts';
import type { ModulePlan } from '../../src/model/run/change.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';
import { moduleNamed, noContext, parseArgs } from '../modules/laws.ts';

const files = {
  'roles/r/tasks/main.yml': '- {command: id, environment: {A: task, B: 2}}\n',
  'more.yml': '- {command: id}\n',
};
const load = (keys: string, tasks: string) =>
  loadPlaybook('p.yml', `- hosts: all\n  ${keys}\n  tasks:\n    - ${tasks}\n`, {
    modules,
    facts: [],
    reader: tableReader(files),
  });
const flat = (tasks: readonly Task[]): readonly ModuleTask[] =>
  tasks.flatMap((task) => (task.kind === 'block' ? flat(task.tasks) : [task]));
function taskOf(keys: string, task: string): ModuleTask {
  const { value, diagnostics } = load(keys, task);
  expect(diagnostics).toEqual([]);
  const [only] = flat(value?.plays[0]?.tasks ?? []);
  if (only === undefined) throw new Error('no task');
  return only;
}
const vars = { proxy: 'http://p:1', proxy_env: { A: '{{ 1 }}', P: 'q' }, on: true, none: null };
const merged = (keys: string, task: string) => {
  const result = environmentOf(taskOf(keys, task), (layer) => renderDeep(layer, scopeOf(vars)));
  return result.kind === 'environment' ? result.environment : result;
};

describe('the layers of a task', () => {
  it.each<[string, string, object]>([
    ['name: x', '{command: id}', {}],
    ['environment: {A: play}', '{command: id}', { A: 'play' }],
    [
      'environment: {A: play, B: 1}',
      '{command: id, environment: {A: task}}',
      { A: 'task', B: '1' },
    ],
    [
      'environment: {A: play, B: 1}',
      '{block: [{command: id, environment: {B: task}}], environment: {A: block, C: c}}',
      { A: 'block', B: 'task', C: 'c' },
    ],
    ['environment: [{A: 1, B: 1}, {B: 2}]', '{command: id}', { A: '1', B: '2' }],
    ['name: x', '{command: id, environment: }', {}],
    ['name: x', '{command: id, environment: {A: "{{ proxy }}/"}}', { A: 'http://p:1/' }],
    [
      'environment: "{{ proxy_env }}"',
      '{command: id, environment: {P: r}}',
      { A: '{{ 1 }}', P: 'r' },
    ],
    ['environment: ["{{ proxy_env }}", {A: b}]', '{command: id}', { A: 'b', P: 'q' }],
    [
      'environment: {A: play}',
      '{import_tasks: more.yml, environment: {B: b}}',
      { A: 'play', B: 'b' },
    ],
    ['environment: {A: play}', '{include_tasks: more.yml}', { A: 'play' }],
    ['environment: {A: x, C: c}', '{import_role: {name: r}}', { A: 'task', B: '2', C: 'c' }],
    [
      'name: x',
      '{command: id, environment: {A: yes, B: 1.0, C: 1.5, D: "{{ on }}", E: , F: "{{ none }}"}}',
      { A: 'True', B: '1.0', C: '1.5', D: 'True', E: 'None', F: 'None' },
    ],
  ])('%s, %s', (keys, task, wanted) => {
    expect(merged(keys, task)).toEqual(wanted);
  });

  it('a role in `roles` gives its own to its tasks', () => {
    const loaded = load(
      'environment: {A: x, C: c}\n  roles: [{role: r, environment: {C: d}}]',
      '{command: id}',
    );
    expect(flat(loaded.value?.plays[0]?.tasks ?? [])[0]?.environment).toEqual([
      { A: 'x', C: 'c' },
      { C: 'd' },
      { A: 'task', B: 2 },
    ]);
  });

  it.each([
    ['name: x', '{command: id, environment: [A=1]}', '4:35 bad-value'],
    ['name: x', '{command: id, environment: {A-B: 1}}', '4:35 variable-name'],
    ['name: x', '{command: id, environment: {A: [1]}}', '4:38 bad-value'],
    ['environment: {A: "{{ nothing }}"}', '{command: id}', undefined],
    ['name: x', '{include_tasks: more.yml, environment: {A: 1}}', '4:33 unknown-key'],
  ])('%s, %s is refused at its place', (keys, task, wanted) => {
    const [first] = load(keys, task).diagnostics;
    expect(first && `${first.place?.line}:${first.place?.column} ${first.code}`).toBe(wanted);
  });

  it('a host on which it is no mapping, or has a wrong name, is wrong', () => {
    for (const wrong of ['"{{ proxy }}"', '{A: "{{ proxy_env }}"}', '"{{ {\'a b\': 1} }}"'])
      expect(merged('name: x', `{command: id, environment: ${wrong}}`)).toMatchObject({
        kind: 'wrong',
        message: expect.stringMatching(/^environment: /),
      });
  });

  it('what is not known yet makes the task later', () => {
    const task = taskOf('name: x', '{command: id, environment: {A: "{{ late }}"}}');
    expect(
      environmentOf(task, (layer) => renderDeep(layer, scopeOf({ late: { $unknown: 'soon' } }))),
    ).toEqual({
      kind: 'later',
      why: 'soon',
    });
  });
});

describe('what becomes of it', () => {
  const planned = (name: string, args: unknown, environment: Record<string, string>) => {
    const module = moduleNamed(name);
    const given = module.inEnvironment?.(parseArgs(module, args), environment);
    return module.plan(given, viewOf({}), noContext);
  };
  const scriptsOf = ({ changes }: ModulePlan): readonly string[] =>
    changes.flatMap(({ effects }) =>
      effects.flatMap((one) => (one.kind === 'run' ? one.script : [])),
    );

  it('command and shell export it in their script; the plan has only the names', () => {
    const plan = planned('shell', 'x', { TOKEN: "s3c'ret", PATH: '/x:$PATH' });
    expect(plan.changes[0]?.what).toBe('run sh: x (with TOKEN, PATH)');
    expect(JSON.stringify({ ...plan.changes[0], effects: [] })).not.toContain('s3c');
    expect(scriptsOf(plan)[0]).toContain(`export TOKEN='s3c'\\''ret'\nexport PATH='/x:$PATH'\n`);
  });

  it('a language replaces that of the scripts of kmend', () => {
    expect(scriptsOf(planned('command', 'x', { LANG: 'de' }))[0]).toContain(
      'unset LC_ALL LANG\nexport LANG=de\n',
    );
    expect(scriptsOf(planned('command', 'x', { A: 'b' }))[0]).not.toContain('unset LC_ALL');
  });

  const restart: ModulePlan = planned('shell', 'x', {});
  it.each<[string, Record<string, string>, string | undefined]>([
    ['package', { https_proxy: 'http://p', DEBIAN_FRONTEND: 'readline' }, undefined],
    [
      'package',
      { PATH: '/x' },
      'package runs its programs in an environment of its own, and this task sets PATH',
    ],
    [
      'service',
      { SYSTEMD_COLORS: '1' },
      'service runs its programs in an environment of its own, and this task sets SYSTEMD_COLORS',
    ],
    ['file', { PATH: '/x' }, undefined],
  ])('%s with %o', (name, environment, why) => {
    const plan = withProxies(restart, moduleNamed(name), environment);
    expect(plan.refuse?.why).toBe(why);
    const [script = ''] = scriptsOf(plan);
    if (why === undefined)
      expect(script.startsWith('export https_proxy=http://p\n')).toBe('https_proxy' in environment);
    expect(script).not.toContain('readline');
  });
});
