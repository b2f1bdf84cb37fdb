// Filters on any value: defaults, conversions, choices.

import { flagArg, printedArg, textArg, wholeArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { type Callable, define, defineLenient } from '../python/callable.ts';
import { dictOf } from '../python/dicts.ts';
import { numeric } from '../python/numbers.ts';
import { truthy } from '../python/order.ts';
import { repr, text } from '../python/printing.ts';
import {
  float,
  int,
  isDict,
  isMissing,
  isOmit,
  kindOf,
  orElse,
  type PyValue,
  touch,
  typeName,
} from '../python/py-value.ts';

const yes = new Set(['yes', 'on', '1', 'true']);

/** Ansible's `bool`: 1 and texts such as `yes` are true, every other value is false. */
export function asBool(value: PyValue): boolean {
  kindOf(value);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return yes.has(value.toLowerCase());
  return Number(numeric(value)?.value) === 1;
}

/** Python's `int('...', base)`; undefined where Python raises an error. */
function readInt(source: string, base: number): bigint | undefined {
  const found = /^([-+]?)(0[xX]|0[oO]|0[bB])?(\w+)$/.exec(
    source.trim().replace(/(?<=\w)_(?=\w)/g, ''),
  );
  if (found === null) return undefined;
  const [, sign, prefix = '', rest = ''] = found;
  const own = { '0x': 16, '0o': 8, '0b': 2 }[prefix.toLowerCase()];
  if (base === 0 && own === undefined && /^0\d/.test(prefix + rest)) return undefined;
  const radix = base === 0 ? (own ?? 10) : base;
  const digits = (own === radix ? rest : prefix + rest).toLowerCase();
  const values = Array.from(digits, (char) =>
    /[0-9]/.test(char) ? Number(char) : /[a-z]/.test(char) ? char.charCodeAt(0) - 87 : 99,
  );
  if (values.length === 0 || values.length > 4300 || values.some((digit) => digit >= radix))
    return undefined;
  const size = values.reduce((sum, digit) => sum * BigInt(radix) + BigInt(digit), 0n);
  return sign === '-' ? -size : size;
}

/** Python's `float('...')`; undefined where Python raises an error. */
function readFloat(source: string): number | undefined {
  const word = source.trim().toLowerCase();
  if (/^[-+]?(inf|infinity)$/.test(word))
    return word.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^[-+]?nan$/.test(word)) return Number.NaN;
  const plain = word.replace(/(?<=\d)_(?=\d)/g, '');
  return /^[-+]?(\d+(?:\.\d*)?|\.\d+)(e[-+]?\d+)?$/.test(plain) ? Number(plain) : undefined;
}

const floatOf = (value: PyValue): number | undefined =>
  typeof value === 'string' ? readFloat(value) : toFloat(value);
const toFloat = (value: PyValue): number | undefined => {
  const n = numeric(value);
  return n === undefined ? undefined : Number(n.value);
};

function toInt(value: PyValue, otherwise: PyValue, base: number): PyValue {
  if (base !== 0 && (base < 2 || base > 36)) return otherwise;
  const read = typeof value === 'string' ? readInt(value, base) : undefined;
  if (read !== undefined) return int(read);
  const n = typeof value === 'string' ? undefined : numeric(value);
  if (n?.kind === 'int') return int(n.value);
  const real = floatOf(value);
  return real === undefined || !Number.isFinite(real) ? otherwise : int(BigInt(Math.trunc(real)));
}

const otherwise: Callable = defineLenient('default_value? boolean?', (value, { at }) => {
  const replacement = orElse(at(0), () => '');
  if (isMissing(value)) return value.plain === true ? value : replacement;
  return flagArg(at(1)) && !truthy(value) ? replacement : value;
});

const text_ = define('', (value) => text(value));

export const valueFilters: Readonly<Record<string, Callable>> = {
  default: otherwise,
  d: otherwise,
  mandatory: defineLenient('msg?', (value, { at }) =>
    isMissing(value)
      ? fail(
          at(0) === undefined
            ? `a mandatory variable is not defined: ${value.message}`
            : printedArg(at(0)),
        )
      : value,
  ),
  bool: define('', asBool),
  int: define('default? base?', (value, { at }) =>
    toInt(
      value,
      orElse(at(0), () => 0),
      wholeArg(at(1), 'base', 10),
    ),
  ),
  float: define('default?', (value, { at }) => {
    const real = floatOf(value);
    return real === undefined ? orElse(at(0), () => float(0)) : float(real);
  }),
  string: text_,
  pprint: define('', repr),
  safe: text_,
  type_debug: { ...define('', typeName), tolerant: true },
  ternary: defineLenient('true_val false_val none_val?', (value, { at }) => {
    touch(value);
    const forNone = at(2);
    if (value === null && forNone !== undefined && forNone !== null) return forNone;
    return (truthy(value) ? at(0) : at(1)) ?? null;
  }),
  attr: define('name', (value, { at, runtime }) => {
    if (isOmit(value)) return value;
    const name = textArg(at(0), 'the name');
    // Unlike `value.name`, `attr` reads no key of a mapping.
    const own = isDict(value) ? runtime.attribute(dictOf([]), name) : undefined;
    return isMissing(own) ? own : runtime.attribute(value, name);
  }),
};
