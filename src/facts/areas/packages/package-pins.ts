// Package pins of yum, dnf and zypper: versionlock lists and exclude lines. yum does not show a
// pinned package, so kmend must read the pins.
import { matchesWildcard } from '../../../model/text/wildcard.ts';

const patternsOf = (excludes: readonly string[]): readonly string[] =>
  excludes.flatMap((list) => list.split(/[\s,]+/)).filter((pattern) => pattern !== '');

/** Texts for operators: each pin that holds the package. */
export const heldList = (
  locks: readonly string[],
  excludes: readonly string[],
): readonly string[] => [
  ...locks.map((entry) => `versionlock ${entry.trim()}`),
  ...patternsOf(excludes).map((pattern) => `exclude ${pattern}`),
];

/** The same, of those pins that hold this package. */
export const holdsOf = (
  name: string,
  locks: readonly string[],
  excludes: readonly string[],
): readonly string[] => [
  ...new Set(
    heldList(
      locks.filter((lock) => matchesAny(lockNames(lock), name)),
      patternsOf(excludes).filter((pattern) => matchesAny([pattern], name)),
    ),
  ),
];

/**
 * A versionlock line is `[EPOCH:]NAME-VERSION-RELEASE[.ARCH]`, with wildcards, in several orders. A
 * `!` before it excludes that version.
 */
function lockNames(lock: string): readonly string[] {
  const plain = lock.trim().replace(/^!/, '').replace(/^\d+:/, '');
  const parts = plain.split('-');
  return [plain, parts.slice(0, -2).join('-')].filter((candidate) => candidate !== '');
}

/** The entry locks this package and no other. */
export function isLockOf(entry: string, name: string): boolean {
  const plain = entry.replace(/^\d+:/, '');
  return (
    plain === name || (plain.startsWith(`${name}-`) && isVersion(plain.slice(name.length + 1)))
  );
}

const isVersion = (text: string): boolean => /^(?:\d+:)?[^-]+-[^-]+$/.test(text);

/** Does one of the patterns match the name? */
export const matchesAny = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => matchesWildcard(pattern, name));
