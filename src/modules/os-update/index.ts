// Module os_update: moves all packages of the host to the versions that its repositories have now.

import { allOf, type Facts, type FactView, fact } from '../../model/fact.ts';
import type { Change, ModulePlan, PlanContext, Refusal } from '../../model/run/change.ts';
import type { RunEffect } from '../../model/run/effect.ts';
import {
  asArgs,
  duration,
  flag,
  type Infer,
  listOf,
  object,
  oneOf,
  text,
} from '../../model/shape/schema.ts';
import { unknown } from '../../model/value.ts';
import { defineModule } from '../define.ts';
import { promisesOf } from '../package-manager/choose.ts';
import { packageErrors, packageHints } from '../package-manager/errors.ts';
import { busyOrBroken, managerOf, spaceRefusal } from '../package-manager/state.ts';
import { answerOf, lastWords, readingWant } from '../read/reading.ts';
import { isKernel, neededKernels } from './kernels.ts';
import { doneAnswer, type Listing, type Row, readListing } from './listing.ts';
import { needsName, ownTasks } from './patterns.ts';
import { type Asked, planScript, refreshScript, type Tool, updateScript } from './scripts.ts';

const glob = text.regex(
  /^[A-Za-z0-9*?][A-Za-z0-9+._*?-]{0,99}$/,
  'should be the name of a package, or a pattern with * and ?',
);

const args = object({
  upgrade: oneOf('full', 'safe', 'none')
    .default('full')
    .describe(
      '`full`: also what needs other packages to go (`apt-get dist-upgrade`). `safe`: nothing goes for it (apt; yum and dnf know one way only). `none`: only `autoremove` or `update_cache`.',
    ),
  security: flag
    .default(false)
    .describe(
      'Only updates that are for security: by the advisories of the repository (yum, dnf), or from a suite or an origin with `security` in its name (apt), with what they need.',
    ),
  exclude: listOf(glob).default([]).describe('Packages that stay as they are: names or patterns.'),
  include: listOf(glob)
    .default([])
    .describe(`Packages that move too, of those that stay unless named: ${ownTasks.join(', ')}.`),
  autoremove: flag
    .default(false)
    .describe(
      'Remove what was installed for other packages, and is needed no more. For yum and dnf in a task of its own (`upgrade: none`).',
    ),
  update_cache: flag
    .default(false)
    .describe(
      'Read the package lists again first: the plan does it too, beside those of the host.',
    ),
  cache_valid_time: duration
    .default(0)
    .describe('Lists that are younger are not read again; five minutes at least.'),
  lock_timeout: duration
    .default(120)
    .describe('How long to wait for another process that uses the package manager.'),
})
  .refine(
    (given) => given.upgrade !== 'none' || given.autoremove || given.update_cache,
    'has nothing to do: `upgrade: none` needs `autoremove` or `update_cache`',
  )
  .refine(
    (given) => given.upgrade !== 'none' || !given.security,
    'has `security` without an upgrade',
  );
type Args = Infer<typeof args>;

const leastAge = 5;

const askedOf = (given: Args, facts: FactView): Asked => ({
  ...given,
  ...(given.update_cache || facts.get('packages.lists') === 'read'
    ? { refresh: Math.max(leastAge, Math.floor(given.cache_valid_time / 60)) }
    : {}),
});

/** The package manager of the host, where kmend can ask it what it would do. */
function toolOf(facts: FactView): { readonly tool: Tool } | { readonly refuse: Refusal } {
  const found = managerOf(facts);
  if ('refuse' in found) return found;
  const { manager } = found;
  return manager === 'zypper'
    ? {
        refuse: {
          why: 'zypper is not asked what it would update',
          hint: 'name the packages in `package`, or use `shell: zypper --non-interactive update`',
        },
      }
    : { tool: manager };
}

/** Seconds for a simulation, with lists of its own. */
const readTimeout = 300;

const wantOf = (tool: Tool, asked: Asked) => readingWant(planScript(tool, asked), readTimeout);

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const found = toolOf(facts);
  if ('refuse' in found) return { changes: [], refuse: found.refuse };
  const { tool } = found;
  const asked = askedOf(given, facts);
  if (tool !== 'apt' && asked.autoremove && asked.upgrade !== 'none')
    return { changes: [], refuse: twoTasks(tool) };
  const script = planScript(tool, asked);
  const answer = answerOf(script, facts);
  const listing = answer.rc === 0 ? readListing(answer) : { line: lastWords(answer) };
  if ('line' in listing) return { changes: [], refuse: notSaid(tool, listing.line) };
  const spared = given.autoremove ? neededKernels(listing.rows, facts) : [];
  const rows = listing.rows.filter((row) => !spared.includes(row));
  const refreshes = given.update_cache && listing.stale;
  const words = notes(listing, given, spared);
  if (rows.length === 0 && !refreshes) return { changes: [], ...words };
  const refuse =
    protectedRefusal(rows, facts) ??
    busyOrBroken(facts, context) ??
    (rows.length === 0 ? undefined : spaceRefusal(facts, spaceNeeds(rows)));
  if (refuse !== undefined) return { changes: [], refuse };
  const lockWait = Math.ceil(given.lock_timeout);
  return {
    changes: [
      ...(refreshes ? [refreshChange(tool, lockWait)] : []),
      ...changesOf(rows, given, updateEffect(tool, asked, listing.rows, spared, lockWait)),
    ],
    promises: allOf([
      fact(`reading.${script}`, doneAnswer(answer)),
      refreshes ? { 'packages.lists': 'read' } : {},
      rows.length === 0 ? {} : movedFacts(rows, facts),
    ]),
    ...words,
    ...warningsOf(rows, listing),
  };
}

const spaceNeeds = (rows: readonly Row[]): Parameters<typeof spaceRefusal>[1] => [
  { fact: 'space.var_kb', path: '/var', mb: 100 },
  ...(rows.some((row) => row.kind !== 'rm' && isKernel(row))
    ? [{ fact: 'space.boot_kb' as const, path: '/boot', mb: 100 }]
    : []),
];

const twoTasks = (tool: Tool): Refusal => ({
  why: `${tool} does not say beforehand what is needed no more after an update`,
  hint: 'write two tasks: the second has `upgrade: none` and `autoremove: true`',
});

const notSaid = (tool: Tool, words: string): Refusal => ({
  why: `${tool} does not say what it would do${words === '' ? '' : `: ${words}`}`,
  hint: `try it on the host: \`${tool === 'apt' ? 'apt-get update && apt-get -s dist-upgrade' : `${tool} --assumeno upgrade`}\``,
});

const protectedName =
  /^(?:kubelet|docker|docker[.-].*|containerd|containerd[.-].*|runc|cri-o|openssh-server)$/;

/** What no update may take away, whatever the package manager would do. */
function protectedRefusal(rows: readonly Row[], facts: FactView): Refusal | undefined {
  const gone = [
    ...rows.filter(({ kind, name }) => kind === 'rm' && protectedName.test(name)),
    ...neededKernels(rows, facts),
  ];
  if (gone.length === 0) return undefined;
  return {
    why: `the update would remove ${gone.map(({ name, old }) => `${name} ${old}`).join(', ')}`,
    hint: 'find out on the host what needs it to go; leave that out by `exclude`, or remove it by `package` if it shall go',
  };
}

const refreshChange = (tool: Tool, lockWait: number): Change => ({
  sign: '!',
  what: 'package lists',
  after: 'read again',
  risk: 'write',
  effects: [
    {
      kind: 'run',
      what: `${tool}: read the package lists again`,
      script: refreshScript(tool, lockWait),
      detached: true,
      timeout: 600 + lockWait,
      errors: packageErrors,
      hints: packageHints,
    },
  ],
});

const titles = { up: 'update', in: 'install', rm: 'remove' };

function updateEffect(
  tool: Tool,
  asked: Asked,
  rows: readonly Row[],
  spared: readonly Row[],
  lockWait: number,
): RunEffect {
  const counts = (['up', 'in', 'rm'] as const).flatMap((kind) => {
    const count = rows.filter((row) => row.kind === kind && !spared.includes(row)).length;
    return count === 0 ? [] : [`${titles[kind]} ${count}`];
  });
  return {
    kind: 'run',
    what: `${tool}: ${counts.join(', ')} ${rows.length - spared.length === 1 ? 'package' : 'packages'}`,
    script: updateScript(tool, asked, rows, spared, lockWait),
    detached: true,
    timeout: 5400 + lockWait,
    errors: packageErrors,
    hints: packageHints,
  };
}

const signs = { up: '~', in: '+', rm: '-' } as const;

/**
 * A line a package; the one transaction is the effect of the last. A rollback moves packages by name:
 * a kernel and a package of a second architecture have other words, and are left.
 */
const changesOf = (rows: readonly Row[], { upgrade }: Args, effect: RunEffect): readonly Change[] =>
  rows.map((row, index) => ({
    sign: signs[row.kind],
    what: `${isKernel(row) ? 'kernel package' : row.name.includes(':') ? 'foreign package' : 'package'} ${row.name}`,
    ...(row.old === '' ? {} : { before: row.old }),
    ...(row.version === '' ? {} : { after: row.version }),
    risk: upgrade === 'none' ? 'write' : 'restart',
    effects: index === rows.length - 1 ? [effect] : [],
  }));

const listed = (names: readonly string[]): string =>
  names.length > 12
    ? `${names.slice(0, 12).join(', ')} and ${names.length - 12} more`
    : names.join(', ');

/** What stays behind, and why. */
function notes({ kept }: Listing, given: Args, spared: readonly Row[]): Pick<ModulePlan, 'note'> {
  const own = kept.filter((name) => needsName(name, given));
  const others = kept.filter((name) => !own.includes(name));
  const parts = [
    ...(own.length === 0 ? [] : [`left out, because not named by \`include\`: ${listed(own)}`]),
    ...(others.length === 0 ? [] : [`held, excluded or not yet offered: ${listed(others)}`]),
    ...(spared.length === 0
      ? []
      : [`not removed, because it runs or boots next: ${listed(spared.map(({ name }) => name))}`]),
  ];
  return parts.length === 0 ? {} : { note: parts.join('; ') };
}

function warningsOf(rows: readonly Row[], { units }: Listing): Pick<ModulePlan, 'warnings'> {
  const moved = new Set(rows.flatMap(({ kind, name }) => (kind === 'rm' ? [] : [name])));
  const restarts = units.filter(({ name }) => moved.has(name)).map(({ unit }) => unit);
  const kernels = rows.filter((row) => row.kind !== 'rm' && isKernel(row));
  const warnings = [
    ...(restarts.length === 0 ? [] : [`may restart ${listed([...new Set(restarts)])}`]),
    ...(kernels.length === 0
      ? []
      : [
          `a kernel is among the updates (${kernels.map(({ name, version }) => `${name} ${version}`).join(', ')}): a reboot is wanted to run it`,
        ]),
    ...(rows.some(({ old }) => old !== '')
      ? ['a rollback would need the versions of before in the repositories, which is not checked']
      : []),
  ];
  return warnings.length === 0 ? {} : { warnings };
}

/** Facts of the packages. Which kernel boots next is known only when a kernel is there. */
function movedFacts(rows: readonly Row[], facts: FactView): Facts {
  const steps = rows
    .filter(({ name }) => !name.includes(':'))
    .map(({ kind, name, version, old }) => ({
      name,
      from: old,
      to: version,
      kind: kind === 'rm' ? ('remove' as const) : ('upgrade' as const),
    }));
  const later = unknown('known only after the update');
  const kernel = rows.find((row) => row.kind !== 'rm' && isKernel(row));
  return allOf([
    promisesOf(steps, facts),
    kernel === undefined
      ? {}
      : { 'kernel.next': later, 'kernel.saved': later, 'boot.next_cmdline': later },
    wantedAfter(kernel, rows, facts),
  ]);
}

/** A new kernel wants a reboot; whether other packages do, the host says once they are there. */
function wantedAfter(kernel: Row | undefined, rows: readonly Row[], facts: FactView): Facts {
  const before = facts.get('boot.wanted.yes');
  if (before === true || rows.every(({ kind }) => kind === 'rm')) return {};
  if (kernel !== undefined)
    return {
      'boot.wanted.yes': true,
      'boot.wanted.why': [`kernel package ${kernel.name} ${kernel.version} is new`],
    };
  const later = unknown('known only after the update');
  return { 'boot.wanted.yes': later, 'boot.wanted.why': later };
}

export const osUpdate = defineModule<Args>({
  name: 'os_update',
  summary: 'Moves all packages of the host to the newest versions of its repositories.',
  example: `- name: All updates but those of the database
  os_update:
    update_cache: true
    exclude: ["postgresql*"]
`,
  notes: `The plan asks the package manager of the host what it would do (\`apt-get -s dist-upgrade\`, \`dnf --assumeno upgrade\`), and lists each package with its version
of before and after, what comes new and what goes, the services that may restart, whether a kernel is among them, and what stays behind. Nothing changes for that.

\`apply\` moves exactly these packages, by name and version, in one transaction. Right before it the package manager is asked again: where it would do anything else
by now, the plan is stale, and nothing is changed. Packages that have moved since in the same way are no difference.

${ownTasks.map((name) => `\`${name}\``).join(', ')} stay as they are unless \`include\` names them: \`container_runtime\`, \`package\` and a drain belong to them. An update that would
remove one of them, openssh-server, the kernel that runs or the one that boots next refuses the host. \`autoremove\` leaves these two kernels.

\`update_cache\` reads the package lists again. A plan does so in a folder of its own (apt), so that it lists what \`apply\` will find; that takes some seconds and
the network. yum and dnf keep what they read in their cache. A task \`os_update\` behind it in the play plans with the lists of then.

Packages that apt had installed for others, and that are named only for their versions, stay marked as such. Configuration files that were changed on the host are
kept. There is no rollback beyond that of \`package\`: it moves the packages back that the repositories still have in their old versions, by name; kernels stay.

A kernel that is installed is not running: \`reboot\` with \`when: boot.wanted.yes\` follows.`,
  args: asArgs(args),
  exact: true,
  maxRisk: 'restart',
  facts: (given, known) => {
    if (known.get('packages.manager') === undefined) return [];
    const found = toolOf(known);
    return 'tool' in found ? [wantOf(found.tool, askedOf(given, known))] : [];
  },
  plan,
});
