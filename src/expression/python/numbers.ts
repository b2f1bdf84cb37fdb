// Python's arithmetic: whole numbers of any size, floats, and booleans that count as 0 and 1.

import { fail } from '../errors.ts';
import { float, int, isFloatBox, kindOf, type PyValue, typeName } from './py-value.ts';

/** Most bits of a whole number; a larger one is refused. */
const mostBits = 65_536;

type Numeric =
  | { readonly kind: 'int'; readonly value: number | bigint }
  | { readonly kind: 'float'; readonly value: number };

/** The operand as a number; undefined when it is not a number. */
export function numeric(value: PyValue): Numeric | undefined {
  const kind = kindOf(value);
  if (typeof value === 'boolean') return { kind: 'int', value: value ? 1 : 0 };
  if (typeof value === 'bigint') return { kind: 'int', value: value };
  if (isFloatBox(value)) return { kind: 'float', value: value.value };
  if (typeof value !== 'number') return undefined;
  if (kind === 'float') return { kind: 'float', value: value };
  return { kind: 'int', value: Number.isSafeInteger(value) ? value : BigInt(value) };
}

/** The operand as a JavaScript number; large whole numbers lose digits. */
export const toNumber = (value: PyValue): number | undefined => {
  const n = numeric(value);
  return n === undefined ? undefined : Number(n.value);
};

/** The value as a whole number that fits a JavaScript number; undefined for any other value. */
export const wholeOf = (value: PyValue): number | undefined => {
  const n = numeric(value);
  return n?.kind === 'int' ? Number(n.value) : undefined;
};

function checkSize(value: bigint): bigint {
  if (value >> BigInt(mostBits) !== 0n && -value >> BigInt(mostBits) !== 0n)
    fail('the number is too large');
  return value;
}

const exact =
  (
    small: (a: number, b: number) => number,
    large: (a: bigint, b: bigint) => bigint,
    real: (a: number, b: number) => number,
  ) =>
  (a: Numeric, b: Numeric): PyValue => {
    if (a.kind === 'float' || b.kind === 'float')
      return float(real(Number(a.value), Number(b.value)));
    if (typeof a.value === 'number' && typeof b.value === 'number') {
      const result = small(a.value, b.value);
      if (Number.isSafeInteger(result)) return int(result);
    }
    return int(checkSize(large(BigInt(a.value), BigInt(b.value))));
  };

const floorDivide = (a: bigint, b: bigint): bigint => {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
};

const floatModulo = (a: number, b: number): number => {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
};

export const plus = exact(
  (a, b) => a + b,
  (a, b) => a + b,
  (a, b) => a + b,
);
export const minus = exact(
  (a, b) => a - b,
  (a, b) => a - b,
  (a, b) => a - b,
);
export const times = exact(
  (a, b) => a * b,
  (a, b) => a * b,
  (a, b) => a * b,
);

const isZero = (n: Numeric): boolean => Number(n.value) === 0;

export const divide = (a: Numeric, b: Numeric): PyValue =>
  isZero(b) ? fail('division by zero') : float(Number(a.value) / Number(b.value));

export const floorDiv = (a: Numeric, b: Numeric): PyValue =>
  isZero(b)
    ? fail('integer division or modulo by zero')
    : exact(
        (x, y) => Math.floor(x / y),
        floorDivide,
        (x, y) => Math.floor((x - floatModulo(x, y)) / y),
      )(a, b);

export const modulo = (a: Numeric, b: Numeric): PyValue =>
  isZero(b)
    ? fail('integer modulo by zero')
    : exact(floatModulo, (x, y) => x - floorDivide(x, y) * y, floatModulo)(a, b);

export function power(a: Numeric, b: Numeric): PyValue {
  const [base, exponent] = [Number(a.value), Number(b.value)];
  if (base === 0 && exponent < 0) fail('0.0 cannot be raised to a negative power');
  if (a.kind === 'float' || b.kind === 'float' || exponent < 0) {
    const result = base ** exponent;
    if (Number.isNaN(result) && !Number.isNaN(base) && !Number.isNaN(exponent))
      fail('the result is a complex number');
    if (!Number.isFinite(result) && Number.isFinite(base) && Number.isFinite(exponent))
      fail('the result is too large');
    return float(result);
  }
  if (Math.abs(base) > 1 && Math.log2(Math.abs(base)) * exponent > mostBits)
    fail('the number is too large');
  return int(BigInt(a.value) ** BigInt(b.value));
}

export function negate(value: PyValue): PyValue {
  const n = numeric(value);
  if (n === undefined) return fail(`bad operand type for unary -: '${typeName(value)}'`);
  return n.kind === 'float'
    ? float(-n.value)
    : int(typeof n.value === 'number' ? -n.value : -n.value);
}

export function positive(value: PyValue): PyValue {
  const n = numeric(value);
  if (n === undefined) return fail(`bad operand type for unary +: '${typeName(value)}'`);
  return n.kind === 'float' ? float(n.value) : int(n.value);
}

/** Negative, zero or positive; undefined with NaN, which is neither equal nor less. */
export function compareNumbers(a: Numeric, b: Numeric): number | undefined {
  if (a.value < b.value) return -1;
  if (a.value > b.value) return 1;
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number of the same value must be equal
  return a.value == b.value ? 0 : undefined;
}

/** A float as Python writes it: shortest exact digits, exponent from 1e16 and below 1e-4. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
