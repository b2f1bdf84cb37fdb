// Which kernels match the task: by version, and by package.
import { healthOf, readRelease } from '../../facts/kmem/kernels.ts';
import { type FactView, need } from '../../model/fact.ts';
import { compareRpm } from '../../model/text/versions.ts';

export interface Asked {
  /** Absent: the distribution's own kernel package. */
  readonly package?: string | undefined;
  readonly min?: string | undefined;
  readonly version?: string | undefined;
  readonly prefer: 'newest' | 'nearest';
}

export const packageOf = (asked: Asked): string => asked.package ?? 'kernel';

export const withoutEpoch = (evr: string): string => evr.replace(/^\d*:/, '');
const withoutArch = (release: string): string =>
  release.replace(/\.(?:x86_64|i686|aarch64|ppc64le|ppc64|s390x)$/, '');

/** By version alone. */
export const fitsVersion = (release: string, asked: Asked): boolean =>
  asked.version === undefined
    ? compareRpm(withoutArch(release), asked.min ?? '') >= 0
    : withoutArch(release) === withoutArch(withoutEpoch(asked.version));

/**
 * The package of an installed kernel; empty where no package owns it. From el8 on the file is in
 * `kernel-core`, a part of `kernel`.
 */
export function ownerOf(release: string, facts: FactView): string {
  const owners = facts.get('kernel.packages') ?? {};
  return Object.hasOwn(owners, release) ? (owners[release] ?? '').replace(/-core$/, '') : '';
}

/** A kernel without a package counts as the distribution's, where its release looks so. */
const isOfLine = (release: string, asked: Asked, facts: FactView): boolean => {
  const owner = ownerOf(release, facts);
  return (
    owner === packageOf(asked) ||
    (owner === '' && asked.package === undefined && readRelease(release).generation === 'el7')
  );
};

/**
 * May it be chosen? An exact version without a package means this kernel, whatever package it has.
 */
export const isCandidate = (release: string, asked: Asked, facts: FactView): boolean =>
  fitsVersion(release, asked) &&
  ((asked.package === undefined && asked.version !== undefined) || isOfLine(release, asked, facts));

/**
 * Is it good enough where it boots next anyway? Without a package in the task, another package's
 * kernel is enough where accounting is healthy: the task is no reason to go back. A kernel that
 * leaks is not, however high its version.
 */
export const isEnough = (release: string, asked: Asked, facts: FactView): boolean =>
  isCandidate(release, asked, facts) ||
  (asked.package === undefined &&
    fitsVersion(release, asked) &&
    (ownerOf(release, facts) === '' || healthOf(readRelease(release).generation) === 'healthy'));

/** The oldest or newest by `prefer`, in the order of rpm. */
export function best(releases: readonly string[], { prefer }: Asked): string | undefined {
  const sorted = [...releases].sort((a, b) =>
    compareRpm(withoutArch(withoutEpoch(a)), withoutArch(withoutEpoch(b))),
  );
  return prefer === 'nearest' ? sorted[0] : sorted.at(-1);
}

export const installedChoice = (asked: Asked, facts: FactView): string | undefined =>
  best(
    need(facts, 'kernel.installed').filter((release) => isCandidate(release, asked, facts)),
    asked,
  );
