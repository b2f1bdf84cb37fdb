// Lists as sets. Ansible gives their items in no fixed order: here whole numbers come in ascending
// order (as there in the usual case of small ones), all else in the order in which it first
// appears.
import { type Callable, define } from '../python/callable.ts';
import { keyText } from '../python/dicts.ts';
import { equals } from '../python/order.ts';
import { kindOf, type PyValue, touch } from '../python/py-value.ts';
import { walk } from '../python/sequences.ts';
import { sorted, uniqueBy } from './lists.ts';

const same = (item: PyValue): PyValue => touch(item);

/** Whether an item is in a list, quick for what can be hashed. */
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
