// Parses tokens into a tree with Jinja2's precedence: `**` binds to the left, `~` tighter than `+`,
// and filters tighter than every operator except unary minus.
import { SourceError } from '../errors.ts';
import { type Cursor, cursorOf, shown } from './cursor.ts';
import type { Token } from './lexer.ts';
import { parsePrimary } from './primary.ts';
import type { Arguments, BinarySign, CompareSign, Node } from './syntax.ts';
import { noArguments } from './syntax.ts';

/** Parses a whole expression. In a template a comma outside of brackets makes a tuple. */
export function parse(tokens: readonly Token[], topTuple: boolean): Node {
  const cursor = cursorOf(tokens);
  if (cursor.peek().kind === 'end')
    throw new SourceError('the expression is empty', cursor.peek().offset);
  const node = topTuple ? parseTuple(cursor) : parseExpression(cursor);
  const rest = cursor.peek();
  if (rest.kind !== 'end')
    throw new SourceError(`unexpected ${shown(rest)}`, rest.offset, leftoverHint(rest));
  return node;
}

const leftoverHint = (token: Token): string | undefined =>
  token.text === '='
    ? 'write `==` to compare'
    : token.text === ';'
      ? 'only one expression is read'
      : undefined;

function parseTuple(cursor: Cursor): Node {
  const first = parseExpression(cursor);
  if (!cursor.is(',')) return first;
  const items = [first];
  while (cursor.skip(',') && cursor.peek().kind !== 'end') items.push(parseExpression(cursor));
  return { kind: 'tuple', items, offset: first.offset };
}

const parseExpression = (cursor: Cursor): Node => cursor.nested(() => parseConditional(cursor));

function parseConditional(cursor: Cursor): Node {
  let node = parseOr(cursor);
  while (cursor.is('if')) {
    const { offset } = cursor.next();
    cursor.link(offset);
    const test = parseOr(cursor);
    const no = cursor.skip('else') ? cursor.nested(() => parseConditional(cursor)) : undefined;
    node = { kind: 'if', test, yes: node, no, offset };
  }
  return node;
}

/** Parses one level of operators that bind to the left. */
const leftLevel =
  (signs: readonly BinarySign[], below: (cursor: Cursor) => Node) =>
  (cursor: Cursor): Node => {
    let left = below(cursor);
    for (;;) {
      const sign = signs.find(cursor.is);
      if (sign === undefined) return left;
      const { offset } = cursor.next();
      cursor.link(offset);
      left = { kind: 'binary', sign, left, right: below(cursor), offset };
    }
  };

const parsePower = leftLevel(['**'], (cursor) => parseUnary(cursor, true));
const parseProduct = leftLevel(['*', '/', '//', '%'], parsePower);
const parseSum = leftLevel(['+', '-'], parseConcat);
const parseAnd = leftLevel(['and'], parseNot);
const parseOr = leftLevel(['or'], parseAnd);

function parseNot(cursor: Cursor): Node {
  if (!cursor.is('not')) return parseCompare(cursor);
  const { offset } = cursor.next();
  return { kind: 'unary', sign: 'not', of: cursor.nested(() => parseNot(cursor)), offset };
}

const compareSigns: readonly CompareSign[] = ['==', '!=', '<', '<=', '>', '>=', 'in'];

function parseCompare(cursor: Cursor): Node {
  const first = parseSum(cursor);
  const rest: (readonly [CompareSign, Node])[] = [];
  for (;;) {
    const { offset } = cursor.peek();
    const sign = compareSigns.find(cursor.is);
    if (sign !== undefined) cursor.next();
    else if (cursor.skip('not')) cursor.expect('in');
    else return rest.length === 0 ? first : { kind: 'compare', first, rest, offset: first.offset };
    cursor.link(offset);
    rest.push([sign ?? 'not in', parseSum(cursor)]);
  }
}

function parseConcat(cursor: Cursor): Node {
  const first = parseProduct(cursor);
  if (!cursor.is('~')) return first;
  const items = [first];
  while (cursor.skip('~')) items.push(parseProduct(cursor));
  return { kind: 'concat', items, offset: first.offset };
}

function parseUnary(cursor: Cursor, withFilters: boolean): Node {
  const token = cursor.peek();
  const sign =
    token.kind === 'sign' && (token.text === '-' || token.text === '+') ? token.text : undefined;
  let node: Node;
  if (sign === undefined) node = parsePostfix(cursor, parsePrimary(cursor, parseExpression));
  else {
    cursor.next();
    node = {
      kind: 'unary',
      sign,
      of: cursor.nested(() => parseUnary(cursor, false)),
      offset: token.offset,
    };
  }
  return withFilters ? parseFilters(cursor, node) : node;
}

function parsePostfix(cursor: Cursor, start: Node): Node {
  let node = start;
  for (;;) {
    const { offset } = cursor.peek();
    if (cursor.skip('.')) node = parseMember(cursor, node);
    else if (cursor.skip('[')) node = parseSubscript(cursor, node, offset);
    else if (cursor.is('('))
      node = { kind: 'call', of: node, args: parseArguments(cursor), offset };
    else return node;
    cursor.link(offset);
  }
}

function parseMember(cursor: Cursor, of: Node): Node {
  const token = cursor.next();
  if (token.kind === 'name')
    return { kind: 'attribute', of, name: token.text, offset: token.offset };
  if (token.kind !== 'int')
    throw new SourceError(
      `expected a name or a number after '.' but found ${shown(token)}`,
      token.offset,
    );
  const key: Node = {
    kind: 'constant',
    value: Number(token.text.replaceAll('_', '')),
    float: false,
    offset: token.offset,
  };
  return { kind: 'item', of, key, offset: token.offset };
}

function parseSubscript(cursor: Cursor, of: Node, offset: number): Node {
  const keys: Node[] = [];
  while (!cursor.is(']')) {
    if (keys.length > 0) cursor.expect(',');
    const start = cursor.is(':') ? undefined : parseExpression(cursor);
    if (start !== undefined && !cursor.is(':')) {
      keys.push(start);
      continue;
    }
    const sliced = parseSlice(cursor, of, start, offset);
    if (keys.length > 0 || !cursor.is(']'))
      throw new SourceError('a slice stands alone in its brackets', offset);
    cursor.next();
    return sliced;
  }
  cursor.next();
  const [only] = keys;
  return {
    kind: 'item',
    of,
    key: keys.length === 1 && only !== undefined ? only : { kind: 'tuple', items: keys, offset },
    offset,
  };
}

function parseSlice(cursor: Cursor, of: Node, start: Node | undefined, offset: number): Node {
  const bound = (): Node | undefined =>
    cursor.is(':') || cursor.is(']') || cursor.is(',') ? undefined : parseExpression(cursor);
  cursor.expect(':');
  const stop = bound();
  const step = cursor.skip(':') ? bound() : undefined;
  return { kind: 'slice', of, start, stop, step, offset };
}

function parseArguments(cursor: Cursor): Arguments {
  cursor.expect('(');
  const positional: Node[] = [];
  const named: (readonly [string, Node])[] = [];
  let spread: Node | undefined;
  let spreadNamed: Node | undefined;
  for (let first = true; !cursor.is(')'); first = false) {
    if (!first) cursor.expect(',');
    if (cursor.is(')')) break;
    const token = cursor.peek();
    const refuseIf = (misplaced: boolean): void => {
      if (misplaced)
        throw new SourceError('arguments by place come before those by name', token.offset);
    };
    if (cursor.skip('**')) {
      refuseIf(spreadNamed !== undefined);
      spreadNamed = parseExpression(cursor);
      continue;
    }
    if (cursor.skip('*')) {
      refuseIf(spread !== undefined || spreadNamed !== undefined);
      spread = parseExpression(cursor);
      continue;
    }
    const value = parseExpression(cursor);
    if (value.kind === 'name' && cursor.skip('=')) {
      refuseIf(spreadNamed !== undefined);
      named.push([value.name, parseExpression(cursor)]);
    } else {
      refuseIf(spread !== undefined || spreadNamed !== undefined || named.length > 0);
      positional.push(value);
    }
  }
  cursor.expect(')');
  return { positional, named, spread, spreadNamed };
}

function parseFilters(cursor: Cursor, start: Node): Node {
  let node = start;
  for (;;) {
    const { offset } = cursor.peek();
    if (cursor.skip('|')) node = parseFilter(cursor, node);
    else if (cursor.skip('is')) node = parseTest(cursor, node);
    else if (cursor.is('('))
      node = { kind: 'call', of: node, args: parseArguments(cursor), offset };
    else return node;
    cursor.link(offset);
  }
}

/** Parses a name with dots: `ansible.builtin.bool`. */
function parseDotted(cursor: Cursor, what: string): Token {
  const first = cursor.next();
  if (first.kind !== 'name')
    throw new SourceError(`expected the name of a ${what} but found ${shown(first)}`, first.offset);
  let text = first.text;
  while (cursor.skip('.')) text += `.${cursor.next().text}`;
  return { kind: 'name', text, offset: first.offset };
}

function parseFilter(cursor: Cursor, of: Node): Node {
  const { text: name, offset } = parseDotted(cursor, 'filter');
  return {
    kind: 'filter',
    of,
    name,
    args: cursor.is('(') ? parseArguments(cursor) : noArguments,
    offset,
  };
}

function parseTest(cursor: Cursor, of: Node): Node {
  const negated = cursor.is('not') ? cursor.next() : undefined;
  const { text: name, offset } = parseDotted(cursor, 'test');
  const test: Node = { kind: 'test', of, name, args: parseTestArguments(cursor), offset };
  return negated === undefined
    ? test
    : { kind: 'unary', sign: 'not', of: test, offset: negated.offset };
}

/** Parses `is version('1', '<')`, or one argument without parentheses: `is divisibleby 3`. */
function parseTestArguments(cursor: Cursor): Arguments {
  if (cursor.is('(')) return parseArguments(cursor);
  const token = cursor.peek();
  const starts =
    token.kind === 'sign' ? token.text === '[' || token.text === '{' : token.kind !== 'end';
  if (!starts || ['else', 'or', 'and'].some(cursor.is)) return noArguments;
  if (cursor.is('is'))
    throw new SourceError('tests cannot follow each other: join them with `and`', token.offset);
  const value = cursor.nested(() => parsePostfix(cursor, parsePrimary(cursor, parseExpression)));
  return { ...noArguments, positional: [value] };
}
