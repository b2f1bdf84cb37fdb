// Limits of what kmend reads of one host: its answer, an area, a line, and each fact. Larger output
// is a failure of that host.
import type { Facts } from '../model/fact.ts';
import { failed, type Outcome, ok } from '../model/run/failure.ts';
import { isUnknown, type Value } from '../model/value.ts';

/** Characters of a whole answer. All areas together print less. */
export const longestAnswer = 4 * 1024 * 1024;

/** Characters of a line: scripts print at most 60,000 of a file's. */
export const longestLine = 65_536;

/** Characters of a text fact. The longest is /etc/default/grub. */
const longestText = 65_536;

/** Characters of all facts of a host as JSON. A node with 110 pods has 11,000. */
const longestFacts = 1024 * 1024;

/**
 * The kernel's `utsname` has 64 characters, and ids are shorter. Versions are parts of file names,
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
 * Copies the strings of the facts. A substring of the answer would keep the whole answer in memory.
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

/**
 * Length of the longest text in a value. The reason of an unknown value is not a text of the host.
 */
function longestIn(value: Value | undefined): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null || isUnknown(value)) return 0;
  return Object.values(value).reduce(
    (longest: number, inner: Value) => Math.max(longest, longestIn(inner)),
    0,
  );
}
