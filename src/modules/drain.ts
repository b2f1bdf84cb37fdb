// Module drain: takes the host's pods away before it is touched, through the Kubernetes API or by a command of the play.
import { withPrelude } from '../facts/prelude.ts';
import type { ModulePlan, PlanContext } from '../model/change.ts';
import type { DrainOptions, RunEffect } from '../model/effect.ts';
import { type FactView, flagFact } from '../model/fact.ts';
import { asArgs, duration, filled, flag, type Infer, object, shorthand, text, whole } from '../model/schema.ts';
import { defineModule } from './define.ts';

const options = object({
  none: flag.optional().describe('`drain: none`: the play says that this host needs no drain, though a kubelet runs there.'),
  command: filled.optional().describe('A shell command, run on the host, that drains it by other means. Done once a run.'),
  timeout: duration.default(1800).describe('How long the whole drain may take.'),
  grace_period: whole(0).optional().describe('Seconds that a pod gets to end; absent = what each pod says.'),
  ignore_daemonsets: flag.default(true).describe('Leave pods of DaemonSets where they are.'),
  delete_emptydir_data: flag.default(false).describe('Evict pods that use emptyDir: their data there are lost.'),
  force: flag.default(false).describe('Evict pods that no controller will make again.'),
  pod_selector: text.optional().describe('Only pods with these labels.'),
  disable_eviction: flag.default(false).describe('Delete pods instead of evicting them: disruption budgets are not asked.'),
  fallback_without_eviction: flag.default(false).describe('Delete where the API server offers no eviction.'),
  skip_wait_for_delete_timeout: duration.optional().describe('Do not wait for pods that have been on their way out for longer than this.'),
  keep_cordoned: flag.default(false).describe('After a failed drain leave the node cordoned; otherwise what kmend cordoned is uncordoned.'),
  dead_node_skip_wait_after: duration
    .optional()
    .describe('On a node that is not ready: a pod that has been deleted for this long counts as gone.'),
});
type Args = Infer<typeof options>;

/** `drain: none`, `drain: {}` and `drain:` are all valid. */
const args = shorthand((short) => (short === 'none' ? { none: true } : short === null || short === '' ? {} : { command: short }), options);

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  if (!flagFact(facts, 'kubelet.installed')) return { changes: [], note: 'no kubelet here: nothing to drain' };
  if (given.none === true) return { changes: [], note: 'not drained: the play says `drain: none`', sets: { kmend_drain: 'none' } };
  if (given.command !== undefined) return byCommand(given.command, given);
  if (context.done.drained) return { changes: [], note: 'drained by this run' };
  if (!context.hasCluster) return refused('a kubelet is installed here and no cluster is configured: its pods would be cut off');
  if (context.node === undefined)
    return refused('this host is not known as a node of the cluster', 'set `node_name` for it in the inventory');
  const { node } = context;
  return {
    changes: [
      {
        sign: '!',
        what: `drain node ${node}`,
        risk: 'evict',
        effects: [
          { kind: 'cordon', what: `cordon node ${node}`, node, timeout: 60 },
          { kind: 'drain', what: `evict the pods of node ${node}`, node, timeout: given.timeout, options: optionsOf(given) },
        ],
      },
    ],
  };
}

const refused = (why: string, hint = 'give --kubeconfig, or `drain: {command: ...}`, or `drain: none`'): ModulePlan => ({
  changes: [],
  refuse: { why, hint },
});

const optionsOf = (given: Args): DrainOptions => ({
  timeout: given.timeout,
  ...(given.grace_period === undefined ? {} : { gracePeriod: given.grace_period }),
  ignoreDaemonsets: given.ignore_daemonsets,
  deleteEmptydirData: given.delete_emptydir_data,
  force: given.force,
  ...(given.pod_selector === undefined ? {} : { podSelector: given.pod_selector }),
  disableEviction: given.disable_eviction,
  ...(given.skip_wait_for_delete_timeout === undefined ? {} : { skipWaitForDeleteTimeout: given.skip_wait_for_delete_timeout }),
  fallbackWithoutEviction: given.fallback_without_eviction,
  keepCordoned: given.keep_cordoned,
  ...(given.dead_node_skip_wait_after === undefined ? {} : { deadNodeSkipWaitAfter: given.dead_node_skip_wait_after }),
});

function byCommand(command: string, given: Args): ModulePlan {
  const effect: RunEffect = {
    kind: 'run',
    what: `drain by: ${command}`,
    script: withPrelude(`${command}\n`),
    detached: true,
    timeout: given.timeout,
  };
  return {
    changes: [{ sign: '!', what: 'drain by a command of the play', after: command, risk: 'evict', effects: [effect] }],
    sets: { kmend_drain: 'command' },
  };
}

export const drain = defineModule<Args>({
  name: 'drain',
  summary: 'Takes the pods of this node away before it is touched.',
  example: `- name: Take the pods away
  drain:
    timeout: 30m
    delete_emptydir_data: true
`,
  notes: `The options are kubectl's. The node is cordoned first and annotated as ours; what somebody else cordoned stays cordoned at the end. A host without a
kubelet is passed over; a host with a kubelet and no configured cluster is refused. \`drain: {command: ...}\` runs a command of yours on the host instead, once;
\`drain: none\` says that no drain is needed. Either is remembered for the \`reboot\` that follows.`,
  args: asArgs(args),
  convergent: (given) => given.command === undefined,
  maxRisk: 'evict',
  facts: () => [],
  plan,
});
