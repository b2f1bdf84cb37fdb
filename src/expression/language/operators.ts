// Evaluates the binary operators.
import { fail } from '../errors.ts';
import { reserve } from '../meter.ts';
import {
  divide,
  floorDiv,
  minus,
  modulo,
  numeric,
  plus,
  power,
  times,
  wholeOf,
} from '../python/numbers.ts';
import { printf } from '../python/printf.ts';
import {
  datetime,
  duration,
  isDatetime,
  isDuration,
  isPyList,
  isTuple,
  type PyValue,
  tuple,
  typeName,
} from '../python/py-value.ts';
import { chars } from '../python/sequences.ts';

type Arithmetic = (
  a: NonNullable<ReturnType<typeof numeric>>,
  b: NonNullable<ReturnType<typeof numeric>>,
) => PyValue;

const unsupported = (sign: string, a: PyValue, b: PyValue): never =>
  fail(`unsupported operand type(s) for ${sign}: '${typeName(a)}' and '${typeName(b)}'`);

function arithmetic(sign: string, of: Arithmetic, a: PyValue, b: PyValue): PyValue {
  const [left, right] = [numeric(a), numeric(b)];
  return left === undefined || right === undefined ? unsupported(sign, a, b) : of(left, right);
}

export function add(a: PyValue, b: PyValue): PyValue {
  if (typeof a === 'string' && typeof b === 'string') return joined(a, b);
  if (isPyList(a) && isPyList(b)) return joinedLists(a, b);
  if (isTuple(a) && isTuple(b)) return tuple(joinedLists(a.items, b.items));
  if (isDatetime(a) && isDuration(b)) return datetime(a.micros + b.micros);
  if (isDuration(a) && isDuration(b)) return duration(a.micros + b.micros);
  if (typeof a === 'string') return fail(`can only concatenate str (not "${typeName(b)}") to str`);
  return arithmetic('+', plus, a, b);
}

export function subtract(a: PyValue, b: PyValue): PyValue {
  if ((isDatetime(a) && isDatetime(b)) || (isDuration(a) && isDuration(b)))
    return duration(a.micros - b.micros);
  return isDatetime(a) && isDuration(b)
    ? datetime(a.micros - b.micros)
    : arithmetic('-', minus, a, b);
}

export function multiply(a: PyValue, b: PyValue): PyValue {
  if (isRepeatable(a)) return repeat(a, b);
  if (isRepeatable(b)) return repeat(b, a);
  return arithmetic('*', times, a, b);
}

export const quotient = (a: PyValue, b: PyValue): PyValue => arithmetic('/', divide, a, b);
export const floorQuotient = (a: PyValue, b: PyValue): PyValue => arithmetic('//', floorDiv, a, b);
export const remainder = (a: PyValue, b: PyValue): PyValue =>
  typeof a === 'string' ? printf(a, b) : arithmetic('%', modulo, a, b);
export const raise = (a: PyValue, b: PyValue): PyValue => arithmetic('** or pow()', power, a, b);

export const joined = (a: string, b: string): string => {
  reserve(a.length + b.length);
  return a + b;
};

const joinedLists = (a: readonly PyValue[], b: readonly PyValue[]): readonly PyValue[] => {
  reserve(a.length + b.length);
  return [...a, ...b];
};

const isRepeatable = (value: PyValue): boolean =>
  typeof value === 'string' || isPyList(value) || isTuple(value);

function repeat(sequence: PyValue, count: PyValue): PyValue {
  const times = Math.max(
    0,
    wholeOf(count) ?? fail(`can't multiply sequence by non-int of type '${typeName(count)}'`),
  );
  if (typeof sequence === 'string') {
    reserve(chars(sequence).length * times);
    return sequence.repeat(times);
  }
  const items = isTuple(sequence) ? sequence.items : isPyList(sequence) ? sequence : [];
  reserve(items.length * times);
  const many = Array.from({ length: times }, () => items).flat();
  return isTuple(sequence) ? tuple(many) : many;
}
