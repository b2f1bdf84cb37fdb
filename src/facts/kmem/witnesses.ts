// Witnesses: sums of memory cgroups by creator and answer, and when such a group is evidence about
// the program that made it.
import { type Facts, known } from '../../model/fact.ts';
import type { WitnessRow } from '../../model/facts/values.ts';
import { countsSwap } from '../areas/boot/boot-args.ts';
import { type CreatorRow, creatorByKey, type Manager } from './creators.ts';
import { healthOf, readRelease } from './kernels.ts';

/** Groups that a verdict cannot distinguish. */
export interface Witnesses extends Omit<WitnessRow, 'row' | 'explicit'> {
  readonly row: CreatorRow;
  /**
   * It, or a group above it, has a kernel-memory limit of its own. So it is no evidence about what
   * its creator asks for.
   */
  readonly explicit: boolean;
}

/** Containers of a CRI: their limit comes from the pod's specification, before they start. */
const belowPods: ReadonlySet<string> = new Set([
  'pod-container',
  'pod-crio',
  'literal-containerd',
  'literal-crio',
]);

/**
 * Reads the fact `kmem.witnesses`. Where swap is not counted there is no memsw limit, so the time
 * of a limit is unknown: outside of pods it may have been set later.
 */
export function readWitnesses(facts: Facts): readonly Witnesses[] {
  const read = known(facts, 'kmem.witnesses', []).map(readRow);
  const [release, cmdline] = [facts['kernel.release'], facts['boot.cmdline']];
  if (typeof release !== 'string' || typeof cmdline !== 'string') return read;
  const { generation } = readRelease(release);
  if (healthOf(generation) === 'healthy' || countsSwap(cmdline, generation === 'el7')) return read;
  return read.map((group) =>
    group.limited === 'yes' && isLimitedByHand(group.row) ? { ...group, limited: 'later' } : group,
  );
}

/**
 * Its limit can be changed while it runs, by `docker update` for example. This is not done to
 * containers of a pod.
 */
const isLimitedByHand = (row: CreatorRow): boolean =>
  row.level === 'container' && !belowPods.has(row.key);

const readRow = (row: WitnessRow): Witnesses => ({
  ...row,
  row: creatorByKey(row.row),
  explicit: row.explicit === true,
});

/** A program that makes groups, for the rules about witnesses. */
export interface Asker {
  /** The rows whose groups only this program can have made on this host. */
  readonly owns: (row: CreatorRow) => boolean;
  /** It asks by its version: only groups whose limit cannot have been set later contradict that. */
  readonly asksByVersion: boolean;
  /** It was replaced in this boot, so its groups may be those of its predecessor. */
  readonly replaced: boolean;
}

interface WitnessRule {
  readonly name: string;
  readonly holds: (group: Witnesses, asker: Asker) => boolean;
}

/**
 * When a group can contradict that its creator asks for accounting (standing rule 5): it would be
 * accounted if the creator asked. All rules must hold.
 */
export const witnessRules: readonly WitnessRule[] = [
  {
    name: 'only this program makes groups of that shape here',
    holds: ({ row }, asker) => asker.owns(row),
  },
  {
    name: 'it is a container or a pod',
    holds: ({ row }) => row.level === 'container' || row.level === 'pod',
  },
  { name: 'it has a memory limit since it was made', holds: ({ limited }) => limited === 'yes' },
  {
    name: 'it was made through the manager that can ask',
    holds: ({ row }) => row.manager === 'cgroupfs',
  },
  {
    name: 'no operator set a kernel-memory limit for it, nor for a group above it',
    holds: ({ explicit }) => !explicit,
  },
  { name: 'the program was not replaced in this boot', holds: (_group, asker) => !asker.replaced },
  {
    name: 'a version that is known to ask is contradicted below pods only, where no limit is changed later',
    holds: ({ row }, asker) =>
      !asker.asksByVersion || row.creator === 'kubelet' || belowPods.has(row.key),
  },
];

export type WitnessRules = typeof witnessRules;

/** The groups that are evidence about this program. */
export const speakingFor = (
  asker: Asker,
  witnesses: readonly Witnesses[],
  rules: WitnessRules = witnessRules,
): readonly Witnesses[] =>
  witnesses.filter((group) => rules.every((rule) => rule.holds(group, asker)));

export const countOf = (
  witnesses: readonly Witnesses[],
  test: (group: Witnesses) => boolean = () => true,
): number => witnesses.reduce((sum, group) => (test(group) ? sum + group.count : sum), 0);

/** The managers that made the groups of this program. */
export const managersSeen = (
  witnesses: readonly Witnesses[],
  owns: (row: CreatorRow) => boolean,
): ReadonlySet<Manager> =>
  new Set(
    witnesses.flatMap(({ row }) =>
      owns(row) && row.manager !== 'none' && row.level === 'container' ? [row.manager] : [],
    ),
  );
