// Derived facts: computed from other facts whenever those change. An unknown fact makes its derived
// facts unknown.

import { type Facts, type FactValue, known } from '../model/fact.ts';
import type { PlainName } from '../model/facts/table.ts';
import { present } from '../model/present.ts';
import { isUnknown, type Mapping, unknown, type Value } from '../model/value.ts';
import { differingArgs } from './areas/boot/boot.ts';
import { idFacts, idNames } from './kmem/ids.ts';
import { kernelReason } from './kmem/kernel-answer.ts';
import { partProofOf } from './kmem/partial.ts';
import { changedAfterBoot } from './kmem/parts.ts';
import { type Treatment, treat } from './kmem/remedy.ts';
import { readSituation, type Situation } from './kmem/situation.ts';
import { judge, proofOf, unshownRuntimes } from './kmem/verdict.ts';

/** The facts with all derived ones, as a new object. A second call on it changes nothing. */
export function derive(facts: Facts): Facts {
  const derived = { ...facts, ...idFacts(facts) };
  const situation = situationOf(derived);
  return Object.assign(derived, ...groups.map(({ make }) => make(derived, situation)));
}

/**
 * What `derive` gives for the facts with `more` of them, each group of derived facts made when one
 * of them is first read: few are, of facts that are only planned.
 */
export function deriveLazily(facts: Facts, more: Facts): Facts {
  const derived: Record<string, Value> = {};
  const given: Mapping = facts;
  // To copy a derived fact would make it.
  for (const name of Object.keys(given)) {
    const value = isDerived(name) ? undefined : given[name];
    if (value !== undefined) derived[name] = value;
  }
  Object.assign(derived, more);
  Object.assign(derived, idFacts(derived as Facts));
  const situation = situationOf(derived as Facts);
  for (const { names, make } of groups) {
    let made: Mapping | undefined;
    for (const name of names) {
      const get = (): Value | undefined => {
        made ??= make(derived as Facts, situation);
        return made[name];
      };
      Object.defineProperty(derived, name, { get, enumerable: true, configurable: true });
    }
  }
  return derived as Facts;
}

/** Read once, and only where something follows from it. */
function situationOf(facts: Facts): () => Situation {
  let read: Situation | undefined;
  return () => {
    read ??= readSituation(facts);
    return read;
  };
}

/**
 * Why one of these facts is unknown; empty when all are known. A fact that was never read is
 * unknown too.
 */
function whyUnknown(facts: Facts, names: readonly PlainName[]): string {
  for (const name of names) {
    const value: Value | undefined = facts[name];
    if (value === undefined) return `${name} was not read`;
    if (isUnknown(value)) return value.$unknown;
  }
  return '';
}

function orUnknown<Name extends PlainName>(
  why: string,
  make: () => { readonly [Each in Name]: FactValue<Each> },
  names: readonly Name[],
): Facts {
  return why === '' ? make() : Object.fromEntries(names.map((name) => [name, unknown(why)]));
}

function kernelFacts(facts: Facts, situation: () => Situation): Facts {
  const evr = facts['containerd.evr'];
  return {
    ...orUnknown(whyUnknown(facts, ['kernel.release']), () => {
      const { now } = situation();
      return {
        'kernel.generation': now.generation,
        'kernel.parses_nokmem': now.parses,
        'kernel.parses_by': now.by,
      };
    }, ['kernel.generation', 'kernel.parses_nokmem', 'kernel.parses_by']),
    ...orUnknown(whyUnknown(facts, ['kernel.next']), () => {
      const { next } = situation();
      return {
        'kernel.next_parses_nokmem': next?.parses ?? 'unknown',
        'kernel.next_parses_by': next?.by ?? '',
      };
    }, ['kernel.next_parses_nokmem', 'kernel.next_parses_by']),
    'containerd.version':
      typeof evr === 'string' ? (evr.replace(/^\d+:/, '').split(/[-~]/, 1)[0] ?? '') : (evr ?? ''),
  };
}

function pendingFacts(facts: Facts): Facts {
  const why = whyUnknown(facts, [
    'kernel.release',
    'boot.cmdline',
    'kernel.next',
    'boot.next_cmdline',
  ]);
  return orUnknown(why, () => {
    const reasons = pendingReasons(facts);
    return { 'boot.pending': reasons.length > 0, 'boot.pending_why': reasons };
  }, ['boot.pending', 'boot.pending_why']);
}

function pendingReasons(facts: Facts): readonly string[] {
  const reasons: string[] = [];
  // The kernel that was chosen for one boot runs now, as wanted. The next boot would fall back, and
  // this is no reason to reboot.
  const [release, trial] = [known(facts, 'kernel.release', ''), known(facts, 'kernel.trial', '')];
  const onTrial = trial !== '' && trial === release;
  const next = onTrial ? '' : known(facts, 'kernel.next', '');
  if (next !== '' && next !== release) reasons.push(`kernel: ${release} -> ${next}`);
  if (next !== '' || known(facts, 'boot.loader', '') === 'flatcar')
    reasons.push(
      ...differingArgs(known(facts, 'boot.cmdline', ''), known(facts, 'boot.next_cmdline', '')),
    );
  reasons.push(...changedAfterBoot(facts).map((name) => `${name} was installed after this boot`));
  return reasons;
}

const kmemNames = [
  'kmem.verdict',
  'kmem.evidence',
  'kmem.remedy',
  'kmem.remedy_why',
  'kmem.tries',
  'kmem.causes',
  'kmem.rejected',
  'kmem.leaves_open',
  'kmem.provable',
  'kmem.proof',
  'kmem.parts',
  'kmem.unshown',
  'kmem.partial',
  'kmem.partial_evidence',
] as const;

/** Does this remedy need a kernel that obeys the argument? A reboot may have another reason. */
const isByArgument = ({ remedy }: Treatment, { next }: Situation): boolean =>
  remedy === 'kernel_arg' || (remedy === 'reboot' && next?.asks === true);

/**
 * The reason names the source of the answer for the next kernel, where the remedy depends on it:
 * this run or the operator.
 */
function whyOf(treatment: Treatment, situation: Situation, facts: Facts): string {
  const { remedy, why } = treatment;
  const byKernel =
    ['kernel_and_arg', 'runtime', 'unsupported'].includes(remedy) ||
    isByArgument(treatment, situation);
  const ground =
    byKernel && situation.next !== undefined ? kernelReason(facts, situation.next.release) : '';
  return [why, ground].filter((part) => part !== '').join('; ');
}

function triedBy(treatment: Treatment, situation: Situation): string {
  const { next } = situation;
  return isByArgument(treatment, situation) && next?.by === 'try' ? next.release : '';
}

/**
 * Facts of this boot must be known. Facts of the disk may be missing (no root, docker hangs): the
 * answer reports that.
 */
function kmemFacts(facts: Facts, read: () => Situation): Facts {
  const why = whyUnknown(facts, [
    'kernel.release',
    'boot.cmdline',
    'cgroup.memory',
    'kmem.samples',
  ]);
  return orUnknown(
    why,
    () => {
      const situation = read();
      const { verdict, evidence } = judge(situation);
      const treatment = treat(situation);
      const proof = proofOf(situation);
      const partial = partProofOf(facts, situation);
      return {
        'kmem.verdict': verdict,
        'kmem.evidence': evidence,
        'kmem.remedy': treatment.remedy,
        'kmem.remedy_why': whyOf(treatment, situation, facts),
        'kmem.tries': triedBy(treatment, situation),
        'kmem.causes': treatment.causes,
        'kmem.rejected': treatment.rejected,
        'kmem.leaves_open': treatment.leavesOpen,
        'kmem.provable': proof !== 'none',
        'kmem.proof': proof,
        'kmem.parts': situation.parts.map((part) => ({
          part: part.part,
          key: part.key,
          name: part.name,
          asks: part.never ? 'never' : part.accounts,
          ...present({ note: part.note }),
          containers: part.containers,
          containers_off: part.containersOff,
          sample: part.sample,
        })),
        'kmem.unshown':
          partial.state === '' ? unshownRuntimes(situation).map(({ key }) => key) : partial.unshown,
        'kmem.partial': partial.state,
        'kmem.partial_evidence': partial.evidence,
      };
    },
    kmemNames,
  );
}

/** Derived facts that are made together. None of them follows from another. */
const groups: readonly {
  readonly names: readonly PlainName[];
  readonly make: (facts: Facts, situation: () => Situation) => Facts;
}[] = [
  {
    names: [
      'kernel.generation',
      'kernel.parses_nokmem',
      'kernel.parses_by',
      'kernel.next_parses_nokmem',
      'kernel.next_parses_by',
      'containerd.version',
    ],
    make: kernelFacts,
  },
  { names: ['boot.pending', 'boot.pending_why'], make: pendingFacts },
  { names: kmemNames, make: kmemFacts },
];

const derivedNames: ReadonlySet<string> = new Set(groups.flatMap(({ names }) => names));

/** `kmem.now.*` is the same as `kmem.*`, whatever remedy was chosen. */
const isDerived = (name: string): boolean => derivedNames.has(name) || name.startsWith('kmem.now.');

/** Whether a fact with this name may follow from others. */
export const mayFollow = (name: string): boolean => isDerived(name) || idNames.has(name);
