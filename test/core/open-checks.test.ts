// A check of the host refuses nobody in a plan for what a task before it may still change.
import { describe, expect, it } from 'vitest';
import { planHost } from '../../src/core/plan/plan-host.ts';
import { hostScope, loadPlaybook } from '../../src/load/index.ts';
import { unknown } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { el7 } from '../modules/facts.ts';
import { noContext } from '../modules/laws.ts';

const inventory = { hosts: new Map(), groups: new Map(), files: [] };

/** What a plan makes of the last of these tasks on a host whose accounting is on. */
function last(tasks: readonly string[]): string {
  const text = ['- hosts: all', '  tasks:', ...tasks.map((task) => `    - ${task}`), ''].join('\n');
  const { value, diagnostics } = loadPlaybook('p.yml', text, {
    modules,
    facts: ['kmem.verdict', 'boot.id'],
    knownNames: ['earlier', 'given'],
  });
  if (value === undefined) throw new Error(JSON.stringify(diagnostics));
  const found = planHost({
    host: 'w1',
    tasks: value.plays[0]?.tasks ?? [],
    frame: {
      host: 'w1',
      facts: el7({ 'kmem.verdict': 'on', 'kmem.evidence': '1 of 6 cgroups readable' }),
      asked: new Set(),
      extraVars: { given: 1 },
      learned: { earlier: unknown('known only after the task "ask"') },
      playVars: {},
      variables: (layers) => hostScope(inventory, 'w1', layers),
      context: noContext,
      user: {},
      readOnlyCommands: 'all',
    },
    modules,
    chosen: { remedy: 'none', why: '' },
    isWanted: () => true,
    isSecret: () => false,
    hide: () => {},
  });
  if (found.kind !== 'plan') throw new Error(JSON.stringify(found));
  const { refused } = found.plan;
  return refused === undefined ? (found.plan.tasks.at(-1)?.status ?? 'none') : 'refused';
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
