// Module kernel: installs a newer kernel beside the old one, of the distribution or another
// package, and makes it the default. The old one stays for a rollback.

import { type FactView, need } from '../../model/fact.ts';
import type { ModulePlan, PlanContext, Refusal } from '../../model/run/change.ts';
import {
  asArgs,
  duration,
  flag,
  type Infer,
  object,
  oneOf,
  text,
  version,
} from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';
import {
  filesArg,
  filesHere,
  filesRefusal,
  fileWants,
  fromFiles,
  withUnfitFiles,
} from '../package-manager/files.ts';
import { missingRefusal } from '../package-manager/missing.ts';
import { predownload, predownloadArg, sourceNotes } from '../package-manager/predownload.ts';
import { repositoriesOf, repositoryArgs } from '../package-manager/repositories.ts';
import {
  busyOrBroken,
  heldRefusal,
  managerOf,
  type PackageFacts,
  packageFacts,
  packageWant,
  type SpaceNeed,
  spaceRefusal,
} from '../package-manager/state.ts';
import { alternatives, otherLines } from './alternatives.ts';
import {
  best,
  fitsVersion,
  installedChoice,
  isCandidate,
  isEnough,
  ownerOf,
  packageOf,
  withoutEpoch,
} from './choice.ts';
import { planned, updatesOf } from './default.ts';

/**
 * Names of kernel packages that can boot: no parts of a kernel, and no kernels whose release is not
 * the version of their package.
 */
const kernelPackage = text
  .regex(
    /^kernel(?:-[a-z][a-z0-9]{0,30})?$/,
    'should be the name of a kernel package, such as kernel-lt or kernel-uek',
  )
  .refine(
    (name) => !/-(?:core|modules|devel|headers|tools|doc|source|debug|debuginfo)$/.test(name),
    'should be the package that has the kernel itself, not a part of it',
  );

const args = object({
  package: kernelPackage
    .optional()
    .describe(
      "The kernel line by its package: kernel-lt, kernel-ml, kernel-uek. Without it: the distribution's own, `kernel`.",
    ),
  min: version
    .optional()
    .describe('The kernel that boots next must be this one or newer: 3.10.0-1062.el7.'),
  version: version
    .optional()
    .describe(
      'The kernel that boots next must be exactly this one, older ones too: for a rollback.',
    ),
  state: oneOf('latest')
    .optional()
    .describe('`latest`: the newest that is installed or can be had, as `yum` of Ansible.'),
  prefer: oneOf('newest', 'nearest')
    .default('newest')
    .describe('With `min`: the newest that can be had, or the lowest that is new enough.'),
  trial: flag
    .default(false)
    .describe(
      'Choose it for one boot first, so that a kernel that does not come up falls back by itself; the same task again, after the proof, makes it the default.',
    ),
  ...repositoryArgs,
  files: filesArg,
  predownload: predownloadArg,
  lock_timeout: duration
    .default(120)
    .describe('How long to wait for another process that uses the package manager.'),
}).refine(
  ({ min, version, state }) =>
    [min, version, state].filter((one) => one !== undefined).length === 1,
  'needs `min`, `version` or `state`, one of them',
);
type Args = Infer<typeof args>;

/** `latest` is the newest of what is known, as a `min`; where nothing is, no kernel is enough. */
function withNewest(given: Args, read: FactView, context: PlanContext): Args {
  if (given.state === undefined) return given;
  const { facts } = filesHere(given.files, read, context);
  const { available } = packageFacts(facts, packageOf(given), repositoriesOf(given));
  const any = { ...given, min: '0' };
  const installed = need(facts, 'kernel.installed').filter((one) => isCandidate(one, any, facts));
  const arch = `.${need(facts, 'machine.arch')}`;
  const newest = best([...available, ...installed], any) ?? 'latest';
  return {
    ...given,
    min: withoutEpoch(newest.endsWith(arch) ? newest.slice(0, -arch.length) : newest),
  };
}

function plan(asked: Args, facts: FactView, context: PlanContext): ModulePlan {
  const given = withNewest(asked, facts, context);
  const next = need(facts, 'kernel.next');
  if (next === '')
    return refused(
      'it is not known which kernel boots next',
      'the boot loader is none that kmend can read, or its default names no entry; see `kmend check -v`',
    );
  if (isEnough(next, given, facts)) return rightKernelBootsNext(given, facts, next);
  const refuse = unsuitable(facts);
  if (refuse !== undefined) return { changes: [], refuse };
  const tried = given.trial ? (facts.get('kernel.trial') ?? '') : '';
  if (tried !== '' && isCandidate(tried, given, facts))
    return tried === need(facts, 'kernel.release')
      ? kept(facts, next, tried)
      : fellBack(facts, tried);
  return withAlternatives(choose(given, facts, next, context), given, facts);
}

/** An installed kernel comes before a download. */
function choose(given: Args, facts: FactView, next: string, context: PlanContext): ModulePlan {
  const there = installedChoice(given, facts);
  if (there === undefined) return install(given, facts, next, context);
  if (given.predownload) return { changes: [], note: `${there} is installed` };
  return planned({ next, release: there, owner: ownerOf(there, facts), trial: given.trial }, facts);
}

function withAlternatives(plan: ModulePlan, given: Args, facts: FactView): ModulePlan {
  const ways = plan.refuse === undefined && !given.predownload ? waysOf(given, facts) : [];
  return ways.length === 0 ? plan : { ...plan, alternatives: ways };
}

/** Only where the task does not name one exact kernel: that has no alternative. */
const waysOf = (given: Args, facts: FactView): readonly string[] =>
  given.package === undefined && given.version === undefined
    ? alternatives(facts, repositoriesOf(given))
    : [];

const refused = (why: string, hint: string): ModulePlan => ({ changes: [], refuse: { why, hint } });

/**
 * The right kernel boots next. A remaining trial of another one is ended where the task names one
 * exact kernel, as a rollback does. Where the task names a package, updates of another package must
 * not become the default.
 */
function rightKernelBootsNext(given: Args, facts: FactView, next: string): ModulePlan {
  const owner = ownerOf(next, facts);
  const line = owner === '' || owner === packageOf(given) ? '' : `, of ${owner}`;
  const isLeft = isTrialLeft(given, facts, next) || losesDefault(given, facts, owner);
  if (given.predownload || !isLeft || unsuitable(facts) !== undefined)
    return { changes: [], note: `${next} boots next${line}` };
  return planned({ next, release: next, owner, trial: false }, facts);
}

function isTrialLeft(given: Args, facts: FactView, next: string): boolean {
  const tried = facts.get('kernel.trial') ?? '';
  return given.version !== undefined && tried !== '' && tried !== next;
}

const losesDefault = (given: Args, facts: FactView, owner: string): boolean =>
  given.package !== undefined &&
  facts.get('boot.next_once') !== true &&
  updatesOf(owner, facts) !== undefined;

function unsuitable(facts: FactView): Refusal | undefined {
  const [family, loader] = [need(facts, 'os.family'), need(facts, 'boot.loader')];
  const isRedHat = family === 'rhel' || family === 'fedora';
  if (isRedHat && (loader === 'grub2' || loader === 'bls')) return grubbyRefusal(facts);
  return {
    why: `kmend installs kernels beside the old one on hosts of the Red Hat family with grubby only, this is ${family} with ${loader}`,
    hint: isRedHat
      ? 'install the kernel and choose it by hand, with the tools of this boot loader; kmend will see which one boots next'
      : 'use `package` with the name of the kernel package, and check which kernel boots next',
  };
}

/** A grubby that cannot print the default kernel cannot set one either, and both exit with 0. */
function grubbyRefusal(facts: FactView): Refusal | undefined {
  const answer = facts.get('kernel.grubby');
  if (answer === 'absent')
    return {
      why: 'grubby is not installed: the default kernel cannot be set',
      hint: 'install the package grubby (`yum install grubby`)',
    };
  if (answer !== '') return undefined;
  return {
    why: '`grubby --default-kernel` answers nothing: grubby does not find the default entry of this boot loader',
    hint: 'grubby looks for entries whose root= is the device of / in /etc/mtab: compare them; an old /etc/mtab is repaired by `ln -sf /proc/self/mounts /etc/mtab`',
  };
}

function install(given: Args, read: FactView, next: string, context: PlanContext): ModulePlan {
  const here = filesHere(given.files, read, context);
  if (here.refuse !== undefined) return { changes: [], refuse: here.refuse };
  const { files, facts } = here;
  const repositories = repositoriesOf(given);
  const found = managerOf(facts, repositories);
  if ('refuse' in found) return { changes: [], refuse: found.refuse };
  const name = packageOf(given);
  const seen = packageFacts(facts, name, repositories);
  const { available, held } = seen;
  const evr = best(
    available.filter((candidate) => fitsVersion(withoutEpoch(candidate), given)),
    given,
  );
  if (evr === undefined) return notThere(given, seen, facts);
  if (held) return { changes: [], refuse: heldRefusal(name, found.manager) };
  // Kernels are installed side by side, so the step is always an install, even of an older one.
  const steps = fromFiles(
    [{ name, from: '', to: evr, kind: 'install' }],
    files,
    facts,
    found.manager,
  );
  const refusal =
    filesRefusal(steps, facts, found.manager, context, { holds: 'refuse' }) ??
    busyOrBroken(facts, context) ??
    spaceRefusal(facts, name === 'kernel' ? ownNeeds : otherNeeds);
  if (refusal !== undefined) return { changes: [], refuse: refusal };
  const installation = {
    manager: found.manager,
    steps,
    lockWait: Math.ceil(given.lock_timeout),
    repositories,
  };
  if (given.predownload)
    return predownload(found.manager, steps, installation.lockWait, facts, repositories);
  const release = `${withoutEpoch(evr)}.${need(facts, 'machine.arch')}`;
  return planned({ next, release, owner: name, trial: given.trial, installation }, facts);
}

/** The hint of a refused host names the alternatives. */
function notThere(given: Args, seen: PackageFacts, facts: FactView): ModulePlan {
  const name = packageOf(given);
  const { available } = seen;
  const { why, hint = '' } = missingRefusal(
    `a ${name} ${given.version ?? `${given.min} or newer`}`,
    [seen],
    available.length === 0
      ? `there is no package ${name} at all: enable the repository that has it (\`enablerepo\`), or give it by \`files\``
      : `there are: ${available.slice(0, 8).join(', ')}`,
  );
  return refused(
    why,
    [hint, ...waysOf(given, facts).map((way) => `another way: ${way}`)].join('; '),
  );
}

/** An el7 kernel needs about 40 MB of /boot (mostly its initramfs) and 65 MB of modules. */
const ownNeeds: readonly SpaceNeed[] = [
  { fact: 'space.boot_kb', path: '/boot', mb: 60 },
  { fact: 'space.root_kb', path: '/', mb: 150 },
  { fact: 'space.var_kb', path: '/var', mb: 100 },
];

/**
 * Kernels of other packages are larger: a kernel-ml 5.3 is 48 MB to download and 216 MB installed.
 */
const otherNeeds: readonly SpaceNeed[] = [
  { fact: 'space.boot_kb', path: '/boot', mb: 100 },
  { fact: 'space.root_kb', path: '/', mb: 350 },
  { fact: 'space.var_kb', path: '/var', mb: 150 },
];

/** It was booted once, and runs: now it may become the default. */
const kept = (facts: FactView, next: string, release: string): ModulePlan => ({
  ...planned({ next, release, owner: ownerOf(release, facts), trial: false }, facts),
  note: 'after its trial boot',
});

const fellBack = (facts: FactView, release: string): ModulePlan =>
  refused(
    `kernel ${release} was booted once and did not come up: ${need(facts, 'kernel.release')} runs again`,
    'see its console; to try it once more: `grub2-editenv - unset kmend_trial`; or choose another (`min`, `version`)',
  );

export const kernel = defineModule<Args>({
  name: 'kernel',
  summary:
    'Sees to it that a new enough kernel boots next: installs it beside the old one and makes it the default.',
  example: `- name: A kernel that knows cgroup.memory=nokmem
  kernel:
    min: 3.10.0-1062.el7

- name: A kernel line on which accounting is healthy, tried for one boot
  kernel: {package: kernel-lt, min: "5.4", enablerepo: elrepo-kernel, trial: true}
`,
  notes: `A kernel that is installed already is preferred to a download. The old kernel stays installed, for \`kernel: {version: OLD}\`. Refused, before anything
is touched: no repository has such a kernel, /boot is too full, the kernel package is held, the boot loader is not one of grubby's.

\`trial: true\` chooses the kernel for one boot (\`next_entry\` in grubenv, as grub2-reboot does) and adds \`panic=30\` to its entry: a kernel that panics
boots again, and GRUB then takes the old one, which is still the default. Put the same task once more behind the proof: it makes the kernel that came
up the default and takes \`panic=30\` away. Where GRUB cannot do that (its menu looks for no saved choice, or grubenv lies on LVM, RAID or btrfs, where
GRUB cannot write), the plan says so, and the kernel becomes the default at once. A kernel that was tried and fell back is not tried again by itself.

\`package\` names the line. A kernel belongs to the package that owns its file in /boot, so \`package: kernel-lt, min: "5.4"\` never takes a kernel-ml, and without
\`package\` an installed kernel-lt is not taken for a new enough one of the distribution. Where a kernel of another line boots next anyway, and accounting is healthy
on it, a task without \`package\` leaves it. Another line needs more room: 100 MB on /boot, 350 MB on /, 150 MB on /var.

With the default kernel \`DEFAULTKERNEL\` of /etc/sysconfig/kernel changes to its package (where \`UPDATEDEFAULT=yes\`): an update of another line no longer takes the
default. A task with \`version\` that finds its kernel as the default ends a trial of another one that was not over; so does \`kmend rollback\`.

A plan that looks for the distribution's kernel names other lines on which accounting is healthy as "another way" (\`alternatives\` of the task in JSON), where an
enabled repository, or one that \`enablerepo\` names, has them.

${sourceNotes}`,
  args: asArgs(args),
  convergent: (given) => !given.predownload,
  takesProxies: true,
  maxRisk: 'write',
  keepsRepositories: true,
  takesFiles: true,
  facts: (given, known, files = {}) => [
    packageWant(
      packageOf(given),
      repositoriesOf(given),
      given.package === undefined ? otherLines : [],
    ),
    { area: 'kernels' },
    // The repositories are already queried for the kernel itself.
    ...fileWants(given.files, known, files, repositoriesOf(given)).filter(
      ({ args }) => args?.name !== packageOf(given),
    ),
  ],
  plan: (given, facts, context) =>
    withUnfitFiles(plan(given, facts, context), given.files, facts, context.files),
});
