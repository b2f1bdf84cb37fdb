// Tests on the type and the content of any value.
import { flagArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { memberOf } from '../filters/sets.ts';
import { asBool } from '../filters/values.ts';
import { type Callable, define, defineLenient } from '../python/callable.ts';
import { keyText } from '../python/dicts.ts';
import { modulo, numeric } from '../python/numbers.ts';
import { compare, contains, equals, truthy } from '../python/order.ts';
import { text } from '../python/printing.ts';
import {
  isDict,
  isMethod,
  isMissing,
  isNamespace,
  kindOf,
  type PyValue,
  typeName,
} from '../python/py-value.ts';
import { itemsOf, walk } from '../python/sequences.ts';

/** Defines a test that does not read the items of its value. */
const test = (holds: (value: PyValue) => boolean): Callable => ({
  ...define('', holds),
  tolerant: true,
});
const ordered = (sign: '<' | '<=' | '>' | '>='): Callable =>
  define('other', (value, { at }) => {
    const order = compare(value, at(0) ?? null, sign);
    if (order === undefined) return false;
    return { '<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0 }[sign];
  });

const rest = (value: PyValue, by: PyValue): PyValue => {
  const [n, d] = [numeric(value), numeric(by)];
  return n === undefined || d === undefined ? fail('this test needs a number') : modulo(n, d);
};

/**
 * Python's `is`. Plain data has no identity, so equal numbers of one type count as the same object.
 */
const same = (a: PyValue, b: PyValue): boolean =>
  a === b || (kindOf(a) === kindOf(b) && numeric(a) !== undefined && equals(a, b));

const isTruthy = (value: PyValue, convert: PyValue | undefined): boolean => {
  if (!flagArg(convert)) return truthy(value);
  const known =
    typeof value === 'string' && /^(yes|no|on|off|true|false|1|0|y|n|t|f)$/i.test(value);
  return known ? asBool(value) || /^[yt]$/i.test(text(value)) : truthy(value);
};

const defined = defineLenient('', (value) => !isMissing(value));
const eq = define('other', (value, { at }) => equals(value, at(0) ?? null));
const ne = define('other', (value, { at }) => !equals(value, at(0) ?? null));
const within = (swap: boolean): Callable =>
  define('other', (value, { at }) =>
    swap ? contains(value, at(0) ?? null) : contains(at(0) ?? null, value),
  );
const lessThan = ordered('<');
const atMost = ordered('<=');
const greaterThan = ordered('>');
const atLeast = ordered('>=');
/** The items as a set: as in Python, a list or a mapping is not hashable. */
const hashable = (value: PyValue): readonly PyValue[] => {
  const items = walk(value);
  const wrong = items.find((item) => keyText(item) === undefined);
  return wrong === undefined ? items : fail(`unhashable type: '${typeName(wrong)}'`);
};

const subset = define('other', (value, { at }) =>
  hashable(value).every(memberOf(hashable(at(0) ?? null))),
);
const superset = define('other', (value, { at }) =>
  hashable(at(0) ?? null).every(memberOf(hashable(value))),
);
const isNan = test((value) => Number.isNaN(Number(numeric(value)?.value ?? 0)));

export const valueTests: Readonly<Record<string, Callable>> = {
  defined,
  undefined: defineLenient('', isMissing),
  none: test((value) => value === null),
  string: test((value) => typeof value === 'string'),
  number: test((value) => numeric(value) !== undefined),
  integer: test((value) => kindOf(value) === 'int'),
  float: test((value) => kindOf(value) === 'float'),
  boolean: test((value) => typeof value === 'boolean'),
  true: test((value) => value === true),
  false: test((value) => value === false),
  mapping: test(isDict),
  sequence: test((value) => itemsOf(value) !== undefined),
  iterable: test((value) => itemsOf(value) !== undefined),
  callable: test((value) => isMethod(value) || isNamespace(value)),
  lower: test((value) => /^(?=.*\p{Ll})[^\p{Lu}\p{Lt}]+$/su.test(text(value))),
  upper: test((value) => /^(?=.*\p{Lu})[^\p{Ll}\p{Lt}]+$/su.test(text(value))),
  escaped: test(() => false),
  even: test((value) => equals(rest(value, 2), 0)),
  odd: test((value) => equals(rest(value, 2), 1)),
  divisibleby: define('num', (value, { at }) => equals(rest(value, at(0) ?? null), 0)),
  eq,
  '==': eq,
  equalto: eq,
  ne,
  '!=': ne,
  lt: lessThan,
  '<': lessThan,
  lessthan: lessThan,
  le: atMost,
  '<=': atMost,
  gt: greaterThan,
  '>': greaterThan,
  greaterthan: greaterThan,
  ge: atLeast,
  '>=': atLeast,
  in: within(false),
  contains: within(true),
  sameas: { ...define('other', (value, { at }) => same(value, at(0) ?? null)), tolerant: true },
  all: test((value) => walk(value).every(truthy)),
  any: test((value) => walk(value).some(truthy)),
  subset,
  issubset: subset,
  superset,
  issuperset: superset,
  truthy: define('convert_bool?', (value, { at }) => isTruthy(value, at(0))),
  falsy: define('convert_bool?', (value, { at }) => !isTruthy(value, at(0))),
  nan: isNan,
  isnan: isNan,
  filter: define('', (value, { runtime }) => typeof value === 'string' && runtime.hasFilter(value)),
  test: define('', (value, { runtime }) => typeof value === 'string' && runtime.hasTest(value)),
};
