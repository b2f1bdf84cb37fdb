// Module verify_kmem: proves that kernel-memory accounting is off, by the existing cgroups, or by
// an empty test group.
import { asksForNokmem } from '../facts/areas/boot/boot-args.ts';
import { graveDamage, readDamage } from '../facts/areas/packages/damage.ts';
import { healthOf, readRelease } from '../facts/kmem/kernels.ts';
import { withPrelude } from '../facts/probe/prelude.ts';
import { type Facts, type FactView, need } from '../model/fact.ts';
import type { Verdict } from '../model/facts/values.ts';
import type { Change, ModulePlan, Proof } from '../model/run/change.ts';
import type { RunEffect, WaitEffect } from '../model/run/effect.ts';
import { asArgs, duration, flag, type Infer, object, oneOf, state } from '../model/shape/schema.ts';
import { scriptText } from '../model/text/script-text.ts';
import activeProbe from './active-probe.sh';
import { defineModule } from './define.ts';
import { sampleChange } from './sample-container.ts';

const args = object({
  state: state('disabled').default('disabled'),
  without_sample: oneOf('hold', 'provisional')
    .default('hold')
    .describe(
      'When nothing proves it: `hold` ends the host unproven; `provisional` goes on, marks it, and proves it on the first sample within the soak.',
    ),
  timeout: duration
    .default(600)
    .describe(
      '`hold`: how long to wait for a sample (a memory-limited container made after this boot).',
    ),
  active_probe: flag
    .default(true)
    .describe(
      'Where a boot argument is the remedy: make an empty group, ask the kernel to account it, read, remove it. Harmless; proves the argument.',
    ),
  sample: oneOf('wait', 'start')
    .default('wait')
    .describe(
      'Where no sample is there: `wait` for one, or `start` one small memory-limited container through each runtime that has none, from an image that is on the host (nothing is pulled).',
    ),
}).refine(
  (given) => given.sample === 'wait' || given.without_sample === 'hold',
  '`sample: start` goes with `without_sample: hold`',
);
type Args = Infer<typeof args>;

function plan(given: Args, facts: FactView): ModulePlan {
  const grave = graveDamage(
    readDamage(facts.get('packages.damaged')),
    facts.get('packages.manager') ?? '',
  );
  if (grave !== undefined) return unmet(grave.why, grave.hint);
  const verdict = need(facts, 'kmem.verdict');
  const evidence = need(facts, 'kmem.evidence');
  const isPartial = (facts.get('kmem.partial') ?? '') !== '';
  if (verdict !== 'not_applicable' && isUnread(facts)) {
    // Where a play accepts a cause, the argument is not its remedy.
    if (facts.get('kmem.active_probe') === 'on' && !isPartial)
      return unmet(`${notInForce}: ${evidence}`, hintOn(facts));
    if (facts.get('kmem.active_probe') === '') return askKernel(given, facts);
  }
  switch (verdict) {
    case 'not_applicable':
      return proven({ verdict, by: 'kernel', evidence });
    case 'off':
    case 'unknown':
      return judge(given, verdict, evidence, facts);
    case 'at_risk':
      if (isHealthyTrial(facts))
        return proven({ verdict: 'not_applicable', by: 'kernel', evidence: onTrial(facts) });
      if (isTried(facts)) return judge(given, verdict, evidence, facts);
      if (isPartial) return judgePart(given, verdict, facts);
      return unmet(
        `accounting will come back: ${evidence}`,
        'remove the cause as well, or say `partial: accept` in the play',
      );
    case 'on':
    case 'leaking':
      if (isPartial) return judgePart(given, verdict, facts);
      return unmet(
        `accounting is ${verdict === 'on' ? 'on' : 'on, and leaking'}${despite(facts)}: ${evidence}`,
        hintOn(facts),
      );
  }
}

/** The play accepted that some programs still account: all others must prove that they do not. */
function judgePart(given: Args, verdict: Verdict, facts: FactView): ModulePlan {
  const evidence = need(facts, 'kmem.partial_evidence');
  const accepted = need(facts, 'kmem.accepted');
  switch (facts.get('kmem.partial')) {
    case 'samples':
      return proven({ verdict, by: 'samples', evidence, accepted });
    case 'none':
      if (given.without_sample === 'hold') return holdForPart(given, evidence, facts);
      return {
        ...proven({ verdict, by: 'none', evidence, accepted }),
        note: `provisional: nothing proves it yet (${evidence})`,
      };
    default:
      return unmet(
        `accounting is, or will be, on beyond what was accepted: ${evidence}`,
        hintOn(facts),
      );
  }
}

function holdForPart(given: Args, evidence: string, facts: FactView): ModulePlan {
  const samples = given.sample === 'start' ? startable(facts) : [];
  const effect: WaitEffect = {
    kind: 'wait',
    what: 'wait for proof that accounting is off, but for what was accepted',
    until: [{ fact: 'kmem.partial', is: 'samples' }],
    every: 10,
    timeout: Math.max(1, Math.ceil(given.timeout)),
    unless: [
      {
        fact: 'kmem.partial',
        is: 'refuted',
        why: 'accounting is, or will be, on beyond what was accepted',
      },
    ],
  };
  const wait: Change = {
    sign: '!',
    what: effect.what,
    before: evidence,
    risk: 'none',
    effects: [effect],
  };
  return {
    changes: [...(samples.length > 0 ? [sampleChange(samples)] : []), wait],
    promises: { 'kmem.partial': 'samples' },
  };
}

function judge(
  given: Args,
  verdict: 'off' | 'at_risk' | 'unknown',
  evidence: string,
  facts: FactView,
): ModulePlan {
  const shown = facts.get('kmem.proof') ?? 'none';
  // Where nothing else is known about the kernel, its samples count only because of the probe's
  // answer.
  const by =
    shown === 'samples' && facts.get('kernel.parses_by') === 'probe' ? 'active_probe' : shown;
  if (by !== 'none' && verdict !== 'unknown') {
    const asked =
      by === 'active_probe' && shown === 'samples' ? 'active probe: nokmem is in force; ' : '';
    return proven({ verdict: 'off', by, evidence: asked + evidence + signs(facts) });
  }
  const byArgument = isByArgument(facts);
  if (byArgument && facts.get('kmem.active_probe') === 'on')
    return unmet(notInForce, hintOn(facts));
  const probe =
    given.active_probe && byArgument && facts.get('kmem.active_probe') === '' ? [probeChange] : [];
  // The active probe proves the argument by itself.
  const samples = given.sample === 'start' && probe.length === 0 ? startable(facts) : [];
  if (given.without_sample === 'hold')
    return {
      changes: [
        ...probe,
        ...(samples.length > 0 ? [sampleChange(samples)] : []),
        waitChange(given.timeout, evidence, byArgument),
      ],
      promises: { 'kmem.verdict': 'off', 'kmem.proof': 'samples' },
    };
  if (probe.length > 0) return { changes: probe, promises: probeOff };
  return {
    ...proven({ verdict, by: 'none', evidence }),
    note: `provisional: nothing proves it yet (${evidence})`,
  };
}

/** Runtimes without a limited container that reads off; docker only while it runs. */
const startable = (facts: FactView): readonly string[] =>
  need(facts, 'kmem.unshown').filter(
    (key) => key !== 'docker' || facts.get('docker.running') === true,
  );

/**
 * The kernel has the argument, and only its own answer can show that it obeys: the argument was
 * declared for it, or set for a kernel that ignores it.
 */
function isUnread(facts: FactView): boolean {
  const by = facts.get('kernel.parses_by');
  return (
    isByArgument(facts) &&
    by !== undefined &&
    by !== 'table' &&
    (by === 'probe' || by === 'groups' || facts.get('kernel.parses_nokmem') !== 'yes')
  );
}

/**
 * Such a kernel gets an active probe first, because its groups may be of programs that never ask.
 * The answer decides for all hosts of that release.
 */
function askKernel(given: Args, facts: FactView): ModulePlan {
  if (given.active_probe)
    return {
      changes: [probeChange],
      promises: { ...probeOff, 'kernel.parses_nokmem': 'yes', 'kernel.parses_by': 'probe' },
    };
  return unmet(
    `it is not known whether kernel ${need(facts, 'kernel.release')} obeys cgroup.memory=nokmem, and the play forbids the active probe`,
    'take `active_probe: false` away',
  );
}

/**
 * A kernel that was booted once to test the argument, with the argument in force. Until it is the
 * default, only the next boot is at risk.
 */
const isTried = (facts: FactView): boolean =>
  facts.get('kernel.trial') === facts.get('kernel.release') &&
  facts.get('kernel.parses_nokmem') === 'yes' &&
  asksForNokmem(need(facts, 'boot.cmdline'), facts.get('kernel.generation') === 'el7');

/**
 * A healthy kernel that was booted once as a test: the task after the proof decides which kernel
 * boots next.
 */
const isHealthyTrial = (facts: FactView): boolean =>
  facts.get('kernel.trial') === facts.get('kernel.release') &&
  healthOf(readRelease(need(facts, 'kernel.release')).generation) === 'healthy';

const onTrial = (facts: FactView): string =>
  `kernel ${need(facts, 'kernel.release')}: accounting is healthy; on trial, ${need(facts, 'kernel.next')} boots next until this one is the default`;

/**
 * After a boot with the argument nothing was ever accounted: the root group's kmem usage is 0, and
 * /sys/kernel/slab has no entry of a cgroup. This is printed beside the proof, also when it
 * contradicts the proof, and proves nothing by itself.
 */
function signs(facts: FactView): string {
  if (!isByArgument(facts)) return '';
  const [usage, entries] = [facts.get('kmem.root_usage'), facts.get('kmem.slab_entries')];
  if (typeof usage !== 'number' || typeof entries !== 'number') return '';
  return usage === 0 && entries === 0
    ? '; root kmem usage 0, no cgroup in /sys/kernel/slab'
    : `; against it: root kmem usage ${usage}, ${entries} entries of cgroups in /sys/kernel/slab`;
}

/**
 * The command line and the reads contradict each other. This is printed, because an operator who
 * reads /proc/cmdline would doubt the verdict.
 */
function despite(facts: FactView): string {
  if (!asksForNokmem(need(facts, 'boot.cmdline'), facts.get('kernel.generation') === 'el7'))
    return '';
  const parses = facts.get('kernel.parses_nokmem');
  const why =
    parses === 'no' ? `kernel ${facts.get('kernel.release')} does not parse it` : 'the reads stand';
  return ` although the command line says nokmem (${why})`;
}

const probeOff: Facts = {
  'kmem.active_probe': 'off',
  'kmem.verdict': 'off',
  'kmem.proof': 'active_probe',
};

const notInForce =
  'a new group is accounted when a program asks for it: the boot argument is not in force';

const proven = (proof: Proof): ModulePlan => ({
  changes: [],
  note: proof.evidence,
  proof,
  result: {
    verdict: proof.verdict,
    proof: proof.by,
    evidence: proof.evidence,
    ...(proof.accepted === undefined ? {} : { accepted: proof.accepted.map(({ name }) => name) }),
  },
});

const unmet = (evidence: string, hint: string): ModulePlan => ({
  changes: [],
  unmet: { kind: 'not_verified', evidence, hint },
});

const hintOn = (facts: FactView): string =>
  isFallenBack(facts)
    ? `kernel ${facts.get('kernel.trial')} was booted once and did not come up: ${facts.get('kernel.release')} runs again`
    : facts.get('boot.pending') === true
      ? 'a reboot is pending: put `reboot` before this task'
      : 'the node is left as it is; `kmend check` says what causes it';

const isFallenBack = (facts: FactView): boolean => {
  const tried = facts.get('kernel.trial');
  return (
    typeof tried === 'string' &&
    tried !== '' &&
    tried !== facts.get('kernel.release') &&
    facts.get('boot.next_once') !== true
  );
};

/**
 * Is a boot argument the means that keeps accounting off? An empty group proves only that, and only
 * where slabinfo distinguishes on from off.
 */
function isByArgument(facts: FactView): boolean {
  const generation = facts.get('kernel.generation');
  return (
    facts.get('cgroup.memory') === 'v1' &&
    (generation === 'el7' || generation === 'upstream-3') &&
    asksForNokmem(need(facts, 'boot.cmdline'), generation === 'el7')
  );
}

export const activeProbeScript = scriptText(activeProbe);

const probeEffect: RunEffect = {
  kind: 'run',
  what: 'ask the kernel whether it would account an empty group',
  script: withPrelude(activeProbeScript),
  detached: false,
  timeout: 60,
  errors: { 80: 'the result of the active probe could not be written to /run/kmend' },
};

const probeChange: Change = {
  sign: '!',
  what: 'active probe of the boot argument',
  risk: 'write',
  effects: [probeEffect],
};

function waitChange(seconds: number, evidence: string, byArgument: boolean): Change {
  const on = 'accounting is on: a container of this boot is accounted';
  const effect: WaitEffect = {
    kind: 'wait',
    what: 'wait for proof that accounting is off',
    until: [
      { fact: 'kmem.verdict', is: 'off' },
      { fact: 'kmem.provable', is: true },
    ],
    every: 10,
    timeout: Math.max(1, Math.ceil(seconds)),
    unless: [
      { fact: 'kmem.verdict', is: 'on', why: on },
      { fact: 'kmem.verdict', is: 'leaking', why: on },
      ...(byArgument ? [{ fact: 'kmem.active_probe', is: 'on', why: notInForce } as const] : []),
    ],
  };
  return {
    sign: '!',
    what: 'wait for proof that accounting is off',
    before: evidence,
    risk: 'none',
    effects: [effect],
  };
}

export const verifyKmem = defineModule<Args>({
  name: 'verify_kmem',
  summary:
    'Proves that kernel-memory accounting is off; ends the host as not verified when it is on, or when nothing proves it.',
  example: `- name: Accounting is off, proven
  verify_kmem:
    state: disabled
    timeout: 10m
`,
  notes: `Two things prove that it is off, because only they could have come out otherwise. \`samples\`: limited groups that read off. With the boot argument that is a group
of a program that is known to ask; without it, a limited container of this boot through each runtime that could ask.
\`active_probe\`, for the boot argument: an empty group that the kernel refuses to account. \`/proc/cmdline\` proves nothing, and neither does a group
of systemd, of a batch system or of an administrator. The proof names the program that asked and the answer; it is in the report.

It fails while a package of the runtime, the kubelet or the kernel is not fully installed (\`packages.damaged\`), and a play that has it refuses such a host before
anything is touched, also where its conditions skip every task. Other damaged packages are warnings of the plan.

A runtime remedy cannot be proven by the active probe. Where a runtime has no limited container, \`hold\` waits for one and then ends the host;
\`provisional\` returns the node to service, marked as unproven, and the run ends with 12 if no sample comes within the soak. \`sample: start\` starts one through each such
runtime (docker and its custom runtimes, podman, containerd and cri-o by crictl, containerd by ctr), from an image that is there: 64 MB, no network,
removed as soon as its group is read.

On a host where accounting cannot hurt (a kernel from 4.5 on, cgroup v2, no kernel-memory controller) the kernel that runs is the proof: the host counts as
proven, \`not_applicable\`, and the report says why. So it is with such a kernel on trial, though an affected one would still boot next.

With \`partial: accept\` in the play, the plan names the programs that still account, with their versions. Then all others must prove that they do not:
their limited containers outside the accepted program's groups read off, and no group reads on that the accepted program does not explain. Below
\`/kubepods\` each group inherits from a kubelet that accounts. The proof speaks per creator (\`docker's containers: off; kubelet 1.12.3 still accounts: accepted\`),
the verdict stays \`on\` or \`at_risk\`, and the run ends with 12. A program or version that the plan did not name is not accepted.

Where it is not known whether the kernel obeys the argument, an active probe comes first, whatever the groups read. With \`active_probe: false\` such
a host ends as not verified.

With the boot argument the proof also reports the root group's kmem usage and the entries of cgroups in \`/sys/kernel/slab\`: both are 0 after a boot with it.`,
  args: asArgs(args),
  proves: true,
  maxRisk: 'write',
  keepsRepositories: true,
  facts: () => [],
  plan,
});
