// Tasks of this machine as they are planned: whose machine, as whom, and what a host's value may be.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../src/core/plan/task/frame.ts';
import type { TaskVars } from '../../src/core/plan/task/scope.ts';
import { evaluateTask } from '../../src/core/plan/task-plan.ts';
import { hostScope, loadInventory, loadPlaybook } from '../../src/load/index.ts';
import { type Facts, wantKey } from '../../src/model/fact.ts';
import { moduleTasksOf } from '../../src/model/playbook.ts';
import type { ModulePlan } from '../../src/model/run/change.ts';
import type { Mapping } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';
import { el7 } from '../modules/facts.ts';
import { fileFacts } from '../modules/file-facts.ts';
import { noContext } from '../modules/laws.ts';

const fail = (why: string): never => {
  throw new Error(why);
};
const loadedHosts = loadInventory(['h.yml'], {
  reader: tableReader({ 'h.yml': 'all: {hosts: {w1: {own: a b}, w2: }}\n' }),
});
const inventory = loadedHosts.value ?? fail('this inventory is broken');

function evaluate(
  task: string,
  learned: Mapping = {},
  more: Partial<Frame> = {},
  vars: TaskVars = [],
) {
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
  return evaluateTask(read, module, frame, [...vars, { vars: read.vars ?? {} }], () => {});
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

/** A frame whose machine has these facts of files, and none else. */
function filesAt(task: string, facts: Facts, learned: Mapping = {}) {
  const asked = new Set<string>();
  for (let round = 0; round < 3; round++) {
    const local = { facts, user: 'ops', cwd: '/home/ops' };
    const evaluation = evaluate(task, learned, { local, asked });
    if (evaluation.kind !== 'needs') return { evaluation, asked };
    for (const want of evaluation.wants) asked.add(wantKey(want));
  }
  throw new Error('it asks without an end');
}

const report = '/home/ops/plays/reports/w1.txt';

describe('a file of this machine', () => {
  const plan = (task: string, facts: Facts, learned: Mapping = {}) => {
    const { evaluation } = filesAt(`{${task}, ${here}}`, facts, learned);
    if (evaluation.kind !== 'plan') throw new Error(JSON.stringify(evaluation));
    return evaluation.plan;
  };

  it('is read there, planned with a diff, and promised of this machine alone', () => {
    const task =
      'copy: {content: "is {{ r.stdout }}", dest: "reports/{{ inventory_hostname }}.txt"}';
    const facts = fileFacts('was', { owner: 'ops', group: 'ops' }, report);
    const { changes, promises, promisesHere, note } = plan(task, facts, said('{{ x }} $(x)'));
    expect(changes).toMatchObject([
      {
        sign: '~',
        what: `on this machine: file ${report}`,
        diff: expect.stringContaining('+is {{ x }} $(x)'),
        risk: 'write',
        effects: [{ kind: 'local', what: `on this machine: write ${report}` }],
      },
    ]);
    expect(promises).toBeUndefined();
    expect(promisesHere).toMatchObject({ [`file.${report}.text`]: { text: 'is {{ x }} $(x)' } });
    expect(note).toBe('no rollback restores files of this machine');
    expect(filesAt(`{${task}, ${here}}`, facts, said('x')).asked).toEqual(
      new Set([`local file:[["path","${report}"],["text",true]]`]),
    );
    expect(plan(task, fileFacts('is x', {}, report), said('x')).changes).toEqual([]);
  });

  it.each([
    ['reports/w1.txt', report],
    ['./reports//../reports/w1.txt', report],
    ['/home/ops/plays/reports/w1.txt', report],
    ['{{ playbook_dir }}/reports/w1.txt', report],
    ['{{ out }}/w1.txt', report],
  ])('%s is a path from the directory of the playbook', (dest, path) => {
    const task = `copy: {content: x, dest: "${dest}"}, vars: {out: "{{ playbook_dir }}/reports"}`;
    const made = plan(task, fileFacts(undefined, {}, path));
    expect(made.changes.map(({ what, after }) => [what, after?.slice(0, 8)])).toEqual([
      [`on this machine: file ${path}`, '0644 ops'],
    ]);
  });

  it('is removed and made without a backup, and its directory is not that of the playbook', () => {
    const removed = plan('file: {path: reports/w1.txt, state: absent}', fileFacts('x', {}, report));
    expect(removed.changes[0]?.sign).toBe('-');
    const [effect] = removed.changes.flatMap(({ effects }) => effects);
    expect(effect).toMatchObject({ kind: 'local', stdin: '' });
    expect(effect?.kind === 'local' && effect.script).toContain("b=''");
    for (const path of ['.', '..', '/home/ops']) {
      const found = pathOf(path);
      const facts = fileFacts(undefined, { kind: 'directory', filled: true }, found);
      const { changes, refuse } = plan(`file: {path: "${path}", state: absent}`, facts);
      expect([changes, refuse?.why]).toEqual([
        [],
        `on this machine: file ${found} has the playbook in it`,
      ]);
    }
  });

  it.each([
    [
      'copy: {content: x, dest: "{{ x }}"}',
      'a/b',
      /in `dest` of a file of this machine it must be/,
    ],
    ['copy: {content: x, dest: "reports/{{ x }}.txt"}', '..', /one name of letters/],
    ['copy: {content: x, dest: "reports/{{ x }}.txt"}', '.ssh', /one name of letters/],
    ['file: {path: "/srv/{{ r.stdout }}", state: absent}', '', /in `path` of a file/],
    ['file: {path: "/srv/{{ item }}", state: absent}, loop: "{{ [x] }}"', 'a/b', /in `path` of/],
    ['copy: {remote_src: true, src: "/etc/{{ x }}", dest: /tmp/x}', 'a b', /in `src` of a file/],
    ['copy: {content: x, dest: /tmp/x, mode: "{{ x }}"}', '4755', /must not be `mode` of a file/],
    ['copy: {content: x, dest: /tmp/x, validate: "{{ x }} %s"}', 'sh', /must not be `validate`/],
    ['file: {path: /tmp/x, state: "{{ x }}"}', 'absent', /must not be `state` of a file/],
    ['copy: {content: x, dest: "{{ \'~\' }}/x"}', '', /expands no `~`/],
    ['copy: {content: x, dest: "{{ \'\' }}"}', '', /copy.dest: /],
    ['copy: {content: x, dest: /tmp/x}, become: true', '', /becomes nobody else on this machine/],
  ])('%s with "%s" is refused', (task, stdout, message) => {
    const item = { vars: { item: stdout }, isData: true };
    const loops = task.includes('loop:');
    const evaluation = evaluate(`{${task}, ${here}}`, said(stdout), {}, loops ? [item] : []);
    expect(evaluation).toMatchObject({ kind: 'wrong', message: expect.stringMatching(message) });
  });

  it('may have a name of a host in its path, and is later where that is not known', () => {
    const task = 'copy: {content: x, dest: "reports/{{ r.stdout }}.txt"}';
    expect(plan(task, fileFacts(undefined, {}, report), said('w1')).changes).toHaveLength(1);
    const unknown = { r: { stdout: { $unknown: 'later' } } };
    expect(evaluate(`{${task}, ${here}}`, unknown)).toMatchObject({ kind: 'later', risk: 'write' });
  });

  it('is refused in places of the system', () => {
    const facts = fileFacts(undefined, {}, '/proc/x');
    expect(plan('copy: {content: x, dest: /proc/x}', facts).refuse?.why).toContain('/proc/x');
  });
});

const pathOf = (path: string): string =>
  path === '.' ? '/home/ops/plays' : path === '..' ? '/home/ops' : path;

describe('a script for a file of this machine', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-here-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const perform = (task: string, facts: Facts, learned: Mapping = {}) => {
    const { evaluation } = filesAt(`{${task}, ${here}}`, facts, learned);
    if (evaluation.kind !== 'plan') throw new Error(JSON.stringify(evaluation));
    const [effect] = evaluation.plan.changes.flatMap(({ effects }) => effects);
    if (effect?.kind !== 'local') throw new Error('nothing is done here');
    const script = effect.script.replace(/^cd -- \S+/, 'cd /');
    return spawnSync('/bin/sh', ['-c', script], { input: effect.stdin ?? '', encoding: 'utf8' });
  };
  const absent = (path: string) => fileFacts(undefined, {}, path);

  it('writes any text as it is, with the mode, and leaves nothing beside it', () => {
    const path = join(dir, "it's $HOME");
    const text = `$(echo run) 'x' "é" {{ x }}\n\\ end`;
    const task = `copy: {content: "{{ r.stdout }}", dest: "${path}", mode: "0600"}`;
    const { status, stderr } = perform(task, absent(path), said(text));
    expect([status, stderr, readFileSync(path, 'utf8')]).toEqual([0, '', text]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    // What is there now is another content than the plan read: the last one wins.
    expect(perform(task, absent(path), said('second')).status).toBe(0);
    expect([readFileSync(path, 'utf8'), readdirSync(dir)]).toEqual(['second', ["it's $HOME"]]);
    rmSync(path);
  });

  it('leaves what `validate` refuses, and a directory', () => {
    const path = join(dir, 'valid');
    const task = (word: string) =>
      `copy: {content: x, dest: "${path}", validate: "grep ${word} %s"}`;
    expect(perform(task('y'), absent(path)).status).toBe(72);
    expect(readdirSync(dir)).toEqual([]);
    expect(perform(task('x'), absent(path)).status).toBe(0);
    rmSync(path);
    mkdirSync(path);
    expect(perform(`copy: {content: x, dest: "${path}"}`, absent(path)).status).toBe(73);
    expect(readdirSync(dir)).toEqual(['valid']);
    rmSync(path, { recursive: true });
  });

  it('copies a file, makes a directory, and removes it', () => {
    const [from, path] = [join(dir, 'from'), join(dir, 'to/deep')];
    expect(perform(`file: {path: "${path}", state: directory}`, absent(path)).status).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o755);
    expect(perform(`copy: {content: x, dest: "${from}"}`, absent(from)).status).toBe(0);
    const copied = join(path, 'f');
    const facts = { ...fileFacts('x', { mode: '0640' }, from), ...absent(copied) };
    const task = `copy: {remote_src: true, src: "${from}", dest: "${copied}"}`;
    expect(perform(task, facts).status).toBe(0);
    expect([readFileSync(copied, 'utf8'), statSync(copied).mode & 0o777]).toEqual(['x', 0o640]);
    const there = fileFacts(undefined, { kind: 'directory', filled: true }, join(dir, 'to'));
    expect(perform(`file: {path: "${dir}/to", state: absent}`, there).status).toBe(0);
    expect(readdirSync(dir)).toEqual(['from']);
  });
});
