// Memory cgroups as sums: buckets of equal groups, counted on the host, and the counts for
// verdicts.
import type {
  ExplicitLimit,
  GroupRow,
  ReadState,
  SampleCounts,
  WitnessRow,
} from '../../model/facts/values.ts';
import { type CreatorRow, creatorByKey } from './creators.ts';

const states = ['read', 'eio', 'empty', 'denied', 'failed'] as const;
const limits = ['no', 'yes', 'later'] as const;
const one = <const T extends string>(
  words: readonly T[],
  word: string | undefined,
): T | undefined => words.find((known) => known === word);

/**
 * Reads `ROW STATE LIMITED CACHES CHARGED PROCS EXPLICIT COUNT` (earlier versions have no
 * EXPLICIT), sorted, because awk has no order.
 */
export function readWitnesses(lines: readonly string[]): readonly WitnessRow[] {
  return lines
    .flatMap((line): readonly WitnessRow[] => {
      const [row = '', stateWord, limitWord, caches, charged, procs, ...rest] = line.split(' ');
      const count = rest.at(-1);
      const [state, limited] = [one(states, stateWord), one(limits, limitWord)];
      if (state === undefined || limited === undefined || !(Number(count) > 0)) return [];
      const { key } = creatorByKey(row);
      const explicit = rest.length > 1 && rest[0] === '1' ? ({ explicit: true } as const) : {};
      const shown = { caches: caches === '1', charged: charged === '1', procs: procs === '1' };
      return [{ row: key, state, limited, ...shown, ...explicit, count: Number(count) }];
    })
    .map((row) => ({ row, key: JSON.stringify(row) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ row }) => row);
}

/** Reads `ROW STATE LIMIT LINES USAGE PROCS PATH`, the most informative first. */
export function readExamples(lines: readonly string[]): readonly GroupRow[] {
  return lines
    .flatMap((line): readonly GroupRow[] => {
      const [, row = '', stateWord, limit, count, usage, procs, path = ''] =
        /^(\S+) (\S+) (\d+) (\d+) (\d+) (\d+) (.*)$/s.exec(line) ?? [];
      const state = one(states, stateWord);
      if (state === undefined) return [];
      const { key } = creatorByKey(row);
      return [
        {
          path,
          row: key,
          limit: Number(limit),
          state,
          lines: Number(count),
          usage: Number(usage),
          procs: Number(procs),
          by: by(creatorByKey(key)),
        },
      ];
    })
    .sort(
      (a, b) =>
        weight[a.state] - weight[b.state] ||
        Number(b.usage > 0) - Number(a.usage > 0) ||
        Number(b.limit > 0) - Number(a.limit > 0) ||
        (a.path < b.path ? -1 : 1),
    );
}

const weight: Readonly<Record<ReadState, number>> = {
  read: 0,
  denied: 1,
  failed: 2,
  empty: 3,
  eio: 4,
  gone: 5,
};

/** Every group below kubepods counts as the kubelet's, also containers. */
function by(row: CreatorRow): GroupRow['by'] {
  if (row.creator === 'kubelet' || row.key.startsWith('pod-')) return 'kubelet';
  return row.creator === 'docker' ? 'docker' : 'other';
}

/**
 * Reads `LIMIT NAME PATH`: groups with a kernel-memory limit of their own. `-` stands for an
 * unknown name of a container.
 */
export const readExplicit = (lines: readonly string[]): readonly ExplicitLimit[] =>
  lines.flatMap((line) => {
    const [, limit = '', name = '', path = ''] = /^(\d+) (\S+) (.+)$/s.exec(line) ?? [];
    return limit === '' ? [] : [{ path, limit: Number(limit), name: name === '-' ? '' : name }];
  });

export interface Rest {
  /** Groups that were removed during the walk. */
  readonly gone: number;
  /** Groups without a memory.kmem.slabinfo. */
  readonly absent: number;
  readonly capped: boolean;
  /** The error message of a read that `failed`. */
  readonly why: string;
}

/** The counts for verdicts, all from complete sums. */
export function samplesOf(
  witnesses: readonly WitnessRow[],
  { gone, absent, capped, why }: Rest,
): SampleCounts {
  const found = witnesses.map((witness) => ({ witness, row: creatorByKey(witness.row) }));
  const count = (test: (witness: WitnessRow, row: CreatorRow) => boolean): number =>
    found.reduce((sum, { witness, row }) => (test(witness, row) ? sum + witness.count : sum), 0);
  const state = (word: ReadState): number => count((witness) => witness.state === word);
  const of = (who: GroupRow['by'], word?: ReadState): number =>
    count((witness, row) => by(row) === who && (word === undefined || witness.state === word));
  // A limit is evidence only where the creator set it when it made the group: in the kubelet's own
  // groups, and in containers.
  const limited = (levels: readonly string[], word?: ReadState): number =>
    count(
      (witness, row) =>
        witness.limited === 'yes' &&
        levels.includes(row.level) &&
        (word === undefined || witness.state === word),
    );
  const limitedLevels = ['pods', 'pod', 'container'];
  return {
    read: state('read'),
    eio: state('eio'),
    empty: state('empty'),
    denied: state('denied'),
    failed: state('failed'),
    failed_why: why,
    gone,
    absent,
    total: count(() => true),
    limited: limited(limitedLevels),
    limited_off: limited(limitedLevels, 'eio'),
    containers: limited(['container']),
    containers_off: limited(['container'], 'eio'),
    kubelet: of('kubelet'),
    kubelet_off: of('kubelet', 'eio'),
    kubelet_read: of('kubelet', 'read'),
    kubelet_limited: count(
      (witness, row) =>
        witness.limited === 'yes' && limitedLevels.includes(row.level) && by(row) === 'kubelet',
    ),
    docker: of('docker'),
    docker_read: of('docker', 'read'),
    other: of('other'),
    other_read: of('other', 'read'),
    capped,
  };
}

/**
 * Live groups that have caches in /sys/kernel/slab, or may have them because they could not be
 * read.
 */
export const idHolders = (witnesses: readonly WitnessRow[]): number =>
  witnesses.reduce((sum, { state, caches, count }) => {
    const holds = state === 'read' ? caches : state === 'denied' || state === 'failed';
    return holds ? sum + count : sum;
  }, 0);
