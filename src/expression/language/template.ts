// Compiles and renders text with `{{ }}` inside. A text that is one single expression keeps the type
// of its value; any other gives text.
import { isList, isMapping, isSealed, isUnknown, unknown, type Value } from '../../model/value.ts';
import { ExpressionError, SourceError, UnknownSignal } from '../errors.ts';
import { reserve } from '../meter.ts';
import { text } from '../python/printing.ts';
import { isDict, isMissing, isOmit, isTuple, type PyValue } from '../python/py-value.ts';
import type { Scope } from './compile.ts';
import {
  asProblem,
  type Compiled,
  cached,
  compileTokens,
  type Part,
  type SyntaxProblem,
} from './expression.ts';
import { tokenize } from './lexer.ts';
import { plain, type Result, resultOf } from './result.ts';

export type Template = Compiled;

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | ({ readonly kind: 'expression'; readonly source: string } & Part);

/** Whether a text has a part to render. Must be fast: most texts have none. */
export const hasTemplate = (source: string): boolean =>
  source.includes('{{') || source.includes('{%') || source.includes('{#');

const cache = new Map<string, Template | SyntaxProblem>();

/** Compiles a text with `{{ }}` parts. Refuses statements (`{% %}`) and drops comments (`{# #}`). */
export const compileTemplate = (source: string): Template | SyntaxProblem =>
  cached(cache, source, () => {
    try {
      return templateOf(piecesOf(source));
    } catch (error) {
      return asProblem(error);
    }
  });

function templateOf(pieces: readonly Piece[]): Template {
  const parts = pieces.filter((piece) => piece.kind === 'expression' || piece.text !== '');
  const names = parts.flatMap((piece) => (piece.kind === 'expression' ? piece.names : []));
  const lookups = parts.flatMap((piece) => (piece.kind === 'expression' ? piece.lookups : []));
  const [only] = parts;
  const isEmpty = pieces.length === 1 && parts.length === 0;
  const render = (scope: Scope): Value => {
    if (isEmpty) return '';
    if (parts.length === 1 && only?.kind === 'expression') return plain(only.run(scope));
    return concatenated(
      parts.map((piece) => (piece.kind === 'text' ? piece.text : piece.run(scope))),
    );
  };
  return { kind: 'expression', names, lookups, evaluate: (scope) => resultOf(() => render(scope)) };
}

/** None and omitted parts print nothing; a text of only such parts is None. */
function concatenated(values: readonly PyValue[]): Value {
  const shown = values.filter((value) => value !== null && !isOmit(value));
  if (shown.length === 0) return null;
  return shown.reduce<string>((out, value) => {
    const next = printed(value);
    reserve(next.length);
    return out + next;
  }, '');
}

/** Prints a value between texts as Ansible does: as plain data, so a tuple prints as a list. */
export const printed = (value: PyValue): string =>
  isTuple(value) || isDict(value) || Array.isArray(value) || isMissing(value)
    ? text(plain(value))
    : text(value);

function piecesOf(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trims = false;
  const push = (end: number, trimsEnd: boolean): void => {
    const raw = source.slice(at, end);
    const head = trims ? raw.trimStart() : raw;
    pieces.push({ kind: 'text', text: trimsEnd ? head.trimEnd() : head });
  };
  for (;;) {
    const start = nextOpening(source, at);
    if (start < 0) break;
    const lead = /^[-+]/.exec(source.slice(start + 2, start + 3))?.[0] ?? '';
    push(start, lead === '-');
    const kind = source.slice(start, start + 2);
    if (kind === '{%') {
      throw new SourceError(
        'statements (`{% %}`) are not supported',
        start,
        'use an expression: `A if CONDITION else B`, `map`, `join`',
      );
    }
    if (kind === '{#') {
      const end = source.indexOf('#}', start + 2);
      if (end < 0) throw new SourceError('the comment is not closed: `#}` is missing', start);
      trims = source[end - 1] === '-';
      at = end + 2;
      continue;
    }
    const lexed = tokenize(source, start + 2 + (lead === '-' ? 1 : 0), {
      escapes: false,
      close: '}}',
    });
    trims = lexed.trims;
    at = lexed.end + (lexed.trims ? 3 : 2);
    const written = source.slice(start + 2, lexed.end);
    pieces.push({ kind: 'expression', source: written, ...compileTokens(lexed, true) });
  }
  push(source.length, false);
  return pieces;
}

export const nextOpening = (source: string, from: number): number => {
  const found = /\{[{%#]/.exec(source.slice(from));
  return found === null ? -1 : from + found.index;
};

/** The text of a part, and of an expression its source. */
export interface RenderedPiece {
  readonly text: string;
  readonly source?: string;
}

/** Renders a text part by part, each expression in a scope that is made for it by its source. */
export function renderPieces(
  source: string,
  scopeOf: (source: string) => Scope,
): readonly RenderedPiece[] | Exclude<Result, { kind: 'value' }> {
  const rendered: RenderedPiece[] = [];
  const result = resultOf(() => {
    for (const piece of piecesOf(source)) {
      if (piece.kind === 'text') rendered.push(piece);
      else {
        const value = piece.run(scopeOf(piece.source));
        const text = value === null || isOmit(value) ? '' : printed(value);
        rendered.push({ text, source: piece.source });
      }
    }
    return null;
  });
  return result.kind === 'value' ? rendered : result;
}

/** Renders every text inside plain data, but no keys. Leaves out items that are `omit`. */
export const renderDeep = (value: Value, scope: Scope): Result =>
  resultOf(() => rendered(value, scope, false));

/** As `renderDeep`, but keeps an unknown part in its place, so that other parts can be used. */
export const renderParts = (value: Value, scope: Scope): Result =>
  resultOf(() => rendered(value, scope, true));

function rendered(value: Value, scope: Scope, keepsUnknown: boolean): Value {
  if (typeof value === 'string') return hasTemplate(value) ? renderedText(value, scope) : value;
  if (isUnknown(value)) throw new UnknownSignal(value.$unknown);
  if (isList(value)) {
    const items = value.map((item) => renderedPart(item, scope, keepsUnknown));
    return items.filter((item) => item !== undefined);
  }
  if (!isMapping(value)) return value;
  if (isSealed(value)) return scope.open?.(value) ?? value;
  const entries = Object.entries(value).map(
    ([key, item]) => [key, renderedPart(item, scope, keepsUnknown)] as const,
  );
  return Object.fromEntries(
    entries.filter((entry): entry is readonly [string, Value] => entry[1] !== undefined),
  );
}

/** A rendered part of a list or mapping; undefined when it is left out. */
function renderedPart(value: Value, scope: Scope, keepsUnknown: boolean): Value | undefined {
  try {
    return rendered(value, scope, keepsUnknown);
  } catch (error) {
    if (error instanceof ExpressionError && error.omitted) return undefined;
    if (keepsUnknown && error instanceof UnknownSignal) return unknown(error.why);
    throw error;
  }
}

/** Renders one text. An error in it ends the enclosing evaluation. */
function renderedText(source: string, scope: Scope): Value {
  const template = compileTemplate(source);
  if (template.kind === 'problem') throw new ExpressionError(template.message);
  return orThrow(template.evaluate(scope));
}

/** The value of a result, for an evaluation inside another; throws its error again. */
export function orThrow(result: Result): Value {
  if (result.kind === 'value') return result.value;
  if (result.kind === 'unknown') throw new UnknownSignal(result.why);
  throw new ExpressionError(result.message, result.omitted === true);
}
