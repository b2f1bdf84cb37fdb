// Module container_runtime: moves docker-ce, docker-ce-cli and containerd.io together to versions
// that do not switch accounting on.

import { engineVersion, ownerSays } from '../../facts/kmem/programs/docker.ts';
import { kubeletAccounts } from '../../facts/kmem/programs/kubelet.ts';
import { withPrelude } from '../../facts/probe/prelude.ts';
import { allOf, type Facts, type FactView, need } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import type { Change, ModulePlan, PlanContext, Refusal } from '../../model/run/change.ts';
import type { RunEffect } from '../../model/run/effect.ts';
import {
  asArgs,
  duration,
  type Infer,
  object,
  oneOf,
  state,
  version,
} from '../../model/shape/schema.ts';
import { compareUpstream } from '../../model/text/versions.ts';
import { unknown } from '../../model/value.ts';
import { defineModule } from '../define.ts';
import { choose, liftedWarnings, promisesOf, type Step } from '../package-manager/choose.ts';
import {
  copiedFacts,
  copyChanges,
  filesArg,
  filesHere,
  filesRefusal,
  fileWants,
  fromFiles,
  withUnfitFiles,
} from '../package-manager/files.ts';
import { missingRefusal } from '../package-manager/missing.ts';
import { predownload, predownloadArg, sourceNotes } from '../package-manager/predownload.ts';
import {
  type Repositories,
  repositoriesOf,
  repositoryArgs,
} from '../package-manager/repositories.ts';
import { rollbackImpossible } from '../package-manager/rollback-check.ts';
import { packageSteps } from '../package-manager/script.ts';
import {
  busyOrBroken,
  damageRefusal,
  heldRefusal,
  managerOf,
  packageFacts,
  packageWant,
  type SpaceNeed,
  spaceRefusal,
} from '../package-manager/state.ts';
import { type Manager, orderOf } from '../package-manager/version.ts';
import {
  chooseSet,
  isGoodContainerd,
  isGoodEngine,
  type PackageTable,
  type RuntimeSet,
  setPackages,
} from './good-set.ts';
import {
  afterScript,
  beforeScript,
  oldNamesScript,
  runtimeErrors,
  runtimeHints,
} from './script.ts';

const args = object({
  engine: oneOf('docker').default('docker'),
  kmem: state('disabled')
    .optional()
    .describe('Choose versions that do not switch kernel-memory accounting on.'),
  versions: object({
    'docker-ce': version.optional(),
    'docker-ce-cli': version.optional(),
    'containerd.io': version.optional(),
  })
    .optional()
    .describe('Versions to go to, older ones too. With `kmem: disabled` they must be good ones.'),
  prefer: oneOf('nearest', 'newest')
    .default('nearest')
    .describe('Of several good sets: the one that changes least, or the newest.'),
  holds: oneOf('refuse', 'lift')
    .default('refuse')
    .describe(
      'Packages that are held: `refuse` the host, or `lift` the hold for this transaction and put it back, also when it fails.',
    ),
  ...repositoryArgs,
  files: filesArg,
  predownload: predownloadArg,
  lock_timeout: duration
    .default(120)
    .describe('How long to wait for another process that uses the package manager.'),
}).refine(
  (given) => given.kmem !== undefined || given.versions !== undefined,
  'needs `kmem: disabled` or `versions`',
);
type Args = Infer<typeof args>;

interface Moves {
  readonly steps: readonly Step[];
  readonly why?: string;
}

function plan(given: Args, read: FactView, context: PlanContext): ModulePlan {
  const here = filesHere(given.files, read, context);
  if (here.refuse !== undefined) return { changes: [], refuse: here.refuse };
  const { files, facts } = here;
  const repositories = repositoriesOf(given);
  const found = managerOf(facts, repositories);
  const refuse = wrongEngine(facts);
  if (refuse !== undefined) return { changes: [], refuse };
  if ('refuse' in found) return { changes: [], refuse: found.refuse };
  const { manager } = found;
  const table = tableOf(facts, repositories);
  const moves = movesOf(given, table, facts, manager);
  if ('refusal' in moves) return { changes: [], refuse: moves.refusal };
  const steps = fromFiles(moves.steps, files, facts, manager);
  const names = steps.map(({ name }) => name);
  const damage = damageRefusal(Object.values(table), names, facts, manager);
  if (damage !== undefined) return { changes: [], refuse: damage };
  const engineAfter = engineVersion(
    steps.find((step) => step.name === 'docker-ce')?.to ?? need(facts, 'docker.evr'),
  );
  const restarts =
    need(facts, 'docker.running') &&
    (steps.length > 0 || compareUpstream(need(facts, 'docker.version'), engineAfter) !== 0);
  const kubelet = given.kmem === undefined ? undefined : kubeletRefusal(facts);
  if (steps.length === 0 && !restarts)
    return { changes: [], ...(kubelet === undefined ? {} : { warnings: [kubelet.why] }) };
  if (kubelet !== undefined && !context.acceptPartial) return { changes: [], refuse: kubelet };
  const refusal =
    steps.length === 0
      ? undefined
      : (filesRefusal(steps, facts, manager, context, given) ??
        rollbackImpossible(steps, facts, manager, context, repositories) ??
        busyOrBroken(facts, context) ??
        spaceRefusal(facts, spaceNeeds));
  if (refusal !== undefined) return { changes: [], refuse: refusal };
  if (given.predownload)
    return predownload(manager, steps, Math.ceil(given.lock_timeout), facts, repositories);
  return {
    changes: [
      ...copyChanges(steps, facts),
      ...changesOf(steps, restarts, facts, effectOf(manager, steps, engineAfter, given)),
    ],
    promises: { ...promised(steps, engineAfter, restarts, facts), ...copiedFacts(steps) },
    ...present({ note: moves.why }),
    ...warned([
      ...(kubelet === undefined ? [] : [`partial: ${kubelet.why}`]),
      ...liftedWarnings(steps, manager),
      ...(restarts && facts.get('docker.live_restore') === true ? [liveRestore] : []),
    ]),
  };
}

const warned = (warnings: readonly string[]): Pick<ModulePlan, 'warnings'> =>
  warnings.length === 0 ? {} : { warnings };

const liveRestore =
  'live-restore is on: containers outlive the restart of docker and stay accounted; only a drain and a reboot make them anew';

/** Space for downloads, and for the three installed packages (about 300 MB on el7). */
const spaceNeeds: readonly SpaceNeed[] = [
  { fact: 'space.var_kb', path: '/var', mb: 150 },
  { fact: 'space.root_kb', path: '/', mb: 350 },
];

const argumentInstead = 'take the boot argument (`kernel_arg`): it needs no change of runtime';

function wrongEngine(facts: FactView): Refusal | undefined {
  const name = need(facts, 'docker.package');
  if (name === 'docker-ce') return undefined;
  if (name !== '')
    return {
      why: `the engine comes from the package ${name}: going from it to docker-ce is a migration, which kmend does not do`,
      hint: [argumentInstead, ownerSays(name)].filter((part) => part !== '').join('. '),
    };
  return need(facts, 'docker.installed')
    ? {
        why: 'docker did not come from a package: kmend does not know how its runc was built, and cannot replace it',
        hint: argumentInstead,
      }
    : {
        why: 'there is no docker here',
        hint: 'leave hosts without docker out: `when: docker.installed`',
      };
}

const tableOf = (facts: FactView, repositories: Repositories): PackageTable => ({
  'docker-ce': packageFacts(facts, 'docker-ce', repositories),
  'docker-ce-cli': packageFacts(facts, 'docker-ce-cli', repositories),
  'containerd.io': packageFacts(facts, 'containerd.io', repositories),
});

function movesOf(
  given: Args,
  table: PackageTable,
  facts: FactView,
  manager: Manager,
): Moves | { readonly refusal: Refusal } {
  return given.versions === undefined
    ? chosenMoves(given, table, manager)
    : givenMoves(given, table, facts, manager);
}

function chosenMoves(
  given: Args,
  table: PackageTable,
  manager: Manager,
): Moves | { readonly refusal: Refusal } {
  const choice = chooseSet(table, manager, given.prefer);
  if ('missing' in choice)
    return {
      refusal: missingRefusal(
        choice.missing,
        setPackages.map((name) => table[name]),
        'enable a repository that has it (`enablerepo`), name the versions (`versions`), give the packages by `files`, or use the boot argument (`kernel_arg`)',
      ),
    };
  const steps = stepsTo(choice.set, table, manager);
  const held = given.holds === 'lift' ? undefined : steps.find((step) => step.held === true);
  return held === undefined
    ? { steps, why: choice.why }
    : { refusal: heldRefusal(held.name, manager, true) };
}

const stepsTo = (set: RuntimeSet, table: PackageTable, manager: Manager): readonly Step[] =>
  setPackages.flatMap((name): readonly Step[] => {
    const [from, to] = [table[name].installed, set[name]];
    if (from !== '' && orderOf(manager)(from, to) === 0) return [];
    return [
      {
        name,
        from,
        to,
        kind: from === '' ? 'install' : 'upgrade',
        ...(table[name].held ? { held: true } : {}),
      },
    ];
  });

function givenMoves(
  given: Args,
  table: PackageTable,
  facts: FactView,
  manager: Manager,
): Moves | { readonly refusal: Refusal } {
  const steps: Step[] = [];
  let narrowed = table;
  for (const name of setPackages) {
    const wanted = given.versions?.[name];
    if (wanted === undefined) continue;
    const choice = choose({ name, state: 'present', version: wanted }, facts, manager, {
      downgrade: true,
      holds: given.holds,
      repositories: repositoriesOf(given),
    });
    if (choice !== 'done' && 'refuse' in choice) return { refusal: choice.refuse };
    const to = choice === 'done' ? table[name].installed : choice.step.to;
    const isUnfit = given.kmem !== undefined && !isGood(name, to, manager);
    if (isUnfit)
      return {
        refusal: {
          why: `${name} ${to} is not known to leave accounting off`,
          hint: 'containerd.io 1.4.5 or later is sure; docker-ce from 18.09.1 on',
        },
      };
    if (choice !== 'done') steps.push(choice.step);
    narrowed = { ...narrowed, [name]: { ...table[name], installed: to, available: [to] } };
  }
  if (given.kmem === undefined) return { steps };
  // Packages that the task does not name are chosen to fit. Otherwise a dependency would bring in
  // the newest ones.
  const others = chosenMoves(given, narrowed, manager);
  return 'refusal' in others ? others : { steps: [...steps, ...others.steps] };
}

const isGood = (name: string, evr: string, manager: Manager): boolean =>
  name === 'containerd.io'
    ? isGoodContainerd(evr, manager)
    : name === 'docker-ce'
      ? isGoodEngine(evr)
      : true;

/**
 * A kubelet makes /kubepods itself, and everything below inherits from it. No engine changes that.
 */
function kubeletRefusal(facts: FactView): Refusal | undefined {
  if (!need(facts, 'kubelet.installed')) return undefined;
  const [release, driver] = [need(facts, 'kubelet.version'), need(facts, 'kubelet.driver')];
  const accounts = kubeletAccounts(release, driver);
  if (accounts === 'no') return undefined;
  return {
    why: `kubelet ${release} with the ${driver} driver ${accounts === 'yes' ? 'still accounts' : 'may still account'} /kubepods, and every container below inherits it`,
    hint: 'take the boot argument instead (`kernel_arg`), upgrade the kubelet to 1.21.2 or later, or say `partial: accept` in the play',
  };
}

function changesOf(
  steps: readonly Step[],
  restarts: boolean,
  facts: FactView,
  effect: RunEffect,
): readonly Change[] {
  const moves = steps.map(
    (step, index): Change => ({
      sign: step.from === '' ? '+' : '~',
      what: `package ${step.name}`,
      ...(step.from === '' ? {} : { before: step.from }),
      after: step.to,
      risk: restarts ? 'restart' : 'write',
      effects: !restarts && index === steps.length - 1 ? [effect] : [],
    }),
  );
  if (!restarts) return moves;
  return [
    ...moves,
    {
      sign: '!',
      what: 'restart docker',
      before: need(facts, 'docker.version'),
      risk: 'restart',
      effects: [effect],
    },
  ];
}

/** 18.09 removes docker-runc and docker-containerd. Settings that name them break. */
const leavesOldNames = (steps: readonly Step[]): boolean =>
  steps.some(
    ({ name, from, to }) =>
      name === 'docker-ce' &&
      from !== '' &&
      compareUpstream(engineVersion(from), '18.09') < 0 &&
      compareUpstream(engineVersion(to), '18.09') >= 0,
  );

const effectOf = (
  manager: Manager,
  steps: readonly Step[],
  engine: string,
  given: Args,
): RunEffect => ({
  kind: 'run',
  what:
    steps.length === 0
      ? 'restart docker'
      : `${manager}: ${steps.map((step) => `${step.name} ${step.to}`).join(', ')}; restart docker if it runs`,
  script: withPrelude(
    beforeScript +
      (leavesOldNames(steps) ? oldNamesScript : '') +
      (steps.length === 0
        ? ''
        : packageSteps(manager, steps, Math.ceil(given.lock_timeout), repositoriesOf(given))) +
      afterScript(engine),
  ),
  detached: true,
  timeout: 2400 + Math.ceil(given.lock_timeout),
  errors: runtimeErrors,
  hints: runtimeHints,
});

/** Install times are promised too: packages younger than the boot are the reason for a reboot. */
function promised(
  steps: readonly Step[],
  engine: string,
  restarts: boolean,
  facts: FactView,
): Facts {
  const moved = (name: string): boolean => steps.some((step) => step.name === name);
  return allOf([
    promisesOf(steps, facts),
    restarts ? { 'docker.version': engine } : {},
    moved('docker-ce-cli') ? { 'docker.client': engine } : {},
    moved('containerd.io')
      ? {
          'containerd.package': 'containerd.io',
          'containerd.installed': true,
          'containerd.bundled': false,
          'runc.installed': true,
          'runc.path': '/usr/bin/runc',
          'runc.version': unknown('known once containerd.io is installed'),
          'runc.commit': unknown('known once containerd.io is installed'),
        }
      : {},
  ]);
}

export const containerRuntime = defineModule<Args>({
  name: 'container_runtime',
  summary:
    'Moves docker-ce, docker-ce-cli and containerd.io together, to versions that do not switch kernel-memory accounting on.',
  example: `- name: A container runtime that does not account
  container_runtime:
    engine: docker
    kmem: disabled
`,
  notes: `With \`kmem: disabled\` the set nearest to what is installed is taken from the enabled repositories: docker-ce from 18.09.1 on, its own docker-ce-cli, and a
containerd.io whose el7 build leaves accounting off. Builds that are disputed come after those that are not; \`docs/kmem.md\` has the table. The plan says why.

The versions of now must be in an enabled repository as well, or the host is refused: it could not be rolled back (\`rollback: none\` in the play's \`rollout\` accepts that).

Other engines (\`docker\` of the distribution, docker-ee, docker.io) are refused: that is a migration. A host whose kubelet would still account is refused
unless the play says \`partial: accept\`: then \`verify_kmem\` proves all but the kubelet.

\`daemon.json\`, containerd's \`config.toml\`, the units and drop-ins of docker and containerd under
\`/etc/systemd/system\`, \`/etc/sysconfig/docker*\`, \`/etc/default/docker\` and the cgroup driver are compared before and after; a copy of daemon.json lies beside it.
A unit or daemon.json that names docker-runc or docker-containerd is found before anything moves: from 18.09 on these programs are gone. A running engine is restarted: drain first.
Groups that are accounted stay so until a reboot.

${sourceNotes}`,
  args: asArgs(args),
  convergent: (given) => !given.predownload,
  takesProxies: true,
  maxRisk: 'restart',
  keepsRepositories: true,
  takesFiles: true,
  facts: (given, known, files = {}) => [
    ...setPackages.map((name) => packageWant(name, repositoriesOf(given))),
    ...fileWants(given.files, known, files, repositoriesOf(given)),
  ],
  plan: (given, facts, context) =>
    withUnfitFiles(plan(given, facts, context), given.files, facts, context.files),
});
