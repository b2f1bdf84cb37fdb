// Plans tasks on a host of EL7 whose accounting is on.
import { type HostInput, planHost } from '../../src/core/plan/plan-host.ts';
import { hostScope, loadPlaybook } from '../../src/load/index.ts';
import type { HostPlan } from '../../src/model/run/plan.ts';
import { unknown } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { el7 } from '../modules/facts.ts';
import { noContext } from '../modules/laws.ts';

const inventory = { hosts: new Map(), groups: new Map(), files: [] };

/** `given` is 1, `earlier` is known in the run only, and `nowhere` is not defined. */
export function inputOf(tasks: readonly string[]): HostInput {
  const text = ['- hosts: all', '  tasks:', ...tasks.map((task) => `    - ${task}`), ''].join('\n');
  const { value, diagnostics } = loadPlaybook('p.yml', text, {
    modules,
    facts: ['kmem.verdict', 'boot.id', 'ansible_os_family'],
    knownNames: ['earlier', 'given', 'nowhere'],
  });
  if (value === undefined) throw new Error(JSON.stringify(diagnostics));
  return {
    host: 'w1',
    tasks: value.plays[0]?.tasks ?? [],
    frame: {
      host: 'w1',
      facts: el7({
        'kmem.verdict': 'on',
        'kmem.evidence': '1 of 6 cgroups readable',
        ansible_os_family: 'RedHat',
      }),
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
  };
}

export function planOf(...tasks: readonly string[]): HostPlan {
  const found = planHost(inputOf(tasks));
  if (found.kind !== 'plan') throw new Error(JSON.stringify(found));
  return found.plan;
}
