// Module drain: evicts the host's pods before the host is changed, through the Kubernetes API or by
// a command of the play.

import { forecastFact, forecastWant } from '../facts/areas/host/node.ts';
import { withPrelude } from '../facts/probe/prelude.ts';
import { type FactView, type FactWant, need } from '../model/fact.ts';
import type { Forecast } from '../model/facts/values.ts';
import { present } from '../model/present.ts';
import type { ModulePlan, PlanContext } from '../model/run/change.ts';
import type { DrainOptions, RunEffect } from '../model/run/effect.ts';
import {
  asArgs,
  duration,
  filled,
  flag,
  type Infer,
  object,
  oneOf,
  shorthand,
  text,
  whole,
} from '../model/shape/schema.ts';
import { plural } from '../model/text/plural.ts';
import { defineModule } from './define.ts';

const options = object({
  none: flag
    .optional()
    .describe(
      '`drain: none`: the play says that this host needs no drain, though a kubelet runs there.',
    ),
  command: filled
    .optional()
    .describe('A shell command, run on the host, that drains it by other means. Done once a run.'),
  timeout: duration.default(1800).describe('How long the whole drain may take.'),
  grace_period: whole(0)
    .optional()
    .describe('Seconds that a pod gets to end; absent = what each pod says.'),
  ignore_daemonsets: flag.default(true).describe('Leave pods of DaemonSets where they are.'),
  delete_emptydir_data: flag
    .default(false)
    .describe('Evict pods that use emptyDir: their data there are lost.'),
  force: flag.default(false).describe('Evict pods that no controller will make again.'),
  pod_selector: text
    .optional()
    .describe('Only pods with these labels; the others are left behind.'),
  disable_eviction: flag
    .default(false)
    .describe('Delete pods instead of evicting them: disruption budgets are not asked.'),
  fallback_without_eviction: flag
    .default(false)
    .describe(
      'Where the API server offers no eviction at all: delete the pods instead, which breaks disruption budgets. Elsewhere it does nothing.',
    ),
  skip_wait_for_delete_timeout: duration
    .optional()
    .describe('Pods that have been on their way out for longer than this count as left behind.'),
  keep_cordoned: flag
    .default(false)
    .describe(
      'After a failed drain leave the node cordoned; otherwise what kmend cordoned is uncordoned.',
    ),
  dead_node_skip_wait_after: duration
    .optional()
    .describe(
      'Drain a node that is not ready; a pod that has been deleted for this long counts as left behind.',
    ),
  left_behind: oneOf('fail', 'accept')
    .default('fail')
    .describe(
      'Pods that an option leaves, pods that come to the cordoned node and stay, volumes that stay mounted: the drain waits for their end and fails, or `accept`: they are named, and the host is rebooted over them.',
    ),
  single_replica: oneOf('restart', 'surge')
    .optional()
    .describe(
      'For pods of Deployments that a PDB can never allow to go. `restart`: a rollout restart; `surge`: one more replica until the drain is over.',
    ),
  jobs: oneOf('evict', 'wait')
    .optional()
    .describe(
      'Pods of running Jobs: `wait` waits within the timeout until they have finished; absent = `evict`.',
    ),
});
type Args = Infer<typeof options>;

/** `drain: none`, `drain: {}` and `drain:` are all valid. */
const args = shorthand(
  (short) =>
    short === 'none' ? { none: true } : short === null || short === '' ? {} : { command: short },
  options,
);

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  if (!need(facts, 'kubelet.installed'))
    return { changes: [], note: 'no kubelet here: nothing to drain' };
  if (given.none === true)
    return {
      changes: [],
      note: 'not drained: the play says `drain: none`',
      sets: { kmend_drain: 'none' },
    };
  if (given.command !== undefined) return byCommand(given.command, given);
  if (context.done.drained)
    return {
      changes: [],
      note: `${context.done.mayLeave === true ? 'emptied' : 'drained'} by this run`,
    };
  if (!context.hasCluster)
    return refused(
      'a kubelet is installed here and no cluster is configured: its pods would be cut off',
    );
  if (context.carriesKmend === true)
    return refused(
      'kmend runs on this node: it does not drain itself',
      'run kmend from elsewhere for it',
    );
  if (context.node === undefined)
    return refused(
      `not known as a node of the cluster${why(facts)}`,
      'set `node_name` for it in the inventory',
    );
  const { node } = context;
  const seen = forecastOf(given, facts);
  if (seen.blocks.length > 0)
    return refused(`the drain cannot succeed: ${seen.blocks.join('; ')}`, 'nothing was cordoned');
  return {
    ...(seen.note === '' ? {} : { note: seen.note }),
    ...(seen.warnings.length === 0 ? {} : { warnings: seen.warnings }),
    changes: [
      {
        sign: '!',
        what: `drain node ${node}`,
        risk: 'evict',
        effects: [
          { kind: 'cordon', what: `cordon node ${node}`, node, timeout: 60 },
          {
            kind: 'drain',
            what: `evict the pods of node ${node}`,
            node,
            timeout: given.timeout,
            ...present({ expected: seen.seconds }),
            options: optionsOf(given),
          },
        ],
      },
    ],
  };
}

/** Why the cluster has no node for this host, where it was asked. */
function why(facts: FactView): string {
  const reason = facts.get('node.why') ?? '';
  return reason === '' ? '' : `: ${reason}`;
}

/**
 * A forecast is only read for a drain by the API: a host without a kubelet, another way or no node
 * has none.
 */
function wants(given: Args, known: FactView): readonly FactWant[] {
  if (given.none === true || given.command !== undefined || known.get('kubelet.installed') !== true)
    return [];
  return (known.get('node.name') ?? '') === '' ? [] : [wantOf(given)];
}

const wantOf = (given: Args): FactWant => forecastWant({ ...optionsOf(given) });

interface Seen {
  readonly blocks: readonly string[];
  readonly warnings: readonly string[];
  /** A clause: how many pods go, and how long it takes. */
  readonly note: string;
  /** By the grace periods of the pods; absent without a forecast. */
  readonly seconds?: number;
}

function forecastOf(given: Args, facts: FactView): Seen {
  const forecast = facts.get(forecastFact(wantOf(given)));
  if (forecast === undefined) return { blocks: [], warnings: [], note: '' };
  const { evicts: goes, leaves: stays, busy, blocks, warnings, estimate } = forecast;
  const named =
    goes.length === 0
      ? ''
      : ` (${goes.slice(0, 3).join(', ')}${goes.length > 3 ? `, and ${goes.length - 3} more` : ''})`;
  const about = goes.length === 0 ? '' : `, about ${Math.round(estimate)} s by their grace periods`;
  return {
    blocks,
    warnings: [
      ...busy.map((text) => `busy now, waited for before the cordon: ${text}`),
      ...warnings,
      ...noSample(facts, forecast),
    ],
    note: `${plural(goes.length, 'pod goes', 'pods go')}${named}, ${plural(stays.length, 'stays', 'stay')}${about}`,
    seconds: estimate,
  };
}

/**
 * A cordoned node gets no new pods but those of DaemonSets. Only these can prove that the runtime
 * was the cause.
 */
const noSample = (facts: FactView, { samplers }: Forecast): readonly string[] =>
  facts.get('kmem.remedy') === 'runtime' && samplers.length === 0
    ? [
        'no pod that stays on this node has a memory limit: nothing will show that accounting is off before the node is uncordoned',
      ]
    : [];

const refused = (
  why: string,
  hint = 'give --kubeconfig, or `drain: {command: ...}`, or `drain: none`',
): ModulePlan => ({
  changes: [],
  refuse: { why, hint },
});

const optionsOf = (given: Args): DrainOptions => ({
  timeout: given.timeout,
  ...present({ gracePeriod: given.grace_period }),
  ignoreDaemonsets: given.ignore_daemonsets,
  deleteEmptydirData: given.delete_emptydir_data,
  force: given.force,
  ...present({ podSelector: given.pod_selector }),
  disableEviction: given.disable_eviction,
  ...present({ skipWaitForDeleteTimeout: given.skip_wait_for_delete_timeout }),
  fallbackWithoutEviction: given.fallback_without_eviction,
  keepCordoned: given.keep_cordoned,
  ...present({ deadNodeSkipWaitAfter: given.dead_node_skip_wait_after }),
  ...(given.left_behind === 'accept' ? { leftBehind: given.left_behind } : {}),
  ...present({ singleReplica: given.single_replica, jobs: given.jobs }),
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
    changes: [
      {
        sign: '!',
        what: 'drain by a command of the play',
        after: command,
        risk: 'evict',
        effects: [effect],
      },
    ],
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
  notes: `The options are kubectl's. What would block is known before the cordon and refuses the host: budgets that allow none, bare pods, local data, the last ready node of
a pool, quorum. A budget that is only busy is waited for before the cordon. Then the node is cordoned and annotated as ours; a node that others cordoned stays cordoned at the end. Drained means empty: nothing but
DaemonSet, mirror and completed pods, and no volume that none of them uses. A host without a
kubelet is passed over; a host with a kubelet and no configured cluster is refused. \`drain: {command: ...}\` runs a command of yours on the host instead, once;
\`drain: none\` says that no drain is needed. Either is remembered for the \`reboot\` that follows.`,
  args: asArgs(args),
  convergent: (given) => given.command === undefined,
  maxRisk: 'evict',
  facts: wants,
  plan,
});
