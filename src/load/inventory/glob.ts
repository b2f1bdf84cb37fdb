// Globs over names, character for character as Python's fnmatch reads them: what Ansible's patterns
// are made of.

type Part = '*' | '?' | Class;

interface Class {
  readonly negated: boolean;
  readonly ranges: readonly (readonly [string, string])[];
}

/**
 * Does a whole name match a glob? The time is at most the length of the glob times the length of
 * the name.
 */
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
 * Where the class that begins here is closed: a `]` that is its first character is one of its
 * members. -1 = not a class but a plain bracket.
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
 * A `*` takes as little as it can; where the rest does not fit, only the last one takes one
 * character more.
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
