// Module replace: replaces every match of a pattern in a file.
import { attempted, patternProblem, regex, search, substitute } from '../../expression/index.ts';
import type { FactView } from '../../model/fact.ts';
import type { ModulePlan, PlanContext } from '../../model/run/change.ts';
import { asArgs, type Infer, object, text } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';
import type { Edited } from './edit-line.ts';
import { hostPath, missing } from './place.ts';
import { notIdempotent, planText, readText, textWants, writeShape } from './write.ts';

const pattern = text.refine((source) => patternProblem(source, { lines: true }) === undefined, {
  error: (issue) =>
    typeof issue.input === 'string'
      ? `cannot be used: ${patternProblem(issue.input, { lines: true })}`
      : undefined,
});

const args = object({
  path: hostPath.describe('The file. A link is followed.'),
  regexp: pattern.describe('What to replace; `^` and `$` match at each line, and `.` no line end.'),
  replace: text
    .default('')
    .describe('What takes its place, with groups of the match (`\\1`, `\\g<name>`).'),
  after: text.optional().describe('Only behind the first match of this; `.` matches line ends.'),
  before: text.optional().describe('Only before the first match of this.'),
  ...writeShape,
});
type Args = Infer<typeof args>;

/** The part of the text that may change: between `after` and `before`. */
function sectionOf(
  text: string,
  { after, before }: Args,
): { readonly start: number; readonly end: number } | undefined {
  if (after === undefined && before === undefined) return { start: 0, end: text.length };
  const rest = before === undefined ? '(?P<subsection>.*)' : '(?P<subsection>.*?)';
  const source =
    after === undefined ? `(?P<subsection>.*)${before ?? ''}` : `${after}${rest}${before ?? ''}`;
  const made = regex(`(?s)${source}`);
  const match = search(made, text);
  const group = made.names.get('subsection');
  const section = group === undefined ? undefined : match?.group(group);
  if (match === undefined || group === undefined || section === undefined) return undefined;
  const start = match.startOf(group);
  return { start, end: start + section.length };
}

type Replaced = { readonly isFound: boolean; readonly text: string };

function edit(text: string, given: Args): Edited<Replaced> {
  return attempted(() => {
    const section = sectionOf(text, given);
    if (section === undefined) return { isFound: false, text };
    const made = substitute(
      regex(given.regexp, { lines: true }),
      given.replace,
      text.slice(section.start, section.end),
      0,
    );
    return {
      isFound: true,
      text: text.slice(0, section.start) + made.text + text.slice(section.end),
    };
  });
}

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const file = readText(given.path, facts, context);
  if ('plan' in file) return file.plan;
  if (file.state.kind === 'absent')
    return missing(`file.${given.path}.state`, `${given.path} is not there`, context);
  const edited = edit(file.text, given);
  const again = edited.ok ? edit(edited.value.text, given) : edited;
  if (!edited.ok || !again.ok)
    return { changes: [], refuse: { why: `${given.path}: ${edited.ok ? '' : edited.why}` } };
  if (!edited.value.isFound)
    return { changes: [], note: '`after` and `before` match nothing in the file' };
  if (again.value.text !== edited.value.text) return { changes: [], ...notIdempotent(given.path) };
  return planText(file, edited.value.text, { args: given, follow: true });
}

export const replace = defineModule<Args>({
  name: 'replace',
  summary: 'Replaces every match of a pattern in a file.',
  example: `- name: The mirrors of before are gone
  replace:
    path: /etc/yum.repos.d/CentOS-Base.repo
    regexp: ^#?baseurl=http://mirror\\.centos\\.org/
    replace: baseurl=https://vault.centos.org/
`,
  notes: `As Ansible's module, byte for byte, for files of UTF-8 text up to 60,000 bytes; see "Files" at the module \`copy\` for the diff, the backup and the rollback.
A replacement that the pattern would match again, and change again, is refused: each run would do it once more.`,
  args: asArgs(args),
  maxRisk: 'reboot',
  facts: ({ path }) => textWants(path),
  plan,
});
