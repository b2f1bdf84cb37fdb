// Reads: what the answer of a group's kernel-memory files proves about accounting. The same answer
// means different things on different kernels.
import type { Generation, ReadState } from '../../model/facts/values.ts';
import type { Row } from './programs/row.ts';

/** `none`: this answer proves nothing there. */
export type Reading = 'on' | 'off' | 'none';

export interface GroupRead {
  readonly state: ReadState;
  /** Its slabinfo has lines after the header. */
  readonly caches: boolean;
  /** Kernel memory is charged to it. */
  readonly charged: boolean;
  /** It has a process. */
  readonly procs: boolean;
}

interface ReadRow extends Row {
  readonly name: string;
  readonly generations: readonly Generation[];
  readonly memory: 'v1' | 'v2';
  readonly when: (read: GroupRead, nokmem: boolean) => boolean;
  readonly reading: Reading;
}

const early: readonly Generation[] = ['upstream-3', 'uek', '4.0-4.4'];
const late: readonly Generation[] = ['4.5-5.8', '5.9+'];
const all: readonly Generation[] = ['el7', ...early, ...late, 'older', 'unknown'];
const notRead = (read: GroupRead): boolean => read.state === 'denied' || read.state === 'gone';

/** First match wins. `nokmem` = the argument is on the command line of a kernel that parses it. */
export const readRows: readonly ReadRow[] = [
  {
    name: 'not read',
    generations: all,
    memory: 'v1',
    when: notRead,
    reading: 'none',
    basis: 'source',
    source: 'a refused read is no sample',
  },
  {
    name: 'not read',
    generations: all,
    memory: 'v2',
    when: notRead,
    reading: 'none',
    basis: 'source',
    source: 'a refused read is no sample',
  },
  {
    name: 'slabinfo can be read, be it only its header',
    generations: ['el7'],
    memory: 'v1',
    when: (read) => read.state === 'read',
    reading: 'on',
    basis: 'measured',
    source: '3.10.0-1062 and 514: 204 bytes of header, then a line a cache',
  },
  {
    name: 'slabinfo gives EIO',
    generations: ['el7'],
    memory: 'v1',
    when: (read) => read.state === 'eio',
    reading: 'off',
    basis: 'measured',
    source:
      '3.10.0-1062 and 514: open succeeds, the first read fails; mm/memcontrol.c mem_cgroup_slabinfo_read',
  },
  {
    name: 'slabinfo is empty',
    generations: ['el7'],
    memory: 'v1',
    when: (read) => read.state === 'empty',
    reading: 'none',
    basis: 'model',
    source: 'never seen on 3.10: header or EIO',
  },
  {
    name: 'slabinfo has cache lines, or usage is above 0',
    generations: early,
    memory: 'v1',
    when: (read) => read.caches || read.charged,
    reading: 'on',
    basis: 'model',
    source: 'torvalds/linux memcg_slab_show; usage counts only what is accounted',
  },
  {
    name: 'slabinfo gives EIO',
    generations: early,
    memory: 'v1',
    when: (read) => read.state === 'eio',
    reading: 'off',
    basis: 'model',
    source: 'torvalds/linux 3.8 to 3.18, the same code as el7',
  },
  {
    name: 'header only, or empty',
    generations: early,
    memory: 'v1',
    when: () => true,
    reading: 'none',
    basis: 'model',
    source: '3.19 to 4.10 print the header in both states (a 4.4.58 report: header only = off)',
  },
  {
    name: 'slabinfo has cache lines, or usage is above 0',
    generations: late,
    memory: 'v1',
    when: (read) => read.caches || read.charged,
    reading: 'on',
    basis: 'measured',
    source: '6.18: usage 962,560 while slabinfo was empty; before 5.9 from mm/slab_common.c',
  },
  {
    name: 'usage 0 in a group with processes, argument in force',
    generations: late,
    memory: 'v1',
    when: (read, nokmem) => nokmem && !read.charged && read.procs,
    reading: 'off',
    basis: 'model',
    source:
      'mm/memcontrol.c: with nokmem nothing is charged; no such kernel with v1 could be booted',
  },
  {
    name: 'usage 0 otherwise',
    generations: late,
    memory: 'v1',
    when: () => true,
    reading: 'none',
    basis: 'measured',
    source: '6.12 and 6.18: an idle group reads 0 with accounting on',
  },
  {
    name: 'kernel or slab of memory.stat above 0',
    generations: late,
    memory: 'v2',
    when: (read) => read.charged,
    reading: 'on',
    basis: 'measured',
    source: 'Debian 6.12: kernel 9,830,400 without the argument',
  },
  {
    name: 'kernel and slab of memory.stat 0 in a group with processes',
    generations: late,
    memory: 'v2',
    when: (read) => read.state === 'empty' && read.procs,
    reading: 'off',
    basis: 'measured',
    source: 'Debian 6.12 with cgroup.memory=nokmem: all 0 while memory.current was 323,584',
  },
  {
    name: '0 in an idle group',
    generations: late,
    memory: 'v2',
    when: () => true,
    reading: 'none',
    basis: 'measured',
    source: '6.12: an idle group reads 0 in both states',
  },
];

export function readingOf(
  read: GroupRead,
  generation: Generation,
  memory: string,
  nokmem: boolean,
): Reading {
  const row = readRows.find(
    (candidate) =>
      candidate.memory === memory &&
      candidate.generations.includes(generation) &&
      candidate.when(read, nokmem),
  );
  return row?.reading ?? 'none';
}
