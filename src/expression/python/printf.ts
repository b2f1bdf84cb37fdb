// Python's printf-style formatting, for the `%` operator and the `format` filter.
import { fail } from '../errors.ts';
import { reserve } from '../meter.ts';
import { dictGet } from './dicts.ts';
import { numeric, toNumber, wholeOf } from './numbers.ts';
import { repr, text } from './printing.ts';
import { isDict, isPyList, isTuple, kindOf, type PyValue, typeName } from './py-value.ts';

const directive = /%(?:\(([^)]*)\))?([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+)?)?[hlL]?([\s\S]?)/g;

export function printf(format: string, given: PyValue): string {
  kindOf(given);
  const values = isTuple(given) ? [...given.items] : [given];
  let used = 0;
  const take = (): PyValue => {
    const value = values[used++];
    return value === undefined ? fail('not enough arguments for format string') : value;
  };
  let usesNames = false;
  const size = (written: string | undefined): number | undefined =>
    written === undefined
      ? undefined
      : written === '*'
        ? (wholeOf(take()) ?? fail('* wants int'))
        : Number(written);
  const formatted = (found: RegExpExecArray): string => {
    const [whole, key, flags = '', width, precision, letter = ''] = found;
    if (letter === '%') return '%';
    if (letter === '') return fail('incomplete format');
    const wide = size(width) ?? 0;
    const fine =
      whole.includes('.') && precision === undefined && /\.[hlL]?[a-zA-Z]$/.test(whole)
        ? 0
        : size(precision);
    reserve(Math.abs(wide) + (fine ?? 0));
    usesNames ||= key !== undefined;
    const body = convert(letter, key === undefined ? take() : named(given, key), flags, fine);
    return pad(body, letter, Math.abs(wide), wide < 0 ? `${flags}-` : flags);
  };
  let out = '';
  let last = 0;
  for (const found of format.matchAll(directive)) {
    out += format.slice(last, found.index) + formatted(found);
    last = found.index + found[0].length;
  }
  out += format.slice(last);
  if (used < values.length && !usesNames && !isDict(given) && !isPyList(given))
    fail('not all arguments converted during string formatting');
  reserve(out.length);
  return out;
}

const named = (given: PyValue, key: string): PyValue =>
  isDict(given)
    ? (dictGet(given, key) ?? fail(`no value named '${key}'`))
    : fail('format requires a mapping');

function pad(body: string, letter: string, width: number, flags: string): string {
  if (flags.includes('-')) return body.padEnd(width);
  if (!flags.includes('0') || /[scra]/.test(letter)) return body.padStart(width);
  const lead = /^[-+ ]?(0[xXo])?/.exec(body)?.[0] ?? '';
  return lead + body.slice(lead.length).padStart(width - lead.length, '0');
}

function convert(
  letter: string,
  value: PyValue,
  flags: string,
  precision: number | undefined,
): string {
  switch (letter) {
    case 's':
      return cut(text(value), precision);
    case 'r':
    case 'a':
      return cut(repr(value), precision);
    case 'c':
      return typeof value === 'string'
        ? value
        : String.fromCodePoint(wholeOf(value) ?? fail('%c requires int or char'));
    case 'd':
    case 'i':
    case 'u':
      return signed(wholeDigits(value, letter).toString(), flags, precision);
    case 'x':
    case 'X':
    case 'o': {
      const whole =
        numeric(value)?.kind === 'int'
          ? wholeDigits(value, letter)
          : fail(`%${letter} format: an integer is required, not ${typeName(value)}`);
      const digits = whole.toString(letter === 'o' ? 8 : 16);
      const marked = flags.includes('#')
        ? digits.replace(/^(-?)/, `$1${letter === 'o' ? '0o' : '0x'}`)
        : digits;
      return signed(letter === 'X' ? marked.toUpperCase() : marked, flags, precision);
    }
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      return signed(
        real(
          letter,
          toNumber(value) ?? fail(`must be real number, not ${typeName(value)}`),
          precision ?? 6,
        ),
        flags,
        undefined,
      );
  }
  return fail(`unsupported format character '${letter}'`);
}

const cut = (body: string, precision: number | undefined): string =>
  precision === undefined ? body : Array.from(body).slice(0, precision).join('');

function wholeDigits(value: PyValue, letter: string): bigint {
  const n =
    numeric(value) ?? fail(`%${letter} format: a real number is required, not ${typeName(value)}`);
  if (typeof n.value === 'number' && !Number.isFinite(n.value))
    return fail('cannot convert this float to integer');
  return typeof n.value === 'bigint' ? n.value : BigInt(Math.trunc(n.value));
}

function signed(body: string, flags: string, precision: number | undefined): string {
  const negative = body.startsWith('-');
  const digits = (negative ? body.slice(1) : body).padStart(precision ?? 0, '0');
  return (negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') + digits;
}

/** Formats a float by one of the letters e, f and g; also for `str.format`. */
export function real(letter: string, value: number, precision: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const digits = Math.min(precision, 100);
  const kind = letter.toLowerCase();
  const out =
    kind === 'f'
      ? fixed(value, digits)
      : kind === 'e'
        ? exponential(value, digits)
        : general(value, Math.max(1, digits));
  return letter === kind ? out : out.toUpperCase();
}

/** From 1e21 on `toFixed` uses an exponent, but a float of that size is a whole number. */
const fixed = (value: number, digits: number): string =>
  Math.abs(value) < 1e21
    ? value.toFixed(digits)
    : `${BigInt(value)}${digits > 0 ? `.${'0'.repeat(digits)}` : ''}`;

const exponential = (value: number, digits: number): string =>
  value.toExponential(digits).replace(/e([+-])(\d)$/, 'e$10$2');

function general(value: number, digits: number): string {
  const exponent = value === 0 ? 0 : Number(value.toExponential(digits - 1).split('e')[1]);
  if (exponent < -4 || exponent >= digits)
    return exponential(value, digits - 1)
      .replace(/(?<!0)0+e/, 'e')
      .replace('.e', 'e');
  const out = fixed(value, Math.max(0, digits - 1 - exponent));
  return out.includes('.') ? out.replace(/(?<!0)0+$/, '').replace(/\.$/, '') : out;
}
