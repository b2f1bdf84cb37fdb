// The order of work.

import type { Verdict } from '../../model/facts/values.ts';
import type { Rollout } from '../../model/playbook.ts';
import type { HostPlan } from '../../model/run/plan.ts';

const urgency: Readonly<Record<Verdict, number>> = {
  leaking: 0,
  at_risk: 1,
  on: 2,
  unknown: 3,
  off: 4,
  not_applicable: 5,
};

const byName = (a: { readonly host: string }, b: { readonly host: string }): number =>
  a.host < b.host ? -1 : a.host > b.host ? 1 : 0;

/**
 * Sorts hosts, given in inventory order, into the order of work. `shuffle` depends only on the
 * seed, so that a plan and its run agree. `worst_first` keeps the inventory order among equals,
 * `longest_first` sorts them by name.
 */
export function orderHosts<T extends Pick<HostPlan, 'host' | 'verdict' | 'expected'>>(
  hosts: readonly T[],
  order: Rollout['order'],
  seed: string,
): T[] {
  switch (order) {
    case 'inventory':
      return [...hosts];
    case 'reverse_inventory':
      return hosts.toReversed();
    case 'sorted':
      return hosts.toSorted(byName);
    case 'reverse_sorted':
      return hosts.toSorted((a, b) => byName(b, a));
    case 'worst_first':
      return hosts.toSorted((a, b) => urgency[a.verdict] - urgency[b.verdict]);
    case 'longest_first':
      return hosts.toSorted(
        (a, b) => (b.expected?.seconds ?? 0) - (a.expected?.seconds ?? 0) || byName(a, b),
      );
    case 'shuffle':
      return shuffled(hosts, seed);
  }
}

/** Fisher and Yates, with numbers drawn from the seed (FNV-1a hash, then mulberry32). */
function shuffled<T>(items: readonly T[], seed: string): T[] {
  const random = numbersFrom(seed);
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const kept = result[last] as T;
    result[last] = result[other] as T;
    result[other] = kept;
  }
  return result;
}

/** A stream of numbers from 0 up to, but not including, 1: the same for the same seed. */
export function numbersFrom(seed: string): () => number {
  let state = 0x811c9dc5;
  for (const char of seed) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
