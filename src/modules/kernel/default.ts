// Changes and promises of the boot loader: a kernel for one boot or as the default, and the package
// whose updates follow it.

import { withPrelude } from '../../facts/probe/prelude.ts';
import { allOf, type Facts, type FactView, need } from '../../model/fact.ts';
import type { Change, ModulePlan } from '../../model/run/change.ts';
import type { RunEffect } from '../../model/run/effect.ts';
import type { Step } from '../package-manager/choose.ts';
import { copiedFacts, copyChanges } from '../package-manager/files.ts';
import type { Repositories } from '../package-manager/repositories.ts';
import { packageSteps } from '../package-manager/script.ts';
import type { Manager } from '../package-manager/version.ts';
import { beforeTrial, defaultScript, kernelErrors, kernelHints, trialScript } from './script.ts';

export interface Installation {
  readonly manager: Manager;
  readonly steps: readonly Step[];
  readonly lockWait: number;
  readonly repositories: Repositories;
}

export interface Target {
  readonly next: string;
  readonly release: string;
  /** Package of the release; empty where it is unknown. */
  readonly owner: string;
  /** Boot it once before it becomes the default, where the boot loader can. */
  readonly trial: boolean;
  readonly installation?: Installation;
}

/**
 * The package that /etc/sysconfig/kernel must name, so that an update of another one does not
 * become the default. `undefined`: it is right, or there is no entry.
 */
export function updatesOf(
  owner: string,
  facts: FactView,
): { readonly before: string; readonly after: string } | undefined {
  const before = facts.get('kernel.default_package') ?? '';
  if (before === '' || owner === '' || before.replace(/-core$/, '') === owner) return undefined;
  return { before, after: before.endsWith('-core') ? `${owner}-core` : owner };
}

export function planned(target: Target, facts: FactView): ModulePlan {
  const { next, release, owner, installation } = target;
  const cannot = facts.get('boot.once') || 'the boot loader was not read';
  const trial = target.trial && cannot === 'yes' && (facts.get('boot.grub_cfg') ?? '') !== '';
  const updates = trial ? undefined : updatesOf(owner, facts);
  const steps = installation?.steps ?? [];
  const changes: Omit<Change, 'effects'>[] = [
    ...steps.map(packageChange),
    ...bootChanges(target, facts),
    ...(updates === undefined
      ? []
      : [{ sign: '~', what: updatesWhat, ...updates, risk: 'write' } as const]),
  ];
  const effect = effectOf(target, trial, updates?.after, facts);
  return {
    changes: [
      ...copyChanges(steps, facts),
      ...changes.map((change, index) => ({
        ...change,
        effects: index === changes.length - 1 ? [effect] : [],
      })),
    ],
    promises: promisesOf(target, trial, updates?.after, facts),
    ...(trial
      ? { note: `once, with panic=30: when it does not come up, ${next} boots again` }
      : {}),
    ...(target.trial && !trial
      ? {
          warnings: [
            `kernel ${release} becomes the default at once, without being tried first: ${cannot}`,
          ],
        }
      : {}),
  };
}

/**
 * A requirement of a kernel's package file may be an upgrade. Kernels themselves are installed
 * beside each other.
 */
const packageChange = ({ name, from, to }: Step): Omit<Change, 'effects'> => ({
  sign: from === '' ? '+' : '~',
  what: `package ${name}`,
  ...(from === '' ? {} : { before: from }),
  after: to,
  risk: 'write',
});

export const updatesWhat = 'package whose updates become the default kernel';

/** Where the release boots next already, only a trial of another one may remain. */
function bootChanges(
  { next, release }: Target,
  facts: FactView,
): readonly Omit<Change, 'effects'>[] {
  if (next !== release)
    return [
      { sign: '~', what: 'kernel that boots next', before: next, after: release, risk: 'write' },
    ];
  const tried = facts.get('kernel.trial') ?? '';
  return tried === '' || tried === release
    ? []
    : [{ sign: '-', what: 'kernel on trial', before: tried, risk: 'write' }];
}

function effectOf(
  { release, installation }: Target,
  trial: boolean,
  updates: string | undefined,
  facts: FactView,
): RunEffect {
  const menu = facts.get('boot.grub_cfg') ?? '';
  const steps =
    installation === undefined
      ? ''
      : packageSteps(
          installation.manager,
          installation.steps,
          installation.lockWait,
          installation.repositories,
        );
  const install =
    installation === undefined ? '' : `install kernel ${release} beside the old one; `;
  return {
    kind: 'run',
    what: `${install}${trial ? `boot kernel ${release} once` : `make kernel ${release} the default`}`,
    script: withPrelude(
      trial
        ? beforeTrial + steps + trialScript(release, menu, need(facts, 'boot.loader'))
        : steps + defaultScript(release, menu, updates),
    ),
    detached: true,
    timeout: installation === undefined ? 300 : 2400 + installation.lockWait,
    errors: kernelErrors,
    hints: kernelHints,
  };
}

function promisesOf(
  { next, release, owner, installation }: Target,
  trial: boolean,
  updates: string | undefined,
  facts: FactView,
): Facts {
  const installed = need(facts, 'kernel.installed');
  return allOf([
    copiedFacts(installation?.steps ?? []),
    {
      'kernel.next': release,
      'kernel.installed': installed.includes(release) ? installed : [...installed, release],
      'kernel.trial': trial ? release : '',
      'kernel.saved': trial ? next : release,
      'boot.next_once': trial,
    },
    owner === ''
      ? {}
      : { 'kernel.packages': { ...facts.get('kernel.packages'), [release]: owner } },
    updates === undefined ? {} : { 'kernel.default_package': updates },
  ]);
}
