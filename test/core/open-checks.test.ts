// A check of the host refuses nobody in a plan for what a task before it may still change.
import { describe, expect, it } from 'vitest';
import { planOf } from './plan-tasks.ts';

/** What a plan makes of the last of these tasks on a host whose accounting is on. */
function last(tasks: readonly string[]): string {
  const plan = planOf(...tasks);
  return plan.refused === undefined ? (plan.tasks.at(-1)?.status ?? 'none') : 'refused';
}

const checks = [
  'verify_kmem: {}',
  'assert: {that: kmem.verdict == "off"}',
  '{fail: {msg: on}, when: kmem.verdict == "on"}',
];

describe.each(checks)('%s', (check) => {
  it.each([
    '{reboot: {drain: none}, when: earlier.rc == 0}',
    '{block: [{reboot: {drain: none}}], when: earlier.rc == 0}',
    '{block: [{command: /bin/true}], rescue: [{reboot: {drain: none}}]}',
    'command: /usr/local/sbin/repair',
    'shell: repair --all',
  ])('is later behind %s', (before) => {
    expect(last([before, check])).toBe('later');
  });

  it.each([
    [],
    ['set_fact: {a: 1}'],
    ['{debug: {msg: a}, when: earlier.rc == 0}'],
    ['{command: /usr/local/sbin/repair, when: given == 2}'],
  ])('refuses the host behind %j', (...before) => {
    expect(last([...before, check])).toBe('refused');
  });
});

it('refuses the host for what its variables say, whatever runs before', () => {
  expect(last(['command: repair', 'assert: {that: given == 2}'])).toBe('refused');
  expect(last(['command: repair', 'fail: {msg: never}'])).toBe('refused');
});
