// Module modprobe: loads a module of the kernel, or takes it out, now and at the next boots.

import { readFields } from '../../../facts/fields.ts';
import { withPrelude } from '../../../facts/probe/prelude.ts';
import { allOf, type FactView, type FactWant, fact, UnknownFact } from '../../../model/fact.ts';
import type { ModulePlan, PlanContext } from '../../../model/run/change.ts';
import type { RunEffect } from '../../../model/run/effect.ts';
import { asArgs, type Infer, object, oneOf, text } from '../../../model/shape/schema.ts';
import { quote } from '../../../model/text/quote.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { defineModule } from '../../define.ts';
import { answerOf, readingWant } from '../../read/reading.ts';
import { missing } from '../place.ts';
import { planText, readText, textWants } from '../write.ts';
import loadModule from './load-module.sh';
import { isLoadedBy, moduleOptions, namePattern, withoutModule } from './module-lines.ts';
import readModule from './read-module.sh';

const args = object({
  name: text
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'should be the name of a module of the kernel')
    .describe('The module; `-` and `_` are the same.'),
  state: oneOf('present', 'absent')
    .default('present')
    .describe('`present`: it is loaded, or a part of the kernel. `absent`: it is taken out.'),
  params: text
    .regex(/^[^\r\n\0#"'\\]*$/, 'should be options such as `numdummies=2`, without quotes')
    .default('')
    .describe('Options with which it is loaded. One that is loaded already keeps its own.'),
  persistent: oneOf('disabled', 'present', 'absent')
    .default('disabled')
    .describe(
      'At the next boots: `present` names it in /etc/modules-load.d, and `params` in /etc/modprobe.d; `absent` makes comments of such lines.',
    ),
});
type Args = Infer<typeof args>;

const readScript = ({ name }: Args): string =>
  scriptText(readModule, { name: quote(namePattern(name)), word: quote(name) });

interface Found {
  readonly now: 'loaded' | 'builtin' | 'unknown' | 'none';
  /** Files that may name it. */
  readonly files: readonly string[];
}

function foundIn(said: string): Found {
  const fields = readFields(said);
  const states = ['loaded', 'builtin', 'unknown'] as const;
  return { now: states.find((state) => fields.has(state)) ?? 'none', files: fields.all('file') };
}

const plainFile = /^\/etc\/(?:modules-load|modprobe)\.d\/[A-Za-z0-9_.@-]+\.conf$/;
/** More files do not name a module. */
const mostFiles = 20;

const ownFiles = ({ name }: Args) => ({
  load: `/etc/modules-load.d/${name}.conf`,
  options: `/etc/modprobe.d/${name}.conf`,
});

const filesOf = (given: Args, { files }: Found): readonly string[] => [
  ...new Set([
    ...Object.values(ownFiles(given)),
    ...files.filter((path) => plainFile.test(path)).slice(0, mostFiles),
  ]),
];

function wants(given: Args, facts: FactView): readonly FactWant[] {
  const script = readScript(given);
  const answer = facts.get(`reading.${script}`);
  const found = foundIn(answer?.stdout ?? '');
  return [
    readingWant(script),
    ...(given.persistent === 'disabled' ? [] : filesOf(given, found).flatMap(textWants)),
  ];
}

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const script = readScript(given);
  const answer = answerOf(script, facts);
  const found = foundIn(answer.stdout);
  if (context.done.altered === true && context.done.rebooted)
    throw new UnknownFact(`module.${given.name}`, 'known only after the reboot');
  const now = planNow(given, found, context);
  if (now.refuse !== undefined || now.unmet !== undefined) return now;
  const isChanged = now.changes.length > 0;
  const state = given.state === 'present' ? 'loaded' : 'none';
  const promises = isChanged
    ? fact(`reading.${script}`, {
        ...answer,
        stdout: [state, ...found.files.map((path) => `file ${path}`)].join('\n'),
      })
    : {};
  const files = given.persistent === 'disabled' ? [] : planFiles(given, found, facts, context);
  const stop = files.find(({ refuse, unmet }) => refuse !== undefined || unmet !== undefined);
  if (stop !== undefined) return stop;
  return {
    changes: [...now.changes, ...files.flatMap(({ changes }) => changes)],
    promises: allOf([promises, ...files.map((file) => file.promises ?? {})]),
  };
}

function planNow({ name, state, params }: Args, { now }: Found, context: PlanContext): ModulePlan {
  const isThere = now === 'loaded' || now === 'builtin';
  if (isThere === (state === 'present')) return { changes: [] };
  if (now === 'builtin')
    return {
      changes: [],
      refuse: {
        why: `${name} is a part of the kernel itself, and cannot be taken out`,
        hint: 'leave this task out on such hosts with `when`',
      },
    };
  if (now === 'unknown')
    return missing(`module.${name}`, `the kernel that runs has no module ${name}`, context);
  const [before, after] = isThere ? ['loaded', 'not loaded'] : ['not loaded', 'loaded'];
  return {
    changes: [
      {
        sign: '~',
        what: `kernel module ${name}`,
        before,
        after,
        risk: 'write',
        effects: [effectOf(name, isThere, params)],
      },
    ],
  };
}

const effectOf = (name: string, unload: boolean, params: string): RunEffect => ({
  kind: 'run',
  what: `${unload ? 'take out' : 'load'} the module ${name}`,
  script: withPrelude(
    scriptText(loadModule, {
      unload: unload ? 'yes' : "''",
      name: quote(name),
      params: params.split(/\s+/).filter(Boolean).map(quote).join(' '),
      line: quote(`^${namePattern(name)} `),
    }),
  ),
  detached: false,
  timeout: 120,
  errors: {
    70: `the module ${name} could not be loaded: the last lines say why`,
    71: `modprobe loaded ${name}, and the kernel does not list it`,
    72: `the module ${name} could not be taken out: is it in use?`,
  },
});

function planFiles(
  given: Args,
  found: Found,
  facts: FactView,
  context: PlanContext,
): readonly ModulePlan[] {
  const odd = found.files.find((path, index) => !plainFile.test(path) || index >= mostFiles);
  if (odd !== undefined)
    return [
      {
        changes: [],
        refuse: {
          why: `${odd} may name the module ${given.name}, and is not a file that kmend edits`,
          hint: 'use plain names and few files in /etc/modules-load.d and /etc/modprobe.d',
        },
      },
    ];
  const texts = new Map<string, string>();
  for (const path of filesOf(given, found)) {
    const file = readText(path, facts, context);
    if ('plan' in file) return [file.plan];
    texts.set(path, file.text);
  }
  return [...wantedTexts(given, texts)].map(([path, text]) => planOf(path, text, facts, context));
}

/** The files that change, with their new texts. */
function wantedTexts(given: Args, texts: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const { name, params, persistent } = given;
  const own = ownFiles(given);
  const isLoad = (path: string): boolean => path.startsWith('/etc/modules-load.d/');
  const made = new Map<string, string>();
  const edit = (path: string, change: (text: string) => string): void => {
    const text = made.get(path) ?? texts.get(path) ?? '';
    if (change(text) !== text) made.set(path, change(text));
  };
  if (persistent === 'absent') {
    for (const path of texts.keys()) edit(path, (text) => withoutModule(text, name));
    return made;
  }
  const all = [...texts];
  if (!all.some(([path, text]) => isLoad(path) && isLoadedBy(text, name)))
    edit(own.load, (text) => withLines(text, [name]));
  const wanted = params.split(/\s+/).filter(Boolean);
  const now = all.flatMap(([path, text]) => (isLoad(path) ? [] : moduleOptions(text, name)));
  if (wanted.length === 0 || isSameSet(wanted, now)) return made;
  for (const path of texts.keys())
    if (!isLoad(path)) edit(path, (text) => withoutModule(text, name));
  edit(own.options, (text) =>
    withLines(
      text,
      wanted.map((option) => `options ${name} ${option}`),
    ),
  );
  return made;
}

const isSameSet = (one: readonly string[], other: readonly string[]): boolean =>
  new Set([...one, ...other]).size === new Set(one).size &&
  new Set(other).size === new Set(one).size;

const withLines = (text: string, lines: readonly string[]): string =>
  `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${lines.map((line) => `${line}\n`).join('')}`;

function planOf(path: string, text: string, facts: FactView, context: PlanContext): ModulePlan {
  const file = readText(path, facts, context);
  if ('plan' in file) return file.plan;
  if (!file.state.parent)
    return missing(`file.${path}.state`, `the directory of ${path} is not there`, context);
  return planText(file, text, { args: {}, follow: true });
}

export const modprobe = defineModule<Args>({
  name: 'modprobe',
  summary: 'Loads a module of the kernel or takes it out, now and at the next boots.',
  example: `- name: Bridges pass through the packet filter
  modprobe:
    name: br_netfilter
    persistent: present
`,
  notes: `As \`community.general.modprobe\`. In files only the lines of the module change: what else is in /etc/modules-load.d/NAME.conf stays, options stay where no \`params\` are
given, and no blank lines are left behind. The plan shows a diff of each file; see "Files" at the module \`copy\`. A module that the kernel does not have is
known in the plan, and one that is built in cannot be taken out.

\`kmend rollback RUN\` restores the files. A module that was loaded stays loaded until the next boot: others may use it by then.`,
  args: asArgs(args),
  maxRisk: 'write',
  facts: wants,
  plan,
});
