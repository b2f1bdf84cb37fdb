// Holds of the rpm world: versionlock lists and exclude lines. A held package looks like a missing
// one to yum, so they are looked for.
import { matchesWildcard } from '../../../model/text/wildcard.ts';

const patternsOf = (excludes: readonly string[]): readonly string[] =>
  excludes.flatMap((list) => list.split(/[\s,]+/)).filter((pattern) => pattern !== '');

/** For people: what holds, one entry each. */
export const heldList = (
  locks: readonly string[],
  excludes: readonly string[],
): readonly string[] => [
  ...locks.map((entry) => `versionlock ${entry.trim()}`),
  ...patternsOf(excludes).map((pattern) => `exclude ${pattern}`),
];

export function isHeld(
  name: string,
  locks: readonly string[],
  excludes: readonly string[],
): boolean {
  return (
    matchesAny(patternsOf(excludes), name) ||
    locks.some((lock) => matchesAny(lockNames(lock), name))
  );
}

/**
 * A versionlock line is `[EPOCH:]NAME-VERSION-RELEASE[.ARCH]`, with wildcards, in several orders; a
 * `!` before it excludes.
 */
function lockNames(lock: string): readonly string[] {
  const plain = lock.trim().replace(/^!/, '').replace(/^\d+:/, '');
  const parts = plain.split('-');
  return [plain, parts.slice(0, -2).join('-')].filter((candidate) => candidate !== '');
}

/** Does one of the patterns match? */
export const matchesAny = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => matchesWildcard(pattern, name));
