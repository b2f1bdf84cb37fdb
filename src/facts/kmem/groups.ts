// Memory cgroups as sums: buckets of equal groups, counted on the host, and what verdicts are made of.
import type { Mapping } from '../../model/value.ts';
import { type CreatorRow, creatorByKey } from './creators.ts';

/**
 * What a read of `memory.kmem.slabinfo` gave (on v2: what `memory.stat` says). EIO alone does not mean "off": see the tables in kmem/.
 * `failed` is any other error: a host that is out of memory answers ENOMEM, which is neither a sample nor a want of rights.
 */
export type ReadState = 'read' | 'eio' | 'empty' | 'denied' | 'gone' | 'failed';

/**
 * `later`: the group has a memory limit and its memsw limit has none. Docker gives both to a container that starts with a limit; `docker update`
 * gives a running container only the first, and nothing asks for accounting then.
 */
export type Limited = 'no' | 'yes' | 'later';

/** A bucket of equal groups. */
export interface Witness {
  /** Key of the creator's row. */
  readonly row: string;
  readonly state: Exclude<ReadState, 'gone'>;
  readonly limited: Limited;
  /** Its slabinfo has lines behind the header. */
  readonly caches: boolean;
  /** Kernel memory is charged to it. */
  readonly charged: boolean;
  /** A process is in it. */
  readonly procs: boolean;
  /** It was given a kernel-memory limit of its own, or lies below a group that was. */
  readonly explicit?: true;
  readonly count: number;
}

export interface Example {
  /** Below the controller's root, without a slash before it; a long one is cut. */
  readonly path: string;
  readonly row: string;
  /** Memory limit in bytes; 0 = none. */
  readonly limit: number;
  readonly state: ReadState;
  /** Lines of slabinfo as far as they were counted: 2 are the header alone, 3 that and caches. */
  readonly lines: number;
  /** Kernel memory charged, bytes: kmem.usage_in_bytes, or `kernel`/`slab` of v2. */
  readonly usage: number;
  /** Processes in it, as far as they were counted: 3 are that many or more. */
  readonly procs: number;
  readonly by: 'kubelet' | 'docker' | 'other';
}

const states = ['read', 'eio', 'empty', 'denied', 'failed'] as const;
const limits = ['no', 'yes', 'later'] as const;
const one = <const T extends string>(words: readonly T[], word: string | undefined): T | undefined => words.find((known) => known === word);

/** `ROW STATE LIMITED CACHES CHARGED PROCS EXPLICIT COUNT` (of earlier versions without EXPLICIT); in a fixed order, because awk has none. */
export function readWitnesses(lines: readonly string[]): readonly Witness[] {
  return lines
    .flatMap((line): readonly Witness[] => {
      const [row = '', stateWord, limitWord, caches, charged, procs, ...rest] = line.split(' ');
      const count = rest.at(-1);
      const [state, limited] = [one(states, stateWord), one(limits, limitWord)];
      if (state === undefined || limited === undefined || !(Number(count) > 0)) return [];
      const { key } = creatorByKey(row);
      const explicit = rest.length > 1 && rest[0] === '1' ? ({ explicit: true } as const) : {};
      const shown = { caches: caches === '1', charged: charged === '1', procs: procs === '1' };
      return [{ row: key, state, limited, ...shown, ...explicit, count: Number(count) }];
    })
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** `ROW STATE LIMIT LINES USAGE PROCS PATH`, the most informative first. */
export function readExamples(lines: readonly string[]): readonly Example[] {
  return lines
    .flatMap((line): readonly Example[] => {
      const [, row = '', stateWord, limit, count, usage, procs, path = ''] = /^(\S+) (\S+) (\d+) (\d+) (\d+) (\d+) (.*)$/s.exec(line) ?? [];
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

const weight: Readonly<Record<ReadState, number>> = { read: 0, denied: 1, failed: 2, empty: 3, eio: 4, gone: 5 };

/** Everything below kubepods is counted as the kubelet's, containers too. */
function by(row: CreatorRow): Example['by'] {
  if (row.creator === 'kubelet' || row.key.startsWith('pod-')) return 'kubelet';
  return row.creator === 'docker' ? 'docker' : 'other';
}

/** `LIMIT NAME PATH`: groups with a kernel-memory limit of their own; `-` for a container whose name is not known. */
export const readExplicit = (lines: readonly string[]): readonly Mapping[] =>
  lines.flatMap((line) => {
    const [, limit = '', name = '', path = ''] = /^(\d+) (\S+) (.+)$/s.exec(line) ?? [];
    return limit === '' ? [] : [{ path, limit: Number(limit), name: name === '-' ? '' : name }];
  });

export interface Rest {
  /** Groups that were removed while they were read. */
  readonly gone: number;
  /** Groups without a memory.kmem.slabinfo. */
  readonly absent: number;
  readonly capped: boolean;
  /** The error of a read that `failed`. */
  readonly why: string;
}

/** The counts that verdicts are made of, all from complete sums. */
export function samplesOf(witnesses: readonly Witness[], { gone, absent, capped, why }: Rest): Mapping {
  const count = (test: (witness: Witness, row: CreatorRow) => boolean): number =>
    witnesses.reduce((sum, witness) => (test(witness, creatorByKey(witness.row)) ? sum + witness.count : sum), 0);
  const state = (word: ReadState): number => count((witness) => witness.state === word);
  const of = (who: Example['by'], word?: ReadState): number =>
    count((witness, row) => by(row) === who && (word === undefined || witness.state === word));
  // A limit proves something only where the creator set it when it made the group: the kubelet's own groups, and containers.
  const limited = (levels: readonly string[], word?: ReadState): number =>
    count((witness, row) => witness.limited === 'yes' && levels.includes(row.level) && (word === undefined || witness.state === word));
  const told = ['pods', 'pod', 'container'];
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
    limited: limited(told),
    limited_off: limited(told, 'eio'),
    containers: limited(['container']),
    containers_off: limited(['container'], 'eio'),
    kubelet: of('kubelet'),
    kubelet_off: of('kubelet', 'eio'),
    kubelet_read: of('kubelet', 'read'),
    kubelet_limited: count((witness, row) => witness.limited === 'yes' && told.includes(row.level) && by(row) === 'kubelet'),
    docker: of('docker'),
    docker_read: of('docker', 'read'),
    other: of('other'),
    other_read: of('other', 'read'),
    capped,
  };
}

/** Live groups that have caches in /sys/kernel/slab, or may have them because they could not be read. */
export const idHolders = (witnesses: readonly Witness[]): number =>
  witnesses.reduce((sum, { state, caches, count }) => {
    const holds = state === 'read' ? caches : state === 'denied' || state === 'failed';
    return holds ? sum + count : sum;
  }, 0);
