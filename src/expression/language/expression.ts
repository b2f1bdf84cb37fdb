// Compiles one expression and caches it: a playbook evaluates the same few texts for every host.
import type { Value } from '../../model/value.ts';
import { fail, SourceError } from '../errors.ts';
import { type Lookup, lookupNames } from '../lookups.ts';
import { isDict, type PyValue, typeName } from '../python/py-value.ts';
import { compileLookup, compileNode, type Run, type Scope } from './compile.ts';
import { type Lexed, tokenize } from './lexer.ts';
import { type FreeName, namesOf } from './names.ts';
import { parse } from './parser.ts';
import { plain, type Result, resultOf } from './result.ts';
import type { Node } from './syntax.ts';

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
  readonly lookups: readonly WrittenLookup[];
  /** Never throws for an error in the user's expression or data. */
  readonly evaluate: (scope: Scope) => Result;
}

/** A call of `lookup` or `query`, and where it is in the text. */
export interface WrittenLookup {
  readonly offset: number;
  /** Its arguments in this scope; a text says why they are not known. */
  readonly asked: (scope: Scope) => Lookup | string;
}

/** A compiled part, whose value is not plain data yet. */
export interface Part {
  readonly run: Run;
  readonly names: readonly FreeName[];
  readonly lookups: readonly WrittenLookup[];
}

export function compileTokens({ tokens }: Pick<Lexed, 'tokens'>, topTuple: boolean): Part {
  const node = parse(tokens, topTuple);
  const hasLookup = tokens.some(({ kind, text }) => kind === 'name' && lookupNames.includes(text));
  return {
    run: compileNode(node),
    names: namesOf(node),
    lookups: hasLookup ? lookupsIn(node) : [],
  };
}

function lookupsIn(part: unknown): readonly WrittenLookup[] {
  if (typeof part !== 'object' || part === null) return [];
  const inside = Object.values(part).flatMap(lookupsIn);
  const { kind, of, args, offset } = part as Partial<Extract<Node, { readonly kind: 'call' }>>;
  if (
    kind !== 'call' ||
    of?.kind !== 'name' ||
    args === undefined ||
    !lookupNames.includes(of.name)
  )
    return inside;
  const call = compileLookup(of.name, args);
  const asked = (scope: Scope): Lookup | string => {
    let lookup: Lookup | undefined;
    const result = resultOf(() => {
      lookup = call(scope);
      return null;
    });
    return lookup ?? (result.kind === 'error' ? result.message : 'a value is not known yet');
  };
  return [...inside, { offset: offset ?? 0, asked }];
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
  const { run, names, lookups } = compileTokens(
    tokenize(source, 0, { escapes: mode === 'condition' }),
    mode === 'template',
  );
  const finish = mode === 'condition' ? decide : plain;
  return {
    kind: 'expression',
    names,
    lookups,
    evaluate: (scope) => resultOf(() => finish(run(scope))),
  };
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
