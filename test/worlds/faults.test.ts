// Judges that overlook one thing, and the law that each of them breaks: a law that no fault breaks
// would guard nothing.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derive } from '../../src/facts/index.ts';
import { treat } from '../../src/facts/kmem/remedy.ts';
import { readSituation } from '../../src/facts/kmem/situation.ts';
import { judge, proofOf, verdictRules } from '../../src/facts/kmem/verdict.ts';
import { witnessRules } from '../../src/facts/kmem/witnesses.ts';
import {
  allOf,
  type FactName,
  type Facts,
  type FactValue,
  fact,
  known,
} from '../../src/model/fact.ts';
import type { WitnessRow } from '../../src/model/facts/values.ts';
import { randomWorld } from './generator.ts';
import { brokenLaw, caseOf, type Judge } from './laws.ts';

/** kmend as it is, of facts in which something was overlooked. */
const overlooking =
  (change: (facts: Facts) => Facts): Judge =>
  (facts) =>
    derive({ ...facts, ...change(facts) });

/** Each group of the list, and of the examples, read otherwise. */
const groups = (change: (witness: WitnessRow) => Partial<WitnessRow>): Judge =>
  overlooking((facts) => ({
    'kmem.witnesses': known(facts, 'kmem.witnesses', []).map((one) => ({ ...one, ...change(one) })),
  }));
const rowAs = (from: readonly string[], to: string): Judge =>
  groups(({ row }) => (from.includes(row) ? { row: to } : {}));

const changeTimes = [
  'docker.installed_at',
  'containerd.installed_at',
  'runc.installed_at',
  'runc.changed_at',
  'kubelet.installed_at',
  'kubelet.changed_at',
] as const;
const ignoresInstalls = overlooking((facts) =>
  allOf(changeTimes.map((name) => (facts[name] === undefined ? {} : fact(name, 1)))),
);
const readsKernelsAs = (builds: RegExp, as: string): Judge =>
  overlooking((facts) =>
    allOf(
      (['kernel.release', 'kernel.next'] as const).map((name) =>
        fact(name, known(facts, name, '').replace(builds, as)),
      ),
    ),
  );
const spells = (from: RegExp, to: string): Judge =>
  overlooking((facts) =>
    allOf(
      (['boot.cmdline', 'boot.next_cmdline'] as const).map((name) =>
        fact(name, known(facts, name, '').replace(from, to)),
      ),
    ),
  );
const says =
  <Name extends FactName>(name: Name, value: (judged: Facts) => FactValue<Name>): Judge =>
  (facts) => {
    const judged = derive(facts);
    return { ...judged, ...fact(name, value(judged)) };
  };

const faults: readonly (readonly [fault: string, judge: Judge])[] = [
  [
    'a limit that came later counts as one from the beginning',
    groups(({ limited }) => (limited === 'later' ? { limited: 'yes' } : {})),
  ],
  ['without swap accounting, too', spells(/swapaccount=0/, '')],
  [
    'groups that read on are ignored',
    overlooking((facts) => ({
      ...groupsOff(facts),
      'kmem.root_usage': 0,
      'kmem.slab_entries': 0,
      'kmem.slab_ids': 0,
    })),
  ],
  [
    'a group of an unknown creator counts as a container of docker',
    rowAs(['unknown', 'yarn', 'htcondor', 'slurm', 'lxc', 'mesos'], 'docker'),
  ],
  ['/kubepods counts as a pod', rowAs(['pods'], 'pod')],
  ['a container without a limit counts as one with a limit', groups(() => ({ limited: 'yes' }))],
  ['what was installed in this boot is ignored', ignoresInstalls],
  ["docker's other runtimes are ignored", overlooking(() => ({ 'docker.runtimes': [] }))],
  [
    "containerd is thought to have the kubelet's driver",
    overlooking((facts) => ({ 'containerd.driver': facts['kubelet.driver'] ?? '' })),
  ],
  ['podman is ignored', overlooking(() => ({ 'podman.installed': false, 'podman.driver': '' }))],
  [
    'podman is judged by the runc that docker brought',
    overlooking(() => ({ 'runc.path': '/usr/bin/runc' })),
  ],
  [
    'cri-o is ignored',
    overlooking(() => ({ 'crio.installed': false, 'crio.driver': '', 'runc.version': '1.1.12' })),
  ],
  [
    'the kubelet is ignored',
    overlooking(() => ({
      'kubelet.installed': false,
      'kubelet.version': '',
      'kubelet.driver': '',
    })),
  ],
  [
    'kernels that nobody has read are thought to obey',
    readsKernelsAs(/-(693|862|957)\./, '-1160.'),
  ],
  ['514 is thought to obey', readsKernelsAs(/-514\./, '-1160.')],
  [
    'the next boot is thought to be like this one',
    overlooking((facts) => ({
      'kernel.next': facts['kernel.release'] ?? '',
      'boot.next_cmdline': facts['boot.cmdline'] ?? '',
    })),
  ],
  ['NOKMEM counts as nokmem', spells(/NOKMEM/, 'nokmem')],
  ['cgroup_memory= counts as cgroup.memory=', spells(/cgroup_memory=/, 'cgroup.memory=')],
  [
    'every active probe counts as one that says off',
    overlooking(() => ({ 'kmem.active_probe': 'off' })),
  ],
  [
    'a kernel without kernel-memory files counts as any other',
    overlooking(() => ({ 'kmem.files': true })),
  ],
  ['everything is unknown', says('kmem.verdict', () => 'unknown')],
  [
    'nothing is ever proven',
    says('kmem.verdict', (judged) =>
      judged['kmem.proof'] === 'samples' ? 'unknown' : known(judged, 'kmem.verdict', 'unknown'),
    ),
  ],
  [
    'a kernel-memory limit is ignored',
    groups(({ explicit }) => (explicit === true ? { explicit: false } : {})),
  ],
  ['the active probe is ignored', overlooking(() => ({ 'kmem.active_probe': '' }))],
  [
    'whatever is not refuted is proven in part',
    says('kmem.partial', (judged) =>
      judged['kmem.partial'] === 'none' ? 'samples' : known(judged, 'kmem.partial', ''),
    ),
  ],
  [
    'what refutes a proof in part does not count',
    says('kmem.partial', (judged) =>
      judged['kmem.partial'] === 'refuted' ? 'samples' : known(judged, 'kmem.partial', ''),
    ),
  ],
  [
    'nothing is ever proven in part',
    says('kmem.partial', (judged) =>
      judged['kmem.partial'] === 'samples' ? 'none' : known(judged, 'kmem.partial', ''),
    ),
  ],
  [
    'every group is taken for one below kubepods',
    rowAs(['docker', 'parent-container', 'unknown'], 'pod-inside'),
  ],
  ['every host gets the argument', says('kmem.remedy', () => 'kernel_arg')],
];

function groupsOff(facts: Facts): Facts {
  const samples = known(facts, 'kmem.samples', {});
  return {
    'kmem.witnesses': known(facts, 'kmem.witnesses', []).map((one) => ({
      ...one,
      state: 'eio',
      caches: false,
      charged: false,
    })),
    'kmem.samples': {
      ...samples,
      read: 0,
      eio: samples.total ?? 0,
      kubelet_read: 0,
      docker_read: 0,
      other_read: 0,
    },
  };
}

/** Rules that decide what no world has; test/facts/verdicts.test.ts has hosts for them. */
const beyondWorlds = [
  'a kernel release that is not understood',
  'a healthy kernel now, an affected one at the next boot',
  'the argument is in force, and yet a new group was accounted',
];

/**
 * It forbids what no world does: `docker update` with a memsw limit. test/facts/states.ts has a
 * host for it.
 */
const beyondWitnesses =
  'a version that is known to ask is contradicted below pods only, where no limit is changed later';

type VerdictRules = typeof verdictRules;
const withRules =
  (verdicts: VerdictRules, witnesses = witnessRules): Judge =>
  (facts) => {
    const situation = readSituation(facts, witnesses);
    const { verdict } = judge(situation, verdicts);
    return {
      ...derive(facts),
      'kmem.verdict': verdict,
      'kmem.proof': proofOf(situation),
      'kmem.remedy': treat(situation).remedy,
    };
  };

/** A rule that says off where it said otherwise; one that said off, of whatever comes to it. */
const weakened = (rule: VerdictRules[number]): VerdictRules[number] =>
  rule.verdict === 'off' ? { ...rule, when: () => true } : { ...rule, verdict: 'off' };

const weakRules: readonly (readonly [fault: string, judge: Judge])[] = [
  ...verdictRules
    .filter(({ name }) => !beyondWorlds.includes(name))
    .map(
      (rule) =>
        [
          `weak: ${rule.name}`,
          withRules(verdictRules.map((other) => (other === rule ? weakened(rule) : other))),
        ] as const,
    ),
  ...witnessRules
    .filter(({ name }) => name !== beyondWitnesses)
    .map(
      (rule) =>
        [
          `dropped: ${rule.name}`,
          withRules(
            verdictRules,
            witnessRules.filter((other) => other !== rule),
          ),
        ] as const,
    ),
];

describe('a judge breaks a law when', () => {
  const cases = fc.sample(randomWorld, { numRuns: 10_000, seed: 20_261_126 }).map(caseOf);
  it.each([...faults, ...weakRules])('%s', (_fault, faulty) => {
    expect(cases.find((some) => brokenLaw(some, faulty) !== undefined)).toBeDefined();
  });
});
