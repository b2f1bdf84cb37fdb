// What planning a host costs: its facts are derived as often for many tasks as for few.
import { describe, expect, it } from 'vitest';
import { foresee, withDerived, withRemedy } from '../../src/core/plan/overlay.ts';
import { planHost } from '../../src/core/plan/plan-host.ts';
import { hostScope } from '../../src/load/index.ts';
import { type Facts, known } from '../../src/model/fact.ts';
import type { ModuleTask } from '../../src/model/playbook.ts';
import type { AnyModule, Change } from '../../src/model/run/change.ts';
import { el7 } from '../modules/facts.ts';

const chosen = { remedy: 'reboot', why: 'as planned' } as const;

/** Changes a host and promises nothing. */
const touch: AnyModule = {
  name: 'touch',
  summary: 'changes something',
  example: '- touch:',
  args: { safeParse: (data: unknown) => ({ success: true, data }) } as AnyModule['args'],
  maxRisk: 'none',
  facts: () => [],
  plan: () => ({ changes: [{ sign: '~', what: 'a file', risk: 'none', effects: [] }] }),
};

const place = { file: 'play.yaml', line: 1, column: 1 };
const taskOf = (id: number): ModuleTask => ({
  kind: 'task',
  id: String(id),
  name: `Task ${id}`,
  module: 'touch',
  args: { text: '{{ kernel.release }}' },
  argPlaces: {},
  place,
  vars: {},
  tags: [],
  when: [{ source: "kernel.generation == 'el7'", place }],
});

/** How often facts were derived while a play of so many tasks was planned: each reads the samples. */
function derivations(tasks: number): number {
  let count = 0;
  const raw = el7();
  const samples = Object.defineProperty({ ...known(raw, 'kmem.samples', {}) }, 'capped', {
    enumerable: true,
    get: () => {
      count += 1;
      return false;
    },
  });
  const facts = withDerived({ ...raw, 'kmem.samples': samples }, chosen);
  expect(count).toBeGreaterThan(0);
  count = 0;
  const planning = planHost({
    host: 'h1',
    tasks: Array.from({ length: tasks }, (_, id) => taskOf(id)),
    modules: new Map([['touch', touch]]),
    chosen,
    isWanted: () => true,
    isSecret: () => false,
    hide: () => {},
    frame: {
      host: 'h1',
      facts,
      asked: new Set(),
      extraVars: {},
      learned: {},
      readOnlyCommands: 'all',
      user: {},
      playVars: {},
      variables: (layers) =>
        hostScope({ hosts: new Map(), groups: new Map(), files: [] }, 'h1', layers),
      context: {
        hasCluster: false,
        carriesKmend: false,
        acceptPartial: false,
        acceptNoRollback: false,
        done: { drained: false, rebooted: false, cordoned: false },
      },
    },
  });
  expect(planning).toMatchObject({
    kind: 'plan',
    plan: { tasks: Array.from({ length: tasks }, () => ({ status: 'change' })) },
  });
  return count;
}

describe('planning a host', () => {
  it('derives no fact for tasks that promise none, however many there are', () => {
    expect(derivations(3)).toBe(0);
    expect(derivations(30)).toBe(0);
  });

  it('derives what is only planned when it is read, and as it derives what was read', () => {
    let reads = 0;
    const raw = el7({ 'boot.next_cmdline': 'ro' });
    const samples = Object.defineProperty({ ...known(raw, 'kmem.samples', {}) }, 'capped', {
      enumerable: true,
      get: () => {
        reads += 1;
        return false;
      },
    });
    const facts = withDerived({ ...raw, 'kmem.samples': samples }, chosen);
    const more = { 'boot.next_cmdline': 'ro cgroup.memory=nokmem' };
    const change: Change = { sign: '~', what: 'it', risk: 'none', effects: [] };
    reads = 0;
    const once = foresee(facts, [change], more, chosen);
    const twice = foresee(once, [change], { 'boot.args_why': '' } as Facts, chosen);
    expect([twice['boot.pending'], twice['kmem.remedy'], reads]).toEqual([true, 'reboot', 0]);
    expect(twice['kmem.now.evidence']).toBe(twice['kmem.evidence']);
    expect(reads).toBeGreaterThan(0);
    expect({ ...once }).toEqual(withDerived({ ...raw, ...more }, chosen));
    const reboot = { ...change, effects: [{ kind: 'reboot' }] } as unknown as Change;
    const after = foresee(once, [reboot], {}, chosen);
    expect(after['kmem.verdict']).toEqual({ $unknown: 'known only after the reboot' });
  });

  it('derives the facts once: another remedy changes only the remedy', () => {
    const derived: Facts = withDerived(el7(), undefined);
    expect(withRemedy(derived, chosen)).toEqual(withDerived(el7(), chosen));
  });
});
