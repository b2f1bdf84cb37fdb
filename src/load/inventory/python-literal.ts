// Reads values of INI inventories as Ansible does: as a Python literal where possible, otherwise as
// text.
import type { Value } from '../../model/value.ts';
import { put } from '../text/tree.ts';

/** The value of an INI variable: `1` is a number, `[1,2]` a list; `yes`, `01`, `true` are text. */
export function iniValue(text: string): Value {
  const reader = new LiteralReader(text);
  try {
    return reader.all();
  } catch (error) {
    if (error instanceof NotALiteral) return text;
    throw error;
  }
}

class NotALiteral extends Error {}

interface Literal {
  readonly value: Value;
  readonly complex?: { readonly re: number; readonly im: number };
  /** `unsigned` may take one sign (`-1`); `signed` may only take an imaginary part (`-1+2j`). */
  readonly number?: 'unsigned' | 'signed';
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};
const numberForm =
  /^(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.?)(?:[eE][-+]?\d(?:_?\d)*)?[jJ]?)/;

class LiteralReader {
  private readonly text: string;
  private at = 0;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  all(): Value {
    const value = this.tupleOrOne();
    this.space();
    if (this.at < this.text.length) throw new NotALiteral();
    return value;
  }

  // In Python `10,000` is a tuple.
  private tupleOrOne(): Value {
    const first = this.sum().value;
    this.space();
    if (this.text[this.at] !== ',') return first;
    const items = [first];
    while (this.take(',')) {
      this.space();
      if (this.at >= this.text.length) break;
      items.push(this.sum().value);
    }
    return items;
  }

  private sum(): Literal {
    let left = this.signed();
    for (;;) {
      this.space();
      const sign = this.text[this.at];
      if (sign !== '+' && sign !== '-') return left;
      this.at++;
      const right = this.atom();
      // Only a sum of a real number and an imaginary part is a literal.
      if (
        left.number === undefined ||
        left.complex !== undefined ||
        right.number !== 'unsigned' ||
        right.complex === undefined
      )
        throw new NotALiteral();
      left = complexOf(Number(left.value), sign === '+' ? right.complex.im : 0 - right.complex.im);
    }
  }

  private signed(): Literal {
    this.space();
    const sign = this.text[this.at];
    if (sign !== '+' && sign !== '-') return this.atom();
    this.at++;
    const { value, complex, number } = this.atom();
    if (number !== 'unsigned') throw new NotALiteral();
    if (complex !== undefined)
      return {
        ...(sign === '+' ? complexOf(0, complex.im) : complexOf(-0, -complex.im)),
        number: 'signed',
      };
    return { value: sign === '+' ? value : 0 - Number(value), number: 'signed' };
  }

  private atom(): Literal {
    if (++this.depth > 100) throw new NotALiteral();
    try {
      this.space();
      const rest = this.text.slice(this.at);
      const number = numberForm.exec(rest)?.[0];
      if (number !== undefined && number !== '' && !/^\.(?!\d)/.test(number))
        return this.number(number);
      if (/^(?:[rRuU]|[bB][rR]?|[rR][bB])?['"]/.test(rest)) return { value: this.strings() };
      if (rest.startsWith('...')) {
        this.at += 3;
        return { value: '...' };
      }
      if (this.take('[')) return { value: this.items(']') };
      if (this.take('(')) return this.parenthesis();
      if (this.take('{')) return { value: this.braces() };
      for (const [word, value] of [
        ['True', true],
        ['False', false],
        ['None', null],
      ] as const)
        if (this.word(word)) return { value };
      if (/^set\s*\(\s*\)/.test(rest)) {
        this.at += /^set\s*\(\s*\)/.exec(rest)?.[0].length ?? 0;
        return { value: [] };
      }
      throw new NotALiteral();
    } finally {
      this.depth--;
    }
  }

  private number(written: string): Literal {
    const after = this.text[this.at + written.length];
    if (after !== undefined && /[\w.]/.test(after)) throw new NotALiteral();
    this.at += written.length;
    const digits = written.replaceAll('_', '');
    if (/[jJ]$/.test(digits))
      return { ...complexOf(0, Number(digits.slice(0, -1))), number: 'unsigned' };
    // Python refuses leading zeros, except in zero itself and in floats.
    if (/^0\d*[1-9]/.test(digits) && /^\d+$/.test(digits)) throw new NotALiteral();
    const value = Number(digits);
    if (!Number.isFinite(value)) throw new NotALiteral();
    return { value, number: 'unsigned' };
  }

  // Joins adjacent strings: `"a" "b"` is ab.
  private strings(): string {
    let result = '';
    let kind: boolean | undefined;
    for (;;) {
      const start = /^[ \t\f]*((?:[rRuU]|[bB][rR]?|[rR][bB])?)('''|"""|'|")/.exec(
        this.text.slice(this.at),
      );
      if (start === null) return result;
      const prefix = (start[1] ?? '').toLowerCase();
      const bytes = prefix.includes('b');
      if (kind !== undefined && kind !== bytes) throw new NotALiteral();
      kind = bytes;
      this.at += start[0].length;
      result += this.string(start[2] ?? "'", prefix.includes('r'));
    }
  }

  private string(quote: string, raw: boolean): string {
    let result = '';
    while (!this.text.startsWith(quote, this.at)) {
      const character = this.text[this.at];
      if (character === undefined || (character === '\n' && quote.length === 1))
        throw new NotALiteral();
      this.at++;
      if (character !== '\\') {
        result += character;
        continue;
      }
      const next = this.text[this.at];
      if (next === undefined) throw new NotALiteral();
      result += raw ? `\\${next}` : this.escape(next);
      if (raw) this.at++;
    }
    this.at += quote.length;
    return result;
  }

  private escape(next: string): string {
    const code = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3}))/.exec(
      this.text.slice(this.at),
    );
    if (code !== null) {
      this.at += code[0].length;
      const point =
        code[4] === undefined
          ? Number.parseInt(code[1] ?? code[2] ?? code[3] ?? '0', 16)
          : Number.parseInt(code[4], 8);
      if (point > 0x10ffff) throw new NotALiteral();
      return String.fromCodePoint(point);
    }
    if (/[xuUN]/.test(next)) throw new NotALiteral();
    this.at++;
    return escapes[next] ?? (next === '\n' ? '' : `\\${next}`);
  }

  private items(end: string): Value[] {
    const items: Value[] = [];
    for (;;) {
      this.space();
      if (this.take(end)) return items;
      items.push(this.sum().value);
      this.space();
      if (!this.take(',')) {
        if (!this.take(end)) throw new NotALiteral();
        return items;
      }
    }
  }

  private parenthesis(): Literal {
    this.space();
    if (this.take(')')) return { value: [] };
    const first = this.sum();
    this.space();
    if (this.take(')')) return first;
    if (!this.take(',')) throw new NotALiteral();
    return { value: [first.value, ...this.items(')')] };
  }

  private braces(): Value {
    this.space();
    const result: Record<string, Value> = {};
    if (this.take('}')) return result;
    const first = this.sum().value;
    this.space();
    if (!this.take(':')) return this.setAfter(first);
    put(result, keyText(first), this.sum().value);
    for (;;) {
      this.space();
      if (this.take('}')) return result;
      if (!this.take(',')) throw new NotALiteral();
      this.space();
      if (this.take('}')) return result;
      const key = this.sum().value;
      this.space();
      if (!this.take(':')) throw new NotALiteral();
      put(result, keyText(key), this.sum().value);
    }
  }

  private setAfter(first: Value): Value {
    if (this.take('}')) return [first];
    if (!this.take(',')) throw new NotALiteral();
    return [...new Set([first, ...this.items('}')])];
  }

  private word(word: string): boolean {
    if (!this.text.startsWith(word, this.at) || /\w/.test(this.text[this.at + word.length] ?? ''))
      return false;
    this.at += word.length;
    return true;
  }

  private take(character: string): boolean {
    this.space();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  // Skips blanks, and a comment up to the end: `1 # c` is 1.
  private space(): void {
    while (/[ \t\f]/.test(this.text[this.at] ?? '')) this.at++;
    if (this.text[this.at] === '#') this.at = this.text.length;
  }
}

const keyText = (key: Value): string => {
  if (typeof key === 'object' && key !== null) throw new NotALiteral();
  return key === null ? 'None' : key === true ? 'True' : key === false ? 'False' : String(key);
};

const complexOf = (re: number, im: number): Literal => {
  const imaginary = `${signed(im)}j`;
  const text = Object.is(re, 0)
    ? imaginary
    : `(${signed(re)}${imaginary.startsWith('-') ? '' : '+'}${imaginary})`;
  return { value: text, complex: { re, im } };
};

/** Python prints the sign of a zero. */
const signed = (number: number): string => (Object.is(number, -0) ? '-0' : String(number));
