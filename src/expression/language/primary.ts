// Parses the smallest parts of an expression: names, constants, and expressions in brackets.
import { SourceError } from '../errors.ts';
import { type Cursor, shown } from './cursor.ts';
import type { Node } from './syntax.ts';

const constants: ReadonlyMap<string, null | boolean> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);

type Parse = (cursor: Cursor) => Node;

/** Parses one part; `parseExpression` parses the expressions inside its brackets. */
export function parsePrimary(cursor: Cursor, parseExpression: Parse): Node {
  const token = cursor.next();
  const { offset } = token;
  switch (token.kind) {
    case 'name': {
      const value = constants.get(token.text);
      return value === undefined
        ? { kind: 'name', name: token.text, offset }
        : { kind: 'constant', value, float: false, offset };
    }
    case 'string': {
      let value = token.text;
      while (cursor.peek().kind === 'string') value += cursor.next().text;
      return { kind: 'constant', value, float: false, offset };
    }
    case 'int':
      return { kind: 'constant', value: wholeNumber(token.text, offset), float: false, offset };
    case 'float':
      return { kind: 'constant', value: realNumber(token.text, offset), float: true, offset };
  }
  if (token.text === '(') return parseParentheses(cursor, offset, parseExpression);
  if (token.text === '[')
    return { kind: 'list', items: parseItems(cursor, ']', parseExpression), offset };
  if (token.text === '{') return parseDict(cursor, offset, parseExpression);
  throw new SourceError(
    token.kind === 'end' ? 'the expression ends too early' : `unexpected ${shown(token)}`,
    offset,
  );
}

function realNumber(text: string, offset: number): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isFinite(value)) throw new SourceError('the number is too large', offset);
  return value;
}

function wholeNumber(text: string, offset: number): number | bigint {
  if (text.length > 1000) throw new SourceError('the number is too long', offset);
  const value = BigInt(text.replaceAll('_', ''));
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

function parseItems(cursor: Cursor, close: string, parseExpression: Parse): Node[] {
  const items: Node[] = [];
  while (!cursor.is(close)) {
    if (items.length > 0) cursor.expect(',');
    if (cursor.is(close)) break;
    items.push(parseExpression(cursor));
  }
  cursor.next();
  return items;
}

function parseParentheses(cursor: Cursor, offset: number, parseExpression: Parse): Node {
  if (cursor.skip(')')) return { kind: 'tuple', items: [], offset };
  const first = parseExpression(cursor);
  if (cursor.skip(')')) return first;
  cursor.expect(',');
  return { kind: 'tuple', items: [first, ...parseItems(cursor, ')', parseExpression)], offset };
}

function parseDict(cursor: Cursor, offset: number, parseExpression: Parse): Node {
  const pairs: (readonly [Node, Node])[] = [];
  while (!cursor.is('}')) {
    if (pairs.length > 0) cursor.expect(',');
    if (cursor.is('}')) break;
    const key = parseExpression(cursor);
    cursor.expect(':');
    pairs.push([key, parseExpression(cursor)]);
  }
  cursor.next();
  return { kind: 'dict', pairs, offset };
}
