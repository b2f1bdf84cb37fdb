// Host patterns as OpenSSH reads them, in ~/.ssh/config and known_hosts: `*`, `?`, and `!` for "not".

/** True when a pattern means only itself. */
export const isPlain = (pattern: string): boolean => !/[*?!]/.test(pattern);

/** One pattern without negation. Walks instead of making a RegExp: `*a*a*a*a*b` must not cost exponential time. */
export function matchesPattern(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    const want = pattern[p];
    if (want === '*') {
      star = p++;
      resume = t;
    } else if (want === '?' || want === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** A list matches when one pattern does and no negated one does; several names of one host count as one host. Case does not matter. */
export function matchesList(patterns: readonly string[], names: readonly string[]): boolean {
  let found = false;
  for (const written of patterns) {
    const pattern = written.toLowerCase();
    const negated = pattern.startsWith('!');
    const bare = negated ? pattern.slice(1) : pattern;
    if (!names.some((name) => matchesPattern(bare, name.toLowerCase()))) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}
