// The tables of docs/kmem.md, made from the data: a test compares the two.
import { containerdIoRows } from '../../src/facts/kmem/containerd-io.ts';
import { dockerRows } from '../../src/facts/kmem/docker.ts';
import { el7Errata, el7Parses, generations, upstreamParses, vendorParses } from '../../src/facts/kmem/kernels.ts';
import { kubeletRows, systemdDriverRow } from '../../src/facts/kmem/kubelet.ts';
import { readRows } from '../../src/facts/kmem/reads.ts';
import { remedyRules } from '../../src/facts/kmem/remedy.ts';
import { runcRows } from '../../src/facts/kmem/runc.ts';
import { symptomRows } from '../../src/facts/kmem/symptoms.ts';

type Cells = readonly string[];

const table = (head: Cells, rows: readonly Cells[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');

/** By the name that stands in the document's `<!-- table: NAME -->`. */
export const docTables: Readonly<Record<string, string>> = {
  kernels: table(
    ['kernels', 'state', 'what is known', 'basis', 'source'],
    generations.filter((row) => row.generation !== 'unknown').map((row) => [row.generation, row.health, row.note, row.basis, row.source]),
  ),
  nokmem: table(
    ['kernel', 'obeys `cgroup.memory=nokmem`', 'basis', 'source'],
    [
      ...el7Parses.map((row) => [`3.10.0 of el7, ${row.name} (build ${row.range})`, row.parses, row.basis, row.source]),
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
  'containerd.io': table(
    ['containerd.io (el7 rpm)', 'asks for accounting', 'basis', 'source'],
    containerdIoRows.map((row) => [row.name, row.disputed ? `${row.accounts}, disputed` : row.accounts, row.basis, row.source]),
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
  symptoms: table(
    ['line', 'written by', 'makes a host `leaking`', 'basis', 'source'],
    symptomRows.map((row) => [
      `${row.name} (\`${row.kind}\`)`,
      row.from === 'kernel' ? 'the kernel, in its log' : 'docker, containerd, cri-o, kubelet, in the journal',
      row.critical ? 'yes, with accounting on' : 'no',
      row.basis,
      row.source,
    ]),
  ),
  remedies: table(
    ['the first that holds', 'remedy'],
    remedyRules.map((rule) => [rule.name, rule.remedy]),
  ),
};
