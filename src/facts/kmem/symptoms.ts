// Symptoms: what the kernel log says when the leak hurts.
import type { Mapping } from '../../model/value.ts';
import type { Row } from './row.ts';

type SymptomKind = 'slub_memcg' | 'slub' | 'soft_lockup' | 'cache_create' | 'page_allocation' | 'cgroup_mkdir' | 'hung_task';

interface SymptomRow extends Row {
  readonly kind: SymptomKind;
  readonly pattern: RegExp;
  /** With accounting on, this makes a host `leaking`. */
  readonly critical: boolean;
  readonly name: string;
}

/** A SLUB line says nothing about cgroups; the `cache:` line after it does, when the cache has a group's id in parentheses. */
export const symptomRows: readonly SymptomRow[] = [
  {
    kind: 'slub',
    pattern: /SLUB: Unable to allocate memory on node -?\d+/,
    critical: false,
    name: 'SLUB node -1',
    basis: 'source',
    source: 'mm/slub.c; moby/moby#37722',
  },
  {
    kind: 'slub_memcg',
    pattern: /cache: \S+\(\d+:[^)]+\)/,
    critical: true,
    name: 'SLUB node -1',
    basis: 'source',
    source: 'mm/slub.c prints the cache; a name with (id:group) is a memcg cache',
  },
  {
    kind: 'soft_lockup',
    pattern: /BUG: soft lockup - CPU#\d+ stuck for/,
    critical: true,
    name: 'soft lockup',
    basis: 'report',
    source: 'kubernetes/kubernetes#61937; unspecific alone',
  },
  {
    kind: 'cache_create',
    pattern: /kmem_cache_create\([^)]*\) failed with error -12/,
    critical: true,
    name: 'kmem_cache_create failed',
    basis: 'report',
    source: 'a report on 3.10.0-1160.49.1',
  },
  {
    kind: 'page_allocation',
    pattern: /page allocation failure: order:/,
    critical: false,
    name: 'page allocation failure',
    basis: 'report',
    source: 'the same report; also plain memory shortage',
  },
  {
    kind: 'hung_task',
    pattern: /INFO: task .+ blocked for more than \d+ seconds/,
    critical: false,
    name: 'task that hangs',
    basis: 'source',
    source: 'kernel/hung_task.c; any slow disk or dead NFS server does it, too: a shutdown may hang',
  },
  {
    kind: 'cgroup_mkdir',
    pattern: /mkdir \S*\/cgroup\/memory\S*: (?:no space left on device|cannot allocate memory)/i,
    critical: true,
    name: 'cgroup ids used up',
    basis: 'measured',
    source: '514 answers ENOSPC, 1062 ENOMEM, both at about 65,534 groups; kubernetes/kubernetes#112940',
  },
];

/** For grep -E in the probe: everything that a row could match. */
export const symptomPattern =
  'SLUB: Unable to allocate|cache: [^ ]*\\([0-9]+:|BUG: soft lockup|kmem_cache_create\\(|page allocation failure|blocked for more than [0-9]+ seconds|/cgroup/memory[^ ]*: ([Nn]o space left|[Cc]annot allocate)';

export interface Symptom {
  readonly kind: SymptomKind;
  readonly count: number;
  readonly line: string;
}

/** Lines of the log by kind; the last line of each, cut to what fits a screen. */
export function readSymptoms(lines: readonly string[]): readonly (Mapping & Symptom)[] {
  return symptomRows.flatMap(({ kind, pattern }) => {
    const found = lines.filter((line) => pattern.test(line));
    const last = found.at(-1);
    return last === undefined ? [] : [{ kind, count: found.length, line: last.trim().slice(0, 200) }];
  });
}

export const isCritical = (kind: string): boolean => symptomRows.some((row) => row.kind === kind && row.critical);

export const symptomName = (kind: string): string => symptomRows.find((row) => row.kind === kind)?.name ?? kind;
