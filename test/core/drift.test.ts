// A saved plan against a fresh one.
import { describe, expect, it } from 'vitest';
import { driftOf, isRemediated } from '../../src/core/plan/drift.ts';
import type { HostPlan, PlannedChange, TaskPlan } from '../../src/model/run/plan.ts';
import type { Mapping } from '../../src/model/value.ts';
import { planFor } from './fleet.ts';

const change = (what: string, more: Partial<PlannedChange> = {}): PlannedChange => ({
  sign: '~',
  what,
  before: 'a',
  after: 'b',
  risk: 'write',
  ...more,
});
const task = (
  id: string,
  changes: readonly PlannedChange[],
  more: Partial<TaskPlan> = {},
): TaskPlan => ({
  id,
  name: `Task ${id}`,
  module: 'kernel_arg',
  status: changes.length > 0 ? 'change' : 'same',
  changes,
  risk: changes.length > 0 ? 'write' : 'none',
  ...more,
});
const plan = (tasks: readonly TaskPlan[], more: Partial<HostPlan> = {}): HostPlan => ({
  ...planFor('h1'),
  tasks,
  risk: 'write',
  reads: { 'kernel.release': '3.10.0-957', 'kernel.installed': ['a'] },
  ...more,
});

const facts: Mapping = {
  'kernel.release': '3.10.0-957',
  'kernel.installed': ['a'],
  'docker.version': 'not read',
};
const saved = plan([
  task('1', [change('argument')]),
  task('2', [change('kernel'), change('other')]),
]);

describe('a host needs no slot any more', () => {
  const idle = plan([task('1', []), task('2', [], { status: 'skip' })], { risk: 'none' });

  it('when its fresh plan is empty and the saved one was not', () => {
    expect(isRemediated(saved, idle)).toBe(true);
    expect(isRemediated(idle, idle)).toBe(false);
  });

  it.each<[string, HostPlan]>([
    ['something is left to do', plan([task('1', []), task('2', [change('kernel')])])],
    ['what is left is not known yet', plan([task('1', [], { status: 'later' })])],
    ['a condition is not met', plan([task('1', [], { status: 'unmet' })])],
    ['it must not be touched', { ...idle, refused: { task: '1', why: 'too old' } }],
    ['it is another node now', { ...idle, node: 'n2' }],
  ])('not when %s', (_name, fresh) => expect(isRemediated(saved, fresh)).toBe(false));
});

describe('a host is compared with its saved plan', () => {
  it('same: plan and facts are as they were; facts that the plan did not read do not count', () => {
    expect(driftOf(saved, saved, facts)).toEqual({ kind: 'same' });
    expect(driftOf(saved, saved, { ...facts, 'docker.version': '19' })).toEqual({ kind: 'same' });
  });

  it('drift: a program would still account that nobody accepted with the saved plan; fewer are no drift', () => {
    const accepts = (...names: readonly string[]): HostPlan => ({
      ...saved,
      accepts: names.map((name) => ({ key: 'kubelet', name })),
    });
    expect(driftOf(accepts('kubelet 1.12.3'), accepts('kubelet 1.13.0'), facts)).toEqual({
      kind: 'drift',
      what: ['kubelet 1.13.0 would still account: not accepted'],
    });
    expect(driftOf(accepts('kubelet 1.12.3'), saved, facts)).toEqual({ kind: 'same' });
  });

  it('same plan from other facts: it goes on, and the differences are named', () => {
    expect(driftOf(saved, saved, { ...facts, 'kernel.release': '3.10.0-1062' })).toEqual({
      kind: 'subset',
      differences: ['kernel.release was 3.10.0-957, is 3.10.0-1062'],
    });
    expect(driftOf(saved, saved, { 'kernel.release': '3.10.0-957' })).toEqual({
      kind: 'subset',
      differences: ['kernel.installed was ["a"], is not there'],
    });
  });

  it('already remediated: nothing is left to do', () => {
    const fresh = plan([task('1', []), task('2', [])], { risk: 'none' });
    expect(driftOf(saved, fresh, facts)).toEqual({
      kind: 'already_remediated',
      differences: ['Task 1 is not needed any more', 'Task 2 is not needed any more'],
    });
  });

  it('a part of the plan goes on', () => {
    const fresh = plan([task('1', []), task('2', [change('kernel')])]);
    expect(driftOf(saved, fresh, facts)).toEqual({
      kind: 'subset',
      differences: [
        'Task 1 is not needed any more',
        'Task 2: ~ other from a to b is not as planned',
      ],
    });
  });

  it('a reboot for a part of the planned reasons goes on, one for another reason does not; other changes must be as planned', () => {
    const reboot = (after: string, module = 'reboot') =>
      plan(
        [
          task('1', [change('reboot', { sign: '!', after, risk: 'reboot' })], {
            module,
            risk: 'reboot',
          }),
        ],
        { risk: 'reboot' },
      );
    const both = 'kernel: 862 -> 1160; cgroup.memory: not set -> nokmem';
    const kind = (after: string, module?: string) =>
      driftOf(reboot(both, module), reboot(after, module), facts).kind;
    expect(kind(both)).toBe('same');
    expect(kind('cgroup.memory: not set -> nokmem')).toBe('subset');
    expect(kind('cgroup.memory: not set -> nokmem; docker-ce was installed after this boot')).toBe(
      'drift',
    );
    expect(kind('cgroup.memory: not set -> nokmem', 'command')).toBe('drift');
  });

  it('a file of this machine is of no host: what another one wrote there is no drift', () => {
    const here = (what: string) => change(`on this machine: ${what}`);
    const before = plan([task('1', [change('argument')]), task('2', [])]);
    const fresh = plan([task('1', [change('argument')]), task('2', [here('file /r')])]);
    expect(driftOf(before, fresh, facts)).toEqual({ kind: 'same' });
    const more = plan([task('1', [change('argument')]), task('2', [here('run true')])]);
    expect(driftOf(before, more, facts).kind).toBe('drift');
  });

  it('a change that starts from something else and ends the same goes on', () => {
    const fresh = plan([
      task('1', [change('argument', { before: 'z' })]),
      task('2', [change('kernel'), change('other')]),
    ]);
    expect(driftOf(saved, fresh, facts)).toMatchObject({ kind: 'subset' });
  });

  it.each([
    [
      'a change that was not planned',
      plan([task('1', [change('argument'), change('more')])]),
      'Task 1: ~ more from a to b was not planned',
    ],
    [
      'a change to something else',
      plan([task('1', [change('argument', { after: 'c' })])]),
      'Task 1: ~ argument from a to c was not planned',
    ],
    [
      'a task that had nothing to do',
      plan([task('3', [change('new')])]),
      'Task 3 was not to change anything, now: ~ new from a to b',
    ],
    [
      'a higher risk of a task',
      plan([task('1', [change('argument')], { risk: 'reboot' })]),
      'Task 1: the risk is reboot now, it was write',
    ],
    [
      'a higher risk of the host',
      plan([task('1', [change('argument')])], { risk: 'reboot' }),
      'the risk is reboot now, it was write',
    ],
    [
      'a task that cannot be planned now',
      plan([task('1', [], { status: 'later', why: 'kernel is unknown' })]),
      'Task 1: what it will do is not known now (kernel is unknown)',
    ],
    [
      'a condition that is not met',
      plan([task('1', [], { status: 'unmet', why: 'no space' })]),
      'Task 1: no space',
    ],
    [
      'a refusal',
      plan([], { refused: { task: '1', why: 'held package' } }),
      'it must not be touched now: held package',
    ],
  ])('drift: %s', (_name, fresh, what) => {
    expect(driftOf(saved, fresh, facts)).toEqual({ kind: 'drift', what: [what] });
  });

  it('a task that was planned for later may do what its risk allows', () => {
    const later = plan([task('1', [], { status: 'later', risk: 'reboot' })], { risk: 'reboot' });
    expect(
      driftOf(later, plan([task('1', [change('anything')], { risk: 'restart' })]), facts).kind,
    ).toBe('same');
    expect(
      driftOf(
        plan([task('1', [], { status: 'later', risk: 'write' })]),
        plan([task('1', [change('anything')], { risk: 'restart' })]),
        facts,
      ).kind,
    ).toBe('drift');
  });

  it('a host that had nothing to do and has nothing to do is the same', () => {
    const idle = plan([task('1', [])], { risk: 'none' });
    expect(driftOf(idle, idle, facts)).toEqual({ kind: 'same' });
  });

  it('strict: any difference is drift, also one for the better', () => {
    expect(driftOf(saved, saved, facts, { strict: true })).toEqual({ kind: 'same' });
    expect(driftOf(saved, saved, { ...facts, 'kernel.release': 'x' }, { strict: true }).kind).toBe(
      'drift',
    );
    expect(
      driftOf(saved, plan([task('1', []), task('2', [])], { risk: 'none' }), facts, {
        strict: true,
      }).kind,
    ).toBe('drift');
  });
});
