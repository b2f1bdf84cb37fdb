// Module fail: fails the host on purpose.
import { asArgs, type Infer, object, shorthand, text } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';

const long = object({ msg: text.default('failed as the play asked for') });
type Args = Infer<typeof long>;

const args = shorthand((short) => (short === null ? {} : { msg: short }), long);

export const fail = defineModule<Args>({
  name: 'fail',
  summary: 'Ends the host with a message.',
  example: `- name: Not with a storage node
  fail:
    msg: storage nodes are fixed by hand
  when: "'storage' in group_names"
`,
  notes:
    'Use it with `when`. Seen in the plan already: then the host is refused and not touched. Reached in the middle of a walk, the host ends as `not_converged`: it was touched, and is not what the play wants.',
  args: asArgs(args),
  delegable: 'anywhere',
  maxRisk: 'none',
  facts: () => [],
  // A kind of its own would add nothing: the report shows whether the host was changed, and the
  // message is the play's own text.
  plan: ({ msg }) => ({ changes: [], unmet: { kind: 'not_converged', evidence: msg } }),
});
