// A text that came from a host is never a template, whichever way it goes through a play.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planHost } from '../../src/core/plan/plan-host.ts';
import { type Frame, scopeOf } from '../../src/core/plan/task/frame.ts';
import { hostScope, loadPlaybook } from '../../src/load/index.ts';
import type { TaskPlan } from '../../src/model/run/plan.ts';
import type { Mapping } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { el7 } from '../modules/facts.ts';
import { noContext } from '../modules/laws.ts';

const inventory = { hosts: new Map(), groups: new Map(), files: [] };

const frameOf = (learned: Mapping): Frame => ({
  host: 'w1',
  facts: el7({}),
  asked: new Set(),
  extraVars: {},
  learned,
  playVars: { pw: 'hunter2' },
  variables: (layers) => hostScope(inventory, 'w1', layers),
  context: noContext,
  user: {},
  readOnlyCommands: 'all',
});

/** Plans tasks behind one that has registered these values as `r`. */
function planned(tasks: string, r: Mapping): readonly TaskPlan[] {
  const loaded = loadPlaybook(
    'p.yml',
    `- hosts: all\n  vars: {pw: hunter2}\n  tasks:\n    - {command: id, register: r}\n${tasks}`,
    { modules, facts: [] },
  );
  const [, ...rest] = loaded.value?.plays[0]?.tasks ?? [];
  if (rest.length === 0) throw new Error(JSON.stringify(loaded.diagnostics));
  const found = planHost({
    host: 'w1',
    tasks: rest,
    frame: frameOf({ r }),
    modules,
    chosen: { remedy: 'none', why: '' },
    isWanted: () => true,
    isSecret: () => false,
    hide: () => {},
  });
  if (found.kind !== 'plan' || found.plan.refused !== undefined)
    throw new Error(JSON.stringify(found));
  return found.plan.tasks;
}

/** Hands the value of an expression on, as variable `to`; gives the tasks and the next expression. */
type Step = (from: string, to: string) => readonly [task: string, next: string];

const steps: Readonly<Record<string, Step>> = {
  set_fact: (from, to) => [`set_fact: {${to}: "{{ ${from} }}"}`, to],
  'inside of data': (from, to) => [`set_fact: {${to}: {a: ["{{ ${from} }}"]}}`, `${to}.a[0]`],
  register: (from, to) => [`{debug: {msg: "{{ ${from} }}"}, register: ${to}}`, `${to}.msg`],
  'vars of a task': (from, to) => [
    `{set_fact: {${to}: "{{ t }}"}, vars: {t: "{{ ${from} }}"}}`,
    to,
  ],
  loop: (from, to) => [`{set_fact: {${to}: "{{ item }}"}, loop: ["{{ ${from} }}"]}`, to],
  'a loop over data': (from, to) => [
    `{set_fact: {${to}: "{{ one.a }}"}, loop: "{{ [{'a': ${from}}] }}", loop_control: {loop_var: one}}`,
    to,
  ],
  'a loop and vars': (from, to) => [
    `{set_fact: {${to}: "{{ t }}"}, vars: {t: "{{ item }}"}, with_items: ["{{ ${from} }}"]}`,
    to,
  ],
  'results of a loop': (from, to) => [
    `{debug: {msg: "{{ item }}"}, loop: ["{{ ${from} }}"], register: ${to}}`,
    `${to}.results[0].item`,
  ],
};

/** The steps in blocks, each of which has the value so far as a variable. */
function bookOf(names: readonly string[], isNested: boolean): string {
  let [tasks, from, indent] = ['', 'r.stdout', '    '];
  for (const [index, name] of names.entries()) {
    if (isNested) {
      tasks += `${indent}- vars: {b${index}: "{{ ${from} }}"}\n${indent}  block:\n`;
      from = `b${index}`;
      indent += '    ';
    }
    const [task, next] = steps[name]?.(from, `v${index}`) ?? ['', from];
    tasks += `${indent}- ${task}\n`;
    from = next;
  }
  return `${tasks}${indent}- {name: shown, debug: {msg: "{{ ${from} }}"}}
${indent}- {name: looped, debug: {msg: "{{ item }}"}, loop: ["{{ ${from} }}"]}
${indent}- {name: same, assert: {that: "item == r.stdout"}, loop: ["{{ ${from} }}"], when: "item == ${from}"}
${indent}- {name: run, command: {argv: [echo, "{{ item }}"]}, loop: ["{{ ${from} }}"]}
`;
}

const templates = [
  '{{ pw }}',
  "{{ vars['pw'] }}",
  '{% if pw %}x{% endif %}',
  "{{ lookup('pipe', 'id') }}",
  '{{ r.stdout }}',
  '{{ item }}',
  '{# #}',
  '{{',
  '%}',
];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...templates), fc.constantFrom('a', ' ', "'", 'é')), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join(''));

describe('a text of a host', () => {
  it.each(Object.keys(steps))('is no template behind: %s', (name) => {
    for (const text of templates)
      for (const isNested of [false, true]) {
        const by = new Map(
          planned(bookOf([name], isNested), { stdout: text }).map((one) => [one.name, one]),
        );
        expect(by.get('shown')?.why, text).toBe(text);
        expect(by.get('looped')?.why, text).toBe(text);
        expect(by.get('same')?.why, text).toBe('all conditions hold');
        expect(JSON.stringify([...by.values()])).not.toContain('hunter2');
      }
  });

  it('law: is no template, whichever way it goes', () => {
    const ways = fc.array(fc.constantFrom(...Object.keys(steps)), { maxLength: 5 });
    fc.assert(
      fc.property(hostile, ways, fc.boolean(), (text, names, isNested) => {
        const tasks = planned(bookOf(names, isNested), { stdout: text });
        expect(tasks.find(({ name }) => name === 'shown')?.why).toBe(text);
        expect(tasks.find(({ name }) => name === 'looped')?.why).toBe(text);
        expect(JSON.stringify(tasks)).not.toContain('hunter2');
      }),
      { numRuns: 60 },
    );
  });

  it('is nothing that is encrypted', () => {
    const sealed = { __ansible_vault: '$ANSIBLE_VAULT;1.1;AES256\n00' };
    const open = (): string => 'opened';
    const scope = hostScope({ ...inventory, open }, 'w1', {
      registered: { r: [sealed] },
      taskVars: [{ vars: { item: sealed }, isData: true }],
    });
    expect([scope.lookup('r'), scope.lookup('item')]).toEqual([[sealed], sealed]);
  });

  it('is no template where a rollback sets it again', () => {
    const scope = hostScope(inventory, 'w1', {
      rolledBack: { rollback_kernel: '{{ pw }}' },
      extraVars: { rollback_kernel: 'given', pw: 'hunter2' },
    });
    expect(scope.lookup('rollback_kernel')).toBe('{{ pw }}');
  });

  it('is read as it is by conditions over a result', () => {
    const layers = [{ vars: { stdout: '{{ pw }}' }, isData: true }];
    expect(scopeOf(frameOf({}), layers).lookup('stdout')).toBe('{{ pw }}');
  });
});
