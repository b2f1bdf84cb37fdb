// `'{0:>5}'.format(...)`: Python's replacement fields with their format specifications.
import { fail } from '../errors.ts';
import { reserve } from '../meter.ts';
import { numeric, toNumber } from './numbers.ts';
import { real } from './printf.ts';
import { repr, text } from './printing.ts';
import { type Args, kindOf, type PyValue, typeName } from './py-value.ts';

/** Reads `.name` and `[key]` inside a field; the caller gives it, with the rules for attributes. */
type Reach = (value: PyValue, key: PyValue, isAttribute: boolean) => PyValue;

export function formatText(format: string, args: Args, reach: Reach): string {
  let automatic = 0;
  let out = '';
  for (let at = 0; at < format.length; ) {
    const char = format[at] ?? '';
    if ((char === '{' || char === '}') && format[at + 1] === char) {
      out += char;
      at += 2;
    } else if (char === '}') fail("single '}' encountered in format string");
    else if (char !== '{') {
      out += char;
      at += 1;
    } else {
      const end = fieldEnd(format, at);
      const [, name = '', conversion, spec = ''] =
        /^([^!:]*)(?:!([\s\S]))?(?::([\s\S]*))?$/.exec(format.slice(at + 1, end)) ??
        fail('bad format field');
      const wanted = name === '' || /^[.[]/.test(name) ? `${automatic++}${name}` : name;
      const inner = spec.replace(/\{([^{}]*)\}/g, (_, key: string) =>
        text(fieldValue(key === '' ? `${automatic++}` : key, args, reach)),
      );
      const value = fieldValue(wanted, args, reach);
      out +=
        conversion === 'r' || conversion === 'a'
          ? formatValue(repr(value), inner)
          : formatValue(conversion === 's' ? text(value) : value, inner);
      reserve(out.length > 10_000 ? out.length : 0);
      at = end + 1;
    }
  }
  return out;
}

function fieldEnd(format: string, start: number): number {
  for (let at = start, depth = 0; at < format.length; at++) {
    if (format[at] === '{') depth += 1;
    else if (format[at] === '}' && --depth === 0) return at;
  }
  return fail("expected '}' before end of string");
}

function fieldValue(name: string, args: Args, reach: Reach): PyValue {
  const [first = ''] = /^[^.[]*/.exec(name) ?? [];
  const start = /^\d+$/.test(first) ? args.positional[Number(first)] : args.named.get(first);
  if (start === undefined)
    return fail(
      /^\d+$/.test(first)
        ? 'the format needs more values than it was given'
        : `the format needs a value named '${first}'`,
    );
  let value = start;
  for (const [, attribute, key, closed] of name
    .slice(first.length)
    .matchAll(/\.([^.[]+)|\[([^\]]+)(\]?)/g)) {
    if (closed === '') return fail("missing ']' in format string");
    value =
      attribute === undefined
        ? reach(value, /^\d+$/.test(key ?? '') ? Number(key) : (key ?? ''), false)
        : reach(value, attribute, true);
  }
  return value;
}

const specification =
  /^(?:([\s\S])?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;

function formatValue(value: PyValue, spec: string): string {
  kindOf(value);
  if (spec === '') return text(value);
  const found = specification.exec(spec) ?? fail(`invalid format specifier '${spec}'`);
  const [, fill, align, sign, alternate, zero, width, group, precision, letter] = found;
  const n = typeof value === 'boolean' && letter === undefined ? undefined : numeric(value);
  const size = Number(width ?? 0);
  reserve(size + Number(precision ?? 0));
  if (n === undefined) {
    if (typeof value !== 'string' && typeof value !== 'boolean')
      fail(`unsupported format string passed to ${typeName(value)}`);
    if (
      (letter !== undefined && letter !== 's') ||
      sign !== undefined ||
      align === '=' ||
      group !== undefined
    )
      fail(`invalid format specifier '${spec}' for text`);
    const body =
      precision === undefined
        ? text(value)
        : Array.from(text(value)).slice(0, Number(precision)).join('');
    return place(body, fill ?? (zero === undefined ? ' ' : '0'), align ?? '<', size);
  }
  const body = digitsOf(
    value,
    letter,
    precision === undefined ? undefined : Number(precision),
    alternate !== undefined,
  );
  const negative = body.startsWith('-');
  const grouped =
    group === undefined
      ? body.replace(/^-/, '')
      : body.replace(/^-/, '').replace(/^\d+/, (whole) => inThousands(whole, group));
  const lead = negative ? '-' : sign === '+' || sign === ' ' ? sign : '';
  const filler = fill ?? (zero === undefined ? ' ' : '0');
  if ((align ?? (zero === undefined ? '>' : '=')) === '=')
    return lead + grouped.padStart(size - lead.length, filler);
  return place(lead + grouped, filler, align ?? '>', size);
}

function inThousands(digits: string, separator: string): string {
  const first = digits.length % 3;
  return [digits.slice(0, first), ...(digits.slice(first).match(/\d{3}/g) ?? [])]
    .filter((group) => group !== '')
    .join(separator);
}

function place(body: string, fill: string, align: string, width: number): string {
  const lack = width - Array.from(body).length;
  if (lack <= 0) return body;
  const left = align === '<' ? 0 : align === '>' ? lack : Math.floor(lack / 2);
  return fill.repeat(left) + body + fill.repeat(lack - left);
}

function digitsOf(
  value: PyValue,
  letter: string | undefined,
  precision: number | undefined,
  alternate: boolean,
): string {
  const n = numeric(value);
  const bases: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16, d: 10 };
  if (n?.kind === 'int' && (letter === undefined || Object.hasOwn(bases, letter))) {
    if (precision !== undefined) fail('precision not allowed in integer format specifier');
    const digits = n.value.toString(bases[letter ?? 'd']);
    const marked =
      alternate && letter !== undefined && letter !== 'd'
        ? digits.replace(/^-?/, `$&0${letter}`)
        : digits;
    return letter === 'X' ? marked.toUpperCase() : marked;
  }
  const size = toNumber(value) ?? 0;
  if (letter === '%') return `${real('f', size * 100, precision ?? 6)}%`;
  if (letter === undefined)
    return precision === undefined ? text(value) : real('g', size, precision);
  return 'eEfFgG'.includes(letter)
    ? real(letter, size, precision ?? 6)
    : fail(`unknown format code '${letter}'`);
}
