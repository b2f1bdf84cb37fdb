// Limits of what kmend reads of one host: its answer, an area, a line, and each fact. Larger output
// is a failure of that host.
import type { Facts } from '../model/fact.ts';
import { remembered } from '../model/remembered.ts';
import { failed, type Outcome, ok } from '../model/run/failure.ts';
import { isUnknown, type Value } from '../model/value.ts';

/** Characters of a whole answer. All areas together print less. */
export const longestAnswer = 4 * 1024 * 1024;

/** Characters of a line: scripts print at most 60,000 of a file's. */
export const longestLine = 65_536;

/** Bytes of a file whose content is read for a task. */
export const longestFile = 60_000;

/** Characters of a text fact. The longest is /etc/default/grub. */
const longestText = 65_536;

/** Characters of all facts of a host as JSON. A node with 110 pods has 11,000. */
export const longestFacts = 1024 * 1024;

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

const mostOf = remembered(
  (name) => names.find(([pattern]) => pattern.test(name))?.[1] ?? longestText,
);

/** A value of a fact without a reference to the answer. */
interface Kept {
  readonly value: Value;
  /** Characters of it as JSON, and of the longest text in it. */
  readonly length: number;
  readonly longest: number;
}

/** Longer values are seldom equal and are not shared; after so many values sharing begins anew. */
const shared = { length: 512, values: 2000 };
const keptTexts = new Map<string, Kept>();
const keptJson = new Map<string, Kept>();

/**
 * A copy of a value. Hosts of a fleet have most values in common, and share one copy of each:
 * readers must not change it.
 */
function keptValue(value: Value): Kept {
  if (typeof value === 'string')
    return keptTexts.get(value) ?? keepIn(keptTexts, JSON.stringify(value));
  if (typeof value !== 'object') return { value, length: String(value).length, longest: 0 };
  const json = JSON.stringify(value);
  return keptJson.get(json) ?? keepIn(keptJson, json);
}

function keepIn(values: Map<string, Kept>, json: string): Kept {
  const value = JSON.parse(json) as Value;
  const kept = { value, length: json.length, longest: longestIn(value) };
  if (json.length > shared.length) return kept;
  if (values.size >= shared.values) values.clear();
  // The key of a text is the copy, too.
  values.set(typeof value === 'string' ? value : json, kept);
  return kept;
}

/** Facts without a reference to the answer, and their characters as JSON. */
export interface KeptFacts {
  readonly facts: Facts;
  readonly length: number;
}

/**
 * Copies the strings of the facts. A substring of the answer would keep the whole answer in memory.
 */
export function keptFacts(facts: Facts): Outcome<KeptFacts> {
  let length = 0;
  const all: Record<string, Value> = {};
  for (const [name, value] of Object.entries(facts)) {
    const kept = keptValue(value);
    const most = mostOf(name);
    if (kept.longest > most) return tooLong(`the fact ${name}`, kept.longest, most);
    // With two quotes, a colon and a comma.
    length += name.length + kept.length + 4;
    all[name] = kept.value;
  }
  return ok({ facts: all as Facts, length });
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
