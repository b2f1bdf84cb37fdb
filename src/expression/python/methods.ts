// The methods of Python's types that only read. Methods that change a value are refused by name.
import { nearest } from '../../model/diagnostic.ts';
import { present } from '../../model/present.ts';
import { textArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { type Callable, define } from './callable.ts';
import { formatDatetime, totalSeconds } from './datetime.ts';
import { dictEntries, dictGet, dictKeys, dictOf, dictValues } from './dicts.ts';
import { numeric } from './numbers.ts';
import { equals } from './order.ts';
import {
  float,
  isDatetime,
  isDict,
  isDuration,
  isPyList,
  isRange,
  isTuple,
  type Kind,
  kindOf,
  orElse,
  type PyValue,
  tuple,
} from './py-value.ts';
import { rangeItems } from './sequences.ts';
import { textMethods } from './text-methods.ts';

const itemsOf = (value: PyValue): readonly PyValue[] => {
  if (isPyList(value)) return value;
  return isTuple(value) ? value.items : isRange(value) ? rangeItems(value) : fail('not a list');
};

const entriesOf = (value: PyValue): (readonly [PyValue, PyValue])[] =>
  isDict(value) ? dictEntries(value) : fail('not a mapping');

const searching: Readonly<Record<string, Callable>> = {
  count: define(
    'item',
    (value, { at }) => itemsOf(value).filter((item) => equals(item, at(0) ?? null)).length,
  ),
  index: define('item', (value, { at }) => {
    const found = itemsOf(value).findIndex((item) => equals(item, at(0) ?? null));
    return found < 0 ? fail('the value is not in the list') : found;
  }),
};

const listMethods: Readonly<Record<string, Callable>> = {
  ...searching,
  copy: define('', (value) => [...itemsOf(value)]),
};

const dictMethods: Readonly<Record<string, Callable>> = {
  copy: define('', (value) => dictOf(entriesOf(value))),
  get: define('key otherwise?', (value, { at }) =>
    isDict(value)
      ? orElse(dictGet(value, at(0) ?? null), () => at(1) ?? null)
      : fail('not a mapping'),
  ),
  items: define('', (value) => entriesOf(value).map(tuple)),
  keys: define('', (value) => (isDict(value) ? dictKeys(value) : fail('not a mapping'))),
  values: define('', (value) => (isDict(value) ? dictValues(value) : fail('not a mapping'))),
};

const intMethods: Readonly<Record<string, Callable>> = {
  bit_length: define('', (value) => {
    const digits = BigInt(Number(numeric(value)?.value ?? 0))
      .toString(2)
      .replace('-', '');
    return digits === '0' ? 0 : digits.length;
  }),
  is_integer: define('', () => true),
};

const floatMethods: Readonly<Record<string, Callable>> = {
  is_integer: define('', (value) => Number.isInteger(Number(numeric(value)?.value))),
};

const datetimeMethods: Readonly<Record<string, Callable>> = {
  strftime: define('format', (value, { at }) =>
    isDatetime(value)
      ? formatDatetime(value.micros, textArg(at(0), 'the format'))
      : fail('not a time'),
  ),
  timestamp: define('', (value) =>
    isDatetime(value) ? float(totalSeconds(value.micros)) : fail('not a time'),
  ),
};

const durationMethods: Readonly<Record<string, Callable>> = {
  total_seconds: define('', (value) =>
    isDuration(value) ? float(totalSeconds(value.micros)) : fail('not a duration'),
  ),
};

const byKind: Readonly<Partial<Record<Kind, Readonly<Record<string, Callable>>>>> = {
  str: textMethods,
  list: listMethods,
  tuple: searching,
  range: searching,
  dict: dictMethods,
  int: intMethods,
  bool: intMethods,
  float: floatMethods,
  datetime: datetimeMethods,
  duration: durationMethods,
};

/** Python's methods that an expression may not call. As in Python, they hide a key of that name. */
const refused: Readonly<Partial<Record<Kind, ReadonlySet<string>>>> = {
  str: new Set(['encode', 'format_map', 'maketrans', 'translate']),
  list: new Set(['append', 'clear', 'extend', 'insert', 'pop', 'remove', 'reverse', 'sort']),
  dict: new Set(['clear', 'fromkeys', 'pop', 'popitem', 'setdefault', 'update']),
  int: new Set(['as_integer_ratio', 'bit_count', 'conjugate', 'from_bytes', 'to_bytes']),
  bool: new Set(['as_integer_ratio', 'bit_count', 'conjugate', 'from_bytes', 'to_bytes']),
  float: new Set(['as_integer_ratio', 'conjugate', 'fromhex', 'hex']),
};

const changing = new Set([...(refused.list ?? []), ...(refused.dict ?? [])]);

const refusal = (name: string): string =>
  changing.has(name)
    ? `the method '${name}' changes its value; an expression may only read`
    : `the method '${name}' is not available`;

/** The method of this name, if the value's type has it. */
export function methodOf(value: PyValue, name: string): Callable | undefined {
  const kind = kindOf(value);
  const table = byKind[kind];
  if (table !== undefined && Object.hasOwn(table, name)) return table[name];
  return refused[kind]?.has(name) === true ? define('* **', () => fail(refusal(name))) : undefined;
}

const known = new Set(Object.values(byKind).flatMap((table) => Object.keys(table)));
const knownRefused = new Set(Object.values(refused).flatMap((names) => [...names]));

/** The error about a method that no value has; found before the run. */
export function unknownMethod(
  name: string,
): { readonly message: string; readonly hint?: string } | undefined {
  if (known.has(name)) return undefined;
  if (name.startsWith('_'))
    return { message: `names that begin with _ are not accessible: '${name}'` };
  if (knownRefused.has(name)) {
    const hint = changing.has(name)
      ? 'use a filter (`sort`, `union`, `combine`) or `+`'
      : undefined;
    return { message: refusal(name), ...present({ hint }) };
  }
  const near = nearest(name, known);
  return {
    message: `no value has a method '${name}'`,
    ...present({ hint: near && `did you mean '${near}'?` }),
  };
}
