// Module sysctl: a setting of the kernel, in a file for the next boots and now.
import { withPrelude } from '../../../facts/probe/prelude.ts';
import { allOf, type FactView, type FactWant, fact, UnknownFact } from '../../../model/fact.ts';
import type { Change, ModulePlan, PlanContext } from '../../../model/run/change.ts';
import {
  asArgs,
  either,
  filled,
  flag,
  type Infer,
  object,
  oneOf,
  text,
  whole,
} from '../../../model/shape/schema.ts';
import { quote } from '../../../model/text/quote.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { defineModule } from '../../define.ts';
import { answerOf, readingWant } from '../../read/reading.ts';
import { hostPath, missing } from '../place.ts';
import { planText, readText, textWants } from '../write.ts';
import readSetting from './read-setting.sh';
import setSetting from './set-setting.sh';
import { isSameValue, settingValue, withSetting } from './setting-lines.ts';

const settingName = text
  .transform((name) => name.trim())
  .refine(
    (name) =>
      /^[A-Za-z0-9_][^\s=*?"'\\\0]*$/.test(name) &&
      pathOf(name)
        .split('/')
        .every((part) => !/^\.{0,2}$/.test(part)),
    'should be the name of a setting, such as vm.swappiness',
  );

const args = object({
  name: settingName.describe('The setting.'),
  value: either(
    [filled.regex(/^[^\r\n\0]*$/, 'should be one line'), whole(Number.MIN_SAFE_INTEGER), flag],
    'should be one line of text, or a whole number',
  )
    .optional()
    .describe('Its value. Required where it is present. Words for true and false are 1 and 0.'),
  state: oneOf('present', 'absent')
    .default('present')
    .describe('`absent` takes it out of the file; the value of now stays until the next boot.'),
  sysctl_file: hostPath.default('/etc/sysctl.conf').describe('The file.'),
  sysctl_set: flag.default(false).describe('Set the value now, too.'),
  reload: flag.default(true).describe('The same. With neither of them, only the file is changed.'),
  ignoreerrors: flag
    .default(false)
    .describe('A setting that the kernel does not know is written to the file alone.'),
  persist: flag.default(true).describe('`false`: only the value of now; no file is changed.'),
}).refine((given) => given.state === 'absent' || given.value !== undefined, 'needs `value`');
type Args = Infer<typeof args>;

/** Below /proc/sys. As sysctl(8): the first separator is that of the whole name. */
function pathOf(name: string): string {
  const isDotted = /[./]/.exec(name)?.[0] !== '/';
  return isDotted ? name.replace(/[./]/g, (sign) => (sign === '.' ? '/' : '.')) : name;
}

const isSetNow = ({ state, sysctl_set, reload }: Args): boolean =>
  state === 'present' && (sysctl_set || reload);

const readScript = (given: Args): string =>
  scriptText(readSetting, { path: quote(pathOf(given.name)) });

const wants = (given: Args): readonly FactWant[] => [
  ...(given.persist ? textWants(given.sysctl_file) : []),
  ...(isSetNow(given) ? [readingWant(readScript(given))] : []),
];

const nothing: ModulePlan = { changes: [] };

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const now = isSetNow(given) ? planNow(given, facts, context) : nothing;
  if (now.refuse !== undefined || now.unmet !== undefined) return now;
  const file = given.persist ? planLine(given, facts, context) : nothing;
  if (file.refuse !== undefined || file.unmet !== undefined) return file;
  // The kernel judges the value first: a file with a wrong one would be for the next boot.
  return {
    ...now,
    ...file,
    changes: [...now.changes, ...file.changes],
    promises: allOf([now.promises ?? {}, file.promises ?? {}]),
  };
}

function planLine(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const file = readText(given.sysctl_file, facts, context);
  if ('plan' in file) return file.plan;
  const value = given.state === 'absent' ? undefined : settingValue(given.value ?? '');
  const after = withSetting(file.text, given.name, value);
  if (after === file.text) return nothing;
  if (!file.state.parent)
    return missing(
      `file.${given.sysctl_file}.state`,
      `the directory of ${given.sysctl_file} is not there`,
      context,
    );
  return planText(file, after, { args: {}, follow: true });
}

function planNow(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const { name } = given;
  const script = readScript(given);
  const answer = answerOf(script, facts);
  if (context.done.altered === true && context.done.rebooted)
    throw new UnknownFact(`sysctl.${name}`, 'known only after the reboot');
  if (answer.rc === 3 && given.ignoreerrors)
    return { changes: [], note: `the kernel has no setting ${name}: only the file is changed` };
  if (answer.rc === 3)
    return missing(`sysctl.${name}`, `the kernel has no setting ${name}`, context);
  if (answer.rc !== 0)
    return {
      changes: [],
      refuse: {
        why: `the setting ${name} cannot be read`,
        hint: 'one that can only be written is an action: use `command: sysctl -w`',
      },
    };
  const [before, after] = [answer.stdout.trimEnd(), settingValue(given.value ?? '')];
  if (isSameValue(before, after)) return nothing;
  return {
    changes: [changeOf(name, before, after)],
    promises: fact(`reading.${script}`, { rc: 0, stdout: `${after}\n`, stderr: '' }),
  };
}

const changeOf = (name: string, before: string, after: string): Change => ({
  sign: '~',
  what: `sysctl ${name}`,
  before: before === '' ? '(empty)' : before,
  after,
  risk: 'write',
  effects: [
    {
      kind: 'run',
      what: `set ${name} to ${after}`,
      script: withPrelude(
        scriptText(setSetting, { path: quote(pathOf(name)), value: quote(after) }),
      ),
      detached: false,
      timeout: 60,
      errors: {
        70: `the kernel does not take ${after} for ${name}`,
        71: `the kernel has no setting ${name}`,
      },
    },
  ],
});

export const sysctl = defineModule<Args>({
  name: 'sysctl',
  summary: 'Sets a setting of the kernel, now and in a file for the next boots.',
  example: `- name: Room for Elasticsearch
  sysctl:
    name: vm.max_map_count
    value: 262144
    sysctl_file: /etc/sysctl.d/90-nodes.conf
`,
  notes: `As \`ansible.posix.sysctl\`, byte for byte in the file, with one difference: \`reload\` sets this setting only, where \`sysctl -p\` sets all that are in the file. So
the plan shows each value that changes, before and after. The kernel judges the value first: a wrong one is not written to the file.
\`kmend rollback RUN\` sets the value of before, and restores the file; see "Files" at the module \`copy\`.

What reads the setting only when it starts (a limit of a program) needs a restart of that program; \`sysctl\` itself restarts nothing.`,
  args: asArgs(args),
  maxRisk: 'reboot',
  facts: wants,
  plan,
});
