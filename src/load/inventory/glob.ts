// Matches names against globs exactly as Python's fnmatch does, which Ansible uses for patterns.

type Part = '*' | '?' | Class;

interface Class {
  readonly negated: boolean;
  readonly ranges: readonly (readonly [string, string])[];
}

/** Matches whole names. Takes at most the length of the glob times the length of the name. */
export function globMatcher(glob: string): (name: string) => boolean {
  const parts = partsOf([...glob]);
  return (name) => matches(parts, [...name]);
}

function partsOf(glob: readonly string[]): readonly Part[] {
  const parts: Part[] = [];
  const last = glob.lastIndexOf(']');
  for (let at = 0; at < glob.length; at++) {
    const character = glob[at] ?? '';
    const end = character === '[' && at < last ? classEnd(glob, at) : -1;
    if (character === '*' || character === '?') parts.push(character);
    else if (end === -1) parts.push({ negated: false, ranges: [[character, character]] });
    else {
      parts.push(classOf(glob.slice(at + 1, end)));
      at = end;
    }
  }
  return parts;
}

/**
 * The end of the class that begins at `start`: a `]` as first character is a member of the class.
 * -1 = a plain bracket, not a class.
 */
function classEnd(glob: readonly string[], start: number): number {
  const first = glob[start + 1] === '!' ? start + 2 : start + 1;
  return glob.indexOf(']', first + 1);
}

function classOf(content: readonly string[]): Class {
  const negated = content[0] === '!';
  const ranges: (readonly [string, string])[] = [];
  for (let at = negated ? 1 : 0; at < content.length; at++) {
    const from = content[at] ?? '';
    const to = content[at + 1] === '-' ? content[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return { negated, ranges };
}

/**
 * Lets each `*` match as little as possible. Where the rest does not match, only the last `*`
 * takes one more character.
 */
function matches(parts: readonly Part[], name: readonly string[]): boolean {
  let part = 0;
  let star = -1;
  let resume = 0;
  for (let at = 0; at < name.length; ) {
    const one = parts[part];
    if (one === '*') {
      star = part++;
      resume = at;
    } else if (one !== undefined && fits(one, name[at] ?? '')) {
      part++;
      at++;
    } else if (star !== -1) {
      part = star + 1;
      at = ++resume;
    } else return false;
  }
  return parts.slice(part).every((one) => one === '*');
}

function fits(part: '?' | Class, character: string): boolean {
  if (part === '?') return true;
  const code = character.codePointAt(0) ?? 0;
  const isIn = part.ranges.some(
    ([from, to]) => (from.codePointAt(0) ?? 0) <= code && code <= (to.codePointAt(0) ?? 0),
  );
  return isIn !== part.negated;
}
