// The values of an expression: plain data, and Python values that JSON lacks (float 1.0, tuple, range,
// method, undefined).
import { isUnknown, type Mapping } from '../../model/value.ts';
import { UndefinedError, UnknownSignal } from '../errors.ts';

/** Marks Python values; a symbol, so that no mapping of the user can pass for one. */
export const brand = Symbol('kmend.python');

/** A float with a whole value, which prints as `1.0`. Other floats are plain numbers. */
type Float = { readonly [brand]: 'float'; readonly value: number };
type Tuple = { readonly [brand]: 'tuple'; readonly items: readonly PyValue[] };
export type Range = {
  readonly [brand]: 'range';
  readonly start: number;
  readonly stop: number;
  readonly step: number;
};
/** A mapping that an expression made: keys of any hashable type, in order of insertion. */
export type Dict = {
  readonly [brand]: 'dict';
  readonly entries: ReadonlyMap<string, readonly [PyValue, PyValue]>;
};
/** A method bound to its value, or a global function. It can be called, but not be a result. */
type Method = {
  readonly [brand]: 'method';
  readonly name: string;
  readonly call: (args: Args) => PyValue;
};
/**
 * The undefined value of a missing name or key. Using it is an error with this message. `plain`
 * marks the value of an `if` without `else`.
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
/** A date and time without zone, as microseconds since 1970-01-01. */
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

/** The positional and named arguments of a call. */
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
/** The value of `x if false`. As in Ansible, `default` does not replace it. */
export const nothing: Missing = {
  [brand]: 'undefined',
  message: 'an `if` without `else` gave no value',
  plain: true,
};

/**
 * The kind of a value. Throws for an undefined or unknown value; every operation calls this for its
 * operands, so their use ends the evaluation.
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

/** Returns the value, or throws if it is undefined or unknown. */
export function touch<C extends PyValue>(value: C): C {
  if (typeof value === 'object' && value !== null) kindOf(value);
  return value;
}

const pythonNames: Partial<Record<Kind, string>> = {
  none: 'NoneType',
  duration: 'timedelta',
};

/** The name of a value's type in Python: `int`, `NoneType`, `list`. */
export const typeName = (value: PyValue): string => {
  const kind = kindOf(value);
  return pythonNames[kind] ?? kind;
};

/** The value, or `otherwise()` where it is undefined. `??` would replace None too. */
export const orElse = <T>(value: PyValue | undefined, otherwise: () => T): PyValue | T =>
  value === undefined ? otherwise() : value;

/** A whole number in its usual form: a safe integer as number, any other as bigint. */
export const int = (value: number | bigint): PyValue => {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : BigInt(value);
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
};
