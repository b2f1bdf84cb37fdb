// What is read of one host at most: its answer, an area and a line of it, and the values that were
// read. More is that host's failure.
import type { Facts } from '../model/fact.ts';
import { failed, type Outcome, ok } from '../model/run/failure.ts';
import { isUnknown, type Value } from '../model/value.ts';

/** Characters of a whole answer; all areas together print less. */
export const longestAnswer = 4 * 1024 * 1024;

/** Characters of a line: scripts print at most 60,000 of a file's. */
export const longestLine = 65_536;

/** Characters of a text among the facts; the whole of /etc/default/grub is the longest. */
const longestText = 65_536;

/** Characters of all facts of a host as JSON. A node with 110 pods has 11,000. */
const longestFacts = 1024 * 1024;

/**
 * `utsname` of the kernel has 64 characters, and ids are shorter. Versions are parts of file names,
 * which have 255.
 */
const names: readonly (readonly [RegExp, number])[] = [
  [/^(?:kernel\.release|host\.name|boot\.id|machine\.(?:id|arch))$/, 64],
  [
    /^(?:kernel\.(?:next|saved|trial|installed)|os\.(?:id|version|name))$|\.(?:version|client|evr|package|driver|installed|available)$/,
    255,
  ],
];

export const tooLong = (what: string, length: number, most: number): Outcome<never> =>
  failed(
    'parse',
    `the answer is too long: ${what} has ${length} characters, at most ${most} are read`,
    {
      hint: 'no script of kmend prints so much: find out what runs in its place on the host',
    },
  );

/**
 * The facts in strings of their own: one that is a piece of the answer keeps all of it in memory
 * for as long as the fact lives.
 */
export function keptFacts(facts: Facts): Outcome<Facts> {
  for (const [name, value] of Object.entries(facts)) {
    const most = names.find(([pattern]) => pattern.test(name))?.[1] ?? longestText;
    const length = longestIn(value);
    if (length > most) return tooLong(`the fact ${name}`, length, most);
  }
  const text = JSON.stringify(facts);
  return text.length > longestFacts
    ? tooLong('what was read', text.length, longestFacts)
    : ok(JSON.parse(text) as Facts);
}

/** Length of the longest text in a value. Why it is unknown is no text of the host. */
function longestIn(value: Value | undefined): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null || isUnknown(value)) return 0;
  return Object.values(value).reduce(
    (longest: number, inner: Value) => Math.max(longest, longestIn(inner)),
    0,
  );
}
