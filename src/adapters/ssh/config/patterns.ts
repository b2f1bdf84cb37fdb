// Host patterns of OpenSSH, in ~/.ssh/config and known_hosts: `*`, `?`, and `!` for "not".
import { matchesWildcard } from '../../../model/text/wildcard.ts';

/** True: the pattern has no wildcard or negation. */
export const isPlain = (pattern: string): boolean => !/[*?!]/.test(pattern);

/**
 * True if one pattern matches and no negated one does. All names of a host count together. As in
 * `Host` of ssh_config, case matters.
 */
export function matchesExactly(patterns: readonly string[], names: readonly string[]): boolean {
  let found = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith('!');
    const bare = negated ? pattern.slice(1) : pattern;
    if (!names.some((name) => matchesWildcard(bare, name))) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

const lower = (words: readonly string[]): readonly string[] =>
  words.map((word) => word.toLowerCase());

/** The same where case does not matter. */
export const matchesList = (patterns: readonly string[], names: readonly string[]): boolean =>
  matchesExactly(lower(patterns), lower(names));
