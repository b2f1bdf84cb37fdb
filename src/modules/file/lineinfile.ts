// Module lineinfile: one line that a file has, or lines that it has not.
import type { FactView } from '../../model/fact.ts';
import type { ModulePlan, PlanContext } from '../../model/run/change.ts';
import { asArgs, filled, flag, type Infer, object, oneOf, text } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';
import { bytePattern as pattern } from './bytes.ts';
import { editLines } from './edit-line.ts';
import { hostPath, missing } from './place.ts';
import { notIdempotent, planText, readText, textWants, writeShape } from './write.ts';

const args = object({
  path: hostPath.describe('The file. A link is followed.'),
  line: text
    .regex(/^[^\0]*$/, 'should be text')
    .optional()
    .describe('The line, without its end. Required where it is present.'),
  state: oneOf('present', 'absent').default('present').describe('`absent` removes all such lines.'),
  regexp: pattern
    .optional()
    .describe('The line to replace: the last one that matches. Without a match, `line` is added.'),
  search_string: filled.optional().describe('The same by a text that is in the line.'),
  backrefs: flag
    .default(false)
    .describe('`line` may have groups of the match (`\\1`); without a match nothing is added.'),
  insertafter: pattern
    .optional()
    .describe('Add `line` after the last line that matches, or at the end (`EOF`, the default).'),
  insertbefore: pattern
    .optional()
    .describe('Add `line` before the last line that matches, or at the beginning (`BOF`).'),
  firstmatch: flag.default(false).describe('The first line that matches instead of the last.'),
  create: flag.default(false).describe('Make the file where it is not there.'),
  ...writeShape,
})
  .refine((given) => given.state === 'absent' || given.line !== undefined, 'needs `line`')
  .refine(
    (given) => [given.line, given.regexp, given.search_string].some((one) => one !== undefined),
    'needs one of `line`, `regexp`, `search_string`',
  )
  .refine((given) => !(given.line ?? '').includes('\n') || !given.backrefs, {
    message: 'with `backrefs` the `line` should be one line',
  })
  .refine(
    (given) => given.regexp === undefined || given.search_string === undefined,
    'takes `regexp` or `search_string`, not both',
  )
  .refine(
    (given) => given.insertafter === undefined || given.insertbefore === undefined,
    'takes `insertafter` or `insertbefore`, not both',
  )
  .refine(
    (given) => !given.backrefs || given.regexp !== undefined,
    'needs `regexp` for `backrefs`',
  );
type Args = Infer<typeof args>;

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const file = readText(given.path, facts, context);
  if ('plan' in file) return file.plan;
  if (file.state.kind === 'absent' && given.state === 'absent')
    return { changes: [], note: `${given.path} is not there` };
  if (file.state.kind === 'absent' && !given.create)
    return missing(`file.${given.path}.state`, `${given.path} is not there`, context);
  const edited = editLines(file.text, given);
  const again = edited.ok ? editLines(edited.value, given) : edited;
  if (!edited.ok || !again.ok)
    return { changes: [], refuse: { why: `${given.path}: ${edited.ok ? '' : edited.why}` } };
  if (file.state.kind === 'absent' && edited.value === '') return { changes: [] };
  if (again.value !== edited.value) return { changes: [], ...notIdempotent(given.path) };
  return planText(file, edited.value, { args: given, follow: true });
}

export const lineinfile = defineModule<Args>({
  name: 'lineinfile',
  summary: 'Makes sure that a file has a line, or has it not.',
  example: `- name: A root login needs a key
  lineinfile:
    path: /etc/ssh/sshd_config
    regexp: ^#?PermitRootLogin
    line: PermitRootLogin prohibit-password
    validate: /usr/sbin/sshd -t -f %s
`,
  notes: `As Ansible's module, byte for byte, for files of UTF-8 text up to 60,000 bytes; see "Files" at the module \`copy\` for the diff, the backup and the rollback.
An edit that its own result would match again (\`regexp: (.*)\`, \`line: '\\1x'\` with \`backrefs\`) is refused: each run would do it once more.`,
  args: asArgs(args),
  maxRisk: 'reboot',
  facts: ({ path }) => textWants(path),
  plan,
});
