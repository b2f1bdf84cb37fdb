// Host patterns as OpenSSH reads them, in ~/.ssh/config and known_hosts: `*`, `?`, and `!` for
// "not".
import { matchesWildcard } from '../../../model/text/wildcard.ts';

/** True when a pattern means only itself. */
export const isPlain = (pattern: string): boolean => !/[*?!]/.test(pattern);

/**
 * A list matches when one pattern does and no negated one does; several names of one host count as
 * one host. Case does not matter.
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
