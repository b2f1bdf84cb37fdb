// Python's equality, order, truth and membership, without silent conversion between types.

import { fail } from '../errors.ts';
import { spend } from '../meter.ts';
import { dictEntries, dictGet, dictSize, keyText } from './dicts.ts';
import { compareNumbers, numeric } from './numbers.ts';
import {
  isDatetime,
  isDict,
  isDuration,
  isMissing,
  isNamespace,
  isPyList,
  isRange,
  isTuple,
  kindOf,
  type PyValue,
  touch,
  typeName,
} from './py-value.ts';
import { rangeItems } from './sequences.ts';

export function truthy(value: PyValue): boolean {
  if (isMissing(value) && value.plain === true) return false;
  kindOf(value);
  if (value === null) return false;
  if (typeof value === 'string' || isPyList(value)) return value.length > 0;
  const n = numeric(value);
  if (n !== undefined) return Number(n.value) !== 0;
  if (isTuple(value)) return value.items.length > 0;
  if (isRange(value)) return rangeItems(value).length > 0;
  if (isDuration(value)) return value.micros !== 0;
  return isDict(value) ? dictSize(value) > 0 : true;
}

export function equals(a: PyValue, b: PyValue): boolean {
  spend(1);
  const kind = kindOf(a);
  if (typeof a === 'string' || typeof b === 'string') return a === touch(b);
  const [left, right] = [numeric(a), numeric(b)];
  if (left !== undefined || right !== undefined)
    return left !== undefined && right !== undefined && compareNumbers(left, right) === 0;
  if (kind !== kindOf(b)) return false;
  if (isPyList(a) && isPyList(b)) return sameItems(a, b);
  if (isTuple(a) && isTuple(b)) return sameItems(a.items, b.items);
  if (isRange(a) && isRange(b)) return sameItems(rangeItems(a), rangeItems(b));
  if ((isDatetime(a) && isDatetime(b)) || (isDuration(a) && isDuration(b)))
    return a.micros === b.micros;
  if (!isDict(a) || !isDict(b)) return a === b;
  return (
    dictSize(a) === dictSize(b) &&
    dictEntries(a).every(([key, value]) => {
      const other = dictGet(b, key);
      return other !== undefined && equals(value, other);
    })
  );
}

const sameItems = (a: readonly PyValue[], b: readonly PyValue[]): boolean =>
  a.length === b.length && a.every((item, index) => equals(item, b[index] ?? null));

/** Negative, zero or positive; undefined with NaN. Values without an order are an error. */
export function compare(a: PyValue, b: PyValue, sign: string): number | undefined {
  spend(1);
  const [left, right] = [numeric(a), numeric(b)];
  if (left !== undefined && right !== undefined) return compareNumbers(left, right);
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (isPyList(a) && isPyList(b)) return compareItems(a, b, sign);
  if (isTuple(a) && isTuple(b)) return compareItems(a.items, b.items, sign);
  if ((isDatetime(a) && isDatetime(b)) || (isDuration(a) && isDuration(b)))
    return Math.sign(a.micros - b.micros);
  return fail(`'${sign}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

function compareItems(
  a: readonly PyValue[],
  b: readonly PyValue[],
  sign: string,
): number | undefined {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [left, right] = [a[i] ?? null, b[i] ?? null];
    if (!equals(left, right)) return compare(left, right, sign);
  }
  return a.length - b.length;
}

/** Compares by code point like Python; the UTF-16 units of JavaScript differ beyond U+FFFF. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  if (!/[\ud800-\udfff]/.test(a) && !/[\ud800-\udfff]/.test(b)) return a < b ? -1 : 1;
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const step = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (step !== 0) return step;
  }
  return left.length - right.length;
}

/** Python's `in`. */
export function contains(container: PyValue, item: PyValue): boolean {
  touch(item);
  kindOf(container);
  if (typeof container === 'string') {
    return typeof item === 'string'
      ? container.includes(item)
      : fail(`'in <string>' requires string as left operand, not ${typeName(item)}`);
  }
  if (isPyList(container)) return container.some((member) => equals(member, item));
  if (isTuple(container)) return container.items.some((member) => equals(member, item));
  if (isRange(container)) return rangeItems(container).some((member) => equals(member, item));
  if (!isDict(container))
    return isNamespace(container)
      ? false
      : fail(`argument of type '${typeName(container)}' is not iterable`);
  return keyText(item) === undefined
    ? fail(`unhashable type: '${typeName(item)}'`)
    : dictGet(container, item) !== undefined;
}
