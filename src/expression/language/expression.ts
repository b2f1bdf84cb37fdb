// Compiles one expression, and remembers it: a playbook evaluates the same few texts for every
// host.
import type { Value } from '../../model/value.ts';
import { fail, SourceError } from '../errors.ts';
import { isDict, type PyValue, typeName } from '../python/py-value.ts';
import { compileNode, type Run, type Scope } from './compile.ts';
import { type Lexed, tokenize } from './lexer.ts';
import { type FreeName, namesOf } from './names.ts';
import { parse } from './parser.ts';
import { plain, type Result, resultOf } from './result.ts';

/**
 * In a template a backslash in a string is just a backslash; in a condition (`when`, `assert`,
 * `until`) it begins an escape.
 */
export type Mode = 'template' | 'condition';

/**
 * A mistake in the text, found before anything runs; `offset` counts characters from its beginning.
 */
export interface SyntaxProblem {
  readonly kind: 'problem';
  readonly message: string;
  readonly offset: number;
  readonly hint?: string;
}

export interface Compiled {
  readonly kind: 'expression';
  /** The variables that are read, in the order of the text. */
  readonly names: readonly FreeName[];
  /** Never throws for what a user wrote. */
  readonly evaluate: (scope: Scope) => Result;
}

/** A part that is ready to run, before its result is turned into plain data. */
export interface Part {
  readonly run: Run;
  readonly names: readonly FreeName[];
}

export function compileTokens({ tokens }: Lexed, topTuple: boolean): Part {
  const node = parse(tokens, topTuple);
  return { run: compileNode(node), names: namesOf(node) };
}

/** A mistake in the text as data; other errors are our own bugs and pass through. */
export function asProblem(error: unknown): SyntaxProblem {
  if (error instanceof SourceError) {
    const problem = { kind: 'problem', message: error.message, offset: error.offset } as const;
    return error.hint === undefined ? problem : { ...problem, hint: error.hint };
  }
  if (error instanceof RangeError)
    return { kind: 'problem', message: 'the expression is nested too deeply', offset: 0 };
  throw error;
}

const remembered = new Map<string, Compiled | SyntaxProblem>();
const mostRemembered = 5000;

/** Remembers what a text compiled to. */
export function remember<T>(store: Map<string, T>, key: string, make: () => T): T {
  const known = store.get(key);
  if (known !== undefined) return known;
  const made = make();
  if (store.size >= mostRemembered) store.clear();
  store.set(key, made);
  return made;
}

/** Compiles an expression without its `{{ }}`. */
export const compile = (source: string, mode: Mode): Compiled | SyntaxProblem =>
  remember(remembered, `${mode}:${source}`, () => {
    try {
      return compileFresh(source, mode);
    } catch (error) {
      return asProblem(error);
    }
  });

/** Longest text of one expression. */
const longestSource = 50_000;

function compileFresh(source: string, mode: Mode): Compiled {
  if (source.length > longestSource)
    throw new SourceError(`the expression is longer than ${longestSource} characters`, 0);
  if (mode === 'condition') refuseBraces(source);
  const { run, names } = compileTokens(
    tokenize(source, 0, { escapes: mode === 'condition', inTemplate: false }),
    mode === 'template',
  );
  const finish = mode === 'condition' ? decide : plain;
  return { kind: 'expression', names, evaluate: (scope) => resultOf(() => finish(run(scope))) };
}

function refuseBraces(source: string): void {
  const [, opening] = /^\s*(\{\{|\{%|\{#)/.exec(source) ?? [];
  if (opening !== undefined) {
    throw new SourceError(
      `a condition is an expression already: '${opening}' is not needed`,
      source.indexOf(opening),
      'leave out the {{ and }}',
    );
  }
}

/**
 * A condition must be true or false: a list that is not empty, or a text, is most often a mistake.
 */
function decide(value: PyValue): Value {
  if (typeof value === 'boolean') return value;
  const data = plain(value);
  const hint =
    Array.isArray(data) || typeof data === 'string' || isDict(value)
      ? '; compare its length: `... | length > 0`'
      : '';
  return fail(
    `a condition must be true or false, but this one is of type ${typeName(value)}${hint}`,
  );
}
