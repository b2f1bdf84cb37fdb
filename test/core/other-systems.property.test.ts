// A task of a module of another system does nothing on any host: it is skipped where its `when` is
// known not to hold, and refuses the host otherwise.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateTask } from '../../src/core/plan/task-plan.ts';
import { moduleTasksOf } from '../../src/model/playbook.ts';
import { modules } from '../../src/modules/index.ts';
import { inputOf, planOf } from './plan-tasks.ts';

const isArch = 'ansible_os_family == "Archlinux"';
const holds = 'ansible_os_family == "RedHat"';
const open = 'earlier.rc == 0';

describe('a task of another system', () => {
  it('is skipped where its `when` does not hold, with its own name', () => {
    const { refused, tasks } = planOf(`{pacman: {name: "{{ nowhere }}"}, when: ${isArch}}`);
    expect(refused).toBeUndefined();
    expect(tasks).toEqual([
      expect.objectContaining({
        ...{ name: 'pacman', module: 'pacman', status: 'skip', risk: 'none', changes: [] },
        why: `not: ${isArch}`,
      }),
    ]);
  });

  it.each([
    [holds, 'kmend has no module `pacman`, and its `when` holds'],
    ['given == 1', 'kmend has no module `pacman`, and its `when` holds'],
    [
      open,
      'kmend has no module `pacman`, and its `when` is not known yet (known only after the task "ask")',
    ],
    ['nowhere == 1', expect.stringContaining('nowhere')],
  ])('refuses the host where %s', (when, why) => {
    expect(planOf(`{name: a, pacman: {}, when: ${when}}`).refused).toMatchObject({
      ...{ task: 'a', why },
    });
  });

  it.each([
    'ignore_errors: true',
    'failed_when: false',
    'register: r, until: r.rc == 0',
    'loop: [1, 2]',
    'loop: "{{ earlier.lines }}"',
    'loop: "{{ nowhere }}"',
    'delegate_to: localhost',
    'run_once: true',
    'no_log: true',
  ])('whatever it says of itself: %s', (keys) => {
    const of = (when: string) => planOf(`{pacman: {}, when: ${when}, ${keys}}`);
    expect([of(isArch).refused, of(isArch).tasks.map(({ status }) => status)]).toEqual([
      undefined,
      ['skip'],
    ]);
    for (const when of [holds, open])
      expect(of(when).refused ?? of(when).once?.refused).toBeDefined();
  });

  it('is skipped in what only the run decides, by its own condition and those around', () => {
    const task = `{pacman: {}, when: 'mine and ${isArch}'}`;
    for (const tasks of [
      `{block: [${task}], vars: {mine: true}, when: ${open}}`,
      `{block: [{block: [${task}], vars: {mine: true}}], when: ${open}}`,
      `{block: [{block: [{pacman: {}}], when: '${isArch}'}], when: ${open}}`,
      `{block: [{command: x}], rescue: [{block: [${task}], vars: {mine: true}}]}`,
    ]) {
      const plan = planOf(tasks);
      expect(plan.refused).toBeUndefined();
      expect(plan.tasks.at(-1)?.status).toBe('skip');
    }
    expect(planOf(`{block: [{pacman: {}}], when: ${open}}`).refused).toBeDefined();
    expect(planOf(`{block: [{command: x}], rescue: [${task}]}`).refused).toBeDefined();
  });

  it('registers the result of a skipped task, and no other task is kept from the host', () => {
    const { refused, tasks } = planOf(
      `{pacman: {}, when: ${isArch}, register: r}`,
      '{assert: {that: [r is skipped, not r.changed, r is not failed]}}',
      `{apk: {}, when: ${isArch}, loop: [1, 2], register: r}`,
      '{assert: {that: [r is skipped, r.results | length == 2]}}',
    );
    expect([refused, tasks.map(({ status }) => status)]).toEqual([
      undefined,
      ['skip', 'same', 'skip', 'same'],
    ]);
  });

  it('refuses in the run what its plan did not foresee', () => {
    const input = inputOf([`{pacman: {}, when: ${isArch}}`]);
    const [task] = moduleTasksOf(input.tasks);
    const module = modules.get('fail');
    if (task === undefined || module === undefined) throw new Error('no task');
    const frame = { ...input.frame, facts: { ansible_os_family: 'Archlinux' } };
    expect(evaluateTask(task, module, frame, [task], () => {})).toMatchObject({
      kind: 'plan',
      plan: { changes: [], refuse: { why: expect.stringContaining('`when` holds') } },
    });
  });
});

/** Values that the conditions have, by which a plan decides. */
const conditions = fc.constantFrom<readonly [string, 'no' | 'yes' | 'open']>(
  [isArch, 'no'],
  ['given == 2', 'no'],
  [holds, 'yes'],
  ['true', 'yes'],
  [open, 'open'],
);

it('law: it never has an effect, and a host that is not refused leaves it out', () => {
  const around = fc.array(
    fc.record({ when: conditions, branch: fc.constantFrom('block', 'rescue', 'always') }),
    { maxLength: 3 },
  );
  const seen = { refused: 0, skipped: 0 };
  fc.assert(
    fc.property(conditions, around, fc.boolean(), (own, blocks, ignores) => {
      const keys = ignores ? ', ignore_errors: true, register: r' : '';
      let task = `{pacman: {}, when: '${own[0]}'${keys}}`;
      for (const { when, branch } of blocks)
        task =
          branch === 'block'
            ? `{block: [${task}], when: '${when[0]}'}`
            : `{block: [{set_fact: {x: 1}}], ${branch}: [${task}], when: '${when[0]}'}`;
      const { refused, tasks, risk } = planOf(task);
      const all = [own, ...blocks.map(({ when }) => when)].map(([, value]) => value);
      expect([risk, tasks.flatMap(({ changes }) => changes)]).toEqual(['none', []]);
      expect(refused === undefined).toBe(all.includes('no'));
      seen[refused === undefined ? 'skipped' : 'refused'] += 1;
      if (refused !== undefined) expect(refused.why).toContain('no module `pacman`');
      else expect(tasks.find(({ module }) => module === 'pacman')?.status).toBe('skip');
    }),
    { numRuns: 500 },
  );
  expect(Math.min(seen.refused, seen.skipped)).toBeGreaterThan(50);
});
