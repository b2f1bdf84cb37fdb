// The methods of Python's `str`.

import { flagArg, textArg, wholeArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { reserve } from '../meter.ts';
import { type Callable, define } from './callable.ts';
import { formatText } from './format.ts';
import { text } from './printing.ts';
import { isTuple, type PyValue, tuple, typeName } from './py-value.ts';
import { chars, slice, textLength, walk } from './sequences.ts';

const own = (value: PyValue): string => (typeof value === 'string' ? value : fail('not a text'));

/** Python's white space: U+001C to U+001F and U+0085 belong to it, a byte-order mark does not. */
const isBlank = (char: string): boolean =>
  (/\s/.test(char) && char !== '\ufeff') || '\x1c\x1d\x1e\x1f\x85'.includes(char);

/** Strips the characters of `set` (white space by default) from one or both ends. */
export function strip(
  value: string,
  set: PyValue | undefined,
  ends: 'both' | 'left' | 'right',
): string {
  const wanted =
    set === undefined || set === null
      ? undefined
      : new Set(Array.from(textArg(set, 'the characters to strip')));
  const goes = (char: string | undefined): boolean =>
    char !== undefined && (wanted === undefined ? isBlank(char) : wanted.has(char));
  const all = chars(value);
  let [start, end] = [0, all.length];
  if (ends !== 'right') while (start < end && goes(all[start])) start += 1;
  if (ends !== 'left') while (end > start && goes(all[end - 1])) end -= 1;
  return all.slice(start, end).join('');
}

export function split(
  value: string,
  separator: PyValue | undefined,
  most: number,
  fromRight = false,
): readonly string[] {
  reserve(value.length);
  if (separator === undefined || separator === null) return splitBlank(value, most, fromRight);
  const between = textArg(separator, 'the separator');
  if (between === '') fail('empty separator');
  const parts = value.split(between);
  if (most < 0 || parts.length <= most + 1) return parts;
  return fromRight
    ? [parts.slice(0, parts.length - most).join(between), ...parts.slice(parts.length - most)]
    : [...parts.slice(0, most), parts.slice(most).join(between)];
}

function splitBlank(value: string, most: number, fromRight: boolean): readonly string[] {
  const words: [number, number][] = [];
  let start = -1;
  for (let i = 0; i <= value.length; i++) {
    const blank = i === value.length || isBlank(value[i] ?? '');
    if (!blank && start < 0) start = i;
    if (blank && start >= 0) {
      words.push([start, i]);
      start = -1;
    }
  }
  const word = ([from, to]: readonly [number, number]): string => value.slice(from, to);
  if (most < 0 || words.length <= most) return words.map(word);
  const cut = fromRight ? words.length - most : most;
  const edge = fromRight ? words[cut - 1] : words[cut];
  if (edge === undefined) return words.map(word);
  return fromRight
    ? [strip(value.slice(0, edge[1]), undefined, 'left'), ...words.slice(cut).map(word)]
    : [...words.slice(0, cut).map(word), strip(value.slice(edge[0]), undefined, 'right')];
}

export function replace(value: string, old: string, next: string, most: number): string {
  const pieces = old === '' ? ['', ...chars(value), ''] : value.split(old);
  const count = most < 0 ? pieces.length - 1 : Math.min(most, pieces.length - 1);
  reserve(value.length + Math.max(0, count) * next.length);
  return `${pieces.slice(0, count + 1).join(next)}${pieces
    .slice(count + 1)
    .map((piece) => old + piece)
    .join('')}`;
}

/** `str.title`: makes each letter upper case that does not follow a letter. */
const pythonTitle = (value: string): string =>
  value.replace(/\p{L}+/gu, (word) => {
    const [first = '', ...rest] = Array.from(word);
    return first.toUpperCase() + rest.join('').toLowerCase();
  });

export const capitalize = (value: string): string => {
  const [first = '', ...rest] = Array.from(value);
  return first.toUpperCase() + rest.join('').toLowerCase();
};

export function center(value: string, width: number, fill = ' '): string {
  const lack = width - textLength(value);
  reserve(Math.max(0, lack));
  if (lack <= 0) return value;
  const left = Math.floor(lack / 2) + (lack & width & 1);
  return fill.repeat(left) + value + fill.repeat(lack - left);
}

const lineEnds = new Set('\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029');

/** Splits at every line end of Python; `\r\n` is one line end. */
export function splitLines(value: string, keep = false): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let at = 0; at < value.length; at++) {
    if (!lineEnds.has(value[at] ?? '')) continue;
    const end = at;
    if (value[at] === '\r' && value[at + 1] === '\n') at += 1;
    lines.push(value.slice(start, keep ? at + 1 : end));
    start = at + 1;
  }
  return start < value.length ? [...lines, value.slice(start)] : lines;
}

/** The text between two positions and its start, for `find`, `count` and `startswith`. */
function part(
  value: string,
  start: PyValue | undefined,
  stop: PyValue | undefined,
): readonly [string, number] {
  if (start === undefined && stop === undefined) return [value, 0];
  const from = start === undefined || start === null ? 0 : wholeArg(start, 'start');
  return [
    own(slice(value, start, stop, undefined)),
    Math.max(0, from < 0 ? from + textLength(value) : from),
  ];
}

const finder = (from: 'first' | 'last', strict: boolean): Callable =>
  define('what start? stop?', (value, { at }) => {
    const [where, offset] = part(own(value), at(1), at(2));
    const wanted = textArg(at(0), 'the text to find');
    const found = from === 'first' ? where.indexOf(wanted) : where.lastIndexOf(wanted);
    if (found < 0) return strict ? fail('substring not found') : -1;
    return offset + textLength(where.slice(0, found));
  });

const edge = (holds: (value: string, what: string) => boolean): Callable =>
  define('what start? stop?', (value, { at }) => {
    const [where] = part(own(value), at(1), at(2));
    const wanted = at(0);
    return (isTuple(wanted) ? wanted.items : [wanted]).some((one) =>
      holds(where, textArg(one, 'the text to look for')),
    );
  });

const partition = (fromRight: boolean): Callable =>
  define('separator', (value, { at }) => {
    const separator = textArg(at(0), 'the separator');
    if (separator === '') fail('empty separator');
    const place = fromRight ? own(value).lastIndexOf(separator) : own(value).indexOf(separator);
    if (place < 0) return tuple(fromRight ? ['', '', value] : [value, '', '']);
    return tuple([
      own(value).slice(0, place),
      separator,
      own(value).slice(place + separator.length),
    ]);
  });

const all = (pattern: RegExp): Callable => define('', (value) => pattern.test(own(value)));
const change = (of: (value: string) => string): Callable => define('', (value) => of(own(value)));
const stripper = (ends: 'both' | 'left' | 'right'): Callable =>
  define('chars?', (value, { at }) => strip(own(value), at(0), ends));
const splitter = (fromRight: boolean): Callable =>
  define('sep? maxsplit?', (value, { at }) =>
    split(own(value), at(0), wholeArg(at(1), 'maxsplit', -1), fromRight),
  );
const justified = (of: (value: string, lack: number, fill: string) => string): Callable =>
  define('width fill?', (value, { at }) => {
    const lack = wholeArg(at(0), 'the width') - textLength(own(value));
    reserve(Math.max(0, lack));
    return lack <= 0 ? value : of(own(value), lack, fillArg(at(1)));
  });
const fillArg = (given: PyValue | undefined): string => {
  const fill = textArg(given, 'the fill character', ' ');
  return textLength(fill) === 1
    ? fill
    : fail('the fill character must be exactly one character long');
};

const swapCase = (value: string): string =>
  Array.from(value, (char) =>
    char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase(),
  ).join('');

function expandTabs(value: string, size: number): string {
  let [out, column] = ['', 0];
  for (const char of value) {
    const width = char === '\t' ? (size > 0 ? size - (column % size) : 0) : 1;
    reserve(width);
    out += char === '\t' ? ' '.repeat(width) : char;
    column = char === '\n' || char === '\r' ? 0 : column + width;
  }
  return out;
}

export const textMethods: Readonly<Record<string, Callable>> = {
  capitalize: change(capitalize),
  casefold: change((value) => value.toLowerCase().replaceAll('ß', 'ss')),
  center: define('width fill?', (value, { at }) =>
    center(own(value), wholeArg(at(0), 'the width'), fillArg(at(1))),
  ),
  count: define('what start? stop?', (value, { at }) => {
    const [where] = part(own(value), at(1), at(2));
    const wanted = textArg(at(0), 'the text to count');
    return wanted === '' ? textLength(where) + 1 : where.split(wanted).length - 1;
  }),
  endswith: edge((value, what) => value.endsWith(what)),
  expandtabs: define('tabsize?', (value, { at }) =>
    expandTabs(own(value), wholeArg(at(0), 'tabsize', 8)),
  ),
  find: finder('first', false),
  format: define('* **', (value, { rest, extra, runtime }) =>
    formatText(own(value), { positional: rest, named: extra }, (of, key, isAttribute) =>
      isAttribute ? runtime.attribute(of, text(key)) : runtime.item(of, key),
    ),
  ),
  index: finder('first', true),
  isalnum: all(/^[\p{L}\p{N}]+$/u),
  isalpha: all(/^\p{L}+$/u),
  isascii: define('', (value) => chars(own(value)).every((char) => char <= '\x7f')),
  isdecimal: all(/^\p{Nd}+$/u),
  isdigit: all(/^[\p{Nd}\u00b2\u00b3\u00b9\u2070-\u2089]+$/u),
  isidentifier: all(/^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*$/u),
  islower: all(/^(?=.*\p{Ll})[^\p{Lu}\p{Lt}]+$/su),
  isnumeric: all(/^\p{N}+$/u),
  isprintable: all(/^[^\p{C}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]*$/u),
  isspace: define('', (value) => value !== '' && chars(own(value)).every(isBlank)),
  istitle: define('', (value) => /\p{L}/u.test(own(value)) && pythonTitle(own(value)) === value),
  isupper: all(/^(?=.*\p{Lu})[^\p{Ll}\p{Lt}]+$/su),
  join: define('items', (value, { at }) => {
    const items = walk(at(0) ?? []).map((item, index) =>
      typeof item === 'string'
        ? item
        : fail(`sequence item ${index}: expected str instance, ${typeName(item)} found`),
    );
    reserve(items.reduce((sum, item) => sum + item.length + own(value).length, 0));
    return items.join(own(value));
  }),
  ljust: justified((value, lack, fill) => value + fill.repeat(lack)),
  lower: change((value) => value.toLowerCase()),
  lstrip: stripper('left'),
  partition: partition(false),
  removeprefix: define('prefix', (value, { at }) => {
    const prefix = textArg(at(0), 'the prefix');
    return own(value).startsWith(prefix) ? own(value).slice(prefix.length) : value;
  }),
  removesuffix: define('suffix', (value, { at }) => {
    const suffix = textArg(at(0), 'the suffix');
    return suffix !== '' && own(value).endsWith(suffix)
      ? own(value).slice(0, -suffix.length)
      : value;
  }),
  replace: define('old new count?', (value, { at }) =>
    replace(
      own(value),
      textArg(at(0), 'the old text'),
      textArg(at(1), 'the new text'),
      wholeArg(at(2), 'count', -1),
    ),
  ),
  rfind: finder('last', false),
  rindex: finder('last', true),
  rjust: justified((value, lack, fill) => fill.repeat(lack) + value),
  rpartition: partition(true),
  rsplit: splitter(true),
  rstrip: stripper('right'),
  split: splitter(false),
  splitlines: define('keepends?', (value, { at }) => splitLines(own(value), flagArg(at(0)))),
  startswith: edge((value, what) => value.startsWith(what)),
  strip: stripper('both'),
  swapcase: change(swapCase),
  title: change(pythonTitle),
  upper: change((value) => value.toUpperCase()),
  zfill: define('width', (value, { at }) => {
    const lack = wholeArg(at(0), 'the width') - textLength(own(value));
    reserve(Math.max(0, lack));
    return lack <= 0 ? value : text(value).replace(/^[-+]?/, (sign) => sign + '0'.repeat(lack));
  }),
};
