// Turns a Python value into the result of an evaluation: plain data, an error, or unknown.
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
  /** `omitted`: the value is Ansible's `omit`, so the caller leaves the key out. */
  | { readonly kind: 'error'; readonly message: string; readonly omitted?: boolean }
  /** The result depends on a value that is not known yet. */
  | { readonly kind: 'unknown'; readonly why: string };

/** Plain data. Throws on undefined and unknown parts, and leaves out items that are `omit`. */
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
    const kept = dictEntries(value).filter(([, item]) => !isOmit(item));
    return Object.fromEntries(kept.map(([key, item]) => [keyOf(key), plain(item)]));
  }
  if (isOmit(value)) throw new ExpressionError('the value is omitted', true);
  if (isDatetime(value) || isDuration(value)) return text(value);
  return fail(`a ${typeName(value)} is not a value: it can only be used inside an expression`);
}

/** The key as text, as JSON writes it: plain data has only text keys. */
const keyOf = (key: PyValue): string => {
  if (typeof key === 'string') return key;
  if (isTuple(key)) return fail('a tuple cannot be a key in the result');
  return key === null ? 'null' : typeof key === 'boolean' ? String(key) : repr(key);
};

/** Runs an evaluation and turns its errors into results. Other errors are bugs and pass through. */
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
