// Replays a recorded host: a directory tree whose files answer as the recording did (also with
// EIO), read by the real probe through a real sh.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildProbe, derive, parseProbe } from '../../src/facts/index.ts';
import type { Facts, FactWant } from '../../src/model/fact.ts';

export const fixtures = join(import.meta.dirname, '../fixtures/kmem');

export interface Recorded {
  /** The root that KMEND_ROOT names. */
  readonly root: string;
  /** Programs that stand before those of the machine. */
  readonly bin: string;
  readonly remove: () => void;
}

export function emptyHost(): Recorded {
  const directory = mkdtempSync(join(tmpdir(), 'kmend-replay-'));
  chmodSync(directory, 0o755);
  const [root, bin] = [join(directory, 'root'), join(directory, 'bin')];
  mkdirSync(root);
  mkdirSync(bin);
  const host = { root, bin, remove: () => rmSync(directory, { recursive: true, force: true }) };
  program(host, 'dmesg', `cat "$KMEND_ROOT/../dmesg" 2>/dev/null || :`);
  program(host, 'id', 'echo 0');
  return host;
}

export function program(host: Recorded, name: string, body: string): void {
  writeFileSync(join(host.bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

export function file(host: Recorded, path: string, text: string): void {
  const full = join(host.root, path);
  mkdirSync(dirname(full), { recursive: true });
  rmSync(full, { force: true });
  writeFileSync(full, text);
}

/** A file whose first read fails with a true EIO: offset 0 of one's own memory is not mapped. */
export function eioFile(host: Recorded, path: string): void {
  const full = join(host.root, path);
  mkdirSync(dirname(full), { recursive: true });
  rmSync(full, { force: true });
  symlinkSync('/proc/self/mem', full);
}

/** A host as recorded on a booted kernel: `index.tsv` says which file gives EIO. */
export function recordedHost(name: string): Recorded {
  const host = emptyHost();
  const source = join(fixtures, name);
  cpSync(join(source, 'tree'), host.root, { recursive: true });
  for (const row of readFileSync(join(source, 'index.tsv'), 'utf8').split('\n')) {
    const [path = '', , , errno] = row.split('\t');
    if (errno === 'EIO') eioFile(host, path);
  }
  for (const entry of readFileSync(join(source, 'ls-slab.txt'), 'utf8').split('\n')) {
    if (entry.includes('('))
      mkdirSync(join(host.root, 'sys/kernel/slab', entry), { recursive: true });
  }
  cpSync(join(source, 'dmesg.txt'), join(host.root, '../dmesg'));
  return host;
}

export interface GroupFiles {
  readonly slabinfo: 'eio' | 'empty' | number;
  readonly limit?: number;
  readonly usage?: number;
  readonly procs?: number;
}

/** A v1 memory cgroup; a number of slabinfo lines, EIO or an empty file. */
export function v1Group(
  host: Recorded,
  path: string,
  { slabinfo, limit, usage = 0, procs = 1 }: GroupFiles,
): void {
  const directory = join('sys/fs/cgroup/memory', path);
  file(host, join(directory, 'memory.limit_in_bytes'), `${limit ?? '9223372036854771712'}\n`);
  file(host, join(directory, 'memory.kmem.usage_in_bytes'), `${usage}\n`);
  file(host, join(directory, 'cgroup.procs'), '1\n'.repeat(procs));
  const slab = join(directory, 'memory.kmem.slabinfo');
  if (slabinfo === 'eio') eioFile(host, slab);
  else file(host, slab, slabinfo === 'empty' ? '' : slabLines(slabinfo));
}

const slabLines = (count: number): string =>
  [
    'slabinfo - version: 2.1',
    '# name <active_objs> <num_objs>',
    ...Array.from({ length: Math.max(0, count - 2) }, (_, n) => `kmalloc-${n} 1 1 64`),
  ]
    .slice(0, count)
    .map((line) => `${line}\n`)
    .join('');

export interface ReplayOptions {
  readonly shell?: readonly string[];
  readonly uid?: number;
  readonly wants?: readonly FactWant[];
  /** Before the machine's PATH, after the emulated tools. */
  readonly path?: string;
}

export function runProbe(
  host: Recorded,
  { shell = ['sh'], uid, wants = [], path }: ReplayOptions = {},
): string {
  const [command = 'sh', ...rest] = shell;
  return execFileSync(command, [...rest, '-c', buildProbe(wants)], {
    env: {
      KMEND_ROOT: host.root,
      PATH: [host.bin, path, process.env.PATH].filter((part) => part !== undefined).join(':'),
    },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 64 * 1024 * 1024,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

/** The facts that the real script finds in this tree. */
export function replay(host: Recorded, options: ReplayOptions = {}): Facts {
  const result = parseProbe(runProbe(host, options), options.wants ?? []);
  if (!result.ok) throw new Error(result.failure.message);
  return derive(result.value);
}

export const isRoot = process.getuid?.() === 0;
/** Is this program on the machine? */
export const has = (name: string): boolean =>
  (process.env.PATH ?? '')
    .split(':')
    .some((directory) => directory !== '' && existsSync(join(directory, name)));
export const hasBusybox = existsSync('/bin/busybox') || existsSync('/usr/bin/busybox');
