// Symptoms: what the kernel and the container runtimes write into their logs when the leak hurts.
import type { Mapping } from '../../model/value.ts';
import type { Row } from './row.ts';

type SymptomKind = 'slub_memcg' | 'slub' | 'soft_lockup' | 'cache_create' | 'page_allocation' | 'cgroup_mkdir' | 'hung_task';

/** Who writes the line: the kernel, into its log; or docker, containerd, cri-o and the kubelet, into the journal. */
export type SymptomSource = 'kernel' | 'runtime';

interface SymptomRow extends Row {
  readonly kind: SymptomKind;
  readonly from: SymptomSource;
  /** Lines come from hosts: the time to match must be linear in the length of the line. */
  readonly matches: (line: string) => boolean;
  /** With accounting on, this makes a host `leaking`. */
  readonly critical: boolean;
  readonly name: string;
}

const has =
  (pattern: RegExp) =>
  (line: string): boolean =>
    pattern.test(line);

/** The pattern, anywhere after this text. */
const behind =
  (text: string, pattern: RegExp) =>
  (line: string): boolean => {
    const at = line.indexOf(text);
    return at >= 0 && pattern.test(line.slice(at));
  };

/** `mkdir PATH: MESSAGE`, with a path of the memory controller. */
const mkdirFails = (line: string): boolean =>
  [...line.matchAll(/mkdir (\S*)/g)].some(
    ({ 0: word, 1: path = '', index }) =>
      path.endsWith(':') &&
      path.includes('/cgroup/memory') &&
      /^ (?:no space left on device|cannot allocate memory)/i.test(line.slice(index + word.length, index + word.length + 40)),
  );

/** A SLUB line says nothing about cgroups; the `cache:` line after it does, when the cache has a group's id in parentheses. */
export const symptomRows: readonly SymptomRow[] = [
  {
    kind: 'slub',
    from: 'kernel',
    matches: has(/SLUB: Unable to allocate memory on node -?\d/),
    critical: false,
    name: 'SLUB node -1',
    basis: 'source',
    source: 'mm/slub.c; moby/moby#37722',
  },
  {
    kind: 'slub_memcg',
    from: 'kernel',
    matches: has(/cache: [^\s(]+\(\d+:[^)]/),
    critical: true,
    name: 'SLUB node -1',
    basis: 'source',
    source: 'mm/slub.c prints the cache; a name with (id:group) is a memcg cache',
  },
  {
    kind: 'soft_lockup',
    from: 'kernel',
    matches: has(/BUG: soft lockup - CPU#\d+ stuck for/),
    critical: true,
    name: 'soft lockup',
    basis: 'report',
    source: 'kubernetes/kubernetes#61937; unspecific alone',
  },
  {
    kind: 'cache_create',
    from: 'kernel',
    matches: behind('kmem_cache_create(', /\) failed with error -12/),
    critical: true,
    name: 'kmem_cache_create failed',
    basis: 'report',
    source: 'a report on 3.10.0-1160.49.1',
  },
  {
    kind: 'page_allocation',
    from: 'kernel',
    matches: has(/page allocation failure: order:/),
    critical: false,
    name: 'page allocation failure',
    basis: 'report',
    source: 'the same report; also plain memory shortage',
  },
  {
    kind: 'hung_task',
    from: 'kernel',
    matches: behind('INFO: task ', / blocked for more than \d+ seconds/),
    critical: false,
    name: 'task that hangs',
    basis: 'source',
    source: 'kernel/hung_task.c; any slow disk or dead NFS server does it, too: a shutdown may hang',
  },
  {
    kind: 'cgroup_mkdir',
    from: 'runtime',
    matches: mkdirFails,
    critical: true,
    name: 'cgroup ids used up',
    basis: 'measured',
    source:
      '514 answers ENOSPC, 1062 ENOMEM, both at about 65,534 groups; the words of runc 1.0.0-rc10, rc93 and 1.1.15 there; kubernetes/kubernetes#112940',
  },
];

/** For grep -E in the probe: everything that a row could match, by writer. */
export const symptomPatterns: Readonly<Record<SymptomSource, string>> = {
  kernel:
    'SLUB: Unable to allocate|cache: [^ ]*\\([0-9]+:|BUG: soft lockup|kmem_cache_create\\(|page allocation failure|blocked for more than [0-9]+ seconds',
  runtime: '/cgroup/memory[^ ]*: ([Nn]o space left|[Cc]annot allocate)',
};

export interface Symptom {
  readonly kind: SymptomKind;
  readonly from: SymptomSource;
  readonly count: number;
  readonly line: string;
}

/** Lines by kind; the last line of each, cut to what fits a screen. A kind counts only in the log of its writer. */
export function readSymptoms(lines: Readonly<Record<SymptomSource, readonly string[]>>): readonly (Mapping & Symptom)[] {
  return symptomRows.flatMap(({ kind, from, matches }) => {
    const found = lines[from].filter((line) => matches(line));
    const last = found.at(-1);
    return last === undefined ? [] : [{ kind, from, count: found.length, line: last.trim().slice(0, 200) }];
  });
}

export const isCritical = (kind: string): boolean => symptomRows.some((row) => row.kind === kind && row.critical);

export const symptomName = (kind: string): string => symptomRows.find((row) => row.kind === kind)?.name ?? kind;
