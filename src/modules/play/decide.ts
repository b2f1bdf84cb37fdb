// Module decide: a question of `kmend import` that somebody has to answer before the play is
// carried out.
import { withPrelude } from '../../facts/probe/prelude.ts';
import { asArgs, filled, type Infer, object, shorthand } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';

const long = object({ question: filled.describe('What has to be decided.') });
type Args = Infer<typeof long>;

const args = shorthand((short) => (short === null ? {} : { question: short }), long);

export const decide = defineModule<Args>({
  name: 'decide',
  summary: 'Marks an open decision: `kmend apply` refuses the playbook until it is answered.',
  example: `- name: The accounts of operators
  decide: kmend has no module \`user\`
`,
  notes:
    'Written by `kmend import` where it cannot know what a task shall become. Answer it: write a task of your own in its place, or remove it. `kmend validate` and `kmend plan` name each open decision; `kmend apply` and `kmend plan -o` end with exit code 3 and contact no host.',
  args: asArgs(args),
  convergent: false,
  // What is written in its place may be anything that `command` may be.
  maxRisk: 'restart',
  facts: () => [],
  plan: ({ question }) => ({
    changes: [
      {
        sign: '!',
        what: `DECIDE: ${question}`,
        risk: 'restart',
        effects: [
          {
            kind: 'run',
            what: `DECIDE: ${question}`,
            // Never reached: a play with an open decision is not carried out.
            script: withPrelude('exit 1\n'),
            detached: false,
            timeout: 1,
          },
        ],
      },
    ],
  }),
});
