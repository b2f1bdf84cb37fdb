// Name patterns with `*` and `?`, as in yum, OpenSSH and file names.

/**
 * Compares step by step instead of building a regular expression: `*a*a*a*a*b` must not take
 * exponential time. Costs at most the length of the pattern times that of the text.
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
