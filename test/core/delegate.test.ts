// Tasks of this machine as they are planned: whose machine, as whom, and what a host's value may be.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateTask, type Frame } from '../../src/core/plan/task-plan.ts';
import { hostScope, loadInventory, loadPlaybook } from '../../src/load/index.ts';
import { moduleTasksOf } from '../../src/model/playbook.ts';
import type { ModulePlan } from '../../src/model/run/change.ts';
import type { Mapping } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';
import { el7 } from '../modules/facts.ts';
import { noContext } from '../modules/laws.ts';

const fail = (why: string): never => {
  throw new Error(why);
};
const loadedHosts = loadInventory(['h.yml'], {
  reader: tableReader({ 'h.yml': 'all: {hosts: {w1: {own: a b}, w2: }}\n' }),
});
const inventory = loadedHosts.value ?? fail('this inventory is broken');

function evaluate(task: string, learned: Mapping = {}, more: Partial<Frame> = {}) {
  const loaded = loadPlaybook(
    'p.yml',
    `- hosts: all\n  vars: {x: "{{ r.stdout }}"}\n  tasks:\n    - {command: id, register: r}\n    - ${task}\n`,
    { modules, facts: [] },
  );
  const read = moduleTasksOf(loaded.value?.plays[0]?.tasks ?? [])[1];
  const module = modules.get(read?.module ?? '');
  if (read === undefined || module === undefined)
    throw new Error(loaded.diagnostics.map(({ summary }) => summary).join());
  const facts = el7({ 'kernel.release': 'of the host' });
  const frame: Frame = {
    host: 'w1',
    facts,
    asked: new Set(),
    extraVars: {},
    learned,
    playVars: { x: '{{ r.stdout }}' },
    variables: (layers) => hostScope(inventory, 'w1', { ...layers, playbookDir: 'plays' }),
    context: noContext,
    user: {},
    readOnlyCommands: 'all',
    local: { facts: {}, user: 'ops', cwd: '/home/ops' },
    ...more,
  };
  return evaluateTask(read, module, frame, [], () => {});
}

function planOf(task: string, learned: Mapping = {}): ModulePlan {
  const evaluation = evaluate(task, learned);
  if (evaluation.kind !== 'plan') throw new Error(JSON.stringify(evaluation));
  return evaluation.plan;
}
const effectOf = (task: string, learned: Mapping = {}) => {
  const [effect] = planOf(task, learned).changes.flatMap(({ effects }) => effects);
  if (effect?.kind !== 'local') throw new Error('nothing is run here');
  return effect;
};

const here = 'delegate_to: localhost';
const said = (stdout: string): Mapping => ({ r: { stdout, rc: 0 } });

describe('whose machine', () => {
  it('this one, by any of its names', () => {
    for (const to of ['localhost', '127.0.0.1', '127.0.1.1', '::1', "{{ 'localhost' }}"]) {
      const { changes } = planOf(`{command: id, delegate_to: "${to}"}`);
      expect(changes[0]).toMatchObject({ what: 'on this machine: run id', risk: 'restart' });
    }
  });

  it('the host itself, where the task names it', () => {
    const { changes } = planOf('{command: id, delegate_to: "{{ inventory_hostname }}"}');
    expect(changes[0]?.effects[0]?.kind).toBe('run');
  });

  it.each([
    ['{command: id, delegate_to: "{{ groups[\'all\'][1] }}"}', /w2 is another host, and each host/],
    ['{service: {name: x, state: started}, delegate_to: "{{ \'localhost\' }}"}', /changes hosts/],
    ['{command: id, delegate_to: "{{ x }}"}', /must not choose the machine/],
    ['{command: id, delegate_to: "{{ kernel.release }}"}', /must not choose the machine/],
  ])('%s is refused', (task, message) => {
    expect(evaluate(task, said('localhost'))).toMatchObject({
      kind: 'wrong',
      message: expect.stringMatching(message),
    });
  });

  it('is not known without such a machine', () => {
    expect(evaluate(`{command: id, ${here}}`, {}, { local: undefined as never }).kind).toBe(
      'later',
    );
  });
});

describe('as whom', () => {
  it('becomes nobody but the user of kmend', () => {
    expect(evaluate(`{command: id, ${here}, become: yes}`)).toMatchObject({
      kind: 'wrong',
      message: expect.stringContaining('kmend runs as ops'),
    });
    expect(evaluate(`{command: id, ${here}, become: yes, become_user: ops}`).kind).toBe('plan');
    expect(evaluate(`{command: id, ${here}, become: no}`).kind).toBe('plan');
  });
});

describe('what is planned', () => {
  it('promises nothing of the host, and reads this machine alone', () => {
    const task = `{command: touch /x creates=/x, ${here}}`;
    expect(evaluate(task)).toEqual({
      kind: 'needs',
      wants: [{ area: 'path', args: { path: '/x' }, local: true }],
    });
    const facts = { 'path./x.exists': false };
    const local = { facts, user: 'ops', cwd: '/' };
    const asked = new Set(['local path:[["path","/x"]]']);
    const evaluation = evaluate(task, {}, { local, asked });
    expect(evaluation).toMatchObject({ kind: 'plan' });
    if (evaluation.kind === 'plan') expect(evaluation.plan.promises).toBeUndefined();
  });

  it('runs in the directory of the playbook', () => {
    expect(effectOf(`{command: id, ${here}}`).script).toMatch(/^cd -- \/home\/ops\/plays \|\|/);
  });

  it.each([
    ['command: kubectl drain w1', 'evict', { kmend_drain: 'command' }],
    ['shell: "/usr/bin/oc adm drain w1 --force && true"', 'evict', { kmend_drain: 'command' }],
    ['command: kubectl uncordon w1', 'restart', { kmend_drain: 'undone' }],
    ['command: kubectl drain w2', 'restart', undefined],
    ['command: kubectl get node w1', 'restart', undefined],
    ['command: echo drain w1', 'restart', undefined],
  ])('%s', (task, risk, sets) => {
    const plan = planOf(`{${task}, ${here}}`);
    expect(plan.changes[0]?.risk).toBe(risk);
    expect(plan.sets).toEqual(sets);
  });
});

/** What the script of the effect prints. */
function ran(task: string, stdout: string): string {
  const { script } = effectOf(task, said(stdout));
  const at = script.replace(/^cd -- \S+/, 'cd /');
  const { stdout: printed } = spawnSync('/bin/sh', ['-s'], { input: at, encoding: 'utf8' });
  return printed;
}

describe('a value of a host', () => {
  const trap = `$(echo run); 'x' "y" \`z\` $HOME ~ \\`;

  it.each([
    ['command: "{{ x }} a"', /must not choose the program/],
    ['command: {argv: ["{{ r.stdout }}"]}', /must not choose the program/],
    ['shell: {cmd: id, executable: "{{ r.stdout }}"}', /must not choose the program/],
    ['shell: "echo {{ x }}"', /write {{ x \| quote }}/],
    ['shell: "echo {{ kernel.release }}"', /write {{ kernel.release \| quote }}/],
    ['shell: "echo \'{{ x | quote }}\'"', /is in single quotes/],
    ['command: "echo \uFDD0"', /U\+FDD0/],
  ])('%s is refused', (task, message) => {
    const evaluation = evaluate(`{${task}, ${here}}`, said(trap));
    expect(evaluation).toMatchObject({ kind: 'wrong', message: expect.stringMatching(message) });
  });

  it('is refused in a script before it is known', () => {
    const unknown = { r: { stdout: { $unknown: 'later' } } };
    expect(evaluate(`{shell: "echo {{ r.stdout }}", ${here}}`, unknown).kind).toBe('wrong');
    expect(evaluate(`{shell: "echo {{ r.stdout | quote }}", ${here}}`, unknown).kind).toBe('later');
    expect(evaluate(`{command: "echo {{ r.stdout }}", ${here}}`, unknown).kind).toBe('later');
  });

  it('of the operator is a part of the command, as in Ansible', () => {
    expect(ran(`{command: "printf [%s] {{ own }} '{{ own }}'", ${here}}`, '')).toBe('[a][b][a b]');
    expect(ran(`{shell: "printf [%s] {{ own }}", ${here}}`, '')).toBe('[a][b]');
  });

  it.each([
    '{PATH: "{{ x }}"}',
    '{LEVEL: "{{ kernel.release }}"}',
    '["{{ r.json }}"]',
    '"{{ r.json }}"',
  ])('does not reach the environment: %s', (environment) => {
    const known = { r: { stdout: trap, json: { LD_PRELOAD: '/tmp/x' } } };
    const task = `{command: id, environment: ${environment}, ${here}}`;
    expect(evaluate(task, known)).toMatchObject({
      kind: 'wrong',
      message: expect.stringMatching(/^environment: no value from a host may reach/),
    });
  });

  it('of the operator does', () => {
    const task = `{shell: 'printf "[%s]" "$WHO"', environment: {WHO: "{{ own }}"}, ${here}}`;
    expect(ran(task, '')).toBe('[a b]');
  });

  it('law: any value is one word', () => {
    const signs = fc.constantFrom(...` '"$\`\\\n;|&<>()*?~#=-{}[]!aé`);
    const any = fc.string({ unit: fc.oneof(signs, fc.string({ minLength: 1, maxLength: 1 })) });
    fc.assert(
      fc.property(any, (value) => {
        fc.pre(!/[\0\uD800-\uDFFF]/.test(value));
        const command = 'printf "[%s]" {{ r.stdout }} "a {{ x }}"';
        expect(ran(`{command: '${command}', ${here}}`, value)).toBe(`[${value}][a ${value}]`);
        const shell = 'printf "[%s]" {{ r.stdout | quote }} "{{ x | quote }}"';
        expect(ran(`{shell: '${shell}', ${here}}`, value)).toBe(`[${value}][${value}]`);
      }),
      { numRuns: 25 },
    );
  });
});
