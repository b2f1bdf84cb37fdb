// Walks the tokens of an expression, and limits its depth and length.
import { SourceError } from '../errors.ts';
import type { Token } from './lexer.ts';

/** Deepest nesting of brackets and operators. */
const deepest = 100;
/** Longest chain (`a + b + ...`, `x.a.b...`). */
const longestChain = 1000;

export interface Cursor {
  readonly peek: () => Token;
  readonly next: () => Token;
  /** Consumes the sign or keyword if it is next. */
  readonly skip: (text: string) => boolean;
  readonly expect: (text: string) => Token;
  readonly is: (text: string) => boolean;
  /** Runs one level deeper. Refuses too many levels, so that the stack cannot overflow. */
  readonly nested: <T>(run: () => T) => T;
  /** Counts a link of a chain. */
  readonly link: (offset: number) => void;
}

export const shown = (token: Token): string =>
  token.kind === 'end' ? 'the end' : token.kind === 'string' ? 'a string' : `'${token.text}'`;

export function cursorOf(tokens: readonly Token[]): Cursor {
  let at = 0;
  let depth = 0;
  let links = 0;
  const last = tokens.at(-1) ?? { kind: 'end', text: '', offset: 0 };
  const peek = (): Token => tokens[at] ?? last;
  const next = (): Token => {
    const token = peek();
    at += 1;
    return token;
  };
  const is = (text: string): boolean => {
    const token = peek();
    return (token.kind === 'sign' || token.kind === 'name') && token.text === text;
  };
  const skip = (text: string): boolean => {
    const found = is(text);
    if (found) at += 1;
    return found;
  };
  const expect = (text: string): Token =>
    is(text)
      ? next()
      : (() => {
          throw new SourceError(`expected '${text}' but found ${shown(peek())}`, peek().offset);
        })();
  const nested = <T>(run: () => T): T => {
    depth += 1;
    if (depth > deepest)
      throw new SourceError('the expression is nested too deeply', peek().offset);
    const result = run();
    depth -= 1;
    return result;
  };
  const link = (offset: number): void => {
    links += 1;
    if (links > longestChain) throw new SourceError('the expression is too long', offset);
  };
  return { peek, next, skip, expect, is, nested, link };
}
