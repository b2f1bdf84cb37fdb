// Walks, indexes and slices texts, lists, tuples and ranges.

import { fail } from '../errors.ts';
import { reserve } from '../meter.ts';
import { dictKeys } from './dicts.ts';
import { wholeOf } from './numbers.ts';
import {
  isDict,
  isMissing,
  isPyList,
  isRange,
  isTuple,
  kindOf,
  type PyValue,
  type Range,
  tuple,
  typeName,
} from './py-value.ts';

const astral = /[\ud800-\udfff]/;

/** The characters (code points) of a text. */
export const chars = (text: string): string[] => {
  reserve(text.length);
  return astral.test(text) ? Array.from(text) : text.split('');
};

export const textLength = (text: string): number =>
  astral.test(text) ? chars(text).length : text.length;

export function rangeItems({ start, stop, step }: Range): number[] {
  const length = Math.max(0, Math.ceil((stop - start) / step));
  reserve(length);
  return Array.from({ length }, (_, index) => start + index * step);
}

/** The items of an iterable value; undefined for any other value. */
export function itemsOf(value: PyValue): readonly PyValue[] | undefined {
  kindOf(value);
  if (isPyList(value)) return value;
  if (typeof value === 'string') return chars(value);
  if (isTuple(value)) return value.items;
  if (isRange(value)) return rangeItems(value);
  return isDict(value) ? dictKeys(value) : undefined;
}

export const walk = (value: PyValue): readonly PyValue[] => {
  const items = itemsOf(value) ?? fail(`'${typeName(value)}' object is not iterable`);
  reserve(items.length);
  return items;
};

/** The number of items; an error for a value without items. */
export const sizeOf = (value: PyValue): number => {
  if (typeof value === 'string') return textLength(value);
  return (itemsOf(value) ?? fail(`object of type '${typeName(value)}' has no len()`)).length;
};

/** The item at an index, which counts from the end when negative; undefined where there is none. */
export function itemAt(value: PyValue, index: number): PyValue | undefined {
  const items = isDict(value) ? undefined : itemsOf(value);
  return items?.[index < 0 ? index + items.length : index];
}

type Bound = PyValue | undefined;

/** `value[start:stop:step]` */
export function slice(value: PyValue, start: Bound, stop: Bound, step: Bound): PyValue {
  if (isMissing(value)) return value;
  const items = isDict(value) ? undefined : itemsOf(value);
  if (items === undefined) return fail(`'${typeName(value)}' object cannot be sliced`);
  const by = boundOf(step) ?? 1;
  if (by === 0) fail('slice step cannot be zero');
  const length = items.length;
  const clamp = (bound: number): number =>
    Math.min(
      Math.max(bound < 0 ? bound + length : bound, by < 0 ? -1 : 0),
      by < 0 ? length - 1 : length,
    );
  const startBound = boundOf(start);
  const stopBound = boundOf(stop);
  const from = startBound === undefined ? (by < 0 ? length - 1 : 0) : clamp(startBound);
  const to = stopBound === undefined ? (by < 0 ? -1 : length) : clamp(stopBound);
  const picked: PyValue[] = [];
  for (let i = from; by > 0 ? i < to : i > to; i += by) picked.push(items[i] ?? null);
  reserve(picked.length);
  if (typeof value === 'string') return picked.join('');
  return isPyList(value) ? picked : tuple(picked);
}

function boundOf(bound: Bound): number | undefined {
  if (bound === undefined || bound === null) return undefined;
  kindOf(bound);
  return (
    wholeOf(bound) ?? fail('slice indices must be integers or None or have an __index__ method')
  );
}
