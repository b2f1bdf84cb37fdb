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
  isOmit,
  isPyList,
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
export function plain(value: PyValue): Value {
  if (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    typeof value === 'number'
  )
    return value;
  if (typeof value === 'bigint') return Number(value);
  kindOf(value);
  spend(1);
  if (isFloatBox(value)) return value.value;
  if (isPyList(value)) return value.filter((item) => !isOmit(item)).map(plain);
  if (isTuple(value)) return value.items.filter((item) => !isOmit(item)).map(plain);
  if (isDict(value)) {
    const kept = dictEntries(value).filter(([, value]) => !isOmit(value));
    return Object.fromEntries(kept.map(([key, value]) => [keyOf(key), plain(value)]));
  }
  if (isOmit(value)) throw new ExpressionError('the value is omitted', true);
  if (isDatetime(value) || isDuration(value)) return text(value);
  return fail(`a ${typeName(value)} is no value: it can only be used inside an expression`);
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
