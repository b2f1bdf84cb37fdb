// Module kernel_arg: one boot argument, on all boot entries and for kernels installed later.

import { allOf, type FactView, need } from '../../model/fact.ts';
import type { Change, ModulePlan, PlanContext, Refusal } from '../../model/run/change.ts';
import type { RunEffect } from '../../model/run/effect.ts';
import { asArgs, flag, type Infer, listOf, object, oneOf, text } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';
import { type SpaceNeed, spaceRefusal } from '../package-manager/state.ts';
import { type ArgumentEdit, editLine, hasInitWords, occurrences } from './edit.ts';
import {
  blsScript,
  flatcarScript,
  grub2Script,
  grubDebianScript,
  grubSuseScript,
  rpmOstreeScript,
  scriptErrors,
} from './scripts.ts';

/** Keys whose value is a list that several owners share. */
const listKeys: ReadonlySet<string> = new Set(['cgroup.memory', 'cgroup_disable']);

const key = text.regex(
  /^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/,
  'should be the name of a boot argument such as cgroup.memory, without =',
);
const value = text.regex(
  /^[A-Za-z0-9_@%+=:./,-]+$/,
  'should be a plain value: blanks, quotes, $ and other characters of the shell or of GRUB are not set by kmend',
);

const args = object({
  key: key.describe('Name of the argument.'),
  value: listOf(value)
    .optional()
    .describe(
      'Its value, or a list of values. Without it: the bare word (present) or any value (absent).',
    ),
  state: oneOf('present', 'absent')
    .default('present')
    .describe('`absent` takes away the given values, or all of them.'),
  merge: flag
    .optional()
    .describe(
      'Treat the value as a comma list shared with others. Default: yes for cgroup.memory, cgroup_disable and values given as a list.',
    ),
});
type Args = Infer<typeof args>;

function editOf(given: Args): ArgumentEdit {
  const values = given.value ?? [];
  const list = values.length > 0 && (given.merge ?? (listKeys.has(given.key) || values.length > 1));
  return {
    key: given.key,
    items: list
      ? values.flatMap((item) => item.split(',')).filter((item) => item !== '')
      : joined(values),
    list,
    state: given.state,
  };
}

const joined = (values: readonly string[]): readonly string[] =>
  values.length === 0 ? [] : [values.join(',')];

const scripts: Readonly<Record<string, (edit: ArgumentEdit) => string>> = {
  grub2: grub2Script,
  bls: (edit) => blsScript(edit, false),
  zipl: (edit) => blsScript(edit, true),
  'grub-debian': grubDebianScript,
  'grub-suse': grubSuseScript,
  'rpm-ostree': rpmOstreeScript,
  flatcar: flatcarScript,
};

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const edit = editOf(given);
  const loader = need(facts, 'boot.loader');
  const script = Object.hasOwn(scripts, loader) ? scripts[loader] : undefined;
  const next = need(facts, 'boot.next_cmdline');
  const future = futureOf(facts, loader) ?? next;
  const [nextAfter, futureAfter] = [editLine(next, edit), editLine(future, edit)];
  if (nextAfter === next && futureAfter === future)
    return parsedOrRefused(edit, facts, { changes: [], note: sayOf(edit, next) });
  if (script === undefined) return { changes: [], refuse: unsupported(loader) };
  const refuse =
    unsafe(facts) ??
    refusal(edit, loader, next) ??
    (nextAfter === next ? undefined : rollbackImpossible(edit, next, context)) ??
    spaceRefusal(facts, spaceNeeds);
  if (refuse !== undefined) return { changes: [], refuse };
  return parsedOrRefused(edit, facts, {
    changes: [changeOf(edit, loader, next, nextAfter, script(edit))],
    promises: allOf([
      { 'boot.next_cmdline': nextAfter },
      futureAfter === future ? {} : { 'boot.cmdline_future': futureAfter },
    ]),
    ...(nextAfter === next ? { note: 'only kernels installed later would lose it' } : {}),
  });
}

/**
 * What a later kernel would get, where a file says so. rpm-ostree and Flatcar have one command line
 * for all deployments; without /etc/default/grub a new kernel takes the arguments of the default
 * entry (new-kernel-pkg --copy-default).
 */
function futureOf(facts: FactView, loader: string): string | undefined {
  if (loader === 'rpm-ostree' || loader === 'flatcar') return undefined;
  const hasFile =
    facts.get('boot.default_grub_text') !== '' || (facts.get('boot.kernel_cmdline') ?? '') !== '';
  return hasFile || loader === 'grub-debian' ? facts.get('boot.cmdline_future') : undefined;
}

const unsupported = (loader: string): Refusal => ({
  why: `the boot loader (${loader}) is none that kmend can edit`,
  hint: 'set the argument where this machine gets its command line from (PXE, systemd-boot, extlinux, the hypervisor) and run kmend again: it will see it',
});

/** A menu that cannot be read back after the edit, and a distribution whose tools are unknown. */
function unsafe(facts: FactView): Refusal | undefined {
  const broken = facts.get('boot.menu_broken') ?? '';
  if (broken !== '')
    return {
      why: broken,
      hint: 'make it anew with the tool of the distribution (grub2-mkconfig, update-grub), and check it',
    };
  const id = facts.get('os.id') ?? '';
  if (id === '' || facts.get('os.family') !== 'unknown') return undefined;
  return {
    why: `distribution "${id}" is not known: its boot loader would be edited on a guess`,
    hint: 'set the argument by hand; kmend will see it',
  };
}

function refusal(edit: ArgumentEdit, loader: string, next: string): Refusal | undefined {
  const there = occurrences(next, edit.key);
  if (edit.state === 'present' && !edit.list && new Set(there).size > 1)
    return {
      why: `${edit.key} stands several times in the next command line (${there.join(' ')}): kmend does not know which one to replace`,
      hint: 'say `merge: true` if it is one comma list, or take the other values away first (`state: absent` with their `value`)',
    };
  if (
    edit.state === 'present' &&
    there.length === 0 &&
    hasInitWords(next) &&
    /^(?:bls|zipl|rpm-ostree)$/.test(loader)
  )
    return {
      why: 'the command line has words for init behind ` -- `, and the tool would put the argument behind them',
      hint: 'newer kernels do not see an argument there: put it before ` -- ` by hand',
    };
  return undefined;
}

/** What a rollback sets again is one plain value, or the items of a list. */
function rollbackImpossible(
  edit: ArgumentEdit,
  next: string,
  { acceptNoRollback }: PlanContext,
): Refusal | undefined {
  const there = occurrences(next, edit.key);
  const isPlain =
    there.length === 0 ||
    (there.length === 1 && /^[^=]+(?:=[A-Za-z0-9_@%+=:./,-]+)?$/.test(there[0] ?? ''));
  if (acceptNoRollback || listKeys.has(edit.key) || isPlain) return undefined;
  return {
    why: `${there.join(' ')} stands on the next command line, and a rollback could not set it again`,
    hint: 'change it by hand; or go on without a rollback: `rollback: none` under `rollout` of the play, or `--rollback none`',
  };
}

/** Copies of the boot loader's files lie beside them. */
const spaceNeeds: readonly SpaceNeed[] = [{ fact: 'space.boot_kb', path: '/boot', mb: 1 }];

/**
 * An argument that the kernel to be booted does not know is worse than none: it is shown everywhere
 * and does nothing.
 */
function parsedOrRefused(edit: ArgumentEdit, facts: FactView, otherwise: ModulePlan): ModulePlan {
  if (edit.key !== 'cgroup.memory' || edit.state !== 'present' || !edit.items.includes('nokmem'))
    return otherwise;
  const parses = facts.get('kernel.next_parses_nokmem');
  if (parses === undefined || parses === 'yes') return otherwise;
  const kernel = facts.get('kernel.next') ?? '';
  const named = kernel === '' ? 'the kernel that boots next' : `kernel ${kernel}`;
  return {
    changes: [],
    refuse: {
      why:
        parses === 'no'
          ? `${named} does not know cgroup.memory=nokmem: it would change nothing`
          : `${named} is not known to parse cgroup.memory=nokmem`,
      hint: 'install a newer kernel first: `kernel: {min: 3.10.0-1062.el7}` before this task',
    },
  };
}

const sayOf = (edit: ArgumentEdit, line: string): string =>
  occurrences(line, edit.key).join(' ') ||
  (edit.state === 'absent' ? `no ${edit.key} on the next command line` : edit.key);

function changeOf(
  edit: ArgumentEdit,
  loader: string,
  before: string,
  after: string,
  script: string,
): Change {
  const [was, will] = [
    occurrences(before, edit.key).join(' '),
    occurrences(after, edit.key).join(' '),
  ];
  return {
    sign: was === '' ? '+' : will === '' ? '-' : '~',
    what: `boot argument ${edit.key}`,
    ...(was === '' ? {} : { before: was }),
    ...(will === '' ? {} : { after: will }),
    risk: 'write',
    effects: [runOf(edit, loader, script)],
  };
}

const runOf = (edit: ArgumentEdit, loader: string, script: string): RunEffect => ({
  kind: 'run',
  what: `${edit.state === 'present' ? 'set' : 'take away'} ${edit.key}${edit.items.length === 0 ? '' : `=${edit.items.join(',')}`} on all boot entries and for later kernels (${loader})`,
  script,
  detached: true,
  timeout: 300,
  errors: scriptErrors,
});

export const kernelArg = defineModule<Args>({
  name: 'kernel_arg',
  summary:
    'Sets or takes away a boot argument, on all boot entries and for kernels installed later.',
  example: `- name: Switch kernel-memory accounting off at the next boot
  kernel_arg:
    key: cgroup.memory
    value: nokmem
`,
  notes: `Merges, never replaces: \`cgroup.memory=nosocket\` becomes \`cgroup.memory=nosocket,nokmem\`, and \`state: absent\` with \`value: nokmem\` gives the
old value back. Boot loaders: GRUB 2 of el7 (BIOS and UEFI; its entries are edited without grubby), boot loader entries (el8, el9, Fedora; s390x with zipl), GRUB of Debian and
Ubuntu (an existing setting is edited where it stands, else \`/etc/default/grub.d/99-kmend.cfg\`), GRUB of SUSE, rpm-ostree, Flatcar. Others are refused.

A new text is made beside the old one, checked with \`grub2-script-check\`, and renamed into place; what was before stays beside it as
\`FILE.kmend-before\`. The argument acts from the next boot on. The \`reboot\` module sees that one is due
for the arguments that it watches (\`kmend docs reboot\`); after others leave \`when_pending\` out there.

\`cgroup.memory=nokmem\` is refused for a kernel that is not known to parse it (el7 before 3.10.0-1062): it would be on the command line and do nothing.`,
  args: asArgs(args),
  maxRisk: 'write',
  keepsRepositories: true,
  facts: () => [],
  plan,
});
