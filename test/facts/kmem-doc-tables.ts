// The tables of docs/kmem.md, made from the data: a test compares the two.

import { type CreatorRow, creatorRows, unknownRow } from '../../src/facts/kmem/creators.ts';
import {
  el7Errata,
  el7Parses,
  generations,
  upstreamParses,
  vendorParses,
} from '../../src/facts/kmem/kernels.ts';
import { containerdIoRows } from '../../src/facts/kmem/programs/containerd-io.ts';
import { dockerRows, ownerRows } from '../../src/facts/kmem/programs/docker.ts';
import { kubeletRows, systemdDriverRow } from '../../src/facts/kmem/programs/kubelet.ts';
import { runcRows } from '../../src/facts/kmem/programs/runc.ts';
import { readRows } from '../../src/facts/kmem/reads.ts';
import { remedyRules } from '../../src/facts/kmem/remedy.ts';
import { symptomRows } from '../../src/facts/kmem/symptoms.ts';
import { verdictRules } from '../../src/facts/kmem/verdict.ts';
import { witnessRules } from '../../src/facts/kmem/witnesses.ts';

type Cells = readonly string[];

const table = (head: Cells, rows: readonly Cells[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');

/**
 * Through whose code a group of this row may ask; empty where nothing of that shape ever does by
 * itself.
 */
function asksThrough({ creator, manager, level }: CreatorRow): string {
  if (manager !== 'cgroupfs' || !['pods', 'pod', 'container'].includes(level)) return '';
  return (
    {
      kubelet: "the kubelet's own copy of runc",
      runtime: "docker's or containerd's runc",
      docker: "docker's runc",
      containerd: "containerd's runc",
    }[creator as string] ?? 'its runc'
  );
}

const isWitness = (row: CreatorRow): boolean => asksThrough(row) !== '' && row.level !== 'pods';

/** What to do about each reason for which the verdict is unknown, by the rule's name. */
export const unknownAdvice: Readonly<Record<string, string>> = {
  'a kernel release that is not understood':
    'kmend reads what `uname -r` prints. A kernel that was renamed cannot be judged; boot one with the name that its builder gave it',
  'reads were refused, failed, or did not come to an end':
    'run as root (`become: true`, `-b`). Where reads fail for want of memory, or the walk takes too long, the host is sick: free memory, and check again. What was read until then is used',
  'the argument is in force, and yet a new group was accounted':
    'the kernel is not the one that its name says, or it was patched. Compare `/proc/cmdline` with the table below, boot another build, and report it',
  'the argument is set, and nothing proves it':
    '`kmend check --active` asks the kernel itself, harmlessly; `verify_kmem` does so in each play',
  'a "no" that is disputed or declared, and no container of its own confirms it':
    'start a container with a memory limit through that program, or let `verify_kmem` do so (`sample: start`); or upgrade to a version that is sure',
  'nothing here makes containers':
    'kmend found no docker, containerd, cri-o, podman or kubelet, and no group of theirs. If one is there, in an unusual place, `kmend check -v` shows which groups it made',
  'no sample':
    'no program here is known or suspected to ask, and no group shows it. Start a container with a memory limit through each runtime, or let `verify_kmem` do so (`sample: start`)',
};

/** By the name that stands in the document's `<!-- table: NAME -->`. */
export const docTables: Readonly<Record<string, string>> = {
  kernels: table(
    ['kernels', 'state', 'what is known', 'basis', 'source'],
    generations
      .filter((row) => row.generation !== 'unknown')
      .map((row) => [row.generation, row.health, row.note, row.basis, row.source]),
  ),
  nokmem: table(
    ['kernel', 'obeys `cgroup.memory=nokmem`', 'basis', 'source'],
    [
      ...el7Parses.map((row) => [
        `3.10.0 of el7, ${row.name} (build ${row.range})`,
        row.parses,
        row.basis,
        row.source,
      ]),
      ...upstreamParses.map((row) => [`upstream ${row.name}`, row.parses, row.basis, row.source]),
      ...vendorParses.map((row) => [row.name, row.parses, row.basis, row.source]),
    ],
  ),
  errata: table(
    ['el7 builds', 'statement', 'source'],
    el7Errata.map((row) => [row.range, row.says, row.source]),
  ),
  runc: table(
    ['runc', 'asks for accounting', 'basis', 'source'],
    runcRows.map((row) => [row.name, row.accounts, row.basis, row.source]),
  ),
  docker: table(
    ['Docker engine', 'packages', 'asks for accounting', 'basis', 'source'],
    dockerRows.map((row) => [
      row.name,
      row.packages.join(', ') || 'any',
      row.accounts === 'runc' ? 'as its runc' : row.accounts,
      row.basis,
      row.source,
    ]),
  ),
  owners: table(
    ['engine', 'package', 'what its owner has', 'basis', 'source'],
    ownerRows.map((row) => [row.engine, row.package, row.says, row.basis, row.source]),
  ),
  'containerd.io': table(
    ['containerd.io (el7 rpm)', 'asks for accounting', 'basis', 'source'],
    containerdIoRows.map((row) => [
      row.name,
      row.disputed ? `${row.accounts}, disputed` : row.accounts,
      row.basis,
      row.source,
    ]),
  ),
  kubelet: table(
    ['kubelet, cgroupfs driver', 'asks for accounting', 'basis', 'source'],
    [
      ...kubeletRows.map((row) => [row.name, row.accounts, row.basis, row.source]),
      ['any, with the systemd driver', 'no', systemdDriverRow.basis, systemdDriverRow.source],
    ],
  ),
  reads: table(
    ['kernels', 'tree', 'what a group answers', 'accounting', 'basis', 'source'],
    readRows.map((row) => [
      row.generations.length > 6 ? 'all' : row.generations.join(', '),
      row.memory,
      row.name,
      row.reading === 'none' ? 'proves nothing' : row.reading,
      row.basis,
      row.source,
    ]),
  ),
  creators: table(
    [
      'path below the memory hierarchy',
      'creator',
      'manager',
      'asks through',
      'can be a witness',
      'basis',
      'source',
    ],
    [...creatorRows, unknownRow].map((row) => [
      row.shape,
      row.creator,
      row.manager,
      asksThrough(row) || 'never by itself',
      isWitness(row) ? 'yes' : 'no',
      row.basis,
      row.source,
    ]),
  ),
  witnesses: table(
    ['a group speaks for a program where all of these hold'],
    witnessRules.map(({ name }) => [name]),
  ),
  verdicts: table(
    ['the first that holds', 'verdict'],
    verdictRules.map(({ name, verdict }) => [name, verdict]),
  ),
  unknown: table(
    ['why', 'what to do'],
    verdictRules
      .filter(({ verdict }) => verdict === 'unknown')
      .map(({ name }) => [name, unknownAdvice[name] ?? '']),
  ),
  symptoms: table(
    ['line', 'written by', 'makes a host `leaking`', 'shows this bug by itself', 'basis', 'source'],
    symptomRows.map((row) => [
      `${row.name} (\`${row.kind}\`)`,
      row.from === 'kernel'
        ? 'the kernel, in its log'
        : 'docker, containerd, cri-o, kubelet, in the journal',
      row.critical ? 'yes, with accounting on' : 'no',
      row.specific === 'at_end' ? 'with another, or at the end' : row.specific,
      row.basis,
      row.source,
    ]),
  ),
  remedies: table(
    ['the first that holds', 'remedy'],
    remedyRules.map((rule) => [rule.name, rule.remedy]),
  ),
};
