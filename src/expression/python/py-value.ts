// The values an expression works on: plain data as it came in, plus what Python knows and JSON does
// not (float 1.0, tuple, range, method, undefined).
import { isUnknown, type Mapping } from '../../model/value.ts';
import { UndefinedError, UnknownSignal } from '../errors.ts';

/** Marks our own kinds of value; a symbol, so that no user's mapping can pretend to be one. */
export const brand = Symbol('kmend.python');

/**
 * A float with a whole value: `1.0` prints with its point where `1` does not. Other floats are
 * plain numbers.
 */
type Float = { readonly [brand]: 'float'; readonly value: number };
type Tuple = { readonly [brand]: 'tuple'; readonly items: readonly PyValue[] };
export type Range = {
  readonly [brand]: 'range';
  readonly start: number;
  readonly stop: number;
  readonly step: number;
};
/** A mapping made by an expression: keys of any hashable type, in the order of insertion. */
export type Dict = {
  readonly [brand]: 'dict';
  readonly entries: ReadonlyMap<string, readonly [PyValue, PyValue]>;
};
/**
 * Something that can be called but never be a result: a method bound to its value, or a global
 * function.
 */
type Method = {
  readonly [brand]: 'method';
  readonly name: string;
  readonly call: (args: Args) => PyValue;
};
/**
 * What a missing name or key gives. Touching it is an error with this message; `plain` is what an
 * `if` without `else` leaves.
 */
export type Missing = {
  readonly [brand]: 'undefined';
  readonly message: string;
  readonly plain?: boolean;
};
/** Ansible's `omit`: leaves the key out. */
type Omit = { readonly [brand]: 'omit' };
/** Named values of `namespace(a=1)`. */
type Namespace = { readonly [brand]: 'namespace'; readonly entries: ReadonlyMap<string, PyValue> };
/**
 * A wall-clock time without zone, as `to_datetime` gives it; microseconds since 1970-01-01 of that
 * calendar.
 */
type Datetime = { readonly [brand]: 'datetime'; readonly micros: number };
/** A difference of two datetimes, in microseconds. */
type Duration = { readonly [brand]: 'duration'; readonly micros: number };

type Special =
  | Float
  | Tuple
  | Range
  | Dict
  | Method
  | Missing
  | Omit
  | Namespace
  | Datetime
  | Duration;
export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly PyValue[]
  | Mapping
  | Special;

/** Arguments of a call: by place and by name. */
export interface Args {
  readonly positional: readonly PyValue[];
  readonly named: ReadonlyMap<string, PyValue>;
}

export type Kind =
  | 'none'
  | 'bool'
  | 'int'
  | 'float'
  | 'str'
  | 'list'
  | 'tuple'
  | 'dict'
  | 'range'
  | 'method'
  | 'omit'
  | 'namespace'
  | 'datetime'
  | 'duration';

const isSpecial = (value: PyValue | undefined): value is Special =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, brand);

const isBranded =
  <K extends Special[typeof brand]>(kind: K) =>
  (value: PyValue | undefined): value is Extract<Special, { readonly [brand]: K }> =>
    isSpecial(value) && value[brand] === kind;

export const isFloatBox = isBranded('float');
export const isTuple = isBranded('tuple');
export const isRange = isBranded('range');
export const isMade = isBranded('dict');
export const isMethod = isBranded('method');
export const isMissing = isBranded('undefined');
export const isOmit = isBranded('omit');
export const isNamespace = isBranded('namespace');
export const isDatetime = isBranded('datetime');
export const isDuration = isBranded('duration');
export const isPyList = (value: PyValue | undefined): value is readonly PyValue[] =>
  Array.isArray(value);
/** A mapping of the user's data. */
const isData = (value: PyValue | undefined): value is Mapping =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !Object.hasOwn(value, brand);
export const isDict = (value: PyValue | undefined): value is Mapping | Dict =>
  isMade(value) || isData(value);

export const float = (value: number): PyValue =>
  Number.isInteger(value) ? { [brand]: 'float', value } : value;
export const tuple = (items: readonly PyValue[]): Tuple => ({ [brand]: 'tuple', items });
export const missing = (message: string): Missing => ({ [brand]: 'undefined', message });
export const method = (name: string, call: (args: Args) => PyValue): Method => ({
  [brand]: 'method',
  name,
  call,
});
export const namespace = (entries: ReadonlyMap<string, PyValue>): Namespace => ({
  [brand]: 'namespace',
  entries,
});
export const datetime = (micros: number): Datetime => ({ [brand]: 'datetime', micros });
export const duration = (micros: number): Duration => ({ [brand]: 'duration', micros });
export const range = (start: number, stop: number, step: number): Range => ({
  [brand]: 'range',
  start,
  stop,
  step,
});
export const omitted: Omit = { [brand]: 'omit' };
/** `x if false`: no value, and no default either; the same in Ansible. */
export const nothing: Missing = {
  [brand]: 'undefined',
  message: 'an `if` without `else` gave no value',
  plain: true,
};

/**
 * The one place where using an undefined or unknown value ends the evaluation: every operation asks
 * for the kind of its operands.
 */
export function kindOf(value: PyValue): Kind {
  switch (typeof value) {
    case 'string':
      return 'str';
    case 'boolean':
      return 'bool';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float';
    case 'bigint':
      return 'int';
  }
  if (value === null) return 'none';
  if (isPyList(value)) return 'list';
  if (!isSpecial(value)) {
    if (isUnknown(value)) throw new UnknownSignal(value.$unknown);
    return 'dict';
  }
  const kind = value[brand];
  if (kind === 'undefined') throw new UndefinedError(value.message);
  return kind;
}

/** Uses a value: an error if it is undefined, unknown if it is unknown. */
export function touch<C extends PyValue>(value: C): C {
  if (typeof value === 'object' && value !== null) kindOf(value);
  return value;
}

const pythonNames: Partial<Record<Kind, string>> = {
  none: 'NoneType',
  duration: 'timedelta',
};

/** The type as an Ansible user knows it: `int`, `NoneType`, `list`. */
export const typeName = (value: PyValue): string => {
  const kind = kindOf(value);
  return pythonNames[kind] ?? kind;
};

/** The value, or something else where there is none; `??` would take None for nothing. */
export const orElse = <T>(value: PyValue | undefined, otherwise: () => T): PyValue | T =>
  value === undefined ? otherwise() : value;

/** A whole number back in its usual form: small ones as numbers, others as bigint. */
export const int = (value: number | bigint): PyValue => {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : BigInt(value);
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
};
