// Module assert: conditions that must hold before the host goes on.
import type { ModulePlan } from '../../model/run/change.ts';
import {
  asArgs,
  either,
  flag,
  type Infer,
  listOf,
  object,
  text,
} from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';

/** A condition is written as text; `plan` gets its result. */
const condition = either(
  [text, flag, object({ condition: text, holds: flag })],
  'should be a condition',
);

const args = object({
  that: listOf(condition).describe(
    'A condition, or a list of them: written as in `when`, without braces.',
  ),
  fail_msg: text.optional().describe('What to say when one does not hold.'),
  msg: text.optional().describe('The same, by its older name.'),
  success_msg: text.optional().describe('What to note when all hold.'),
  quiet: flag.default(false).describe('Note nothing when all hold.'),
});
type Args = Infer<typeof args>;

function plan(given: Args): ModulePlan {
  const broken = given.that.flatMap((item) => {
    if (typeof item === 'boolean') return item ? [] : ['false'];
    if (typeof item === 'string')
      throw new Error(`assert was given the condition "${item}" unjudged`);
    return item.holds ? [] : [item.condition];
  });
  if (broken.length === 0)
    return {
      changes: [],
      ...(given.quiet ? {} : { note: given.success_msg ?? 'all conditions hold' }),
    };
  const message = given.fail_msg ?? given.msg;
  const evidence = `not true: ${broken.join('; ')}`;
  return {
    changes: [],
    unmet: {
      kind: 'not_converged',
      evidence: message === undefined ? evidence : `${message} (${evidence})`,
    },
  };
}

export const assert = defineModule<Args>({
  name: 'assert',
  summary: 'Ends the host when a condition does not hold.',
  example: `- name: The argument is where it should be
  assert:
    that:
      - "'cgroup.memory=nokmem' in boot.cmdline"
      - kernel.release is version('3.10.0-1062', '>=', version_type='rpm')
    fail_msg: the rollback would not be complete
`,
  notes:
    'Seen in the plan already, a condition that does not hold refuses the host, untouched. In the middle of a walk it ends the host as `not_converged`: what the play asks for is not so.',
  args: asArgs(args),
  conditions: ['that'],
  ifUnmet: ['fail_msg', 'msg'],
  delegable: 'anywhere',
  maxRisk: 'none',
  facts: () => [],
  plan,
});
