// Memory cgroups: what find and grep printed about their files, read into one record a group.
import type { Mapping } from '../model/value.ts';

/**
 * What a read of `memory.kmem.slabinfo` gave (on v2: what `memory.stat` says). EIO alone does not mean "off": see the tables in kmem/.
 * `failed` is any other error: a host that is out of memory answers ENOMEM, which is neither a sample nor a want of rights.
 */
export type ReadState = 'read' | 'eio' | 'empty' | 'denied' | 'gone' | 'failed';

export interface Group {
  /** Below the controller's root, without a slash before it. */
  readonly path: string;
  /** Memory limit in bytes; 0 = none. */
  readonly limit: number;
  readonly state: ReadState;
  /** Lines of slabinfo: 2 are the header alone. */
  readonly lines: number;
  /** Kernel memory charged, bytes: kmem.usage_in_bytes, or `kernel`/`slab` of v2. */
  readonly usage: number;
  /** Always true: a cgroup lives in memory, so it was made after this boot. */
  readonly created_after_boot: true;
  readonly by: 'kubelet' | 'docker' | 'other';
  /** Processes in it. */
  readonly procs: number;
  /** The error of a read that `failed`. */
  readonly why?: string;
}

interface Row {
  limit?: number;
  state?: ReadState;
  lines?: number;
  usage?: number;
  procs?: number;
  why?: string;
}

/** Anything this large is "no limit": the kernel prints the largest number that its page counter holds. */
const unlimited = 2 ** 60;

const errorStates: readonly { readonly text: string; readonly state: ReadState }[] = [
  { text: 'Input/output error', state: 'eio' },
  { text: 'I/O error', state: 'eio' },
  { text: 'Permission denied', state: 'denied' },
  { text: 'Operation not permitted', state: 'denied' },
  { text: 'No such file or directory', state: 'gone' },
  { text: 'No such device', state: 'gone' },
];

interface Line {
  readonly group: string;
  readonly file: string;
  /** What stands after the file's name, or the error. */
  readonly rest: string;
  readonly error: boolean;
}

/** `PATH/FILE:REST` or `PROGRAM: PATH/FILE: ERROR`; lines about anything outside `root` are dropped. */
function readLine(line: string, root: string): Line | undefined {
  const start = line.indexOf(`${root}/`);
  if (root === '' || start < 0) return undefined;
  const error = start > 0;
  const inside = line.slice(start + root.length + 1);
  const file = /^(.*?)((?:memory|cgroup)\.[a-z_.]*[a-z])(?:'|’)?: ?(.*)$/.exec(inside);
  if (file?.[2] === undefined) return error ? unreadGroup(inside) : undefined;
  return { group: (file[1] ?? '').replace(/\/$/, ''), file: file[2], rest: file[3] ?? '', error };
}

/** `find: 'PATH': Permission denied`: a whole group that we may not look into. */
function unreadGroup(inside: string): Line | undefined {
  const parts = /^(.*?)['’]?: (Permission denied|Operation not permitted)$/.exec(inside);
  return parts === null ? undefined : { group: parts[1] ?? '', file: 'group', rest: parts[2] ?? '', error: true };
}

const stateOf = (message: string): ReadState | undefined => errorStates.find(({ text }) => message.includes(text))?.state;

/** Groups below the root of a v1 memory controller. `again` holds the answers of single reads, `STATE PATH`. */
export function readV1Groups(
  lines: readonly string[],
  again: readonly string[],
  root: string,
): { readonly groups: readonly Group[]; readonly rootUsage: number; readonly absent: number } {
  const rows = new Map<string, Row>();
  for (const line of lines) {
    const read = readLine(line, root);
    if (read !== undefined) noteV1(rowOf(rows, read.group), read);
  }
  for (const line of again) {
    const [state = '', path = ''] = split(line);
    const read = readLine(`${path}:`, root);
    const known = (['eio', 'empty', 'gone', 'failed'] as const).find((word) => word === state) ?? 'denied';
    if (read !== undefined) rowOf(rows, read.group).state = known;
  }
  const rootUsage = rows.get('')?.usage ?? 0;
  rows.delete('');
  return { groups: groupsOf(rows), rootUsage, absent: [...rows.values()].filter((row) => row.state === undefined).length };
}

function noteV1(row: Row, { file, rest, error }: Line): void {
  if (file === 'group') row.state = 'denied';
  else if (file === 'memory.kmem.slabinfo') {
    const lines = Number(rest);
    // GNU grep reports the error and then counts 0 lines of what it could not read.
    if (!error && lines === 0 && row.state !== undefined) return;
    if (error) noteError(row, rest);
    else row.state = lines > 0 ? 'read' : 'empty';
    row.lines = error || !Number.isFinite(lines) ? 0 : lines;
  } else if (error) return;
  else if (file === 'memory.limit_in_bytes') row.limit = limitOf(rest);
  else if (file === 'memory.kmem.usage_in_bytes') row.usage = numberOf(rest);
  else if (file === 'cgroup.procs') row.procs = numberOf(rest);
}

function noteError(row: Row, message: string): void {
  row.state = stateOf(message) ?? 'failed';
  if (row.state === 'failed') row.why = message.trim().slice(0, 80);
}

/** Groups of a v2 tree: `read` = kernel memory is charged, `empty` = the lines are there and all 0. Groups without `memory.stat` have no memory controller. */
export function readV2Groups(lines: readonly string[], root: string): readonly Group[] {
  const rows = new Map<string, Row>();
  for (const line of lines) {
    const read = readLine(line, root);
    if (read === undefined) continue;
    const row = rowOf(rows, read.group);
    if (read.file === 'group') row.state = 'denied';
    else if (read.file === 'memory.stat') noteV2(row, read);
    else if (read.error) continue;
    else if (read.file === 'memory.max') row.limit = limitOf(read.rest);
    else if (read.file === 'cgroup.procs') row.procs = numberOf(read.rest);
  }
  rows.delete('');
  return groupsOf(rows);
}

function noteV2(row: Row, { rest, error }: Line): void {
  if (error) return noteError(row, rest);
  row.usage = Math.max(row.usage ?? 0, numberOf(rest.split(' ')[1] ?? ''));
  row.state = row.usage > 0 ? 'read' : 'empty';
}

const split = (line: string): readonly [string, string] => {
  const blank = line.indexOf(' ');
  return [line.slice(0, blank), line.slice(blank + 1)];
};

function rowOf(rows: Map<string, Row>, group: string): Row {
  const row = rows.get(group) ?? {};
  rows.set(group, row);
  return row;
}

const numberOf = (text: string): number => {
  const value = Number(text.trim());
  return Number.isFinite(value) && value >= 0 ? value : 0;
};

const limitOf = (text: string): number => {
  const value = numberOf(text);
  return value >= unlimited ? 0 : value;
};

/** A group with no answer at all is one whose files the walk did not reach: not a sample, and not counted. */
const groupsOf = (rows: ReadonlyMap<string, Row>): readonly Group[] =>
  [...rows].flatMap(([path, row]): readonly Group[] =>
    row.state === undefined
      ? []
      : [
          {
            path,
            limit: row.limit ?? 0,
            state: row.state,
            lines: row.lines ?? 0,
            usage: row.usage ?? 0,
            created_after_boot: true,
            by: creatorOf(path),
            procs: row.procs ?? 0,
            ...(row.why === undefined ? {} : { why: row.why }),
          },
        ],
  );

/** By path: everything below kubepods is the kubelet's, `docker/ID` and `docker-ID.scope` are Docker's. */
export function creatorOf(path: string): Group['by'] {
  if (/(^|\/)kubepods(\.slice)?(\/|$)/.test(path)) return 'kubelet';
  return /(^|\/)docker(\/|$)|(^|\/)docker-[0-9a-f]{64}\.scope(\/|$)/.test(path) ? 'docker' : 'other';
}

/** Units of systemd, also of one that runs inside a container. */
const isUnit = (name: string): boolean => /\.(?:service|slice|scope|mount|socket|swap)$/.test(name) || name === 'init.scope';

/** `docker-ID.scope`, `crio-ID.scope`, `libpod-ID.scope`: scopes that container runtimes have systemd make. */
const isRuntimeScope = (name: string): boolean =>
  /^(?:docker|crio|cri-containerd|libpod|nerdctl)-[^/]+\.scope$/.test(name) || /(?:^|-)[0-9a-f]{64}\.scope$/.test(name);

/** Trees of others who set memory limits and never ask for accounting: LXC, libvirt, Slurm; Mesos by apache/mesos#303. */
const silentTrees = /^(?:lxc(?:\.\w+)?|machine|slurm\w*|mesos|user|system|init)(?:\/|$)/;

/** The kubelet's own: `/kubepods`, its classes and its pods. The containers in them are made by a runc. */
const isPodLevel = (name: string): boolean => /^(?:kubepods|burstable|besteffort|guaranteed|pod[^/]*|kubepods[^/]*\.slice)$/.test(name);

/**
 * Does a limit on this group show what container runtimes (or the kubelet) do? systemd sets memory limits on its own units but never asks for
 * kernel accounting, so such a unit reads "off" on a fully affected host; so does a group that an administrator made.
 */
export function isContainer(group: Pick<Group, 'path' | 'by'>): boolean {
  const parts = group.path.split('/');
  const name = parts.at(-1) ?? '';
  if (isUnit(name)) return isRuntimeScope(name) || (group.by === 'kubelet' && (isPodLevel(name) || name.endsWith('.scope')));
  if (group.by !== 'other') return true;
  if (/(?:^|-)[0-9a-f]{64}$/.test(name)) return true;
  return parts.length > 1 && !/^(?:system|user|machine)\.slice\//.test(group.path) && !silentTrees.test(group.path);
}

/** The counts that verdicts are made of. `absent`: groups without a memory.kmem.slabinfo. */
export function samplesOf(groups: readonly Group[], capped: boolean, absent = 0): Mapping {
  const count = (state: ReadState): number => groups.filter((group) => group.state === state).length;
  const by = (who: Group['by'], state?: ReadState): number =>
    groups.filter((group) => group.by === who && (state === undefined ? group.state !== 'gone' : group.state === state)).length;
  const limited = groups.filter((group) => group.limit > 0 && group.state !== 'gone' && isContainer(group));
  const pods = limited.filter((group) => group.by === 'kubelet' && isPodLevel(group.path.split('/').at(-1) ?? ''));
  const containers = limited.filter((group) => !pods.includes(group));
  const off = (some: readonly Group[]): number => some.filter((group) => group.state === 'eio').length;
  return {
    read: count('read'),
    eio: count('eio'),
    empty: count('empty'),
    denied: count('denied'),
    failed: count('failed'),
    failed_why: groups.find((group) => group.why !== undefined)?.why ?? '',
    gone: count('gone'),
    absent,
    total: groups.length - count('gone'),
    limited: limited.length,
    limited_off: off(limited),
    containers: containers.length,
    containers_off: off(containers),
    kubelet: by('kubelet'),
    kubelet_off: by('kubelet', 'eio'),
    kubelet_read: by('kubelet', 'read'),
    kubelet_limited: limited.filter((group) => group.by === 'kubelet').length,
    docker: by('docker'),
    docker_read: by('docker', 'read'),
    other: by('other'),
    other_read: by('other', 'read'),
    capped,
  };
}
