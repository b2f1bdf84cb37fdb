// Compiles a tree into closures. Checks before the run what is known then: names of filters, tests
// and methods, and the arguments of calls.
import type { Sealed, Value } from '../../model/value.ts';
import { fail, SourceError } from '../errors.ts';
import { type Lookup, lookedUp, lookupKey, lookupNames, lookupOf } from '../lookups.ts';
import { spend } from '../meter.ts';
import {
  apply,
  type Callable,
  orUndefined,
  type Runtime,
  shapeProblem,
} from '../python/callable.ts';
import { dictEntries, dictOf, isForbidden } from '../python/dicts.ts';
import { unknownMethod } from '../python/methods.ts';
import { negate, positive } from '../python/numbers.ts';
import { compare, contains, equals, truthy } from '../python/order.ts';
import { text } from '../python/printing.ts';
import {
  type Args,
  float,
  isDict,
  isMethod,
  isMissing,
  missing,
  nothing,
  type PyValue,
  touch,
  tuple,
  typeName,
} from '../python/py-value.ts';
import { slice, walk } from '../python/sequences.ts';
import { patternProblem } from '../regex/index.ts';
import { filterNamed, testNamed, unknownFilter, unknownTest } from '../registry.ts';
import { attribute, item } from './attributes.ts';
import { globalNamed } from './globals.ts';
import {
  add,
  floorQuotient,
  joined,
  multiply,
  quotient,
  raise,
  remainder,
  subtract,
} from './operators.ts';
import { plain } from './result.ts';
import type { Arguments, BinarySign, CompareSign, Node } from './syntax.ts';

/** Gives names their values. */
export interface Scope {
  /** The value of a top-level name, or undefined when there is none. */
  readonly lookup: (name: string) => Value | undefined;
  /** Names of the template itself, which win: those of its loops, and what it sets. */
  readonly local?: (name: string) => PyValue | undefined;
  /** Opens an encrypted value; without it such a value stays as it is. The text is no template. */
  readonly open?: ((sealed: Sealed) => string) | undefined;
}

export type Run = (scope: Scope) => PyValue;

const noArgs: Args = { positional: [], named: new Map() };

const runtime: Runtime = {
  filter: (name, value, args) => {
    const found = filterNamed(name) ?? fail(unknownFilter(name).message);
    return apply(`filter '${name}'`, found, value, args, runtime);
  },
  test: (name, value, args) => {
    const found = testNamed(name) ?? fail(unknownTest(name).message);
    return truthy(apply(`test '${name}'`, found, value, args, runtime));
  },
  attribute: (value, name) => attribute(value, name, runtime),
  item: (value, key) => item(value, key, runtime),
  hasFilter: (name) => filterNamed(name) !== undefined,
  hasTest: (name) => testNamed(name) !== undefined,
};

export function compileNode(node: Node): Run {
  switch (node.kind) {
    case 'constant': {
      const value: PyValue = node.float ? float(Number(node.value)) : node.value;
      return () => value;
    }
    case 'name':
      return compileName(node.name);
    case 'list':
    case 'tuple': {
      const items = node.items.map(compileNode);
      return node.kind === 'list'
        ? (scope) => items.map((run) => run(scope))
        : (scope) => tuple(items.map((run) => run(scope)));
    }
    case 'dict': {
      const pairs = node.pairs.map(
        ([key, value]) => [compileNode(key), compileNode(value)] as const,
      );
      return (scope) => dictOf(pairs.map(([key, value]) => [key(scope), value(scope)] as const));
    }
    case 'attribute': {
      const [of, name] = [compileNode(node.of), node.name];
      return (scope) => attribute(of(scope), name, runtime);
    }
    case 'item': {
      const [of, key] = [compileNode(node.of), compileNode(node.key)];
      return (scope) => item(of(scope), key(scope), runtime);
    }
    case 'slice': {
      const of = compileNode(node.of);
      const [start, stop, step] = [node.start, node.stop, node.step].map((bound) =>
        bound === undefined ? () => undefined : compileNode(bound),
      );
      return (scope) => slice(of(scope), start?.(scope), stop?.(scope), step?.(scope));
    }
    case 'call':
      return compileCall(node.of, node.args, node.offset);
    case 'filter':
      return compileApplied(node, 'filter');
    case 'test':
      return compileApplied(node, 'test');
    case 'unary': {
      const of = compileNode(node.of);
      if (node.sign === 'not') return (scope) => !truthy(of(scope));
      const change = node.sign === '-' ? negate : positive;
      return (scope) => change(of(scope));
    }
    case 'binary':
      return compileBinary(node.sign, compileNode(node.left), compileNode(node.right));
    case 'concat': {
      const items = node.items.map(compileNode);
      return (scope) => items.map((run) => text(run(scope))).reduce(joined, '');
    }
    case 'compare':
      return compileCompare(compileNode(node.first), node.rest);
    case 'if': {
      const [test, yes] = [compileNode(node.test), compileNode(node.yes)];
      const no = node.no === undefined ? () => nothing : compileNode(node.no);
      return (scope) => (truthy(test(scope)) ? yes(scope) : no(scope));
    }
  }
}

function compileName(name: string): Run {
  const built = globalNamed(name);
  const absent = missing(`'${name}' is undefined`);
  if (isForbidden(name)) return () => absent;
  return (scope) => {
    spend(1);
    const own = scope.local?.(name);
    const found = own === undefined ? scope.lookup(name) : own;
    return found === undefined ? (built ?? absent) : found;
  };
}

const arithmetic: Readonly<
  Record<Exclude<BinarySign, 'and' | 'or'>, (a: PyValue, b: PyValue) => PyValue>
> = {
  '+': add,
  '-': subtract,
  '*': multiply,
  '/': quotient,
  '//': floorQuotient,
  '%': remainder,
  '**': raise,
};

function compileBinary(sign: BinarySign, left: Run, right: Run): Run {
  if (sign === 'and' || sign === 'or') {
    const goesOn = sign === 'and';
    return (scope) => {
      const value = left(scope);
      return truthy(value) === goesOn ? right(scope) : value;
    };
  }
  const operate = arithmetic[sign];
  return (scope) => {
    const value = touch(left(scope));
    return operate(value, touch(right(scope)));
  };
}

const comparisons: Readonly<Record<CompareSign, (a: PyValue, b: PyValue) => boolean>> = {
  '==': equals,
  '!=': (a, b) => !equals(a, b),
  '<': (a, b) => (compare(a, b, '<') ?? 1) < 0,
  '<=': (a, b) => (compare(a, b, '<=') ?? 1) <= 0,
  '>': (a, b) => (compare(a, b, '>') ?? -1) > 0,
  '>=': (a, b) => (compare(a, b, '>=') ?? -1) >= 0,
  in: (a, b) => contains(b, a),
  'not in': (a, b) => !contains(b, a),
};

function compileCompare(first: Run, rest: readonly (readonly [CompareSign, Node])[]): Run {
  const steps = rest.map(([sign, node]) => [comparisons[sign], compileNode(node)] as const);
  return (scope) => {
    let left = touch(first(scope));
    return steps.every(([holds, run]) => {
      const right = touch(run(scope));
      const result = holds(left, right);
      left = right;
      return result;
    });
  };
}

function compileArguments({
  positional,
  named,
  spread,
  spreadNamed,
}: Arguments): (scope: Scope) => Args {
  if (positional.length + named.length === 0 && spread === undefined && spreadNamed === undefined)
    return () => noArgs;
  const byPlace = positional.map(compileNode);
  const byName = named.map(([name, node]) => [name, compileNode(node)] as const);
  const more = spread === undefined ? undefined : compileNode(spread);
  const moreNamed = spreadNamed === undefined ? undefined : compileNode(spreadNamed);
  return (scope) => {
    const all = [
      ...byPlace.map((run) => run(scope)),
      ...(more === undefined ? [] : walk(more(scope))),
    ];
    const pairs = byName.map(([name, run]) => [name, run(scope)] as const);
    return {
      positional: all,
      named: new Map([...pairs, ...(moreNamed === undefined ? [] : namedOf(moreNamed(scope)))]),
    };
  };
}

const namedOf = (value: PyValue): (readonly [string, PyValue])[] =>
  isDict(value)
    ? dictEntries(value).map(([key, item]) => [text(key), item])
    : fail(`'${typeName(value)}' object is not a mapping`);

/** The error in the arguments of a call, where they are known before the run. */
const shapeOf = (
  callable: Callable,
  { positional, named, spread, spreadNamed }: Arguments,
): string | undefined =>
  spread !== undefined || spreadNamed !== undefined
    ? undefined
    : shapeProblem(
        callable.parameters,
        positional.length,
        named.map(([name]) => name),
      );

function compileApplied(
  node: Extract<Node, { readonly kind: 'filter' | 'test' }>,
  kind: 'filter' | 'test',
): Run {
  const found = kind === 'filter' ? filterNamed(node.name) : testNamed(node.name);
  const what = `${kind} '${node.name}'`;
  if (found === undefined) {
    const { message, hint } = kind === 'filter' ? unknownFilter(node.name) : unknownTest(node.name);
    throw new SourceError(message, node.offset, hint);
  }
  const problem = shapeOf(found, node.args);
  if (problem !== undefined) throw new SourceError(`${what} ${problem}`, node.offset);
  checkNamedInside(node);
  checkPattern(
    found,
    node.args.positional[0] ??
      node.args.named.find(([name]) => name === found.parameters.names[0])?.[1],
  );
  const of = compileNode(node.of);
  const args = compileArguments(node.args);
  return (scope) => {
    spend(1);
    const value = of(scope);
    return apply(what, found, value, args(scope), runtime);
  };
}

const takesFilter = new Set(['map']);
const takesTest = new Set(['select', 'reject', 'selectattr', 'rejectattr']);

/** Checks the constant name of a filter or test inside a call: `map('uper')`. */
function checkNamedInside({
  name,
  args,
}: Extract<Node, { readonly kind: 'filter' | 'test' }>): void {
  const short = name.replace(/^ansible\.builtin\./, '');
  if (!takesFilter.has(short) && !takesTest.has(short)) return;
  const [place, first] = args.positional.slice(short.endsWith('attr') ? 1 : 0);
  if (place?.kind !== 'constant' || typeof place.value !== 'string') return;
  const found = takesFilter.has(short) ? filterNamed(place.value) : testNamed(place.value);
  if (found === undefined) {
    const { message, hint } = takesFilter.has(short)
      ? unknownFilter(place.value)
      : unknownTest(place.value);
    throw new SourceError(message, place.offset, hint);
  }
  checkPattern(found, first);
}

function checkPattern({ takesPattern }: Callable, place: Node | undefined): void {
  if (takesPattern !== true || place?.kind !== 'constant' || typeof place.value !== 'string')
    return;
  const problem = patternProblem(place.value);
  if (problem !== undefined) throw new SourceError(problem, place.offset);
}

/** A call of `lookup` or `query` with its arguments as plain data. */
export function compileLookup(name: string, given: Arguments): (scope: Scope) => Lookup {
  const args = compileArguments(given);
  return (scope) => {
    const { positional, named } = args(scope);
    const options = [...named].map(([key, value]) => [key, plain(value)] as const);
    return lookupOf(name, positional.map(plain), Object.fromEntries(options));
  };
}

function compileCall(callee: Node, given: Arguments, offset: number): Run {
  if (callee.kind === 'name' && lookupNames.includes(callee.name)) {
    const asked = compileLookup(callee.name, given);
    return (scope) => {
      spend(1);
      const lookup = asked(scope);
      return lookedUp(lookup, scope.lookup(lookupKey(lookup)));
    };
  }
  if (callee.kind === 'attribute') {
    const problem = unknownMethod(callee.name);
    if (problem !== undefined) throw new SourceError(problem.message, callee.offset, problem.hint);
  }
  const of = compileNode(callee);
  const args = compileArguments(given);
  if (callee.kind === 'constant') throw new SourceError('a constant cannot be called', offset);
  return (scope) => {
    spend(1);
    const value = of(scope);
    if (isMissing(value)) return value;
    if (!isMethod(value)) return fail(`'${typeName(value)}' object is not callable`);
    const bound = args(scope);
    return orUndefined(() => {
      bound.positional.forEach(touch);
      for (const arg of bound.named.values()) touch(arg);
      return value.call(bound);
    });
  };
}
