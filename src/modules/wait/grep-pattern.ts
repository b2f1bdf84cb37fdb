// Regular expressions of Python as extended ones of POSIX, where both mean the same.

const piece =
  /\\[dDwWsS]|\\[^A-Za-z0-9]|\[\^?\]?(?:[^\]\\[]|\\[^A-Za-z0-9])*\]|\((?!\?)|[).^$|]|(?:[*+?]|\{\d+(?:,\d*)?\})(?![*+?])|[^\\[\](){}*+?]/y;

const classes: Readonly<Record<string, string>> = {
  '\\d': '[0-9]',
  '\\D': '[^0-9]',
  '\\w': '[A-Za-z0-9_]',
  '\\W': '[^A-Za-z0-9_]',
  '\\s': '[[:space:]]',
  '\\S': '[^[:space:]]',
};

/** The same for `grep -E`; undefined where it knows no such thing. */
export function grepPattern(pattern: string): string | undefined {
  let made = '';
  for (let at = 0; at < pattern.length; ) {
    piece.lastIndex = at;
    const found = piece.exec(pattern)?.[0];
    if (found === undefined || found.includes('\n')) return undefined;
    // A backslash in brackets is a backslash for grep.
    if (found.startsWith('[') && found.includes('\\')) return undefined;
    made += classes[found] ?? found;
    at += found.length;
  }
  return made;
}
