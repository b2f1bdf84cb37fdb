// Chooses the steps from the wanted packages and the facts: which package goes from which version
// to which, or why it cannot.
import { readDamage } from '../../facts/areas/packages/damage.ts';
import { allOf, type Facts, type FactView, fact } from '../../model/fact.ts';
import type { ByName } from '../../model/facts/row.ts';
import type { PackageFile } from '../../model/package-file.ts';
import type { Refusal } from '../../model/run/change.ts';
import { missingRefusal } from './missing.ts';
import type { Repositories } from './repositories.ts';
import { damageRefusal, heldRefusal, type PackageFacts, packageFacts } from './state.ts';
import { answersTo, type Manager, orderOf, pick } from './version.ts';

export interface Wanted {
  readonly name: string;
  readonly state: 'present' | 'absent' | 'latest';
  readonly version?: string;
}

/** Versions are [epoch:]version-release; empty = not installed. */
export interface Step {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly kind: 'install' | 'upgrade' | 'downgrade' | 'remove';
  /** It is installed from this file. */
  readonly file?: PackageFile;
  /** It is held, and the play allows to lift the hold for this step. */
  readonly held?: true;
}

/** What a play may do with held packages. */
export type Holds = 'refuse' | 'lift';

export type Choice = { readonly step: Step } | { readonly refuse: Refusal } | 'done';

export interface Allowed {
  readonly downgrade: boolean;
  readonly holds: Holds;
  readonly repositories: Repositories;
}

/** A package that has the wanted version and is not fully installed is refused, not done. */
export function choose(
  wanted: Wanted,
  facts: FactView,
  manager: Manager,
  allowed: Allowed,
): Choice {
  const seen = packageFacts(facts, wanted.name, allowed.repositories);
  const choice = move(wanted, seen, manager, allowed);
  const moved = choice !== 'done' && 'step' in choice ? [wanted.name] : [];
  const refuse = damageRefusal([seen], moved, facts, manager);
  return refuse === undefined ? choice : { refuse };
}

function move(wanted: Wanted, seen: PackageFacts, manager: Manager, allowed: Allowed): Choice {
  const { name } = wanted;
  const { installed, available, held } = seen;
  const lifted = held ? { held } : {};
  if (wanted.state === 'absent') {
    if (installed === '') return 'done';
    return held && allowed.holds === 'refuse'
      ? { refuse: heldRefusal(name, manager, true) }
      : { step: { name, from: installed, to: '', kind: 'remove', ...lifted } };
  }
  if (
    installed !== '' &&
    wanted.state === 'present' &&
    (wanted.version === undefined || answersTo(installed, wanted.version, manager))
  )
    return 'done';
  const to = pick(available, wanted.version, manager);
  if (to === undefined) return { refuse: missing(wanted, seen) };
  const order = orderOf(manager);
  const direction = installed === '' ? 1 : order(to, installed);
  // `latest` never goes back. The same version in another spelling is the same.
  if (direction === 0 || (direction < 0 && wanted.state === 'latest')) return 'done';
  if (held && allowed.holds === 'refuse') return { refuse: heldRefusal(name, manager, true) };
  if (direction < 0 && !allowed.downgrade)
    return {
      refuse: {
        why: `${name} ${installed} is newer than ${to}`,
        hint: 'say `allow_downgrade: true` if it shall go back',
      },
    };
  return {
    step: {
      name,
      from: installed,
      to,
      kind: installed === '' ? 'install' : direction > 0 ? 'upgrade' : 'downgrade',
      ...lifted,
    },
  };
}

function missing(wanted: Wanted, seen: PackageFacts): Refusal {
  const { available } = seen;
  return missingRefusal(
    wanted.version === undefined ? wanted.name : `${wanted.name} ${wanted.version}`,
    [seen],
    available.length === 0
      ? `${versionApart(wanted.name)}there is no ${wanted.name} at all: enable the repository that has it (\`enablerepo\`), or give it by \`files\``
      : `there are: ${available.slice(0, 8).join(', ')}${available.length > 8 ? ', ...' : ''}`,
  );
}

/** Ansible's yum takes `docker-ce-18.09.9` as a name with a version. */
function versionApart(name: string): string {
  const at = name.search(/-\d/);
  const [base, version] = [name.slice(0, at), name.slice(at + 1)];
  return at < 1 || !/^[\w.+-]+$/.test(version)
    ? ''
    : `write a version apart: \`{name: ${base}, version: ${version}}\`; else `;
}

/** Warnings of the plan: which holds are lifted. */
export const liftedWarnings = (steps: readonly Step[], manager: Manager): readonly string[] =>
  steps
    .filter((step) => step.held === true)
    .map(({ name }) =>
      manager === 'apt' || manager === 'zypper'
        ? `the hold of ${name} is lifted for this transaction and put back after it`
        : `locks and excludes are passed over in this transaction: ${name} is held; a versionlock follows to the new version`,
    );

export const stepWords: Readonly<Record<Step['kind'], string>> = {
  install: 'install',
  upgrade: 'upgrade',
  downgrade: 'downgrade',
  remove: 'remove',
};

/**
 * The facts after the steps, also under the names of the engine's areas. Container software that is
 * younger than the boot is a reason to reboot, so its install time is promised too, by the host's
 * clock.
 */
export function promisesOf(steps: readonly Step[], facts: FactView): Facts {
  const now = facts.get('clock.epoch') ?? 0;
  const moved = new Set(steps.map(({ name }) => name));
  const damaged = readDamage(facts.get('packages.damaged'));
  const left = damaged
    .filter(({ name }) => !moved.has(name))
    .map(({ name, state }) => [name, state] as const);
  return allOf([
    left.length === damaged.length ? {} : { 'packages.damaged': Object.fromEntries(left) },
    ...steps.flatMap(({ name, to }) => {
      const [evr, time] = [aliases[name], installTimes[name]];
      return [
        fact(`package.${name}.installed`, to),
        fact(`package.${name}.state`, to === '' ? '' : 'installed'),
        evr === undefined ? {} : fact(evr, to),
        time === undefined ? {} : fact(time, to === '' ? 0 : now),
      ];
    }),
  ]);
}

const installTimes: ByName<'docker.installed_at' | 'containerd.installed_at'> = {
  'docker-ce': 'docker.installed_at',
  'containerd.io': 'containerd.installed_at',
};

const aliases: ByName<'docker.evr' | 'cli.evr' | 'containerd.evr' | 'kubelet.evr'> = {
  'docker-ce': 'docker.evr',
  'docker-ce-cli': 'cli.evr',
  'containerd.io': 'containerd.evr',
  kubelet: 'kubelet.evr',
};
