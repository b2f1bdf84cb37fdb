// The table of facts: every fact of a host, with its type, its lifetime and its summary.
import { ansibleFacts } from './ansible.ts';
import { bootFacts, kernelFacts, kernelsFacts, wantedFacts } from './boot.ts';
import { cgroupFacts, memoryFacts, pidsFacts } from './cgroups.ts';
import { derivedFacts } from './derived.ts';
import { machineFacts, marksFacts, osFacts, spaceFacts } from './host.ts';
import { crashFacts, logFacts } from './logs.ts';
import { clusterFacts, givenFacts } from './outside.ts';
import { packageFacts, packageLocksFacts, packagesFacts, repositoryFacts } from './packages.ts';
import {
  dockerFacts,
  kubeletFacts,
  pathFacts,
  runcFacts,
  runtimesFacts,
  serviceFacts,
} from './programs.ts';
import { disk, type FactRow, type Lifetime, outside, volatile } from './row.ts';
import type {
  CommandOutput,
  FileState,
  FileText,
  IdReading,
  Reading,
  Remedy,
  Verdict,
} from './values.ts';

/**
 * By the area that reads them, in the order of the docs. No probe reads `derived`, `given` and
 * `cluster`.
 */
const sources = {
  os: osFacts,
  machine: machineFacts,
  kernel: kernelFacts,
  boot: bootFacts,
  packages: packagesFacts,
  docker: dockerFacts,
  runc: runcFacts,
  kubelet: kubeletFacts,
  runtimes: runtimesFacts,
  memory: memoryFacts,
  space: spaceFacts,
  log: logFacts,
  marks: marksFacts,
  cgroup: cgroupFacts,
  crash: crashFacts,
  pids: pidsFacts,
  ansible: ansibleFacts,
  wanted: wantedFacts,
  kernels: kernelsFacts,
  package_locks: packageLocksFacts,
  package: packageFacts,
  service: serviceFacts,
  path: pathFacts,
  repository: repositoryFacts,
  derived: derivedFacts,
  given: givenFacts,
  cluster: clusterFacts,
};

/** Internal facts: expressions cannot use them. */
const internal = {
  'kmem.ids.before': volatile(
    outside<IdReading>('an earlier reading of this boot', { at: 0, uptime: 0, live: 0, dead: 0 }),
  ),
  'kmem.now.verdict': outside<Verdict>('`kmem.verdict` as it follows from the facts of now', 'off'),
  'kmem.now.evidence': volatile(outside<string>('the same of `kmem.evidence`', '')),
  'kmem.now.remedy': outside<Remedy>(
    'the same of `kmem.remedy`, which is chosen once per host',
    'none',
  ),
  'kmem.now.remedy_why': volatile(outside<string>('the same of `kmem.remedy_why`', '')),
  'file.*.state': disk<FileState>('what is at a path, its owner, mode and checksum', {
    kind: 'file',
    mode: '0644',
    owner: 'root',
    group: 'root',
    uid: 0,
    gid: 0,
    size: 0,
    sha256: '',
    link: '',
    real: '/etc/motd',
    filled: false,
    parent: true,
  }),
  // Volatile, so that no plan keeps it: its checksum in the state shows whether it has changed.
  'file.*.text': volatile(
    disk<FileText>('the content of a short file of UTF-8 text', { text: '', why: '' }),
  ),
  'output.*': outside<CommandOutput>('what a read-only command of a play printed', {
    rc: 0,
    stdout: '',
    stdout_lines: [],
    stderr: '',
    stderr_lines: [],
  }),
  'packages.lists': volatile(
    outside<string>('`read` in a plan, behind a task that reads the package lists again', 'read'),
  ),
  'reading.*': volatile(
    outside<Reading>('what a module read of the host', { rc: 0, stdout: '', stderr: '' }),
  ),
};

type Tables = (typeof sources)[keyof typeof sources] | typeof internal;
type Merged<T> = (T extends unknown ? (table: T) => void : never) extends (table: infer All) => void
  ? All
  : never;
type Table = Merged<Tables>;

/**
 * A `*` stands for one word that depends on arguments. It may contain dots:
 * `package.containerd.io.installed`.
 */
type Pattern = Extract<keyof Table, `${string}*${string}`>;
type Written<Name> = Name extends `${infer Before}*${infer After}`
  ? `${Before}${string}${After}`
  : Name;

/** The value of every fact by its name, where it is known. */
export type FactValues = {
  readonly [Name in keyof Table as Written<Name>]: Table[Name] extends FactRow<infer T> ? T : never;
};

/** Names without an argument, and with one. */
export type PlainName = Exclude<keyof Table, Pattern>;
export type NameWithWord = Written<Pattern>;

export interface FactDef extends FactRow {
  readonly name: string;
  /** The area that reads it, or `derived`, `given` or `cluster`. */
  readonly source: string;
}

const defsOf = (source: string, rows: Readonly<Record<string, FactRow>>): readonly FactDef[] =>
  Object.entries(rows).map(([name, row]) => ({ name, source, ...row }));

/** Every fact that expressions and docs know. */
export const factDefs: readonly FactDef[] = Object.entries(sources).flatMap(([source, rows]) =>
  defsOf(source, rows),
);

const exact: ReadonlyMap<string, FactDef> = new Map(
  [...factDefs, ...defsOf('internal', internal)].map((def) => [def.name, def]),
);

/** Patterns match from both ends, because the word between may contain dots. */
const patterns = [...exact.values()]
  .filter(({ name }) => name.includes('*'))
  .map((def) => {
    const [before = '', after = ''] = def.name.split('*');
    return { before, after, def };
  });

const defOf = (name: string): FactDef | undefined =>
  exact.get(name) ??
  patterns.find(
    ({ before, after }) =>
      name.length > before.length + after.length && name.startsWith(before) && name.endsWith(after),
  )?.def;

/** How long a fact stays true; undefined for an unknown name. */
export const lifetimeOf = (name: string): Lifetime | undefined => defOf(name)?.lifetime;

/**
 * A difference does not make a plan stale: the fact changes by itself, or comes from the cluster.
 */
export const isVolatile = (name: string): boolean =>
  defOf(name)?.volatile === true || lifetimeOf(name) === 'cluster';
