// Symptoms of the leak: lines of the kernel and of container runtimes in their logs.
import type { SymptomKind, SymptomRow, SymptomSource } from '../../model/facts/values.ts';
import type { Row } from './programs/row.ts';

interface SymptomRule extends Row {
  readonly kind: SymptomKind;
  readonly from: SymptomSource;
  /**
   * A POSIX extended expression, without `|`, that matches every line that `matches` may accept.
   * The probe keeps no other lines.
   */
  readonly grep: string;
  /** Lines come from hosts, so the time to match must be linear in the length of the line. */
  readonly matches: (line: string) => boolean;
  /** With accounting on, this makes a host `leaking`. */
  readonly critical: boolean;
  /**
   * Did the boot end by this bug, where it ended with this symptom? `yes`: no other cause is known.
   * `at_end`: a container at its limit writes it too, so it needs another critical line, or must be
   * shortly before the end. `no`: it needs one of those beside it.
   */
  readonly specific: 'yes' | 'at_end' | 'no';
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
      /^ (?:no space left on device|cannot allocate memory)/i.test(
        line.slice(index + word.length, index + word.length + 40),
      ),
  );

/**
 * A SLUB line says nothing about cgroups. The `cache:` line after it does, where the cache has a
 * group's id in parentheses.
 */
export const symptomRows: readonly SymptomRule[] = [
  {
    kind: 'slub',
    from: 'kernel',
    grep: 'SLUB: Unable to allocate',
    matches: has(/SLUB: Unable to allocate memory on node -?\d/),
    critical: false,
    specific: 'no',
    name: 'SLUB node -1',
    basis: 'source',
    source: 'mm/slub.c; moby/moby#37722',
  },
  {
    kind: 'slub_memcg',
    from: 'kernel',
    grep: 'cache: [^ ]*\\([0-9]+:',
    matches: has(/cache: [^\s(]+\(\d+:[^)]/),
    critical: true,
    specific: 'at_end',
    name: 'SLUB node -1',
    basis: 'measured',
    source:
      'mm/slub.c prints the cache; a name with (id:group) is a memcg cache. On 3.10.0-1062 an accounted group that reaches its limit writes it, too',
  },
  {
    kind: 'ip6mr_oops',
    from: 'kernel',
    grep: 'IP: .*ip6mr_sk_done',
    matches: behind('IP: ', /^IP: \[<[0-9a-f]+>\] ip6mr_sk_done\+0x/),
    critical: true,
    specific: 'yes',
    name: 'NULL pointer dereference in ip6mr_sk_done',
    basis: 'report',
    source:
      'a report on 3.10.0-862: a new network namespace got no ICMP6 socket, and closed those that it had before ip6mr was set up; memory that the kernel waits for is refused by accounting only',
  },
  {
    kind: 'no_sockets',
    from: 'kernel',
    grep: 'socket: no more sockets',
    matches: has(/socket: no more sockets/),
    critical: true,
    specific: 'no',
    name: 'no more sockets',
    basis: 'source',
    source:
      'net/socket.c: no inode for a socket (sock_inode_cache); whatever refuses kernel memory does it',
  },
  {
    kind: 'icmp6_socket',
    from: 'kernel',
    grep: 'Failed to initialize the ICMP6 control socket',
    matches: has(/Failed to initialize the ICMP6 control socket \(err -23\)/),
    critical: true,
    specific: 'no',
    name: 'no ICMP6 control socket',
    basis: 'source',
    source: 'net/ipv6/icmp.c, for a new network namespace; -23 (ENFILE) is "no more sockets"',
  },
  {
    kind: 'soft_lockup',
    from: 'kernel',
    grep: 'BUG: soft lockup',
    matches: has(/BUG: soft lockup - CPU#\d+ stuck for/),
    critical: true,
    specific: 'no',
    name: 'soft lockup',
    basis: 'report',
    source: 'kubernetes/kubernetes#61937; unspecific alone',
  },
  {
    kind: 'cache_create',
    from: 'kernel',
    grep: 'kmem_cache_create\\(',
    matches: behind('kmem_cache_create(', /\) failed with error -12/),
    critical: true,
    specific: 'no',
    name: 'kmem_cache_create failed',
    basis: 'report',
    source: 'a report on 3.10.0-1160.49.1',
  },
  {
    kind: 'page_allocation',
    from: 'kernel',
    grep: 'page allocation failure',
    matches: has(/page allocation failure: order:/),
    critical: false,
    specific: 'no',
    name: 'page allocation failure',
    basis: 'report',
    source: 'the same report; also plain memory shortage',
  },
  {
    kind: 'hung_task',
    from: 'kernel',
    grep: 'blocked for more than [0-9]+ seconds',
    matches: behind('INFO: task ', / blocked for more than \d+ seconds/),
    critical: false,
    specific: 'no',
    name: 'task that hangs',
    basis: 'source',
    source:
      'kernel/hung_task.c; any slow disk or dead NFS server does it, too: a shutdown may hang',
  },
  {
    kind: 'cgroup_mkdir',
    from: 'runtime',
    grep: '/cgroup/memory[^ ]*: ([Nn]o space left|[Cc]annot allocate)',
    matches: mkdirFails,
    critical: true,
    specific: 'yes',
    name: 'cgroup ids used up',
    basis: 'measured',
    source:
      '514 answers ENOSPC, 1062 ENOMEM, both at about 65,534 groups; the words of runc 1.0.0-rc10, rc93 and 1.1.15 there; kubernetes/kubernetes#112940',
  },
  {
    kind: 'kernel_memory_limit',
    from: 'runtime',
    grep: 'You specified a kernel memory limit on a kernel older than 4',
    matches: has(/You specified a kernel memory limit on a kernel older than 4\.0/),
    critical: false,
    specific: 'no',
    name: 'a container with --kernel-memory',
    basis: 'source',
    source:
      "docker's warning for a container with --kernel-memory: it is accounted whatever the runtime does by itself",
  },
];

/** The patterns of the probe for each kind in the kernel's log, in the order of the rows. */
export const kernelGreps: readonly string[] = symptomRows.flatMap((row) =>
  row.from === 'kernel' ? [row.grep] : [],
);

/** For the awk of the probe: one pattern for each writer, with `|` between rows only. */
export const symptomPatterns: Readonly<Record<SymptomSource, string>> = {
  kernel: kernelGreps.join('|'),
  runtime: symptomRows.flatMap((row) => (row.from === 'runtime' ? [row.grep] : [])).join('|'),
};

/**
 * Lines by kind: their number and the last line, shortened for a screen. A kind counts only in the
 * log of its writer.
 */
export function readSymptoms(
  lines: Readonly<Record<SymptomSource, readonly string[]>>,
): readonly SymptomRow[] {
  return symptomRows.flatMap(({ kind, from, matches }) => {
    const found = lines[from].filter((line) => matches(line));
    const last = found.at(-1);
    return last === undefined
      ? []
      : [{ kind, from, count: found.length, line: last.trim().slice(0, 200) }];
  });
}

export const isCritical = (kind: string): boolean =>
  symptomRows.some((row) => row.kind === kind && row.critical);

export const symptomName = (kind: string): string =>
  symptomRows.find((row) => row.kind === kind)?.name ?? kind;

/** The symptom in a line of a kernel's log; a line has one kind. */
export const kernelSymptom = (line: string): SymptomKind | undefined =>
  symptomRows.find(({ from, matches }) => from === 'kernel' && matches(line))?.kind;

export const specificityOf = (kind: string): SymptomRule['specific'] =>
  symptomRows.find((row) => row.kind === kind)?.specific ?? 'no';
