// Module command: runs one program without a shell, once a run.

import {
  asArgs,
  filled,
  flag,
  type Infer,
  list,
  object,
  shorthand,
  text,
} from '../../model/shape/schema.ts';
import { quote } from '../../model/text/quote.ts';
import { splitWords } from '../../model/text/split-words.ts';
import { defineModule } from '../define.ts';
import { expandingWord } from './command-words.ts';
import { freeFormNames, planRun, type RunArgs, runShape, runWants } from './run-once.ts';

const long = object({
  cmd: filled
    .refine((line) => splitWords(line) !== undefined, 'has a quote that is not closed')
    .optional()
    .describe(
      'The program and its arguments in one line; quotes are understood, patterns are not expanded.',
    ),
  argv: list(text).min(1).optional().describe('The program and its arguments as a list.'),
  expand_argument_vars: flag
    .default(true)
    .describe(
      'Expand `$NAME`, also in braces, and a leading `~` on the host. Names that it does not have stay.',
    ),
  executable: filled.optional().describe('Accepted, as in Ansible, and not used: see `shell`.'),
  ...runShape,
}).refine(
  (given) => (given.cmd === undefined) !== (given.argv === undefined),
  'needs `cmd` or `argv`, one of them',
);
type Args = Infer<typeof long> & Pick<RunArgs, 'user' | 'environment'>;

const args = shorthand((short) => (short === null ? {} : { cmd: short }), long);

const wordsOf = (given: Args): readonly string[] => given.argv ?? splitWords(given.cmd ?? '') ?? [];

const bodyOf = (given: Args): string =>
  `exec ${wordsOf(given)
    .map(given.expand_argument_vars ? expandingWord : quote)
    .join(' ')}${given.stdin === undefined ? ' < /dev/null' : ''}`;

export const command = defineModule<Args>({
  name: 'command',
  summary: 'Runs a program, once a run.',
  example: `- name: Which containers run
  command:
    argv: [docker, ps, -q]
    read_only: true
  check_mode: false
  register: containers
`,
  notes: `Not through a shell: use \`shell\` for pipes and patterns. In the text form (\`command: touch x creates=/x\`) words such as \`creates=/x\` are arguments. It is judged by its exit status, or by \`failed_when\` and \`changed_when\`. After a resume it
is not run again unless the task says \`idempotent: true\`.

With \`read_only: true\` you say that it changes nothing; kmend cannot check that, and runs it as the play's user, mostly root. So a plan (\`kmend plan\`,
\`apply --check\`, and the plan that \`apply\` shows before it asks) runs it only where the task is marked with \`check_mode: false\`, as Ansible marks what
runs in its \`--check\`, or where the command line says \`--run-read-only\`. \`check_mode: true\` marks it too: the dry run of a command that only reads is
to run it. Without a mark its result is not known in the plan, and what depends on it is planned as *later*. On the turn of its host it is always run. A task
without \`read_only\` cannot have \`check_mode\`. \`check_mode: false\` and \`changed_when: false\` together are \`read_only: true\`.`,
  args: asArgs(args),
  freeForm: freeFormNames,
  asUser: (given, user) => ({ ...given, user }),
  inEnvironment: (given, environment) => ({ ...given, environment }),
  convergent: (given) => given.read_only,
  reads: (given) => given.read_only,
  delegable: 'words',
  maxRisk: 'restart',
  facts: (given) => runWants(bodyOf(given), given),
  plan: (given, facts) =>
    planRun(`run ${wordsOf(given).map(quote).join(' ')}`, bodyOf(given), given, facts),
});
