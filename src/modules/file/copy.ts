// Module copy: a file with a given text, or a copy of another file of the host.
import { metered } from '../../expression/meter.ts';
import { digest } from '../../expression/python/digest.ts';
import { longestFile } from '../../facts/limits.ts';
import type { FactView, FactWant } from '../../model/fact.ts';
import type { FileState } from '../../model/facts/values.ts';
import type { GivenContent, ModulePlan, PlanContext } from '../../model/run/change.ts';
import { asArgs, filled, flag, type Infer, object, text } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';
import { toBytes } from './bytes.ts';
import { hostPath, missing, stateOf } from './place.ts';
import { planFile, planText, readText, textWants, type Wanted, writeShape } from './write.ts';

const args = object({
  dest: hostPath.describe(
    'The file. Where a directory is there, `src` is copied into it under its own name.',
  ),
  content: text
    .regex(/^[^\0]*$/, 'should be text')
    .optional()
    .describe('The whole text of the file.'),
  src: filled
    .optional()
    .describe(
      'A file of this machine: in `files/` beside the playbook, or in the role. With `remote_src: true` another file of the host.',
    ),
  remote_src: flag.default(false).describe('`src` is a file of the host.'),
  force: flag.default(true).describe('`false`: a file that is there stays as it is.'),
  follow: flag
    .default(false)
    .describe('Where `dest` is a link: write to its target, instead of replacing the link.'),
  ...writeShape,
})
  .refine(
    (given) => (given.content === undefined) !== (given.src === undefined),
    'needs `content` or `src`, one of them',
  )
  .refine(
    ({ src = '', remote_src: isOfHost }) => !isOfHost || hostPath.safeParse(src).success,
    'takes a `src` of the host as an absolute path, without `.` and `..`',
  )
  .refine(
    (given) => given.src !== undefined || !given.dest.endsWith('/'),
    'cannot write `content` to a directory: `dest` should not end with /',
  );
type Args = Infer<typeof args> & {
  /** The content of a `src` of this machine. */
  readonly given?: GivenContent;
};

/** The file that is written: `src` keeps its name in a directory. */
function targetOf({ dest, src }: Args, facts: FactView): string {
  const plain = dest.replace(/(?<=.)\/$/, '');
  if (src === undefined || facts.get(`file.${plain}.state`)?.kind !== 'directory') return plain;
  return `${plain}/${src.slice(src.lastIndexOf('/') + 1)}`;
}

function wants(given: Args, facts: FactView): readonly FactWant[] {
  const { dest, src } = given;
  const plain = dest.replace(/(?<=.)\/$/, '');
  if (src === undefined) return textWants(plain);
  const target = targetOf(given, facts);
  return [
    ...(given.remote_src ? textWants(src) : []),
    ...textWants(plain),
    ...(target === plain ? [] : textWants(target)),
  ];
}

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const target = targetOf(given, facts);
  const state = stateOf(facts, target);
  if (!given.force && state.kind !== 'absent') return { changes: [], note: `${target} is there` };
  if (state.kind === 'directory')
    return missing(`file.${target}.state`, `${target} is a directory`, context);
  const parent = target.slice(0, target.lastIndexOf('/')) || '/';
  if (!state.parent && facts.get(`file.${parent}.state`)?.kind !== 'directory')
    return missing(`file.${target}.state`, `the directory ${parent} is not there`, context);
  if (given.src !== undefined && given.remote_src)
    return planCopy(given, given.src, target, facts, context);
  const content = given.given ?? { text: given.content ?? '' };
  return 'text' in content
    ? planContent(given, content.text, target, facts, context)
    : planBytes(given, content.bytes, target, state, context);
}

/** A content that no diff is made of: bytes, or a long text. */
function planBytes(
  given: Args,
  bytes: string,
  target: string,
  state: FileState,
  context: PlanContext,
): ModulePlan {
  const sha256 = metered(() => digest(bytes, 'sha256', 'latin1'));
  const made = { ...state, sha256, size: bytes.length };
  const wanted = { path: target, ...followed(given, state, context) };
  return planFile(wanted, state, made, { content: { bytes } });
}

function planContent(
  given: Args,
  content: string,
  target: string,
  facts: FactView,
  context: PlanContext,
): ModulePlan {
  const file = readText(target, facts, context, { isReplaced: true });
  if ('plan' in file) return file.plan;
  return planText(file, content, followed(given, file.state, context));
}

/** A link to nothing is always replaced. */
const followed = (given: Args, state: FileState, { here }: PlanContext): Omit<Wanted, 'path'> => ({
  args: given,
  here,
  follow: given.follow && state.kind !== 'absent',
});

function planCopy(
  given: Args,
  src: string,
  target: string,
  facts: FactView,
  context: PlanContext,
): ModulePlan {
  const from = stateOf(facts, src);
  if (from.kind === 'absent') return missing(`file.${src}.state`, `${src} is not there`, context);
  if (from.kind !== 'file' || from.sha256 === '')
    return {
      changes: [],
      refuse: {
        why: `${src} cannot be copied: ${from.kind === 'file' ? 'it has more than 64 MiB' : 'it is no regular file'}`,
        hint: 'use `command: cp -a ...` with `creates`',
      },
    };
  const state = stateOf(facts, target);
  // A copy has the mode of its source.
  const wanted = { ...followed(given, state, context), baseMode: from.mode };
  const [before, after] = [target, src].map((path) => facts.get(`file.${path}.text`));
  const isText = before?.why === '' && after?.why === '';
  if (isText) {
    const file = { path: target, state, text: before.text };
    return planText(file, after.text, wanted, { from: src });
  }
  const made = { ...state, sha256: from.sha256, size: from.size };
  return planFile({ path: target, ...wanted }, state, made, {
    content: { from: src },
  });
}

export const copy = defineModule<Args>({
  name: 'copy',
  summary: 'Writes a file, or copies one on the host.',
  example: `- name: Logs of containers stay small
  copy:
    dest: /etc/docker/daemon.json
    content: |
      {"log-opts": {"max-size": "50m", "max-file": "3"}}
    mode: "0644"
`,
  notes: `**Files.** What \`copy\`, \`file\`, \`lineinfile\`, \`blockinfile\` and \`replace\` have in common: they mean what Ansible's modules mean, and need no Python on the host. The plan
shows a unified diff. It is left out where not everybody may read the file, for private keys, and with \`no_log\`; values behind names such as \`password\` are masked.
Plan and journal have the SHA-256 of a file, from which a short secret could be guessed: with \`no_log\` they have neither that nor the path, and a rollback leaves the file.
A file is written beside the old one and renamed into place; what was there is kept on the host as \`/var/lib/kmend/backup/SHA256\` until \`kmend cleanup\`. A file that somebody
changes between the read and the write is not replaced. \`kmend rollback RUN\` restores content, owner and mode, and removes files that the run made; directories that it made stay, and a
directory that it removed is not restored.

The risk follows from the path: \`restart\` below /etc/systemd, /etc/docker, /etc/sysconfig, /etc/containerd, /etc/kubernetes and the like, \`reboot\` for /boot, /etc/default/grub, /etc/fstab, otherwise \`write\`.

**Files of this machine.** A \`src\` without \`remote_src\` is looked for as in Ansible: in \`files/\` of the role, beside the file of the task, and beside the
playbook. It is read when the playbook is: its name may use variables of the play and the role, \`-e\`, and the item of such a \`loop\`. A saved plan has its digest, and is
stale if it changes. It has at most 1 MiB, and is sent byte for byte; the plan shows a diff of a text up to 60,000 bytes. A directory and an encrypted file are refused.

\`template\` is the same with a file in \`templates/\`, rendered for each host: \`{{ }}\`, \`{# #}\`, \`{% if %}\` with \`elif\` and \`else\`, \`{% for x in list if ... %}\` with \`loop\` and
\`else\`, \`{% set NAME = VALUE %}\` and \`{% raw %}\`, with \`-\` and \`+\` for blanks, \`trim_blocks\`, \`lstrip_blocks\`, \`ansible_managed\` and \`template_path\`. Other statements are errors at their place.
Texts in a playbook itself have no statements.

A link is replaced by the file, unless \`follow\` is true. A \`mode\` is read as octal digits even without quotes.`,
  args: asArgs(args),
  delegable: 'files',
  maxRisk: 'reboot',
  source: {
    of: ({ src, remote_src: isOfHost }) => (isOfHost ? undefined : src),
    give: (given, content) => ({
      ...given,
      given:
        'text' in content && content.text.length > longestFile
          ? { bytes: toBytes(content.text) }
          : content,
    }),
  },
  facts: wants,
  plan,
});
