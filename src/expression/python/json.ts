// Reads and writes JSON like Python: `1.0` stays a float, and large whole numbers stay exact.

import { fail } from '../errors.ts';
import { reserve, spend } from '../meter.ts';
import { dictEntries, dictOf } from './dicts.ts';
import { compareText } from './order.ts';
import { repr, text } from './printing.ts';
import {
  float,
  int,
  isDatetime,
  isDict,
  isDuration,
  isFloatBox,
  isPyList,
  isTuple,
  kindOf,
  type PyValue,
  typeName,
} from './py-value.ts';

export interface JsonStyle {
  /** Indentation of one level; undefined writes one line. */
  readonly indent: string | undefined;
  readonly sortKeys: boolean;
  readonly ascii: boolean;
  readonly item: string;
  readonly key: string;
}

export function writeJson(value: PyValue, style: JsonStyle): string {
  const out = write(value, style, '\n');
  reserve(out.length);
  return out;
}

const quoted = (value: string, ascii: boolean): string => {
  const body = JSON.stringify(value).replaceAll('\x7f', ascii ? '\\u007f' : '\x7f');
  return ascii
    ? body.replace(
        /[\u0080-\uffff]/g,
        (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
      )
    : body;
};

function scalar(value: PyValue): string | undefined {
  kindOf(value);
  if (value === null) return 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'number' || typeof value === 'bigint' || isFloatBox(value)) {
    const digits = repr(value);
    return { nan: 'NaN', inf: 'Infinity', '-inf': '-Infinity' }[digits] ?? digits;
  }
  return undefined;
}

function write(value: PyValue, style: JsonStyle, line: string): string {
  spend(1);
  if (typeof value === 'string') return quoted(value, style.ascii);
  const plain = scalar(value);
  if (plain !== undefined) return plain;
  if (isDatetime(value) || isDuration(value))
    return quoted(text(value).replace(' ', 'T'), style.ascii);
  const inner = style.indent === undefined ? '' : line + style.indent;
  const bracketed = (open: string, parts: readonly string[], close: string): string => {
    if (parts.length === 0) return open + close;
    return style.indent === undefined
      ? open + parts.join(style.item) + close
      : `${open}${inner}${parts.join(style.item + inner)}${line}${close}`;
  };
  const items = isPyList(value) ? value : isTuple(value) ? value.items : undefined;
  if (items !== undefined)
    return bracketed(
      '[',
      items.map((item) => write(item, style, inner)),
      ']',
    );
  if (!isDict(value)) return fail(`a ${typeName(value)} cannot be written as JSON`);
  const entries = dictEntries(value).map(([key, item]) => [keyOf(key), item] as const);
  if (style.sortKeys) entries.sort(([a], [b]) => compareText(a, b));
  return bracketed(
    '{',
    entries.map(([key, item]) => quoted(key, style.ascii) + style.key + write(item, style, inner)),
    '}',
  );
}

const keyOf = (key: PyValue): string =>
  typeof key === 'string'
    ? key
    : (scalar(key) ?? fail(`keys must be text or numbers, not ${typeName(key)}`));

const token =
  /[ \t\n\r]*(?:([[\]{}:,])|"((?:[^"\\]|\\[\s\S])*)"|(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?|(true|false|null|NaN|-?Infinity))/y;
const constants: Readonly<Record<string, PyValue>> = {
  true: true,
  false: false,
  null: null,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

export function readJson(source: string): PyValue {
  reserve(source.length);
  let at = 0;
  const wrong = (): never => fail(`the text is not JSON: error at character ${at}`);
  const take = (): RegExpExecArray => {
    token.lastIndex = at;
    const found = token.exec(source) ?? wrong();
    at = token.lastIndex;
    return found;
  };
  const next = (depth: number, found = take()): PyValue => {
    const [, sign, string, whole, fraction, exponent, constant] = found;
    if (depth > 200) return fail('the JSON is nested too deeply');
    if (string !== undefined) return readString(`"${string}"`) ?? wrong();
    if (whole !== undefined)
      return fraction === undefined && exponent === undefined
        ? int(BigInt(whole))
        : float(Number(whole + (fraction ?? '') + (exponent ?? '')));
    if (constant !== undefined) return constants[constant] ?? null;
    if (sign === '[') return list(depth);
    return sign === '{' ? mapping(depth) : wrong();
  };
  const list = (depth: number): PyValue => {
    const items: PyValue[] = [];
    for (let found = take(); found[1] !== ']'; found = take()) {
      if (items.length > 0 && found[1] !== ',') wrong();
      items.push(next(depth + 1, items.length > 0 ? take() : found));
    }
    return items;
  };
  const mapping = (depth: number): PyValue => {
    const pairs: (readonly [PyValue, PyValue])[] = [];
    for (let found = take(); found[1] !== '}'; found = take()) {
      if (pairs.length > 0 && found[1] !== ',') wrong();
      const key = pairs.length > 0 ? take() : found;
      if (key[2] === undefined || take()[1] !== ':') wrong();
      pairs.push([readString(`"${key[2]}"`) ?? wrong(), next(depth + 1)]);
    }
    return dictOf(pairs);
  };
  const value = next(0);
  if (/\S/.test(source.slice(at))) wrong();
  return value;
}

function readString(literal: string): string | undefined {
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
