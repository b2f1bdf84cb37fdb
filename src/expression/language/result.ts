// From a cell to what callers get: plain data, an error, or unknown.
import type { Value } from '../../model/value.ts';
import { ExpressionError, fail, UnknownSignal } from '../errors.ts';
import { metered, spend } from '../meter.ts';
import { dictEntries } from '../python/dicts.ts';
import { repr, text } from '../python/printing.ts';
import {
  isDatetime,
  isDict,
  isDuration,
  isFloatBox,
  isListCell,
  isOmit,
  isTuple,
  kindOf,
  type PyValue,
  typeName,
} from '../python/py-value.ts';

export type Result =
  | { readonly kind: 'value'; readonly value: Value }
  /** `omitted`: the value is Ansible's `omit`, so the key it stands for is left out. */
  | { readonly kind: 'error'; readonly message: string; readonly omitted?: boolean }
  /** A value was needed that is not known yet. */
  | { readonly kind: 'unknown'; readonly why: string };

/** Plain data; undefined or unknown parts end it, items that are `omit` are left out. */
export function plain(cell: PyValue): Value {
  if (
    cell === null ||
    typeof cell === 'string' ||
    typeof cell === 'boolean' ||
    typeof cell === 'number'
  )
    return cell;
  if (typeof cell === 'bigint') return Number(cell);
  kindOf(cell);
  spend(1);
  if (isFloatBox(cell)) return cell.value;
  if (isListCell(cell)) return cell.filter((item) => !isOmit(item)).map(plain);
  if (isTuple(cell)) return cell.items.filter((item) => !isOmit(item)).map(plain);
  if (isDict(cell)) {
    const kept = dictEntries(cell).filter(([, value]) => !isOmit(value));
    return Object.fromEntries(kept.map(([key, value]) => [keyOf(key), plain(value)]));
  }
  if (isOmit(cell)) throw new ExpressionError('the value is omitted', true);
  if (isDatetime(cell) || isDuration(cell)) return text(cell);
  return fail(`a ${typeName(cell)} is no value: it can only be used inside an expression`);
}

/** Keys are text in plain data, written as JSON writes them. */
const keyOf = (key: PyValue): string => {
  if (typeof key === 'string') return key;
  if (isTuple(key)) return fail('a tuple cannot be a key in the result');
  return key === null ? 'null' : typeof key === 'boolean' ? String(key) : repr(key);
};

/**
 * Runs an evaluation and turns every way it can end into a result. Other errors are our own bugs
 * and pass through.
 */
export function resultOf(run: () => Value): Result {
  try {
    return { kind: 'value', value: metered(run) };
  } catch (error) {
    if (error instanceof UnknownSignal) return { kind: 'unknown', why: error.why };
    if (error instanceof ExpressionError) {
      return error.omitted
        ? { kind: 'error', message: error.message, omitted: true }
        : { kind: 'error', message: error.message };
    }
    if (error instanceof RangeError)
      return { kind: 'error', message: 'the value or the expression is nested too deeply' };
    throw error;
  }
}
