// Host patterns of OpenSSH, in ~/.ssh/config and known_hosts: `*`, `?`, and `!` for "not".
import { matchesWildcard } from '../../../model/text/wildcard.ts';

/** True: the pattern has no wildcard or negation. */
export const isPlain = (pattern: string): boolean => !/[*?!]/.test(pattern);

/**
 * True if one pattern matches and no negated one does. All names of a host count together; case
 * does not matter.
 */
export function matchesList(patterns: readonly string[], names: readonly string[]): boolean {
  let found = false;
  for (const written of patterns) {
    const pattern = written.toLowerCase();
    const negated = pattern.startsWith('!');
    const bare = negated ? pattern.slice(1) : pattern;
    if (!names.some((name) => matchesWildcard(bare, name.toLowerCase()))) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}
