// Module hold: packages that stay as they are when others are updated, by dpkg's selection or by the
// plugin versionlock of yum and dnf.
import { isLockOf } from '../../facts/areas/packages/package-pins.ts';
import { withPrelude } from '../../facts/probe/prelude.ts';
import { allOf, type Facts, type FactView, fact, need, UnknownFact } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import type { Change, ModulePlan, PlanContext, Refusal } from '../../model/run/change.ts';
import { asArgs, type Infer, listOf, object, oneOf } from '../../model/shape/schema.ts';
import { pasteable, quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import { defineModule } from '../define.ts';
import dpkgHold from './scripts/dpkg-hold.sh';
import lockEdit from './scripts/lock-edit.sh';
import { busyOrBroken } from './state.ts';
import { packageName } from './version.ts';

const args = object({
  name: listOf(packageName).describe('One package or a list of them.'),
  state: oneOf('present', 'hold', 'absent', 'install')
    .default('present')
    .transform((word) => (word === 'hold' || word === 'present' ? 'present' : 'absent'))
    .describe(
      '`present`: it is held at the version that is installed. `absent`: it is not. `hold` and `install` are the words of dpkg for them.',
    ),
});
type Args = Infer<typeof args>;

interface Seen {
  readonly name: string;
  /** [epoch:]version-release; empty when it is not installed. */
  readonly installed: string;
  /** What holds it, as the facts have it. */
  readonly holds: readonly string[];
}

/** What is done for one package: the pins that go, and the one that comes. */
interface Move {
  readonly seen: Seen;
  readonly gone: readonly string[];
  readonly added?: string;
  readonly script: string;
}

type Found = Move | { readonly refuse: Refusal } | 'done';

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const manager = need(facts, 'packages.manager');
  const moves: Move[] = [];
  const notes: string[] = [];
  for (const name of new Set(given.name)) {
    const seen: Seen = {
      name,
      installed: need(facts, `package.${name}.installed`),
      holds: need(facts, `package.${name}.holds`),
    };
    const found =
      manager === 'apt'
        ? bySelection(given, seen, context)
        : manager === 'yum' || manager === 'dnf'
          ? byLock(given, seen, need(facts, `package.${name}.lock_lists`)[manager], context)
          : { refuse: noHolds(manager) };
    if (found !== 'done' && 'refuse' in found) return { changes: [], refuse: found.refuse };
    if (found !== 'done') moves.push(found);
    const others = seen.holds.filter((one) => /^(?:exclude|pin)\b/.test(one));
    if (given.state === 'absent' && others.length > 0)
      notes.push(`${name} stays held: ${others.join(', ')}`);
  }
  const note = present({ note: notes.length === 0 ? undefined : notes.join('; ') });
  if (moves.length === 0) return { changes: [], ...note };
  const refuse = manager === 'apt' ? busyOrBroken(facts, context) : undefined;
  if (refuse !== undefined) return { changes: [], refuse };
  return { changes: moves.map(changeOf), promises: allOf(moves.map(promiseOf)), ...note };
}

const noHolds = (manager: string): Refusal => ({
  why: `kmend holds packages of apt, yum and dnf (package manager: ${manager})`,
  hint:
    manager === 'zypper' ? 'use `command: zypper addlock NAME`' : 'leave the host out by `when`',
});

function bySelection({ state }: Args, seen: Seen, context: PlanContext): Found {
  const isHeld = seen.holds.includes('hold');
  if (isHeld === (state === 'present')) return 'done';
  if (!isHeld && seen.installed === '') return notYet(notInstalled(seen), context);
  const selection = isHeld ? 'install' : 'hold';
  const script = scriptText(dpkgHold, { name: quote(seen.name), selection });
  return isHeld ? { seen, gone: ['hold'], script } : { seen, gone: [], added: 'hold', script };
}

const lockWord = 'versionlock ';

function byLock(
  { state }: Args,
  seen: Seen,
  list: string | undefined,
  context: PlanContext,
): Found {
  // An entry with `!` forbids a version: it holds no package at the one that is installed.
  const locks = seen.holds.filter(
    (one) => one.startsWith(lockWord) && !one.startsWith(`${lockWord}!`),
  );
  if (locks.length > 0 === (state === 'present')) return 'done';
  const plugin = pluginRefusal(list);
  if (list === undefined || plugin !== undefined) return notYet(plugin ?? noPlugin, context);
  const entries = locks.map((one) => one.slice(lockWord.length));
  const shared = entries.find((entry) => !isLockOf(entry, seen.name));
  if (shared !== undefined)
    return {
      refuse: {
        why: `the lock ${shared} is not of ${seen.name} alone`,
        hint: `take it out of ${list} by hand, or by \`lineinfile\``,
      },
    };
  if (state === 'present' && seen.installed === '') return notYet(notInstalled(seen), context);
  const added = state === 'present' ? entryOf(seen, list) : undefined;
  return {
    seen,
    gone: locks,
    ...present({ added: added === undefined ? undefined : `${lockWord}${added}` }),
    script: scriptText(lockEdit, {
      list: quote(list),
      gone: quote(entries.join('\n')),
      added: quote(added ?? ''),
    }),
  };
}

/** As the plugins write it: yum begins with the epoch, dnf has it before the version. */
function entryOf({ name, installed }: Seen, list: string): string {
  const [, epoch = '0', version = ''] = /^(?:(\d+):)?(.*)$/.exec(installed) ?? [];
  return list === yumList ? `${epoch}:${name}-${version}.*` : `${name}-${epoch}:${version}.*`;
}

const yumList = '/etc/yum/pluginconf.d/versionlock.list';
const dnfList = '/etc/dnf/plugins/versionlock.list';

const noPlugin: Refusal = {
  why: 'the plugin versionlock is not there, or is off',
  hint: 'install yum-plugin-versionlock (yum) or python3-dnf-plugin-versionlock (dnf) by `package`; for dnf 5 use `command: dnf versionlock add NAME`',
};

const pluginRefusal = (list: string | undefined): Refusal | undefined =>
  list === undefined
    ? noPlugin
    : list === yumList || list === dnfList
      ? undefined
      : {
          why: `the locks of this host are in ${list}, which kmend does not read`,
          hint: `remove \`locklist\` from versionlock.conf, or use \`lineinfile\``,
        };

const notInstalled = ({ name }: Seen): Refusal => ({
  why: `${name} is not installed: there is no version to hold`,
  hint: `install it by \`package: {name: ${pasteable(name)}}\` before, or leave it out`,
});

/** An earlier task may bring what is not there. */
function notYet(refuse: Refusal, { done }: PlanContext): { readonly refuse: Refusal } {
  if (done.altered === true)
    throw new UnknownFact('packages.held', `${refuse.why}; an earlier task may change that`);
  return { refuse };
}

const changeOf = ({ seen: { name }, gone, added, script }: Move): Change => ({
  sign: added === undefined ? '-' : '+',
  what: `hold of ${name}`,
  ...present({ before: gone.length === 0 ? undefined : gone.join(', '), after: added }),
  risk: 'write',
  effects: [
    {
      kind: 'run',
      what: `${added === undefined ? 'lift' : 'set'} the hold of ${name}`,
      script: withPrelude(script),
      detached: false,
      timeout: 60,
      errors: {
        70: `the hold of ${name} could not be changed: the last lines say why`,
        71: `the hold of ${name} is not as wanted afterwards`,
      },
    },
  ],
});

function promiseOf({ seen: { name, holds }, gone, added }: Move): Facts {
  const after = [
    ...holds.filter((one) => !gone.includes(one)),
    ...(added === undefined ? [] : [added]),
  ];
  return {
    ...fact(`package.${name}.holds`, after),
    ...fact(`package.${name}.held`, after.length > 0),
  };
}

export const hold = defineModule<Args>({
  name: 'hold',
  summary: 'Holds packages at the version that is installed, or lifts the hold.',
  example: `- name: Updates leave the runtime alone
  hold:
    name: [docker-ce, containerd.io]
`,
  notes: `With apt it is dpkg's selection (\`apt-mark hold\`), with yum and dnf an entry in the list of the plugin versionlock. Each package has
a line in the plan. A host without the plugin is refused, and so is one on which the package is not installed, unless an earlier task may bring them.
A lock counts whatever its version is; one with a pattern that holds other packages too is not removed. \`exclude=\` lines and pins of apt are
left as they are, and the plan names them.

\`package\` with \`holds: lift\` moves a held package in one transaction, and holds it again. \`kmend rollback RUN\` sets the holds of before.`,
  args: asArgs(args),
  maxRisk: 'write',
  keepsRepositories: true,
  // The repositories are not asked: only what is installed, and what holds it.
  facts: (given) => given.name.map((name) => ({ area: 'package', args: { name, looked: true } })),
  plan,
});
