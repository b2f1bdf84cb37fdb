// Module uncordon: uncordons the node, if this run cordoned it.
import { graveDamage, readDamage } from '../facts/areas/packages/damage.ts';
import { withPrelude } from '../facts/probe/prelude.ts';
import { type FactView, need } from '../model/fact.ts';
import type { ModulePlan, PlanContext, Unmet } from '../model/run/change.ts';
import { asArgs, duration, filled, type Infer, object, shorthand } from '../model/shape/schema.ts';
import { defineModule } from './define.ts';

const options = object({
  command: filled
    .optional()
    .describe(
      'A shell command, run on the host, that gives it back by other means. Done once a run.',
    ),
  timeout: duration.default(300).describe('How long it may take.'),
});
type Args = Infer<typeof options>;

const args = shorthand(
  (short) => (short === null || short === '' ? {} : { command: short }),
  options,
);

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const { unproven } = context.done;
  const isOurs = given.command !== undefined || context.done.cordoned;
  if (unproven !== undefined && isOurs) return { changes: [], unmet: notProven(unproven) };
  const grave = graveDamage(
    readDamage(facts.get('packages.damaged')),
    facts.get('packages.manager') ?? '',
  );
  if (grave !== undefined && isOurs)
    return {
      changes: [],
      unmet: { kind: 'not_verified', evidence: `not uncordoned: ${grave.why}`, hint: grave.hint },
    };
  if (given.command !== undefined) {
    if (!need(facts, 'kubelet.installed'))
      return { changes: [], note: 'no kubelet here: no node to uncordon' };
    return {
      changes: [
        {
          sign: '!',
          what: 'uncordon by a command of the play',
          after: given.command,
          risk: 'write',
          effects: [
            {
              kind: 'run',
              what: `uncordon by: ${given.command}`,
              script: withPrelude(`${given.command}\n`),
              detached: true,
              timeout: given.timeout,
            },
          ],
        },
      ],
    };
  }
  if (!context.done.cordoned) return { changes: [], note: 'not cordoned by this run' };
  if (context.node === undefined) throw new Error('a host was cordoned and has no node name');
  const { node } = context;
  return {
    changes: [
      {
        sign: '!',
        what: `uncordon node ${node}`,
        risk: 'write',
        effects: [
          { kind: 'uncordon', what: `uncordon node ${node}`, node, timeout: given.timeout },
        ],
      },
    ],
  };
}

const notProven = (task: string): Unmet => ({
  kind: 'not_verified',
  evidence: `not uncordoned: "${task}" failed and was ignored, so nothing proves that accounting is off`,
  hint: 'take `ignore_errors` off the proof; `verify_kmem: {without_sample: provisional}` gives a host back before its first sample',
});

export const uncordon = defineModule<Args>({
  name: 'uncordon',
  summary: 'Gives the node back to the scheduler, if this run cordoned it.',
  example: `- name: Return the node to service
  uncordon: {}
`,
  notes:
    'A node that was unschedulable before the run stays so. Put it after the proof: `verify_kmem` ends the host before this task when there is none. With `ignore_errors` on the proof the walk goes on, and this task ends the host: a node without proof is not uncordoned. Neither is a node whose runtime, kubelet or kernel package is not fully installed.',
  args: asArgs(args),
  convergent: (given) => given.command === undefined,
  maxRisk: 'write',
  facts: () => [],
  plan,
});
