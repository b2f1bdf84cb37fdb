// Filters on lists: items, order, sums, groups and parts.
import { flagArg, printedArg, wholeArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { atPath } from '../language/attributes.ts';
import { add } from '../language/operators.ts';
import { longest, reserve, spend } from '../meter.ts';
import { type Bound, type Callable, define, type Runtime, tolerating } from '../python/callable.ts';
import { keyText } from '../python/dicts.ts';
import { compare, equals } from '../python/order.ts';
import { text } from '../python/printing.ts';
import {
  isPyList,
  isTuple,
  missing,
  orElse,
  type PyValue,
  touch,
  tuple,
} from '../python/py-value.ts';
import { chars, sizeOf, walk } from '../python/sequences.ts';

const folded = (value: PyValue): PyValue =>
  typeof value === 'string' ? value.toLowerCase() : value;

/** Makes the function that reads the key of an item, for its order and equality. */
function keyReader(
  attribute: PyValue | undefined,
  caseSensitive: boolean,
  runtime: Runtime,
): (item: PyValue) => PyValue {
  const read = (item: PyValue): PyValue =>
    attribute === undefined || attribute === null ? item : atPath(item, attribute, runtime);
  return (item) => touch(caseSensitive ? read(item) : folded(read(item)));
}

/** `sort(attribute='a,b')` sorts by the first attribute, then by the second. */
function sortKey(
  attribute: PyValue | undefined,
  caseSensitive: boolean,
  runtime: Runtime,
): (item: PyValue) => PyValue {
  if (typeof attribute !== 'string' || !attribute.includes(','))
    return keyReader(attribute, caseSensitive, runtime);
  const readers = attribute.split(',').map((part) => keyReader(part, caseSensitive, runtime));
  return (item) => readers.map((read) => read(item));
}

export function sorted(
  items: readonly PyValue[],
  key: (item: PyValue) => PyValue,
  reverse = false,
): PyValue[] {
  const keyed = items.map((item) => [key(item), item] as const);
  keyed.sort(([a], [b]) => (reverse ? compare(b, a, '<') : compare(a, b, '<')) ?? 0);
  return keyed.map(([, item]) => item);
}

function extreme(value: PyValue, { at, runtime }: Bound, sign: '<' | '>'): PyValue {
  const key = keyReader(at(1), flagArg(at(0)), runtime);
  const [first, ...rest] = walk(value);
  if (first === undefined) return missing('the sequence was empty, so it has no such item');
  let best = first;
  let bestKey = key(first);
  for (const item of rest) {
    const itemKey = key(item);
    const order = compare(itemKey, bestKey, sign) ?? 0;
    if (sign === '<' ? order < 0 : order > 0) [best, bestKey] = [item, itemKey];
  }
  return best;
}

/** The first item of each key. Keys that cannot be hashed are compared one by one. */
export function uniqueBy(items: readonly PyValue[], key: (item: PyValue) => PyValue): PyValue[] {
  const seen = new Set<string>();
  const others: PyValue[] = [];
  return items.filter((item) => {
    const of = key(item);
    const id = keyText(of);
    const known = id === undefined ? others.some((other) => equals(other, of)) : seen.has(id);
    if (id !== undefined) seen.add(id);
    else if (!known) others.push(of);
    return !known;
  });
}

function flatten(items: readonly PyValue[], levels: number, skipNulls: boolean): PyValue[] {
  return items.flatMap((item): readonly PyValue[] => {
    touch(item);
    if (skipNulls && (item === null || item === 'None' || item === 'null')) return [];
    const inner = isPyList(item) ? item : isTuple(item) ? item.items : undefined;
    if (inner === undefined || levels < 1) return [item];
    reserve(inner.length);
    return flatten(inner, levels - 1, levels === Number.POSITIVE_INFINITY ? skipNulls : true);
  });
}

function batch(items: readonly PyValue[], size: number, fill: PyValue | undefined): PyValue[] {
  const rows: PyValue[][] = [];
  let row: PyValue[] = [];
  for (const item of items) {
    if (row.length === size) {
      rows.push(row);
      row = [];
    }
    row.push(item);
  }
  if (row.length === 0) return rows;
  const lack = fill === undefined || fill === null ? 0 : Math.max(0, size - row.length);
  reserve(lack);
  return [...rows, [...row, ...Array.from({ length: lack }, () => fill ?? null)]];
}

function slices(items: readonly PyValue[], count: number, fill: PyValue | undefined): PyValue[] {
  if (count === 0) return fail('integer division or modulo by zero');
  reserve(Math.max(0, count));
  const size = Math.floor(items.length / count);
  const longer = items.length % count;
  let at = 0;
  return Array.from({ length: Math.max(0, count) }, (_, index) => {
    const row = items.slice(at, at + size + (index < longer ? 1 : 0));
    at += row.length;
    return fill !== undefined && fill !== null && index >= longer ? [...row, fill] : row;
  });
}

function groups(
  items: readonly PyValue[],
  read: (item: PyValue) => PyValue,
  key: (item: PyValue) => PyValue,
): PyValue[] {
  const found: { readonly id: PyValue; readonly name: PyValue; readonly members: PyValue[] }[] = [];
  for (const item of sorted(items, key)) {
    const last = found.at(-1);
    if (last !== undefined && equals(last.id, key(item))) last.members.push(item);
    else found.push({ id: key(item), name: read(item), members: [item] });
  }
  return found.map(({ name, members }) => tuple([name, members]));
}

const zipped = (
  lists: readonly (readonly PyValue[])[],
  length: number,
  fill: PyValue,
): PyValue[] => {
  reserve(length * lists.length);
  return Array.from({ length }, (_, index) =>
    tuple(lists.map((list) => orElse(list[index], () => fill))),
  );
};

function product(lists: readonly (readonly PyValue[])[]): (readonly PyValue[])[] {
  reserve(lists.reduce((sum, list) => sum * list.length, 1));
  return lists.reduce<(readonly PyValue[])[]>(
    (rows, list) => rows.flatMap((row) => list.map((item) => [...row, item])),
    [[]],
  );
}

/** All combinations of `size` items; `ordered` gives all permutations. */
function choices(items: readonly PyValue[], size: number, ordered: boolean): PyValue[] {
  const rows: PyValue[] = [];
  const take = (row: readonly number[]): void => {
    spend(1);
    if (row.length === size) {
      reserve((rows.length + 1) * (size + 4) > longest ? longest + 1 : size + 4);
      rows.push(tuple(row.map((index) => items[index] ?? null)));
      return;
    }
    for (let i = ordered ? 0 : (row.at(-1) ?? -1) + 1; i < items.length; i++)
      if (!ordered || !row.includes(i)) take([...row, i]);
  };
  if (size < 0) return fail('the size must not be negative');
  if (size <= items.length) take([]);
  return rows;
}

const length = define('', sizeOf);

/** These filters only move items: an undefined item is an error only where it is used. */
const movers = tolerating({
  length,
  count: length,
  first: define('', (value) =>
    orElse(walk(value)[0], () => missing('No first item, sequence was empty.')),
  ),
  last: define('', (value) =>
    orElse(walk(value).at(-1), () => missing('No last item, sequence was empty.')),
  ),
  reverse: define('', (value) => {
    const items = [...walk(value)].reverse();
    return typeof value === 'string' ? items.map(text).join('') : items;
  }),
  batch: define('linecount fill_with?', (value, { at }) =>
    batch(walk(value), wholeArg(at(0), 'linecount'), at(1)),
  ),
  slice: define('slices fill_with?', (value, { at }) =>
    slices(walk(value), wholeArg(at(0), 'slices'), at(1)),
  ),
});

export const listFilters: Readonly<Record<string, Callable>> = {
  ...movers,
  list: define('', (value) => (typeof value === 'string' ? chars(value) : [...walk(value)])),
  min: define('case_sensitive? attribute?', (value, bound) => extreme(value, bound, '<')),
  max: define('case_sensitive? attribute?', (value, bound) => extreme(value, bound, '>')),
  sum: define('attribute? start?', (value, { at, runtime }) => {
    const attribute = at(0);
    const read = (item: PyValue): PyValue =>
      touch(
        attribute === undefined || attribute === null ? item : atPath(item, attribute, runtime),
      );
    const start = orElse(at(1), () => 0);
    if (typeof start === 'string') return fail("sum() can't sum strings");
    return walk(value).reduce<PyValue>((sum, item) => add(sum, read(item)), start);
  }),
  sort: define('reverse? case_sensitive? attribute?', (value, { at, runtime }) =>
    sorted(walk(value), sortKey(at(2), flagArg(at(1)), runtime), flagArg(at(0))),
  ),
  unique: define('case_sensitive? attribute?', (value, { at, runtime }) =>
    uniqueBy(walk(value), keyReader(at(1), flagArg(at(0)), runtime)),
  ),
  join: define('d? attribute?', (value, { at, runtime }) => {
    const [between, attribute] = [printedArg(at(0)), at(1)];
    const items = walk(value).map((item) =>
      text(attribute === undefined || attribute === null ? item : atPath(item, attribute, runtime)),
    );
    reserve(items.reduce((sum, item) => sum + item.length + between.length, 0));
    return items.join(between);
  }),
  flatten: define('levels? skip_nulls?', (value, { at }) => {
    const levels = at(0);
    return flatten(
      walk(value),
      levels === undefined || levels === null
        ? Number.POSITIVE_INFINITY
        : wholeArg(levels, 'levels'),
      flagArg(at(1), true),
    );
  }),
  // As in Ansible, `default` has no effect: a missing attribute is an error.
  groupby: define('attribute default? case_sensitive?', (value, { at, runtime }) => {
    const attribute = at(0) ?? '';
    return groups(
      walk(value),
      keyReader(attribute, true, runtime),
      keyReader(attribute, flagArg(at(2)), runtime),
    );
  }),
  zip: define('*', (value, { rest }) => {
    const lists = [value, ...rest].map(walk);
    return zipped(lists, Math.min(...lists.map((list) => list.length)), null);
  }),
  zip_longest: define('* fillvalue?', (value, { at, rest }) => {
    const lists = [value, ...rest].map(walk);
    return zipped(lists, Math.max(...lists.map((list) => list.length)), at(0) ?? null);
  }),
  product: define('*', (value, { rest }) => product([value, ...rest].map(walk)).map(tuple)),
  combinations: define('r', (value, { at }) =>
    choices(walk(value), wholeArg(at(0), 'the size'), false),
  ),
  permutations: define('r?', (value, { at }) =>
    choices(walk(value), wholeArg(at(0), 'the size', sizeOf(value)), true),
  ),
};
