// Filters on numbers and sizes.

import { flagArg, numberArg, textArg, wholeArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { type Callable, define } from '../python/callable.ts';
import { negate, numeric } from '../python/numbers.ts';
import { text } from '../python/printing.ts';
import { float, int, kindOf, type PyValue, typeName } from '../python/py-value.ts';

const number = (value: PyValue, what: string): number => numberArg(value, what);

/** Rounds half to even on the exact decimal expansion, as Python does. */
function roundReal(value: number, digits: number): number {
  if (!Number.isFinite(value) || digits > 50) return value;
  if (digits < 0) {
    const unit = 10 ** -digits;
    return roundReal(value / unit, 0) * unit;
  }
  if (Math.abs(value) >= 1e21) return value;
  const rounded = Number(value.toFixed(digits));
  const exact = Math.abs(value).toFixed(Math.min(100, digits + 50));
  const point = exact.indexOf('.');
  if (!/^50*$/.test(exact.slice(point + 1 + digits))) return rounded;
  const kept = digits === 0 ? exact.slice(0, point) : exact.slice(0, point + 1 + digits);
  return /[02468]$/.test(kept) ? Math.sign(value) * Number(kept) : rounded;
}

function roundWhole(value: bigint, digits: number): PyValue {
  if (digits >= 0 || digits < -1000) return int(value);
  const unit = 10n ** BigInt(-digits);
  const rest = ((value % unit) + unit) % unit;
  const low = value - rest;
  const up = rest * 2n > unit || (rest * 2n === unit && (low / unit) % 2n !== 0n);
  return int(up ? low + unit : low);
}

function round(value: PyValue, precision: number, method: string): PyValue {
  const n = numeric(value) ?? fail(`type ${typeName(value)} cannot be rounded`);
  if (method !== 'common' && method !== 'ceil' && method !== 'floor')
    return fail('the method of round must be common, ceil or floor');
  if (method === 'common') {
    return n.kind === 'int'
      ? typeof value === 'boolean'
        ? Number(n.value)
        : roundWhole(BigInt(n.value), precision)
      : float(roundReal(n.value, precision));
  }
  const scale = 10 ** precision;
  return float((method === 'ceil' ? Math.ceil : Math.floor)(Number(n.value) * scale) / scale);
}

function logarithm(value: number, base: number): number {
  if (value <= 0 || base <= 0) return fail('math domain error');
  if (base === Math.E) return Math.log(value);
  if (base === 10) return Math.log10(value);
  if (base === 1) return fail('division by zero');
  return Math.log(value) / Math.log(base);
}

const letters = ['Y', 'Z', 'E', 'P', 'T', 'G', 'M', 'K'];
const limitOf = (letter: string): number => 1024 ** (letters.length - letters.indexOf(letter));

function humanReadable(size: number, bits: boolean, unit: string | undefined): string {
  const wanted = unit?.toUpperCase();
  const letter = letters.find((one) =>
    wanted === undefined ? size >= limitOf(one) : wanted === one,
  );
  if (letter === undefined) return `${size.toFixed(2)} ${bits ? 'bits' : 'Bytes'}`;
  return `${(size / limitOf(letter)).toFixed(2)} ${letter}${bits ? 'b' : 'B'}`;
}

function humanToBytes(value: string, defaultUnit: string | undefined, bits: boolean): PyValue {
  const wrong = (): never => fail(`human_to_bytes cannot read '${value}'`);
  const [, digits, given] =
    /^\s*(\d+(?:\.\d+)?|\.\d+)(?:\s*([A-Za-z]+))?\s*$/.exec(value) ?? wrong();
  const unit = given ?? defaultUnit;
  const size = Number(digits);
  if (unit === undefined) return int(Math.round(size));
  const letter = unit.slice(0, 1).toUpperCase();
  if (letter !== 'B' && !letters.includes(letter)) wrong();
  const word = bits ? 'bit' : 'byte';
  const tail = letter === 'B' ? unit : unit.slice(1);
  const isUnit =
    tail === '' || tail === (bits ? 'b' : 'B') || [word, `${word}s`].includes(tail.toLowerCase());
  if (!isUnit) wrong();
  return int(Math.round(size * (letter === 'B' ? 1 : limitOf(letter))));
}

function fileSize(value: number, binary: boolean): string {
  const base = binary ? 1024 : 1000;
  if (value === 1) return '1 Byte';
  if (value < base) return `${Math.trunc(value)} Bytes`;
  const names = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];
  const power = names.findIndex((_, index) => value < base ** (index + 2));
  const at = power < 0 ? names.length - 1 : power;
  const name = names[at] ?? '';
  return `${(value / base ** (at + 1)).toFixed(1)} ${binary ? `${name.toUpperCase()}iB` : `${name}B`}`;
}

export const numberFilters: Readonly<Record<string, Callable>> = {
  abs: define('', (value) => {
    const n = numeric(value) ?? fail(`bad operand type for abs(): '${typeName(value)}'`);
    return Number(n.value) < 0 ? negate(value) : n.kind === 'int' ? int(n.value) : float(n.value);
  }),
  round: define('precision? method?', (value, { at }) =>
    round(value, wholeArg(at(0), 'precision', 0), textArg(at(1), 'method', 'common')),
  ),
  log: define('base?', (value, { at }) =>
    float(logarithm(number(value, 'the value of log'), numberArg(at(0), 'base', Math.E))),
  ),
  pow: define('exponent', (value, { at }) => {
    const result = number(value, 'the value of pow') ** numberArg(at(0), 'the exponent');
    return Number.isNaN(result)
      ? fail('math domain error')
      : Number.isFinite(result)
        ? float(result)
        : fail('the result is too large');
  }),
  root: define('base?', (value, { at }) => {
    const [of, base] = [number(value, 'the value of root'), numberArg(at(0), 'base', 2)];
    if (base === 0) fail('division by zero');
    if (of < 0) fail('math domain error');
    return float(base === 2 ? Math.sqrt(of) : Number((of ** (1 / base)).toPrecision(15)));
  }),
  human_readable: define('isbits? unit?', (value, { at }) => {
    const unit = at(1);
    const size = number(value, 'the size');
    return humanReadable(
      size,
      flagArg(at(0)),
      unit === undefined || unit === null ? undefined : textArg(unit, 'unit'),
    );
  }),
  human_to_bytes: define('default_unit? isbits?', (value, { at }) => {
    const unit = at(0);
    return humanToBytes(
      text(value),
      unit === undefined || unit === null ? undefined : textArg(unit, 'default_unit'),
      flagArg(at(1)),
    );
  }),
  filesizeformat: define('binary?', (value, { at }) => {
    kindOf(value);
    return fileSize(
      typeof value === 'string' ? Number.parseFloat(value) : number(value, 'the size'),
      flagArg(at(0)),
    );
  }),
};
