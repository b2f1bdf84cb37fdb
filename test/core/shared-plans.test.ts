// Hosts of a fleet share plans: each has the plan that it has by itself, whatever is read of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SharedPlans } from '../../src/core/plan/fleet/shared-plans.ts';
import { chooseRemedy, withRemedy } from '../../src/core/plan/overlay.ts';
import { type HostInput, planHost, type Share, type Work } from '../../src/core/plan/plan-host.ts';
import { factDefs } from '../../src/facts/index.ts';
import { hostScope, loadPlaybook, writtenVariable } from '../../src/load/index.ts';
import { type Facts, wantKey } from '../../src/model/fact.ts';
import type { Play } from '../../src/model/playbook.ts';
import type { Mapping } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { el7, packageFacts, readsOff } from '../modules/facts.ts';
import { noContext } from '../modules/laws.ts';

const load = (name: string, text: string): Play => {
  const facts = factDefs.map((def) => def.name);
  const { value, diagnostics } = loadPlaybook(name, text, { modules, facts });
  const [play] = value?.plays ?? [];
  if (play === undefined) throw new Error(diagnostics.map(({ summary }) => summary).join());
  return play;
};
const shipped = (name: string): Play =>
  load(name, readFileSync(join(import.meta.dirname, '../../playbooks', name), 'utf8'));

/** Reads facts and variables in each way that a task has. */
const ways = `- hosts: all
  vars: {text: "{{ own | default('none') }} of {{ kernel.release }}"}
  tasks:
    - debug: {msg: "{{ text }}"}
      when: docker.live_restore
    - set_fact: {chosen: "{{ own | default(kernel.release) }}", token: "{{ own | default('x') }}"}
    - assert: {that: "kernel.release is defined", fail_msg: "{{ kmem.evidence }} {{ own }}"}
      when: own is defined
    - assert: {that: "kernel.release is defined", fail_msg: "{{ docker.evr if boot.id == 'b-1' else docker.client }}"}
    - assert: {that: "own is not defined or own != 'b'", fail_msg: "{{ own }} {{ boot.id }}"}
      ignore_errors: true
    - debug: {msg: "{{ item }} {{ hostvars[inventory_hostname].own | default('') }}"}
      loop: "{{ list | default(['a']) }}"
      when: docker.running
    - block:
        - fail: {msg: "{{ boot.id }}"}
          when: not docker.running
      rescue:
        - debug: {msg: "{{ ansible_failed_task }}"}
      always:
        - kernel_arg: {key: cgroup.memory, value: nokmem}
        - reboot: {when_pending: true}
          when: boot.pending
        - debug: {msg: "{{ kmem.verdict }} {{ kmem.evidence }} {{ kernel.release }}"}
        - service: {name: "{{ own | default('docker') }}", state: started}
        - assert: {that: "chosen != 'a'", fail_msg: "{{ kmem }}"}
`;

const plays: Readonly<Record<string, Play>> = {
  'auto.yaml': shipped('auto.yaml'),
  'nokmem.yaml': shipped('nokmem.yaml'),
  'ways.yaml': load('ways.yaml', ways),
};

const releases = ['3.10.0-1160.el7.x86_64', '3.10.0-862.el7.x86_64'];
const gone = { $unknown: 'needs root' } as const;
/** Values that facts and variables of a host may have, the usual ones first. */
const choices = {
  'kernel.release': releases,
  'kernel.next': releases,
  'boot.cmdline': ['ro quiet', 'ro cgroup.memory=nokmem', gone],
  'boot.next_cmdline': ['ro quiet', 'ro cgroup.memory=nokmem'],
  'boot.id': ['b-1', 'b-2', 'b-3'],
  'boot.uptime': [5_000, 10, 599, 6_000, 40_000_000, 50_000_000],
  'clock.epoch': [1_700_000_000, 1_700_000_001],
  'docker.running': [true, false],
  'docker.live_restore': [false, true],
  'docker.version': ['18.06.1-ce', '17.03.2-ce', gone],
  'docker.installed_at': [1_600_000_000, 1_695_000_000],
  'space.boot_kb': [500_000, 10, 20, 600_000, gone, { $unknown: 'no answer' }],
  'user.root': [true, false],
  off: [false, true],
  // Values that give the same by different ways, and others.
  own: [undefined, 'a', 'b', "{{ 'a' }}", '{{ boot.id }}', '{{ missing }}', '{{ own }}'],
  list: [undefined, ['a'], ['b', '{{ docker.version }}']],
  node: [undefined, 'n1', 'n2'],
} as const;
type Choices = { readonly [Name in keyof typeof choices]: (typeof choices)[Name][number] };

const words = Object.keys(choices) as readonly (keyof Choices)[];
const any = fc.record(
  Object.fromEntries(
    Object.entries(choices).map(([name, values]) => [name, fc.constantFrom<unknown>(...values)]),
  ),
) as fc.Arbitrary<Choices>;

const hostOf = ({ off, own, list, node, ...given }: Choices) => ({
  own,
  list,
  node,
  facts: el7({
    ...packageFacts('kernel', '3.10.0-862.el7', ['3.10.0-1160.el7']),
    ...packageFacts('docker-ce', '18.06.1.ce-3.el7', ['3:18.09.9-3.el7']),
    ...(off ? readsOff : {}),
    ...given,
  } as Facts),
});

/** Hosts that differ from the first one in a thing or two. */
const hosts = fc
  .tuple(any, fc.array(fc.tuple(any, fc.subarray([...words], { maxLength: 2 })), { maxLength: 12 }))
  .map(([first, others]) =>
    [
      first,
      ...others.map(([other, changed]) => ({
        ...first,
        ...Object.fromEntries(changed.map((name) => [name, other[name]])),
      })),
    ].map(hostOf),
  );
type Host = ReturnType<typeof hostOf>;

/** All that a plan of this host says and hides, or how it ends. */
function planned(play: Play, name: string, host: Host, share?: Share): string {
  const vars: Mapping = JSON.parse(JSON.stringify({ own: host.own, list: host.list }));
  const inventory = {
    hosts: new Map([[name, { name, groups: [], vars }]]),
    groups: new Map(),
    files: [],
  };
  const chosen = chooseRemedy(host.facts);
  const hidden: (readonly string[])[] = [];
  const asked = new Set<string>();
  const input: HostInput = {
    host: name,
    tasks: play.tasks,
    modules,
    chosen,
    isWanted: () => true,
    isSecret: (variable) => variable === 'token',
    hide: (texts) => hidden.push(texts),
    written: (wanted) => {
      const [one] = inventory.hosts.values();
      return one && writtenVariable(inventory, one, wanted);
    },
    frame: {
      host: name,
      facts: withRemedy(host.facts, chosen),
      asked,
      extraVars: {},
      learned: {},
      readOnlyCommands: 'all',
      user: {},
      playVars: play.vars,
      variables: (layers) => hostScope(inventory, name, layers),
      context: {
        ...noContext,
        ...(host.node === undefined ? {} : { hasCluster: true, node: host.node }),
      },
    },
  };
  try {
    for (let round = 0; ; round++) {
      const planning = planHost(input, share);
      if (planning.kind === 'plan' || round > 3) return JSON.stringify([planning, hidden]);
      for (const want of planning.wants) asked.add(wantKey(want));
    }
  } catch (error) {
    return String(error);
  }
}

/** How many plans were made, and not shared. */
function counting(): { readonly share: Share; readonly made: () => number } {
  const { work } = new SharedPlans();
  let made = 0;
  const share: Share = (input, make) =>
    work(input, (given): Work => {
      made += 1;
      return make(given);
    });
  return { share, made: () => made };
}

describe.each(Object.entries(plays))('plans of a fleet, %s', (_, play) => {
  it('are byte for byte those of each host by itself', () => {
    const law = fc.property(hosts, (fleet) => {
      const { work } = new SharedPlans();
      for (const [index, host] of fleet.entries()) {
        const name = `h${index}`;
        expect(planned(play, name, host, work)).toBe(planned(play, name, host));
      }
    });
    fc.assert(law, { numRuns: 60 });
  });
});

describe('sharing a plan', () => {
  const host = (more: Facts = {}): Host => ({
    facts: el7(more),
    own: undefined,
    list: undefined,
    node: undefined,
  });
  const madeFor = (play: Play | undefined, fleet: readonly Host[]): number => {
    if (play === undefined) throw new Error('no such play');
    const { share, made } = counting();
    for (const [index, one] of fleet.entries()) planned(play, `h${index}`, one, share);
    return made();
  };

  it('makes one plan for hosts that differ in ids, clocks and free space', () => {
    const fleet = Array.from({ length: 50 }, (_, index) =>
      host({
        'boot.id': `b-${index}`,
        'clock.epoch': 1_700_000_000 + index,
        'boot.uptime': 10_000_000 + index,
        'space.boot_kb': 500_000 + index,
        'docker.installed_at': 1_600_000_000 + index,
      }),
    );
    expect(madeFor(plays['auto.yaml'], fleet)).toBe(1);
  });

  it('compares which facts a text reads that does not count', () => {
    const one = load(
      'one.yaml',
      `- hosts: all
  tasks:
    - assert: {that: true, fail_msg: "{{ docker.evr if boot.id == 'b-1' else docker.client }}"}
`,
    );
    expect(madeFor(one, [host(), host({ 'boot.id': 'b-2' }), host({ 'boot.id': 'b-3' })])).toBe(2);
  });

  it('makes another where a fact differs that was read', () => {
    const fleet = [host(), host({ 'docker.version': '18.03.1-ce' }), host()];
    expect(madeFor(plays['auto.yaml'], fleet)).toBe(2);
  });

  it('compares no more hosts where the first ones are all different', () => {
    const different = Array.from({ length: 80 }, (_, index) =>
      host({ 'docker.version': `18.06.${index}-ce` }),
    );
    const alike = Array.from({ length: 10 }, () => host({ 'docker.version': '18.06.1-ce' }));
    expect(madeFor(plays['auto.yaml'], [...different, ...alike])).toBe(90);
  });
});
