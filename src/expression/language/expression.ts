// Compiles one expression and caches it: a playbook evaluates the same few texts for every host.
import type { Value } from '../../model/value.ts';
import { fail, SourceError } from '../errors.ts';
import { isDict, type PyValue, typeName } from '../python/py-value.ts';
import { compileNode, type Run, type Scope } from './compile.ts';
import { type Lexed, tokenize } from './lexer.ts';
import { type FreeName, namesOf } from './names.ts';
import { parse } from './parser.ts';
import { plain, type Result, resultOf } from './result.ts';

/** A backslash in a string begins an escape in a condition (`when`, `until`), not in a template. */
export type Mode = 'template' | 'condition';

/** An error in the text, found before the run; `offset` counts characters from its beginning. */
export interface SyntaxProblem {
  readonly kind: 'problem';
  readonly message: string;
  readonly offset: number;
  readonly hint?: string;
}

export interface Compiled {
  readonly kind: 'expression';
  /** The variables that the expression reads, in the order of the text. */
  readonly names: readonly FreeName[];
  /** Never throws for an error in the user's expression or data. */
  readonly evaluate: (scope: Scope) => Result;
}

/** A compiled part, whose value is not plain data yet. */
export interface Part {
  readonly run: Run;
  readonly names: readonly FreeName[];
}

export function compileTokens({ tokens }: Pick<Lexed, 'tokens'>, topTuple: boolean): Part {
  const node = parse(tokens, topTuple);
  return { run: compileNode(node), names: namesOf(node) };
}

/** Turns an error in the text into data. Other errors are bugs and pass through. */
export function asProblem(error: unknown): SyntaxProblem {
  if (error instanceof SourceError) {
    const problem = { kind: 'problem', message: error.message, offset: error.offset } as const;
    return error.hint === undefined ? problem : { ...problem, hint: error.hint };
  }
  if (error instanceof RangeError)
    return { kind: 'problem', message: 'the expression is nested too deeply', offset: 0 };
  throw error;
}

const cache = new Map<string, Compiled | SyntaxProblem>();
const mostCached = 5000;

/** Returns the cached result for a key, or makes and caches it. */
export function cached<T>(store: Map<string, T>, key: string, make: () => T): T {
  const known = store.get(key);
  if (known !== undefined) return known;
  const made = make();
  if (store.size >= mostCached) store.clear();
  store.set(key, made);
  return made;
}

/** Compiles an expression without its `{{ }}`. */
export const compile = (source: string, mode: Mode): Compiled | SyntaxProblem =>
  cached(cache, `${mode}:${source}`, () => {
    try {
      return compileFresh(source, mode);
    } catch (error) {
      return asProblem(error);
    }
  });

/** Most characters of one expression. */
const longestSource = 50_000;

function compileFresh(source: string, mode: Mode): Compiled {
  if (source.length > longestSource)
    throw new SourceError(`the expression is longer than ${longestSource} characters`, 0);
  if (mode === 'condition') refuseBraces(source);
  const { run, names } = compileTokens(
    tokenize(source, 0, { escapes: mode === 'condition' }),
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

/** A condition must be true or false: a list or a text as condition is mostly an error. */
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
