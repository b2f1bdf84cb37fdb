// The situation: the facts of a host that verdict and remedy need.
import { type Facts, known } from '../../model/fact.ts';
import type {
  Answer,
  ExplicitLimit,
  Generation,
  KernelSource,
  SampleCounts,
} from '../../model/facts/values.ts';
import { isUnknown } from '../../model/value.ts';
import { asksForNokmem, disablesMemoryCgroup } from '../areas/boot/boot-args.ts';
import type { CreatorRow } from './creators.ts';
import { kernelAnswer, sourceOf, tableAnswer } from './kernel-answer.ts';
import { readRelease } from './kernels.ts';
import { isContradicted, mayAsk, type Part, partsOf } from './parts.ts';
import {
  countOf,
  readWitnesses,
  type Witnesses,
  type WitnessRules,
  witnessRules,
} from './witnesses.ts';

export interface Samples {
  readonly read: number;
  readonly eio: number;
  readonly denied: number;
  readonly failed: number;
  readonly failedWhy: string;
  /** Groups without a memory.kmem.slabinfo; not in the total. */
  readonly absent: number;
  readonly total: number;
  /** The walk reached its time limit, so the counts are of a part of the groups. */
  readonly capped: boolean;
}

interface Kernel {
  readonly release: string;
  readonly generation: Generation;
  readonly parses: Answer;
  readonly by: KernelSource;
  readonly asks: boolean;
  /** It asks for nokmem, and the kernel is known to parse it. */
  readonly inForce: boolean;
}

export interface Situation {
  readonly now: Kernel;
  /** The kernel and arguments of the next boot; absent when no boot loader is known. */
  readonly next?: Kernel;
  /** Why the next boot is unknown, where permissions are missing. */
  readonly nextDenied: string;
  /** What is wrong with the boot menu's file; empty when nothing is. */
  readonly menuBroken: string;
  /** The distribution, where kmend does not know it; empty otherwise. */
  readonly unknownOs: string;
  readonly memory: string;
  readonly controllerOff: boolean;
  /** The groups have memory.kmem files: the kernel was built with kernel-memory accounting. */
  readonly kmemFiles: boolean;
  /** Programs that make groups, whether they ask for accounting or not. */
  readonly parts: readonly Part[];
  readonly enginePackage: string;
  readonly samples: Samples;
  readonly witnesses: readonly Witnesses[];
  /** Paths of some limited groups whose creator is unknown. */
  readonly unknownLimited: readonly string[];
  /**
   * Accounted groups with a kernel-memory limit of their own, by names that operators know; at most
   * five.
   */
  readonly explicit: readonly string[];
  readonly rootUsage: number;
  readonly slabEntries: number;
  readonly deadGroups: number;
  /** Growth of dead groups a day, measured between two checks; 0 where it was not measured. */
  readonly deadGrowth: number;
  readonly symptoms: readonly { readonly kind: string; readonly count: number }[];
  readonly activeProbe: string;
  /** Ids of memory cgroups in use, of existing and of dead groups. */
  readonly idsUsed: number;
}

/** Programs and groups that the situation leaves out: a play accepted that they are accounted. */
interface Left {
  readonly part: (part: Part) => boolean;
  readonly groups: (row: CreatorRow) => boolean;
}

const nothingLeft: Left = { part: () => false, groups: () => false };

export function readSituation(
  facts: Facts,
  rules: WitnessRules = witnessRules,
  left: Left = nothingLeft,
): Situation {
  const all = readWitnesses(facts);
  const witnesses = all.filter(({ row }) => !left.groups(row));
  const parts = partsOf(facts, all, rules, witnesses).filter((part) => !left.part(part));
  const next =
    known(facts, 'kernel.next', '') ||
    (known(facts, 'boot.loader', '') === 'flatcar' ? known(facts, 'kernel.release', '') : '');
  const denied = facts['boot.next_cmdline'];
  const booted = kernelOf(
    facts,
    'now',
    known(facts, 'kernel.release', ''),
    known(facts, 'boot.cmdline', ''),
  );
  const samples = without(
    all.filter(({ row }) => left.groups(row)),
    readSamples(known(facts, 'kmem.samples', {})),
  );
  const now = obeysVisibly(booted, parts, samples)
    ? ({ ...booted, parses: 'yes', by: 'groups', inForce: true } as const)
    : booted;
  const later =
    next === '' ? undefined : kernelOf(facts, 'next', next, known(facts, 'boot.next_cmdline', ''));
  return {
    now,
    ...(later === undefined
      ? {}
      : {
          next:
            now.by === 'groups' && later.release === now.release
              ? { ...later, ...knownAs(now, later) }
              : later,
        }),
    nextDenied: isUnknown(denied) ? denied.$unknown : '',
    menuBroken: known(facts, 'boot.menu_broken', ''),
    unknownOs: known(facts, 'os.family', '') === 'unknown' ? known(facts, 'os.id', '') : '',
    memory: known(facts, 'cgroup.memory', ''),
    controllerOff: disablesMemoryCgroup(known(facts, 'boot.cmdline', '')),
    kmemFiles: facts['kmem.files'] !== false,
    parts: mayObey(now) || samples.capped ? parts : parts.map(contradicted),
    enginePackage: known(facts, 'docker.package', ''),
    samples,
    witnesses,
    unknownLimited: known(facts, 'kmem.unknown_limited', []),
    explicit: known(facts, 'kmem.explicit', []).map(shownGroup),
    rootUsage: known(facts, 'kmem.root_usage', 0),
    slabEntries: known(facts, 'kmem.slab_entries', 0),
    deadGroups: known(facts, 'kmem.dead_groups', 0),
    deadGrowth: known(facts, 'kmem.ids.growth_per_day', 0),
    symptoms: known(facts, 'kmem.symptoms', []),
    activeProbe: known(facts, 'kmem.active_probe', ''),
    idsUsed: known(facts, 'kmem.live_groups', 0) + known(facts, 'kmem.dead_groups', 0),
  };
}

/** The samples without these groups. */
function without(groups: readonly Witnesses[], samples: Samples): Samples {
  const fewer = (state: 'read' | 'eio' | 'denied' | 'failed'): number =>
    samples[state] - countOf(groups, (group) => group.state === state);
  return {
    ...samples,
    read: fewer('read'),
    eio: fewer('eio'),
    denied: fewer('denied'),
    failed: fewer('failed'),
    total: samples.total - countOf(groups),
  };
}

/**
 * `container redis (8aff71103b35)`, `container 8aff71103b35`, or the path where the group is no
 * container.
 */
function shownGroup({ name, path }: ExplicitLimit): string {
  const short = /[0-9a-f]{64}/.exec(path)?.[0].slice(0, 12);
  if (short === undefined) return `group ${path}`;
  return name === '' ? `container ${short}` : `container ${name} (${short})`;
}

function kernelOf(facts: Facts, boot: 'now' | 'next', release: string, cmdline: string): Kernel {
  const { generation } = readRelease(release);
  const by = sourceOf(facts, release, boot);
  const parses =
    by === 'table'
      ? tableAnswer(facts, release)
      : (kernelAnswer(facts, release, boot)?.obeys ?? 'unknown');
  const asks = asksForNokmem(cmdline, generation === 'el7');
  return { release, generation, parses, by, asks, inForce: asks && parses === 'yes' };
}

const knownAs = (now: Kernel, next: Kernel): Pick<Kernel, 'parses' | 'by' | 'inForce'> => ({
  parses: now.parses,
  by: now.by,
  inForce: next.asks && now.parses === 'yes',
});

/**
 * The argument is set on a kernel whose source was not read, and each program that asks was
 * refused. So the kernel obeys, or no program asks. Accounting is off either way, as long as kernel
 * and programs stay the same.
 */
function obeysVisibly(now: Kernel, parts: readonly Part[], samples: Samples): boolean {
  // A disputed or declared "no" proves nothing about the kernel: this program must be refused too.
  const askers = parts.filter((part) => mayAsk(part) || part.unsure);
  return (
    now.asks &&
    now.parses === 'unknown' &&
    readsWhole(samples) &&
    samples.read === 0 &&
    askers.some((part) => part.accounts === 'yes') &&
    askers.every(isContradicted)
  );
}

/** The argument is set, and the kernel may obey it: groups may read off because of it. */
export const mayObey = ({ asks, parses }: Kernel): boolean => asks && parses !== 'no';

/** Every group gave an answer. */
export const readsWhole = ({ denied, failed, capped }: Samples): boolean =>
  denied === 0 && failed === 0 && !capped;

/**
 * Where nothing prevents accounting, a program whose limited groups are all unaccounted does not
 * ask, whatever its version says.
 */
function contradicted(part: Part): Part {
  if (!isContradicted(part)) return part;
  if (part.accounts === 'yes')
    return {
      ...part,
      accounts: 'no',
      unsure: false,
      note: 'a build that does not ask: its limited groups read off',
    };
  if (part.accounts === 'unknown')
    return {
      ...part,
      accounts: 'no',
      unsure: false,
      note: 'its version does not show it; its limited groups read off',
    };
  return { ...part, unsure: false };
}

const readSamples = (counts: SampleCounts): Samples => ({
  read: counts.read ?? 0,
  eio: counts.eio ?? 0,
  denied: counts.denied ?? 0,
  failed: counts.failed ?? 0,
  failedWhy: counts.failed_why ?? '',
  absent: counts.absent ?? 0,
  total: counts.total ?? 0,
  capped: counts.capped === true,
});
