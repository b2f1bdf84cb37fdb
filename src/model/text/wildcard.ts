// Patterns of names with `*` and `?`, as yum, OpenSSH and file names have them.

/**
 * Walks instead of making a regular expression: `*a*a*a*a*b` must not cost exponential time. At
 * most the pattern times the text.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
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
