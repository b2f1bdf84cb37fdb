// Reads the package facts of a host, and why its packages must not be changed.

import {
  blockingStates,
  type Damage,
  damageWords,
  matters,
  readDamage,
  repairOf,
} from '../../facts/areas/packages/damage.ts';
import { lookFact, repositoryWant } from '../../facts/areas/packages/repositories.ts';
import { type FactView, type FactWant, judgedFact, need } from '../../model/fact.ts';
import type { Unusable } from '../../model/facts/values.ts';
import type { PlanContext, Refusal } from '../../model/run/change.ts';
import { pasteable } from '../../model/text/quote.ts';
import { choiceRefusal, noRepositories, type Repositories } from './repositories.ts';
import { isManager, type Manager } from './version.ts';

/** `beside`: other packages for the same query of the repositories. */
export const packageWant = (
  name: string,
  repositories = noRepositories,
  beside: readonly string[] = [],
): FactWant => ({
  area: 'package',
  args: { name, ...repositoryWant(repositories), ...(beside.length === 0 ? {} : { beside }) },
});

export interface PackageFacts {
  /** [epoch:]version-release, empty when it is not installed. */
  readonly installed: string;
  /** Why it is not fully installed. */
  readonly damage?: Damage;
  readonly available: readonly string[];
  /** Repositories that failed in that query. */
  readonly unusable: readonly Unusable[];
  readonly held: boolean;
}

export const packageFacts = (
  facts: FactView,
  name: string,
  repositories = noRepositories,
): PackageFacts => ({
  installed: need(facts, `package.${name}.installed`),
  ...damageOf(facts, name),
  available: need(facts, lookFact(name, repositories, 'available')),
  unusable: facts.get(lookFact(name, repositories, 'unusable')) ?? [],
  held: need(facts, `package.${name}.held`),
});

function damageOf(facts: FactView, name: string): Pick<PackageFacts, 'damage'> {
  const state = facts.get(`package.${name}.state`) ?? '';
  if (state !== '' && state !== 'installed') return { damage: { name, state } };
  const damage = readDamage(facts.get('packages.damaged')).find((one) => one.name === name);
  return damage === undefined ? {} : { damage };
}

/**
 * Why packages that are not fully installed are not "as wanted". A transaction repairs a failed
 * script, since it installs another version. Another process's transaction leaves packages half
 * done: the script waits for it, and reads the state afterwards.
 */
export function damageRefusal(
  packages: readonly PackageFacts[],
  moved: readonly string[],
  facts: FactView,
  manager: Manager,
): Refusal | undefined {
  const isBusy = (facts.get('packages.lock') ?? '') !== '';
  const damaged = packages.flatMap(({ damage }) => (damage === undefined ? [] : [damage]));
  const left = damaged.filter(
    ({ name, state }) => !moved.includes(name) || !(isBusy || state === 'script-failed'),
  );
  if (left.length === 0) return undefined;
  // A package that is not configured blocks those that need it. So the cause is among the others.
  const others = readDamage(facts.get('packages.damaged')).filter(
    (one) => matters(one.name) && left.every(({ name }) => name !== one.name),
  );
  const all = [...left, ...others];
  return { why: damageWords(all), hint: repairOf(all, manager) };
}

/**
 * The package manager, or why the host has none that kmend can use, or none that can choose these
 * repositories.
 */
export function managerOf(
  facts: FactView,
  repositories: Repositories = noRepositories,
): { readonly manager: Manager } | { readonly refuse: Refusal } {
  const manager = need(facts, 'packages.manager');
  if (isManager(manager)) {
    const refuse = choiceRefusal(manager, repositories);
    return refuse === undefined ? { manager } : { refuse };
  }
  return {
    refuse: {
      why:
        manager === 'none'
          ? 'there is no package manager here'
          : `packages are managed by ${manager}, which kmend does not drive`,
      hint: 'kmend installs with yum, dnf, apt and zypper; change the packages by other means and run kmend again',
    },
  };
}

/**
 * Refuses before a drain what would fail after it; only checked when there is work to do. A lock is
 * no reason: after the drain the script waits up to `lock_timeout` for it. During another
 * transaction packages are half done, and nothing is broken.
 */
export function busyOrBroken(facts: FactView, { done }: PlanContext): Refusal | undefined {
  const lock = facts.get('packages.lock') ?? '';
  if (lock !== '')
    return done.touched === true
      ? undefined
      : {
          why: `the package manager is in use: ${lock}`,
          hint: 'wait for it to end, and try again',
        };
  const broken = facts.get('packages.broken') ?? '';
  if (broken === '') return undefined;
  const damaged = readDamage(facts.get('packages.damaged')).filter(({ state }) =>
    blockingStates.includes(state),
  );
  return {
    why: `the package database is not in order: ${broken}`,
    hint: damaged.length === 0 ? byHand : repairOf(damaged, facts.get('packages.manager') ?? ''),
  };
}

const byHand =
  'repair it on the host: `dpkg --configure -a`, `yum-complete-transaction` or `rpm --rebuilddb`, whichever fits';

export interface SpaceNeed {
  readonly fact: 'space.boot_kb' | 'space.root_kb' | 'space.var_kb';
  readonly path: string;
  readonly mb: number;
}

/** Less free space than this, in MB, is a refusal. Unknown facts are not judged. */
export function spaceRefusal(facts: FactView, needs: readonly SpaceNeed[]): Refusal | undefined {
  for (const { fact, path, mb } of needs) {
    const left = judgedFact(facts, fact, (free) => mbBelow(mb, free));
    if (left !== null)
      return {
        why: `${path} has ${left} MB left, this needs ${mb}`,
        hint: `make room on ${path} first`,
      };
  }
  return undefined;
}

/** The free MB where they are fewer than this; null = enough, or not known. */
export const mbBelow = (mb: number, free: number | undefined): number | null =>
  free !== undefined && free < mb * 1024 ? Math.floor(free / 1024) : null;

/** `liftable`: the module has `holds: lift`. */
export const heldRefusal = (name: string, manager: Manager, liftable = false): Refusal => ({
  why: `${name} is held: the package manager would leave it as it is`,
  hint: `if it is yours to lift: ${unhold(pasteable(name), manager)}${liftable ? ', or `holds: lift` in the task, which puts it back afterwards' : ''}`,
});

const unhold = (name: string, manager: Manager): string => {
  if (manager === 'apt') return `\`apt-mark unhold ${name}\`, or the pin in /etc/apt/preferences`;
  return manager === 'zypper'
    ? `\`zypper removelock ${name}\``
    : `\`yum versionlock delete ${name}\` or the exclude= line`;
};
