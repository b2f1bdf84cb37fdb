// Module kernel: a newer kernel of the el7 family beside the old one, made the default; the old one stays for the way back.
import { withPrelude } from '../../facts/prelude.ts';
import type { Change, ModulePlan, PlanContext, Refusal } from '../../model/change.ts';
import type { RunEffect } from '../../model/effect.ts';
import { type FactView, listFact, textFact } from '../../model/fact.ts';
import { asArgs, duration, flag, type Infer, object, oneOf, version } from '../../model/schema.ts';
import { compareRpm } from '../../model/versions.ts';
import { defineModule } from '../define.ts';
import { missingRefusal } from '../package-manager/missing.ts';
import { predownload, predownloadArg, predownloadNotes } from '../package-manager/predownload.ts';
import { type Repositories, repositoriesOf, repositoryArgs, repositoryNotes } from '../package-manager/repositories.ts';
import { packageSteps } from '../package-manager/script.ts';
import { busyOrBroken, heldRefusal, managerOf, packageFacts, packageWant, spaceRefusal } from '../package-manager/state.ts';
import type { Manager } from '../package-manager/version.ts';
import { beforeTrial, defaultScript, kernelErrors, kernelHints, trialScript } from './script.ts';

const args = object({
  min: version.optional().describe('The kernel that boots next must be this one or newer: 3.10.0-1062.el7.'),
  version: version.optional().describe('The kernel that boots next must be exactly this one, older ones too: the way back.'),
  prefer: oneOf('newest', 'nearest')
    .default('newest')
    .describe('With `min`: the newest that can be had, or the lowest that is new enough.'),
  trial: flag
    .default(false)
    .describe(
      'Choose it for one boot first, so that a kernel that does not come up falls back by itself; the same task again, after the proof, makes it the default.',
    ),
  ...repositoryArgs,
  predownload: predownloadArg,
  lock_timeout: duration.default(120).describe('How long to wait for another process that uses the package manager.'),
}).refine((given) => (given.min === undefined) !== (given.version === undefined), 'needs `min` or `version`, one of them');
type Args = Infer<typeof args>;

const withoutArch = (release: string): string => release.replace(/\.(?:x86_64|i686|aarch64|ppc64le|ppc64|s390x)$/, '');
const withoutEpoch = (evr: string): string => evr.replace(/^\d*:/, '');

const fitsArgs = (release: string, given: Args): boolean =>
  given.version === undefined
    ? compareRpm(withoutArch(release), given.min ?? '') >= 0
    : withoutArch(release) === withoutArch(withoutEpoch(given.version));

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const next = textFact(facts, 'kernel.next');
  if (next === '')
    return refused(
      'it cannot be told which kernel boots next',
      'the boot loader is none that kmend can read, or its default names no entry; see `kmend check -v`',
    );
  if (fitsArgs(next, given)) return { changes: [], note: `${next} boots next` };
  const refuse = unsuitable(facts);
  if (refuse !== undefined) return { changes: [], refuse };
  const tried = given.trial ? optional(facts, 'kernel.trial') : '';
  if (tried !== '' && fitsArgs(tried, given))
    return tried === textFact(facts, 'kernel.release') ? kept(facts, next, tried) : fellBack(facts, tried);
  const there = best(
    listFact(facts, 'kernel.installed')
      .map(String)
      .filter((release) => fitsArgs(release, given)),
    given,
  );
  if (there === undefined) return install(given, facts, next, context);
  return given.predownload ? { changes: [], note: `${there} is installed` } : planned(given, facts, next, there);
}

const refused = (why: string, hint: string): ModulePlan => ({ changes: [], refuse: { why, hint } });

function unsuitable(facts: FactView): Refusal | undefined {
  const [family, loader] = [textFact(facts, 'os.family'), textFact(facts, 'boot.loader')];
  if ((family === 'rhel' || family === 'fedora') && (loader === 'grub2' || loader === 'bls')) return undefined;
  return {
    why: `kmend installs kernels beside the old one on hosts of the Red Hat family with grubby only, this is ${family} with ${loader}`,
    hint: 'use `package` with the name of the kernel package, and look at which kernel boots next',
  };
}

function install(given: Args, facts: FactView, next: string, context: PlanContext): ModulePlan {
  const repositories = repositoriesOf(given);
  const found = managerOf(facts, repositories);
  if ('refuse' in found) return { changes: [], refuse: found.refuse };
  const seen = packageFacts(facts, 'kernel', repositories);
  const { available, held } = seen;
  const evr = best(
    available.filter((candidate) => fitsArgs(withoutEpoch(candidate), given)),
    given,
  );
  if (evr === undefined)
    return {
      changes: [],
      refuse: missingRefusal(
        `a kernel ${given.version ?? `${given.min} or newer`}`,
        [seen],
        available.length === 0
          ? 'there is no kernel package at all: enable the repository that has it (`enablerepo`), or give it by `files`'
          : `there are: ${available.slice(0, 8).join(', ')}`,
      ),
    };
  if (held) return { changes: [], refuse: heldRefusal('kernel', found.manager) };
  const trouble = busyOrBroken(facts, context) ?? spaceRefusal(facts, spaceNeeds);
  if (trouble !== undefined) return { changes: [], refuse: trouble };
  const lockWait = Math.ceil(given.lock_timeout);
  const installation: Installation = { manager: found.manager, evr, lockWait, repositories };
  if (given.predownload) return predownload(found.manager, [stepOf(installation)], lockWait, repositories);
  const release = `${withoutEpoch(evr)}.${textFact(facts, 'machine.arch')}`;
  return planned(given, facts, next, release, installation);
}

/** An el7 kernel takes about 40 MB of /boot (its initramfs most of it) and 65 MB of modules. */
const spaceNeeds = [
  { fact: 'space.boot_kb', path: '/boot', mb: 60 },
  { fact: 'space.root_kb', path: '/', mb: 150 },
  { fact: 'space.var_kb', path: '/var', mb: 100 },
];

/** `prefer` in the order of rpm. */
function best(releases: readonly string[], given: Args): string | undefined {
  const sorted = [...releases].sort((a, b) => compareRpm(withoutArch(withoutEpoch(a)), withoutArch(withoutEpoch(b))));
  return given.prefer === 'nearest' ? sorted[0] : sorted.at(-1);
}

interface Installation {
  readonly manager: Manager;
  readonly evr: string;
  readonly lockWait: number;
  readonly repositories: Repositories;
}

const optional = (facts: FactView, name: string): string => {
  const value = facts.get(name);
  return typeof value === 'string' ? value : '';
};

/** It was booted once, and runs: now it may be the default. */
const kept = (facts: FactView, next: string, release: string): ModulePlan => ({
  ...planned(undefined, facts, next, release),
  note: 'it was booted once, and came up',
});

const fellBack = (facts: FactView, release: string): ModulePlan =>
  refused(
    `kernel ${release} was booted once and did not come up: ${textFact(facts, 'kernel.release')} runs again`,
    'see its console; to try it once more: `grub2-editenv - unset kmend_trial`; or choose another (`min`, `version`)',
  );

/** `given` absent: without a trial. */
function planned(given: Args | undefined, facts: FactView, next: string, release: string, installation?: Installation): ModulePlan {
  const menu = optional(facts, 'boot.grub_cfg');
  const cannot = optional(facts, 'boot.once') || 'the boot loader was not read';
  const trial = given?.trial === true && cannot === 'yes' && menu !== '';
  const steps =
    installation === undefined
      ? ''
      : packageSteps(installation.manager, [stepOf(installation)], installation.lockWait, installation.repositories);
  const effect: RunEffect = {
    kind: 'run',
    what: `${installation === undefined ? '' : `install kernel ${release} beside the old one; `}${trial ? `boot kernel ${release} once` : `make kernel ${release} the default`}`,
    script: withPrelude(
      trial ? beforeTrial + steps + trialScript(release, menu, textFact(facts, 'boot.loader')) : steps + defaultScript(release, menu),
    ),
    detached: true,
    timeout: installation === undefined ? 300 : 2400 + installation.lockWait,
    errors: kernelErrors,
    hints: kernelHints,
  };
  const added: readonly Change[] =
    installation === undefined ? [] : [{ sign: '+', what: 'package kernel', after: installation.evr, risk: 'write', effects: [] }];
  const installed = listFact(facts, 'kernel.installed');
  return {
    changes: [...added, { sign: '~', what: 'kernel that boots next', before: next, after: release, risk: 'write', effects: [effect] }],
    promises: {
      'kernel.next': release,
      'kernel.installed': installed.includes(release) ? installed : [...installed, release],
      'kernel.trial': trial ? release : '',
      'kernel.saved': trial ? next : release,
      'boot.next_once': trial,
    },
    ...(trial ? { note: `once, with panic=30: when it does not come up, ${next} boots again` } : {}),
    ...(given?.trial === true && !trial
      ? { warnings: [`kernel ${release} becomes the default at once, without being tried first: ${cannot}`] }
      : {}),
  };
}

/** Kernels are installed side by side: always an install, even of an older one. */
const stepOf = ({ evr }: Installation) => ({ name: 'kernel', from: '', to: evr, kind: 'install' }) as const;

export const kernel = defineModule<Args>({
  name: 'kernel',
  summary: 'Sees to it that a new enough el7 kernel boots next: installs it beside the old one and makes it the default.',
  example: `- name: A kernel that knows cgroup.memory=nokmem
  kernel:
    min: 3.10.0-1062.el7
`,
  notes: `A kernel that is installed already is preferred to a download. The old kernel stays installed, for \`kernel: {version: OLD}\`. Refused, before anything
is touched: no repository has such a kernel, /boot is too full, the kernel package is held, the boot loader is not one of grubby's.

\`trial: true\` chooses the kernel for one boot (\`next_entry\` in grubenv, as grub2-reboot does) and adds \`panic=30\` to its entry: a kernel that panics
boots again, and GRUB then takes the old one, which is still the default. Put the same task once more behind the proof: it makes the kernel that came
up the default and takes \`panic=30\` away. Where GRUB cannot do that (its menu looks for no saved choice, or grubenv lies on LVM, RAID or btrfs, where
GRUB cannot write), the plan says so, and the kernel becomes the default at once. A kernel that was tried and fell back is not tried again by itself.

${repositoryNotes}

${predownloadNotes}`,
  args: asArgs(args),
  convergent: (given) => !given.predownload,
  maxRisk: 'write',
  facts: (given) => [packageWant('kernel', repositoriesOf(given))],
  plan,
});
