// Splits text into tokens by Jinja2's rules. In a template it stops at the first `}}` outside of
// strings and brackets.
import { controlEscapes } from '../../model/text/control-escapes.ts';
import { SourceError } from '../errors.ts';

export type Token =
  | { readonly kind: 'name'; readonly text: string; readonly offset: number }
  | { readonly kind: 'string'; readonly text: string; readonly offset: number }
  | { readonly kind: 'int' | 'float'; readonly text: string; readonly offset: number }
  | { readonly kind: 'sign'; readonly text: string; readonly offset: number }
  | { readonly kind: 'end'; readonly text: string; readonly offset: number };

interface LexerRules {
  /** A backslash in a string begins an escape (conditions), or is kept (templates). */
  readonly escapes: boolean;
  /** Stop at this; absent = at the end of the text. */
  readonly close?: '}}' | '%}';
}

const space = /[ \t\r\n\f\v]+/y;
const name = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy;
const floating = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y;
const integer =
  /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
const string = /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"/y;
const sign = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;

export interface Lexed {
  readonly tokens: readonly Token[];
  /** Where the closing sign begins, with its `-` or `+`; or the length of the text. */
  readonly end: number;
  /** The template closes with `-}}`, which removes the white space after it. */
  readonly trims: boolean;
}

const closes: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

export function tokenize(source: string, start: number, rules: LexerRules): Lexed {
  const tokens: Token[] = [];
  const open: string[] = [];
  let at = start;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  while (at < source.length) {
    const blank = take(space);
    if (blank !== undefined) {
      at += blank.length;
      continue;
    }
    if (open.length === 0 && closesAt(source, at, rules.close)) {
      tokens.push({ kind: 'end', text: '', offset: at });
      return { tokens, end: at, trims: source[at] === '-' };
    }
    const offset = at;
    const previous = tokens.at(-1);
    const afterDot =
      previous?.kind === 'sign' && previous.text === '.' && previous.offset === at - 1;
    const float = afterDot ? undefined : take(floating);
    const found = float ?? take(integer) ?? take(name) ?? take(string) ?? take(sign);
    if (found === undefined) throw badCharacter(source, at);
    at += found.length;
    if (float !== undefined) tokens.push({ kind: 'float', text: float, offset });
    else if (/^\d/.test(found)) tokens.push({ kind: 'int', text: found, offset });
    else if (found[0] === "'" || found[0] === '"') {
      tokens.push({
        kind: 'string',
        text: rules.escapes ? withoutEscapes(found.slice(1, -1), offset) : found.slice(1, -1),
        offset,
      });
    } else if (/^[-+/*%~[\](){}><=.:|,;!]/.test(found)) {
      if (found === '(' || found === '[' || found === '{') open.push(found);
      else if (closes[found] !== undefined && open.pop() !== closes[found])
        throw new SourceError(`unexpected '${found}'`, offset);
      tokens.push({ kind: 'sign', text: found, offset });
    } else tokens.push({ kind: 'name', text: found, offset });
  }
  if (rules.close !== undefined)
    throw new SourceError(
      `the template is not closed: \`${rules.close}\` is missing`,
      source.length,
    );
  tokens.push({ kind: 'end', text: '', offset: at });
  return { tokens, end: at, trims: false };
}

/** Before it may stand a sign that is about the white space behind it. */
function closesAt(source: string, at: number, close: LexerRules['close']): boolean {
  if (close === undefined) return false;
  const isSigned = source[at] === '-' || (source[at] === '+' && close === '%}');
  return source.startsWith(close, isSigned ? at + 1 : at);
}

const advice: Readonly<Record<string, string>> = {
  '!': 'write `not` or `!=`',
  '&': 'write `and`',
  '?': 'write `A if CONDITION else B`',
  $: 'variables have no `$` here',
  '#': 'an expression has no comments',
};

function badCharacter(source: string, at: number): SourceError {
  const char = source[at] ?? '';
  if (char === "'" || char === '"') return new SourceError('the string is not closed', at);
  return new SourceError(`unexpected character '${char}'`, at, advice[char]);
}

const simple: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  ...controlEscapes,
};

const widths: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Replaces Python's escapes; an unknown escape is kept. */
function withoutEscapes(body: string, offset: number): string {
  return body.replace(
    /\\([0-7]{1,3}|N\{[^}]*\}|[\s\S])([\da-fA-F]*)/g,
    (whole, code: string, hex: string) => {
      if (/^[0-7]/.test(code)) return String.fromCodePoint(Number.parseInt(code, 8)) + hex;
      if (code.startsWith('N{'))
        throw new SourceError('names of characters (\\N{...}) are not supported', offset);
      const width = widths[code];
      if (width === undefined) return Object.hasOwn(simple, code) ? `${simple[code]}${hex}` : whole;
      const point = Number.parseInt(hex.slice(0, width), 16);
      if (hex.length < width || point > 0x10ffff)
        throw new SourceError(`truncated \\${code} escape`, offset);
      return String.fromCodePoint(point) + hex.slice(width);
    },
  );
}
