// Filters on lists as sets. Ansible has no fixed order of items. kmend sorts whole numbers, as Ansible
// does with small ones, and keeps other items in order of appearance.
import { type Callable, define } from '../python/callable.ts';
import { keyText } from '../python/dicts.ts';
import { equals } from '../python/order.ts';
import { kindOf, type PyValue, touch } from '../python/py-value.ts';
import { walk } from '../python/sequences.ts';
import { sorted, uniqueBy } from './lists.ts';

const same = (item: PyValue): PyValue => touch(item);

/** Makes the test for membership in a list; fast for hashable items. */
export function memberOf(items: readonly PyValue[]): (item: PyValue) => boolean {
  const ids = new Set<string>();
  const others: PyValue[] = [];
  for (const item of items) {
    const id = keyText(item);
    if (id === undefined) others.push(item);
    else ids.add(id);
  }
  return (item) => {
    const id = keyText(item);
    return id === undefined ? others.some((other) => equals(other, item)) : ids.has(id);
  };
}

const ordered = (items: readonly PyValue[]): readonly PyValue[] =>
  items.every((item) => kindOf(item) === 'int') ? sorted(items, same) : items;

const operation = (
  of: (a: readonly PyValue[], b: readonly PyValue[]) => readonly PyValue[],
): Callable =>
  define('other', (value, { at }) => ordered(uniqueBy(of(walk(value), walk(at(0) ?? null)), same)));

const without = (a: readonly PyValue[], b: readonly PyValue[]): readonly PyValue[] => {
  const inB = memberOf(b);
  return a.filter((item) => !inB(item));
};

export const setFilters: Readonly<Record<string, Callable>> = {
  union: operation((a, b) => [...a, ...b]),
  intersect: operation((a, b) => a.filter(memberOf(b))),
  difference: operation(without),
  symmetric_difference: operation((a, b) => [...without(a, b), ...without(b, a)]),
};
