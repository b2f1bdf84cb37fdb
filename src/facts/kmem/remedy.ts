// The remedy: what fixes this host with the least disruption, by causes (kernel, argument, runc,
// kubelet), not by samples.
import type { Cause, Remedy } from '../../model/facts/values.ts';
import { groupIds } from './ids.ts';
import { healthOf, shortRelease, vendorSays } from './kernels.ts';
import type { Part } from './parts.ts';
import { ownerSays } from './programs/docker.ts';
import type { Situation } from './situation.ts';
import {
  accountedAnyway,
  fallsBack,
  isOnBySigns,
  caseOf as judgedCase,
  loses,
  notApplicable,
} from './verdict.ts';

export interface Treatment {
  readonly remedy: Remedy;
  /** One short line; empty for `none`. */
  readonly why: string;
  readonly causes: readonly Cause[];
  /** Other remedies, and why they were rejected: "runtime: kubelet 1.12.3 still accounts". */
  readonly rejected: readonly string[];
  /** Problems that stay after this remedy. */
  readonly leavesOpen: readonly string[];
}

/**
 * From a tenth of the ids on, dead groups alone justify a reboot. Our own figure: no other is
 * published.
 */
const manyDead = Math.floor(groupIds / 10);

/** The situation, with derived answers for the rules. */
interface Case extends Situation {
  /** Programs that may ask for accounting, and that their groups do not contradict. */
  readonly accounting: readonly Part[];
  readonly groupsOn: number;
  /** Of those, groups with a kernel-memory limit of their own: they ask again after a restart. */
  readonly explicitOn: number;
  /** Accounted groups that no program of this host explains. */
  readonly unexplained: boolean;
  readonly loses: boolean;
}

interface Rule {
  /** For the docs and the tests. */
  readonly name: string;
  readonly when: (host: Case) => boolean;
  readonly remedy: Remedy;
  readonly why: (host: Case) => string;
}

const nextBoot = (host: Case): string => shortRelease(host.next?.release ?? '');
const nextIsHealthy = (host: Case): boolean =>
  host.next !== undefined &&
  healthOf(host.next.generation) === 'healthy' &&
  host.next.generation !== 'older';
const needsCure = (host: Case): boolean =>
  host.accounting.length > 0 || host.groupsOn > 0 || host.unexplained;

/** First match wins. */
export const remedyRules: readonly Rule[] = [
  {
    name: 'a healthy kernel now, an affected one at the next boot',
    when: fallsBack,
    remedy: 'default_kernel',
    why: (host) =>
      `${host.next?.release} boots next, which leaks: make ${host.now.release} the default again`,
  },
  {
    name: 'not applicable',
    when: (host) => notApplicable(host) !== undefined,
    remedy: 'none',
    why: () => '',
  },
  {
    name: 'kernel not understood',
    when: (host) => host.now.generation === 'unknown',
    remedy: 'unknown',
    why: (host) => `kernel release "${host.now.release}" is not understood`,
  },
  {
    name: 'contradiction',
    when: (host) => host.now.inForce && (host.groupsOn > 0 || accountedAnyway(host) !== ''),
    remedy: 'unknown',
    why: (host) =>
      `nokmem is set and ${shortRelease(host.now.release)} parses it, and yet cgroups read on`,
  },
  {
    name: 'the boot menu is incomplete',
    when: (host) => host.menuBroken !== '' && needsCure(host),
    remedy: 'unsupported',
    why: (host) => `${host.menuBroken}; it may not boot again before it is repaired`,
  },
  {
    name: 'the next kernel is healthy',
    when: (host) => nextIsHealthy(host) && needsCure(host),
    remedy: 'reboot',
    why: (host) => `kernel ${nextBoot(host)} boots next and is healthy with accounting`,
  },
  {
    name: 'in force now and at the next boot',
    when: (host) =>
      host.now.inForce && (host.next === undefined || host.next.inForce || nextIsHealthy(host)),
    remedy: 'none',
    why: () => '',
  },
  {
    name: 'in force at the next boot',
    when: (host) => host.next?.inForce === true && needsCure(host),
    remedy: 'reboot',
    why: (host) => `nokmem is set for the next boot, and ${nextBoot(host)} parses it`,
  },
  {
    name: 'nothing accounts, old groups remain',
    when: (host) =>
      !host.loses &&
      host.accounting.length === 0 &&
      host.groupsOn > 0 &&
      host.explicitOn === 0 &&
      !host.unexplained,
    remedy: 'reboot',
    why: () => 'no program asks any more; groups made before still account',
  },
  {
    name: 'nothing accounts, many dead groups',
    when: (host) =>
      !host.loses &&
      host.accounting.length === 0 &&
      host.groupsOn === 0 &&
      host.deadGroups >= manyDead,
    remedy: 'reboot',
    why: (host) => `about ${host.deadGroups} of ${groupIds} cgroup ids are held by dead groups`,
  },
  {
    name: 'nothing accounts',
    when: (host) => !host.loses && !needsCure(host),
    remedy: 'none',
    why: () => '',
  },
  {
    name: 'the next boot may be read by root only',
    when: (host) => host.next === undefined && host.nextDenied !== '',
    remedy: 'unknown',
    why: (host) => host.nextDenied,
  },
  {
    name: 'a distribution that is not known',
    when: (host) => host.unknownOs !== '',
    remedy: 'unsupported',
    why: (host) =>
      `distribution "${host.unknownOs}" is not known: its boot loader and packages would be edited on a guess`,
  },
  {
    name: 'the next kernel parses nokmem',
    when: (host) => host.next?.parses === 'yes',
    remedy: 'kernel_arg',
    why: (host) => (host.loses ? 'the next boot loses cgroup.memory=nokmem' : accountingText(host)),
  },
  {
    name: 'only a runtime that can be upgraded accounts',
    when: (host) => runtimeSuffices(host),
    remedy: 'runtime',
    why: (host) => `${accountingText(host)}; ${notParsed(host)}`,
  },
  {
    name: 'no boot loader that is known',
    when: (host) => host.next === undefined,
    remedy: 'unsupported',
    why: () => 'what boots next is not known: no known boot loader',
  },
  {
    name: 'el7 kernel that does not parse nokmem',
    when: (host) => host.next?.generation === 'el7',
    remedy: 'kernel_and_arg',
    why: (host) => notParsed(host) + howToSettle(host),
  },
  {
    name: 'other kernel that does not parse nokmem',
    when: () => true,
    remedy: 'unsupported',
    why: (host) => `${notParsed(host)}, and kmend knows no newer kernel for it${howToSettle(host)}`,
  },
];

export function treat(situation: Situation, rules: readonly Rule[] = remedyRules): Treatment {
  const host = caseOf(situation);
  const rule = rules.find(({ when }) => when(host));
  const remedy = rule?.remedy ?? 'unknown';
  const applicable = notApplicable(situation) === undefined;
  return {
    remedy,
    why: [rule?.why(host) ?? '', ownerNote(remedy, host)].filter((part) => part !== '').join('; '),
    causes: applicable ? causesOf(host) : [],
    rejected: rejectedFor(remedy, host),
    leavesOpen: applicable ? leavesOpen(remedy, host) : [],
  };
}

function caseOf(situation: Situation): Case {
  const judged = judgedCase(situation);
  const bySigns = isOnBySigns(judged);
  // Where groups were accounted, a program with a disputed or declared "no" is suspected too.
  const accounting = [...judged.open, ...(bySigns ? judged.unconfirmed : [])];
  return {
    ...situation,
    accounting,
    groupsOn: judged.tally.on,
    explicitOn: judged.tally.explicit,
    // The predecessor of a program that was replaced in this boot may have made them.
    unexplained:
      (judged.tally.on > judged.tally.explicit || bySigns) &&
      accounting.length === 0 &&
      !judged.wasReplaced,
    loses: loses(situation),
  };
}

const kubeletOf = (host: Case): Part | undefined =>
  host.accounting.find(({ part }) => part === 'kubelet');
const runtimesOf = (host: Case): readonly Part[] =>
  host.accounting.filter(({ part }) => part !== 'kubelet');

/**
 * Docker's own packages can be upgraded in place; another vendor's engine would be a migration. A
 * kubelet that accounts would go on, and so would a kernel-memory limit that was set explicitly.
 */
const runtimeSuffices = (host: Case): boolean =>
  runtimesOf(host).length > 0 &&
  runtimesOf(host).every(({ part }) => part === 'docker') &&
  kubeletOf(host) === undefined &&
  host.explicitOn === 0 &&
  host.enginePackage === 'docker-ce' &&
  !host.loses;

/**
 * An engine that accounts, and that only its owner can replace: the owner's remedy, and that the
 * argument works without it.
 */
function ownerNote(remedy: Remedy, host: Case): string {
  const byArgument = remedy === 'kernel_arg' || remedy === 'kernel_and_arg';
  const alone =
    kubeletOf(host) === undefined && runtimesOf(host).some(({ part }) => part === 'docker');
  if (!alone || !(byArgument || remedy === 'unsupported')) return '';
  const owner = ownerSays(host.enginePackage);
  return owner !== '' && byArgument ? `the argument needs no change of runtime (${owner})` : owner;
}

const saysAccounts = (part: Part): string => (part.accounts === 'yes' ? 'accounts' : 'may account');

function accountingText(host: Case): string {
  const causes = [
    ...new Set(host.accounting.map((part) => `${part.name} ${saysAccounts(part)}`)),
    ...explicitText(host),
  ];
  return causes.length === 0 || host.unexplained
    ? [...causes, 'cgroups read on, made by no known program'].join(', ')
    : causes.join(', ');
}

/** One clause, where a kernel-memory limit was set explicitly. */
const explicitText = ({ explicit, explicitOn }: Case): readonly string[] =>
  explicitOn === 0 ? [] : [`${explicit.join(', ')} asked for a kernel-memory limit`];

function notParsed(host: Case): string {
  const kernel = host.next ?? host.now;
  const name =
    kernel.generation === 'el7'
      ? shortRelease(kernel.release)
      : `kernel ${shortRelease(kernel.release)}`;
  return kernel.parses === 'no'
    ? `${name} does not parse nokmem`
    : `${name} is not known to parse nokmem`;
}

/**
 * What would show whether an unread kernel obeys: its System.map, which the probe reads where it is
 * a real one, or a trial.
 */
function howToSettle(host: Case): string {
  const kernel = host.next ?? host.now;
  if (kernel.parses !== 'unknown') return '';
  return host.now.asks && kernel.release === host.now.release
    ? '; `kmend check --active` settles it'
    : '; a real System.map of it, or the active probe after a boot with the argument, settles it';
}

function causesOf(host: Case): readonly Cause[] {
  const causes: Cause[] = [];
  if ((host.next ?? host.now).parses !== 'yes') causes.push('kernel');
  if (!host.now.inForce) causes.push('argument');
  if (host.loses) causes.push('argument_lost');
  if (kubeletOf(host) !== undefined) causes.push('kubelet');
  if (runtimesOf(host).length > 0) causes.push('runc');
  if (host.explicitOn > 0) causes.push('explicit_limit');
  if (host.unexplained) causes.push('unknown_creator');
  else if (host.groupsOn > host.explicitOn && host.accounting.length === 0)
    causes.push('old_groups');
  // A kernel without the argument is no cause by itself: a program must ask for accounting.
  const asked = causes.some((cause) => !['kernel', 'argument'].includes(cause));
  return asked ? causes : [];
}

function rejectedFor(remedy: Remedy, host: Case): readonly string[] {
  const rejected: string[] = [];
  const obeys = (host.next ?? host.now).parses === 'yes';
  if ((remedy === 'kernel_and_arg' || remedy === 'unsupported') && !obeys)
    rejected.push(`kernel_arg: ${notParsed(host)}`);
  if (['kernel_arg', 'kernel_and_arg', 'unsupported'].includes(remedy))
    rejected.push(...runtimeRejected(host));
  if (remedy === 'runtime')
    rejected.push(
      `kernel_arg: ${notParsed(host)}`,
      'kernel_and_arg: a new kernel is more than is needed',
    );
  return rejected;
}

function runtimeRejected(host: Case): readonly string[] {
  const kubelet = kubeletOf(host);
  if (kubelet !== undefined)
    return [
      `runtime: ${kubelet.name} ${kubelet.accounts === 'yes' ? 'still accounts' : 'may still account'} /kubepods`,
    ];
  const others = runtimesOf(host).filter(({ part }) => part !== 'docker');
  if (others.length > 0)
    return [
      `runtime: kmend does not upgrade ${[...new Set(others.map(({ name }) => name))].join(', ')}`,
    ];
  if (host.explicitOn > 0)
    return ['runtime: every runtime sets a kernel-memory limit that a container asks for'];
  if (runtimesOf(host).length === 0) return [];
  if (host.enginePackage !== 'docker-ce')
    return [
      `runtime: ${host.enginePackage || 'this engine'} cannot be upgraded in place to a docker-ce that does not account`,
    ];
  return ['runtime: the argument is surer, and needs a reboot all the same'];
}

function leavesOpen(remedy: Remedy, host: Case): readonly string[] {
  const open: string[] = [];
  if (host.explicitOn > 0)
    open.push(
      `${host.explicit.join(', ')}: its owner starts it anew without --kernel-memory; until then the argument alone covers it`,
    );
  if (remedy === 'runtime')
    open.push(
      'other programs that ask for kernel-memory limits are still accounted: the argument would stop that too',
    );
  if (remedy === 'none' && host.deadGroups > 0)
    open.push(`about ${host.deadGroups} dead groups stay until the next reboot`);
  if (remedy === 'none' && !host.now.inForce)
    for (const { name, accounts, note, part } of host.parts)
      if (note !== undefined && accounts === 'no' && part !== 'kubelet')
        open.push(`${name}: ${note}`);
  const vendor = vendorSays(host.now.release);
  if (vendor !== '' && remedy !== 'none') open.push(`${vendor}: no reason to leave accounting on`);
  if (host.next?.asks && host.next.parses !== 'yes')
    open.push(
      `cgroup.memory=nokmem is set, but the kernel that boots next is not known to parse it${howToSettle(host)}`,
    );
  return open;
}
