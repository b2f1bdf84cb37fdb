// Module package: packages at exact versions, several together, by yum, dnf, apt or zypper.

import { withPrelude } from '../facts/probe/prelude.ts';
import type { FactView } from '../model/fact.ts';
import type { PackageFile } from '../model/package-file.ts';
import { present } from '../model/present.ts';
import type { Change, ModulePlan, PlanContext, Refusal } from '../model/run/change.ts';
import type { RunEffect } from '../model/run/effect.ts';
import {
  asArgs,
  duration,
  flag,
  type Infer,
  listOf,
  mappingOf,
  object,
  oneOf,
  version,
} from '../model/shape/schema.ts';
import { defineModule } from './define.ts';
import {
  choose,
  liftedWarnings,
  promisesOf,
  type Step,
  stepWords,
  type Wanted,
} from './package-manager/choose.ts';
import { packageErrors, packageHints } from './package-manager/errors.ts';
import {
  copiedFacts,
  copyChanges,
  filesArg,
  filesHere,
  filesNotes,
  filesRefusal,
  fileWants,
  fromFiles,
  withUnfitFiles,
} from './package-manager/files.ts';
import { predownload, predownloadArg, predownloadNotes } from './package-manager/predownload.ts';
import {
  type Repositories,
  repositoriesOf,
  repositoryArgs,
  repositoryNotes,
} from './package-manager/repositories.ts';
import { rollbackImpossible } from './package-manager/rollback-check.ts';
import { packageSteps } from './package-manager/script.ts';
import { busyOrBroken, managerOf, packageWant, spaceRefusal } from './package-manager/state.ts';
import { type Manager, packageName, pick } from './package-manager/version.ts';

const args = object({
  name: listOf(packageName).optional().describe('One package or a list of them.'),
  version: version
    .optional()
    .describe(
      'Version of the packages in `name`. What is not written (epoch, release) is not compared.',
    ),
  packages: mappingOf(version)
    .refine(
      (all) => Object.keys(all).every((name) => packageName.safeParse(name).success),
      'should have names of packages as its keys',
    )
    .optional()
    .describe(
      'Package names with a version each, or `present`, `absent`, `latest`: moved together in one transaction.',
    ),
  state: oneOf('present', 'absent', 'latest')
    .default('present')
    .describe('For the packages in `name`.'),
  allow_downgrade: flag.default(false).describe('A package may go back to an older version.'),
  holds: oneOf('refuse', 'lift')
    .default('refuse')
    .describe(
      'A package that is held: `refuse` the host, or `lift` the hold for this transaction and put it back, also when it fails.',
    ),
  ...repositoryArgs,
  files: filesArg,
  predownload: predownloadArg,
  lock_timeout: duration
    .default(120)
    .describe('How long to wait for another process that uses the package manager.'),
}).refine(
  (given) => given.name !== undefined || given.packages !== undefined || given.files !== undefined,
  'needs `name`, `packages` or `files`',
);
type Args = Infer<typeof args>;

const states = new Set(['present', 'absent', 'latest']);
const isState = (word: string): word is Wanted['state'] => states.has(word);

function wantedOf(given: Args): readonly Wanted[] {
  const named = (given.name ?? []).map(
    (name): Wanted => ({ name, state: given.state, ...present({ version: given.version }) }),
  );
  const listed = Object.entries(given.packages ?? {}).map(
    ([name, word]): Wanted =>
      isState(word) ? { name, state: word } : { name, state: 'present', version: word },
  );
  return [...named, ...listed];
}

/** `files` without a list: the packages of the files, the newest of each. */
function wantedOfFiles(
  given: Args,
  files: readonly PackageFile[],
  manager: Manager,
): readonly Wanted[] {
  if (given.name !== undefined || given.packages !== undefined) return [];
  const names = [...new Set(files.map(({ name }) => name))];
  return names.map((name) => {
    const versions = files.filter((file) => file.name === name).map(({ version: evr }) => evr);
    return { name, state: 'present', version: pick(versions, undefined, manager) ?? '' };
  });
}

function plan(given: Args, read: FactView, context: PlanContext): ModulePlan {
  const here = filesHere(given.files, read, context);
  if (here.refuse !== undefined) return { changes: [], refuse: here.refuse };
  const { files, facts } = here;
  const repositories = repositoriesOf(given);
  const found = managerOf(facts, repositories);
  if ('refuse' in found) return { changes: [], refuse: found.refuse };
  const { manager } = found;
  const allWanted = [...wantedOf(given), ...wantedOfFiles(given, files, manager)];
  const sideBySide =
    manager === 'apt' ? undefined : allWanted.find(({ name }) => kernelPackage.test(name));
  if (sideBySide !== undefined) return { changes: [], refuse: kernelRefusal(sideBySide) };
  const chosen: Step[] = [];
  for (const wanted of allWanted) {
    const choice = choose(wanted, facts, manager, {
      downgrade: given.allow_downgrade,
      holds: given.holds,
      repositories,
    });
    if (choice === 'done') continue;
    if ('refuse' in choice) return { changes: [], refuse: choice.refuse };
    chosen.push(choice.step);
  }
  if (chosen.length === 0) return { changes: [] };
  const steps = fromFiles(chosen, files, facts, manager);
  const refuse =
    filesRefusal(steps, facts, manager, context, given) ??
    rollbackImpossible(steps, facts, manager, context, repositories) ??
    busyOrBroken(facts, context) ??
    spaceRefusal(facts, [{ fact: 'space.var_kb', path: '/var', mb: 50 }]);
  if (refuse !== undefined) return { changes: [], refuse };
  if (given.predownload)
    return predownload(manager, steps, Math.ceil(given.lock_timeout), facts, repositories);
  return {
    changes: [
      ...copyChanges(steps, facts),
      ...changesOf(steps, effectOf(manager, steps, given.lock_timeout, repositories)),
    ],
    promises: { ...promisesOf(steps, facts), ...copiedFacts(steps) },
    ...warningsOf(liftedWarnings(steps, manager)),
  };
}

const warningsOf = (warnings: readonly string[]): Pick<ModulePlan, 'warnings'> =>
  warnings.length === 0 ? {} : { warnings };

const kernelPackage =
  /^kernel(?:-(?:core|modules|devel|uek|lt|ml|plus|rt)(?:-(?:core|modules|devel))?)?$/;

/**
 * Names the task to use instead. A part of a kernel comes with the kernel; the operator installs
 * headers.
 */
function kernelRefusal({ name, version }: Wanted): Refusal {
  const line = name.replace(/-(?:core|modules|devel)$/, '');
  const chosen = [
    ...(line === 'kernel' ? [] : [`package: ${line}`]),
    version === undefined ? 'min: "..."' : `version: ${version}`,
  ];
  return {
    why: `several versions of ${name} are installed side by side`,
    hint: name.endsWith('-devel')
      ? 'install it by hand, in the version of the kernel that runs'
      : `use the task \`kernel: {${chosen.join(', ')}}\`, which also says which one boots next`,
  };
}

/** One line for each package. The one transaction is the effect of the last line. */
const changesOf = (steps: readonly Step[], effect: RunEffect): readonly Change[] =>
  steps.map((step, index) => ({
    sign: step.kind === 'install' ? '+' : step.kind === 'remove' ? '-' : '~',
    what: `package ${step.name}`,
    ...(step.from === '' ? {} : { before: step.from }),
    ...(step.to === '' ? {} : { after: step.to }),
    risk: 'write',
    effects: index === steps.length - 1 ? [effect] : [],
  }));

const effectOf = (
  manager: Manager,
  steps: readonly Step[],
  lockWait: number,
  repositories: Repositories,
): RunEffect => ({
  kind: 'run',
  what: `${manager}: ${steps.map((step) => `${stepWords[step.kind]} ${step.name}${step.to === '' ? '' : ` ${step.to}`}`).join(', ')}`,
  script: withPrelude(packageSteps(manager, steps, Math.ceil(lockWait), repositories)),
  detached: true,
  timeout: 1800 + Math.ceil(lockWait),
  errors: packageErrors,
  hints: packageHints,
});

export const packageModule = defineModule<Args>({
  name: 'package',
  summary: 'Installs, upgrades, downgrades or removes packages with yum, dnf, apt or zypper.',
  example: `- name: The kubelet that no longer accounts
  package:
    packages: {kubelet: 1.21.2, kubectl: 1.21.2}
`,
  notes: `Whether a version can be had is known in the plan, before anything is touched; a package that is held (versionlock, \`exclude=\`, \`apt-mark hold\`,
a negative apt pin of all its versions), a package manager that is in use and a damaged package database are refused. \`18.09.9\` means any package of that version (\`3:18.09.9-3.el7\`,
\`5:18.09.9~3-0~debian-stretch\`); write the release to choose one.

A package whose version of now is in no enabled repository is refused too: it could not be rolled back (\`rollback: none\` in the play's \`rollout\` accepts that).

All packages of a task move in one transaction. What counts at the end is a query, not the exit status: rpm calls a package whose script failed
installed, and yum passes over a package that it cannot find.

A package that is not fully installed is never "as wanted": half-configured, unpacked or half-installed by dpkg, in several versions at once by rpm. The task
refuses the host with the command that repairs it. rpm forgets that a script failed, so a run that sees one notes it in \`/var/lib/kmend/failed-scripts\` on the
host, and the package counts as damaged until it is installed again or moved to another version. \`verify_kmem\` and \`uncordon\` fail while a package of the
runtime, the kubelet or the kernel is damaged, and a play with \`verify_kmem\` refuses such a host before anything is touched.

\`holds: lift\`: yum and dnf pass over all locks and excludes in this one transaction, and a versionlock that named the version of before then names the new
one; \`apt-mark\` holds and zypper's locks are put back as they were. zypper is driven by its documentation; it was not tried on a real SUSE.

${repositoryNotes}

${filesNotes}

${predownloadNotes}`,
  args: asArgs(args),
  convergent: (given) => !given.predownload,
  takesProxies: true,
  maxRisk: 'write',
  takesFiles: true,
  facts: (given, known, files = {}) => [
    ...wantedOf(given).map((wanted) => packageWant(wanted.name, repositoriesOf(given))),
    ...fileWants(given.files, known, files, repositoriesOf(given)),
  ],
  plan: (given, facts, context) =>
    withUnfitFiles(plan(given, facts, context), given.files, facts, context.files),
});
