// Kernels: the generation of a release, whether accounting leaks there, and whether it parses
// `cgroup.memory=nokmem`.
import type { Answer, Generation } from '../../model/facts/values.ts';
import { remembered } from '../../model/remembered.ts';
import { compareUpstream, versionInRange } from '../../model/text/versions.ts';
import type { Row } from './programs/row.ts';

/**
 * `affected`: leaks with accounting on; `suspect`: there are reports, and no proof; `healthy`:
 * accounting on is the normal state.
 */
export type Health = 'affected' | 'suspect' | 'healthy' | 'unknown';

interface GenerationRow extends Row {
  readonly generation: Generation;
  readonly health: Health;
  readonly note: string;
}

export const generations: readonly GenerationRow[] = [
  {
    generation: 'el7',
    health: 'affected',
    note: '3.10.0 of RHEL and CentOS 7: accounting is on only where a program asks for it, and then leaks',
    basis: 'measured',
    source: 'opencontainers/runc#1725, kubernetes/kubernetes#61937, RHBZ 1507149',
  },
  {
    generation: 'uek',
    health: 'suspect',
    note: "Oracle's kernel before 4.5",
    basis: 'report',
    source: 'moby/moby#27576 (4.1.12)',
  },
  {
    generation: 'older',
    health: 'healthy',
    note: 'before 3.8 there is no kernel-memory controller',
    basis: 'source',
    source: 'torvalds/linux d5bdae7d5945',
  },
  {
    generation: 'upstream-3',
    health: 'affected',
    note: '3.8 to 3.19: memcg slab is not reclaimed',
    basis: 'source',
    source: 'torvalds/linux d6e0b7fa1186 (fixed for 4.0), boot2docker/boot2docker#861',
  },
  {
    generation: '4.0-4.4',
    health: 'suspect',
    note: 'slab is reclaimed, but warnings of the same kind are reported',
    basis: 'report',
    source:
      'docker/for-linux#774, kubernetes/kubernetes#82534; against it opencontainers/runc#1921',
  },
  {
    generation: '4.5-5.8',
    health: 'healthy',
    note: 'accounting is on by default and healthy',
    basis: 'source',
    source: 'torvalds/linux b313aeee2509',
  },
  {
    generation: '5.9+',
    health: 'healthy',
    note: 'new slab controller; accounting is healthy',
    basis: 'measured',
    source: 'linux-mm 2020, memcg slab controller; read on 6.12 and 6.18',
  },
  {
    generation: 'unknown',
    health: 'unknown',
    note: 'the release could not be read as a kernel version',
    basis: 'model',
    source: '-',
  },
];

export interface KernelRelease {
  /** `3.10.0`, `4.14.35`. */
  readonly base: string;
  /** The first number after the dash: 862 of `3.10.0-862.el7`. */
  readonly build: number | undefined;
  readonly generation: Generation;
}

export const readRelease = remembered((release: string): KernelRelease => {
  const parts = /^(\d+\.\d+(?:\.\d+)*)(?:-(\d+))?/.exec(release);
  const base = parts?.[1];
  if (base === undefined) return { base: '', build: undefined, generation: 'unknown' };
  return {
    base,
    build: parts?.[2] === undefined ? undefined : Number(parts[2]),
    generation: generationOf(release, base),
  };
});

function generationOf(release: string, base: string): Generation {
  if (base === '3.10.0' && /\.el7(?:[._]|$)|\.el7$/.test(release)) return 'el7';
  const before = (version: string): boolean => compareUpstream(base, version) < 0;
  if (before('3.8')) return 'older';
  if (!before('5.9')) return '5.9+';
  if (!before('4.5')) return '4.5-5.8';
  if (/uek/.test(release)) return 'uek';
  return before('4.0') ? 'upstream-3' : '4.0-4.4';
}

export const healthOf = (generation: Generation): Health =>
  generations.find((row) => row.generation === generation)?.health ?? 'unknown';

// ---- Is nokmem parsed? ----

interface ParsesRow extends Row {
  readonly name: string;
  /** Release builds (el7) or upstream versions. */
  readonly range: string;
  readonly parses: Answer;
}

/**
 * el7, by the build number. For an unknown build its System.map may decide. Unknown counts as not
 * supported.
 */
export const el7Parses: readonly ParsesRow[] = [
  {
    name: '7.3',
    range: '=514',
    parses: 'no',
    basis: 'measured',
    source: '3.10.0-514.el7 booted with the argument: accounting fully on, nothing logged',
  },
  {
    name: 'before 7.3',
    range: '<514',
    parses: 'unknown',
    basis: 'model',
    source: 'not read; 514, which came later, has no such code',
  },
  {
    name: '7.4 to 7.6',
    range: '>514 <1062',
    parses: 'unknown',
    basis: 'model',
    source:
      '693, 862 and 957 have not been read; a real System.map that names cgroup_memory_nokmem, or does not, decides',
  },
  {
    name: '7.7 and later',
    range: '>=1062',
    parses: 'yes',
    basis: 'measured',
    source: '3.10.0-1062.el7 booted; 1127 and 1160 from source, mm/memcontrol.c',
  },
];

/** Other kernels, by upstream version. */
export const upstreamParses: readonly ParsesRow[] = [
  {
    name: 'before 4.5',
    range: '<4.5',
    parses: 'no',
    basis: 'source',
    source: 'torvalds/linux 04823c833b3e came after',
  },
  {
    name: '4.5 and later',
    range: '>=4.5',
    parses: 'yes',
    basis: 'measured',
    source: 'torvalds/linux 04823c833b3e; booted on 6.12',
  },
];

/**
 * Kernels before 4.5 that a vendor built. Their sources were not read: they may have the parameter
 * or not.
 */
export const vendorParses: readonly ParsesRow[] = [
  {
    name: 'SLES before 4.5',
    range: '<4.5',
    parses: 'unknown',
    basis: 'model',
    source: 'SLES 12 kernels were not read',
  },
  {
    name: 'UEK before 4.5',
    range: '<4.5',
    parses: 'unknown',
    basis: 'model',
    source: 'UEK R3 and R4 were not read',
  },
  {
    name: 'any other vendor before 4.5 (Virtuozzo, Ubuntu, Tencent)',
    range: '<4.5',
    parses: 'unknown',
    basis: 'model',
    source:
      'a release with a suffix of its own is a tree of its own: not read; a real System.map or the active probe decides',
  },
];

/** Built from the tree of kernel.org: a bare version, or ELRepo's kernel-lt and kernel-ml. */
const isUpstreamBuild = (release: string): boolean =>
  /^\d+\.\d+(?:\.\d+)?(?:-\d+\.el\d+\.elrepo(?:\.\w+)?)?$/.test(release);

/**
 * Does this kernel obey `cgroup.memory=nokmem`, by the tables? `kernel-answer.ts` adds what is
 * known of an exact kernel.
 */
export const parsesNokmem = (release: string, { suse }: { readonly suse: boolean }): Answer =>
  suse ? parsedOnSuse(release) : parsedElsewhere(release);

const parsedOnSuse = remembered((release) => readTables(release, true));
const parsedElsewhere = remembered((release) => readTables(release, false));

function readTables(release: string, suse: boolean): Answer {
  const { base, build, generation } = readRelease(release);
  if (generation === 'unknown' || generation === 'uek') return 'unknown';
  if (generation === 'el7')
    return (
      el7Parses.find(
        ({ range }) => build !== undefined && versionInRange(String(build), range, compareUpstream),
      )?.parses ?? 'unknown'
    );
  if (compareUpstream(base, '4.5') < 0 && (suse || !isUpstreamBuild(release))) return 'unknown';
  return (
    upstreamParses.find(({ range }) => versionInRange(base, range, compareUpstream))?.parses ??
    'unknown'
  );
}

/** Short name for operators: `862` on el7, `6.1` elsewhere. */
export function shortRelease(release: string): string {
  const { base, build, generation } = readRelease(release);
  if (generation === 'el7' && build !== undefined) return String(build);
  return base.split('.').slice(0, 2).join('.') || release;
}

// ---- Vendor statements about the leak itself ----

interface ErratumRow extends Row {
  readonly range: string;
  readonly says: string;
}

/**
 * Never a reason to skip a host, because reports contradict the errata. Shown beside the verdict.
 */
export const el7Errata: readonly ErratumRow[] = [
  {
    range: '>=693.61.1 <694',
    says: 'RHSA-2019:4058 says the leak is fixed in 693.61.1 (7.4 extended support)',
    basis: 'vendor',
    source: 'RHSA-2019:4058, RHBZ 1754829',
  },
  {
    range: '>=862.44.2 <863',
    says: 'RHSA-2019:3967 says the leak is fixed in 862.44.2 (7.5 extended support)',
    basis: 'vendor',
    source: 'RHSA-2019:3967, RHBZ 1748236, 1741918',
  },
  {
    range: '>=1062.4.1',
    says: 'RHSA-2019:3055 says the leak is fixed since 1062.4.1; users still saw it on 1127 and 1160',
    basis: 'vendor',
    source:
      'RHSA-2019:3055, RHBZ 1752421, 1741920; against it reports of 2021 (1127) and on 1160.49.1 and 1160.88.1',
  },
];

/** The vendor's statement about the leak in this el7 build; empty where there is none. */
export function vendorSays(release: string): string {
  const build = /^3\.10\.0-(\d+(?:\.\d+)*)\.el7/.exec(release)?.[1];
  if (build === undefined) return '';
  return el7Errata.find(({ range }) => versionInRange(build, range, compareUpstream))?.says ?? '';
}
