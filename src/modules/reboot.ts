// Module reboot: reboots once a run, or only when the next boot would differ from this one. A new
// boot id proves it.

import { withPrelude } from '../facts/probe/prelude.ts';
import { allOf, type Facts, type FactView, judgedFact, need } from '../model/fact.ts';
import type { SymptomKind } from '../model/facts/values.ts';
import type { Change, ModulePlan, PlanContext, Refusal } from '../model/run/change.ts';
import type { Fallback, RebootEffect, RunEffect, WaitEffect } from '../model/run/effect.ts';
import {
  asArgs,
  duration,
  filled,
  flag,
  type Infer,
  list,
  listOf,
  mappingOf,
  object,
  oneOf,
  shorthand,
  text,
} from '../model/shape/schema.ts';
import { quote } from '../model/text/quote.ts';
import { defineModule } from './define.ts';

const options = object({
  timeout: duration.default(1200).describe('How long the host may be away.'),
  stable_for: duration
    .default(30)
    .describe(
      'How long the new boot must last before it counts: a second boot id meanwhile is a boot loop.',
    ),
  ready_timeout: duration
    .default(600)
    .describe(
      'How long its node may take to be Ready again in the cluster, in the new boot, with its DaemonSet pods.',
    ),
  lock_timeout: duration
    .default(600)
    .describe(
      'How long to wait for another process that changes packages, before the reboot is sent. Then the host has failed, not rebooted.',
    ),
  when_pending: flag
    .optional()
    .describe('Reboot only where the next boot would differ from this one (see below).'),
  force: flag.optional().describe('The opposite of `when_pending`, which playbooks may still say.'),
  test_command: filled
    .optional()
    .describe('A shell command that must succeed in the new boot, within `timeout` once more.'),
  drain: oneOf('required', 'none')
    .default('required')
    .describe('`none`: reboot though a kubelet runs here and nothing has drained it.'),
  escalate: listOf(oneOf('force', 'sysrq'))
    .default([])
    .describe(
      'For a host that still answers in the old boot: `force` = `systemctl reboot -f`, `sysrq` = the kernel resets; in this order, after equal parts of `timeout` (2 minutes at most each).',
    ),
  fallback: object({
    command: list(filled)
      .min(1)
      .describe(
        'Program and arguments, for the machine that runs kmend; not through a shell. A process list shows them: no secrets here.',
      ),
    environment: mappingOf(text)
      .refine(
        (all) => Object.keys(all).every((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)),
        'should have names of environment variables as its keys',
      )
      .default({})
      .describe('Variables for it beside KMEND_HOST and KMEND_ADDRESS; secrets stand here.'),
    timeout: duration.default(60).describe('How long it may take; then it is killed.'),
  })
    .optional()
    .describe(
      'Run once when the host is not back after `timeout`, or still runs the old boot after all of `escalate`: a power cycle by its management board. The host then has `timeout` once more.',
    ),
}).refine(
  (given) => given.when_pending === undefined || given.force === undefined,
  'has `when_pending` and `force`, which say the same thing: keep one of them',
);
type Args = Infer<typeof options>;

const args = shorthand((short) => (short === null || short === '' ? {} : short), options);

const onlyPending = ({ when_pending: pending, force }: Args): boolean => pending ?? force === false;

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const why = reasons(given, facts, context);
  if (why.length === 0) return afterReboot(given, facts, context);
  if (context.carriesKmend === true)
    return {
      changes: [],
      refuse: {
        why: 'this is the machine that runs kmend: it does not reboot itself',
        hint: 'run kmend from elsewhere for it',
      },
    };
  const broken = facts.get('boot.menu_broken') ?? '';
  if (broken !== '' && !context.done.rebooted)
    return {
      changes: [],
      refuse: { why: `${broken}: it may not boot again`, hint: 'repair the boot menu first' },
    };
  const hung = hungTasks(given, facts, context);
  if (hung !== undefined) return { changes: [], refuse: hung };
  // A play that drains by other means, or needs no drain, has set this before this task.
  const drained = context.sets?.kmend_drain;
  const hang = harder(given);
  const effect: RebootEffect = {
    kind: 'reboot',
    what: `reboot and wait for a new boot id${hang === '' ? '' : ` (${hang})`}`,
    timeout: Math.ceil(given.timeout),
    stableFor: Math.ceil(given.stable_for),
    drain:
      given.drain === 'none' || drained === 'none' || drained === 'command' ? 'none' : 'required',
    lockTimeout: Math.ceil(given.lock_timeout),
    ...(given.escalate.length === 0 ? {} : { escalate: [...new Set(given.escalate)] }),
    ...(given.fallback === undefined ? {} : { fallback: fallbackOf(given.fallback) }),
  };
  return {
    changes: [
      { sign: '!', what: 'reboot', after: why.join('; '), risk: 'reboot', effects: [effect] },
      ...(isNode(facts, context) ? [nodeBack(given, context.node)] : []),
      ...tested(given),
    ],
    promises: promises(facts),
    ...(hang === '' ? {} : { note: hang }),
    ...warned(facts, context),
  };
}

/** Nothing to reboot for. After a reboot of this run its node must be back, and the host tested. */
function afterReboot(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  if (!context.done.rebooted) return { changes: [], note: 'the next boot would be like this one' };
  const isAway = isNode(facts, context) && facts.get('node.current') !== true;
  const changes = [...(isAway ? [nodeBack(given, context.node)] : []), ...tested(given)];
  return changes.length > 0
    ? { changes }
    : {
        changes,
        note: onlyPending(given)
          ? 'the next boot would be like this one'
          : 'this run has rebooted the host, and nothing asks for another reboot',
      };
}

const testEvery = 5;

/** Runs the command until it succeeds; its last words say why it does not. */
function tested({ test_command: command, timeout }: Args): readonly Change[] {
  if (command === undefined) return [];
  const tries = Math.max(1, Math.ceil(timeout / testEvery));
  const what = `test the new boot: ${command.split('\n', 1)[0]}`;
  const effect: RunEffect = {
    kind: 'run',
    what,
    script: withPrelude(`n=0
until said=$(sh -c ${quote(command)} 2>&1 </dev/null); do n=$((n + 1))
[ $n -lt ${tries} ] || { printf '%s\\n' "$said" | tail -n 5 >&2; exit 72; }; sleep ${testEvery}; done
`),
    detached: true,
    timeout: Math.ceil(timeout) + 60,
    errors: { 72: 'the host rebooted, and `test_command` does not succeed' },
  };
  return [{ sign: '!', what, risk: 'none', effects: [effect] }];
}

/** The program alone: its arguments may contain secrets. */
function harder({ escalate, fallback }: Args): string {
  const ways = [
    ...escalate,
    ...(fallback === undefined ? [] : [`${fallback.command[0]} on this machine`]),
  ];
  return ways.length === 0 ? '' : `when it hangs: ${ways.join(', then ')}`;
}

const fallbackOf = ({
  command,
  environment,
  timeout,
}: NonNullable<Args['fallback']>): Fallback => ({
  argv: command,
  environment,
  timeout: Math.max(1, Math.ceil(timeout)),
});

const minute = 60;
const day = 86_400;

/**
 * Tasks that hung for minutes and still hang: an orderly shutdown would wait for them, after the
 * drain. It is a refusal only when known beforehand. A play with a harder way for a hung reboot may
 * try it.
 */
function hungTasks(given: Args, facts: FactView, context: PlanContext): Refusal | undefined {
  const { rebooted, drained, cordoned } = context.done;
  if (
    rebooted ||
    drained ||
    cordoned ||
    given.escalate.length > 0 ||
    linesOf(facts, 'hung_task') === 0
  )
    return undefined;
  const blocked = facts.get('host.blocked') ?? 0;
  if (blocked === 0) return undefined;
  const names = need(facts, 'host.blocked_by').join(', ');
  return {
    why: `the kernel log reports hung tasks, and ${blocked} still ${blocked === 1 ? 'hangs' : 'hang'} (${names}): a shutdown would wait for them`,
    hint: 'reboot it by hand, or say `escalate: [force, sysrq]` in the reboot task',
  };
}

/** Number of lines of this kind in the kernel log. */
const linesOf = (facts: FactView, kind: SymptomKind): number =>
  facts.get('kmem.symptoms')?.find((row) => row.kind === kind)?.count ?? 0;

/** Risks of this reboot, which the operator must know before the drain. */
function warned(facts: FactView, context: PlanContext): { readonly warnings?: readonly string[] } {
  // After a planned reboot these facts are unknown, and the risks are gone.
  if (context.done.rebooted) return {};
  const stuck = linesOf(facts, 'soft_lockup') + linesOf(facts, 'hung_task') > 0;
  const warnings = [
    ...(stuck
      ? [
          'the kernel log reports tasks that hang: an orderly shutdown may hang too, and the host then needs its power cut',
        ]
      : []),
    ...judgedFact(facts, 'boot.uptime', (uptime): readonly string[] => warnedOf(uptime)),
  ];
  return warnings.length === 0 ? {} : { warnings };
}

function warnedOf(uptime: number | undefined): readonly string[] {
  if (uptime !== undefined && uptime < 10 * minute)
    return [`it booted ${Math.round(uptime)} s ago: does it boot by itself?`];
  return uptime !== undefined && uptime > 365 * day
    ? [
        `it has been up for ${Math.floor(uptime / day)} days: nothing says that all of it comes up by itself`,
      ]
    : [];
}

const isNode = (facts: FactView, context: PlanContext): boolean =>
  context.hasCluster && context.node !== undefined && need(facts, 'kubelet.installed');

/**
 * The API shows the Ready of the old boot for 40 s and more. The fact beside the boot id decides.
 */
function nodeBack(given: Args, node = ''): Change {
  const effect: WaitEffect = {
    kind: 'wait',
    what: `wait until node ${node} is Ready in the new boot`,
    until: [{ fact: 'node.current', is: true }],
    why: 'node.current_why',
    every: 3,
    timeout: Math.max(1, Math.ceil(given.ready_timeout)),
  };
  return { sign: '!', what: effect.what, risk: 'none', effects: [effect] };
}

function reasons(given: Args, facts: FactView, context: PlanContext): readonly string[] {
  const { rebooted, newBoot } = context.done;
  const asked = !onlyPending(given) && !rebooted && newBoot !== true;
  const pending = pendingReasons(facts, context);
  return asked && pending.length === 0 ? ['the play says so'] : pending;
}

function pendingReasons(facts: FactView, context: PlanContext): readonly string[] {
  const pending = need(facts, 'boot.pending') ? need(facts, 'boot.pending_why') : [];
  // The journal and the boot id count too, because the clock of install times may have been
  // changed. The text is the same for both, so that a plan and its repetition at the start of the
  // host agree.
  const runtimes = [need(facts, 'docker.package'), need(facts, 'containerd.package'), 'runc'];
  const words = new Map(runtimes.map((name) => [name, `${name} was installed after this boot`]));
  const ours = context.done.replaced ?? [];
  const changed = [...words]
    .filter(([name, text]) => ours.includes(name) || pending.includes(text))
    .map(([, text]) => text);
  const why = [...pending.filter((one) => !changed.includes(one)), ...changed];
  return why.length === 0 && need(facts, 'boot.pending') ? ['a reboot is pending'] : why;
}

/** After the reboot the boot loader's choice runs. The host's clock will not have gone back. */
function promises(facts: FactView): Facts {
  const next = need(facts, 'kernel.next');
  const cmdline = need(facts, 'boot.next_cmdline');
  const saved = facts.get('boot.next_once') === true ? facts.get('kernel.saved') : undefined;
  return allOf([
    next === ''
      ? {}
      : { 'kernel.release': next, ansible_kernel: next, 'ansible_facts.kernel': next },
    // The reboot uses up the choice for one boot.
    saved === undefined ? {} : { 'kernel.next': saved, 'boot.next_once': false },
    cmdline === '' ? {} : { 'boot.cmdline': cmdline },
    {
      'boot.uptime': 0,
      'boot.pending': false,
      'boot.pending_why': [],
      'packages.lock': '',
    },
  ]);
}

export const reboot = defineModule<Args>({
  name: 'reboot',
  summary:
    'Reboots once a run, or only when the next boot would differ, and waits for a new boot id.',
  example: `- name: Let the argument act
  reboot:
    when_pending: true
    timeout: 20m
    stable_for: 1m
`,
  notes: `\`reboot:\` alone reboots, as in Ansible. A run reboots a host once in this way: a second \`reboot\` in the play reboots where something is pending by then.
\`when_pending: true\` reboots only where something is pending.

Pending means: another kernel, another value of \`cgroup.memory\`, \`cgroup_disable\`, \`cgroup_enable\` or \`systemd.unified_cgroup_hierarchy\` (for other
arguments leave \`when_pending\` out), or container software younger than the boot, by the clock of the host or because this run
changed it in this boot. The old boot id is written to the journal before the reboot is sent; only a new boot id, read on a new connection, counts. A host where a kubelet runs is not rebooted before something drained it.

Right before it is sent, in the same script, the locks of the package manager are read: a process that changes packages is waited for, \`lock_timeout\` at
most, and the journal says for whom. A process that only asks (\`dnf list\`, \`rpm -q\`) is not waited for. Neither \`escalate\` nor \`fallback\` acts on
a host that answers and has such a process.

\`escalate\` is for affected nodes whose shutdown hangs, and off by default. Each step is in the journal before it is sent, goes only to a host that answers and still
runs the boot that the reboot was sent to, and all together are the one planned reboot. A host that no longer answers gets none: an operator must go to it.

\`fallback\` replaces the operator: a program on the machine that runs kmend, run once, when the host is not back after \`timeout\` or still runs the old boot after all of
\`escalate\`. It is in the journal before it is run, and counts only by a new boot id; after a resume it is never run again.

\`\`\`yaml
- reboot:
    timeout: 20m
    escalate: [force, sysrq]
    fallback:
      command: [ipmitool, -I, lanplus, -H, "{{ bmc }}", -U, kmend, -E, chassis, power, cycle]
      environment: {IPMI_PASSWORD: "{{ bmc_password }}"}
\`\`\``,
  args: asArgs(args),
  convergent: (given) => onlyPending(given) && given.test_command === undefined,
  maxRisk: 'reboot',
  facts: () => [],
  plan,
});
