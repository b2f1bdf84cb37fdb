// Filters, tests and methods as tables of named functions with Python-like parameters.

import { fail, UndefinedError } from '../errors.ts';
import {
  type Args,
  isMade,
  isMissing,
  isPyList,
  isTuple,
  missing,
  type PyValue,
  touch,
} from './py-value.ts';

/** What a function may ask of the evaluation it runs in. */
export interface Runtime {
  /** Applies a filter or test by its name, as `map('upper')` and `select('odd')` do. */
  readonly filter: (name: string, value: PyValue, args: Args) => PyValue;
  readonly test: (name: string, value: PyValue, args: Args) => boolean;
  /** `value.name` and `value[key]`, by the rules of this room. */
  readonly attribute: (value: PyValue, name: string) => PyValue;
  readonly item: (value: PyValue, key: PyValue) => PyValue;
  readonly hasFilter: (name: string) => boolean;
  readonly hasTest: (name: string) => boolean;
}

/** Arguments after binding: `at(0)` is the first parameter after the value. */
export interface Bound {
  readonly at: (index: number) => PyValue | undefined;
  /** Positional ones beyond the parameters, for a function with `*`. */
  readonly rest: readonly PyValue[];
  /** Named ones that are no parameter, for a function with `**`. */
  readonly extra: ReadonlyMap<string, PyValue>;
  readonly runtime: Runtime;
}

interface Parameters {
  readonly names: readonly string[];
  /** How many of them can be given by place: those before a `*`. */
  readonly byPlace: number;
  readonly required: number;
  readonly rest: boolean;
  readonly extra: boolean;
}

export interface Callable {
  readonly parameters: Parameters;
  /** Takes undefined values itself (`default`, `is defined`); others fail on them. */
  readonly lenient: boolean;
  /** Undefined items inside a list or mapping do not end it; it may never look at them. */
  readonly tolerant?: boolean;
  /**
   * Its first argument is a regular expression, which is checked before anything runs where it is
   * written in place.
   */
  readonly takesPattern?: boolean;
  readonly run: (value: PyValue, bound: Bound) => PyValue;
}

/**
 * `'old new count?'`: two required parameters and one that may be left out; `*` and `**` take all
 * others, and what follows `*` goes by name only.
 */
export function parameters(spec: string): Parameters {
  const words = spec.split(' ').filter((word) => word !== '');
  const names = words.filter((word) => !word.startsWith('*'));
  return {
    names: names.map((word) => word.replace('?', '')),
    byPlace: words.includes('*') ? words.slice(0, words.indexOf('*')).length : names.length,
    required: names.filter((word) => !word.endsWith('?')).length,
    rest: words.includes('*'),
    extra: words.includes('**'),
  };
}

export const define = (spec: string, run: (value: PyValue, bound: Bound) => PyValue): Callable => ({
  parameters: parameters(spec),
  lenient: false,
  run,
});

export const defineMatching = (
  spec: string,
  run: (value: PyValue, bound: Bound) => PyValue,
): Callable => ({
  ...define(spec, run),
  takesPattern: true,
});

export const defineLenient = (
  spec: string,
  run: (value: PyValue, bound: Bound) => PyValue,
): Callable => ({
  parameters: parameters(spec),
  lenient: true,
  run,
});

/** What is wrong with a call of this shape, in words. */
export function shapeProblem(
  { names, byPlace, required, rest, extra }: Parameters,
  positional: number,
  named: readonly string[],
): string | undefined {
  if (positional > byPlace && !rest)
    return `takes at most ${byPlace} argument${byPlace === 1 ? '' : 's'} but got ${positional}`;
  const twice = named.find((name) => names.slice(0, Math.min(positional, byPlace)).includes(name));
  if (twice !== undefined) return `got '${twice}' twice`;
  const unknownName = named.find((name) => !names.includes(name));
  if (unknownName !== undefined && !extra)
    return `has no argument '${unknownName}'${names.length === 0 ? '' : `; it takes ${names.join(', ')}`}`;
  const lacking = names
    .slice(Math.min(positional, byPlace), required)
    .find((name) => !named.includes(name));
  return lacking === undefined ? undefined : `needs the argument '${lacking}'`;
}

export function bind(what: string, parameters: Parameters, args: Args, runtime: Runtime): Bound {
  const problem = shapeProblem(parameters, args.positional.length, [...args.named.keys()]);
  if (problem !== undefined) fail(`${what} ${problem}`);
  const { names, byPlace } = parameters;
  return {
    at: (index) =>
      index < Math.min(byPlace, args.positional.length)
        ? args.positional[index]
        : args.named.get(names[index] ?? ''),
    rest: args.positional.slice(byPlace),
    extra: new Map([...args.named].filter(([name]) => !names.includes(name))),
    runtime,
  };
}

/**
 * Calls a filter or test: an undefined value that it meets makes its result undefined too, unless
 * it is made for them.
 */
export function apply(
  what: string,
  callable: Callable,
  value: PyValue,
  args: Args,
  runtime: Runtime,
): PyValue {
  return orUndefined(() => {
    const all = [...(isEmptyIf(value) ? [] : [value]), ...args.positional, ...args.named.values()];
    if (!callable.lenient) all.forEach(touch);
    const result = callable.run(value, bind(what, callable.parameters, args, runtime));
    // After the run: a value of the wrong type is the worse mistake, which no `default` may hide.
    if (!callable.lenient && callable.tolerant !== true) all.forEach(touchItems);
    return result;
  });
}

/** An undefined value met on the way becomes the result. */
export function orUndefined(run: () => PyValue): PyValue {
  try {
    return run();
  } catch (error) {
    if (error instanceof UndefinedError) return missing(error.message);
    throw error;
  }
}

/** What an `if` without `else` left may still be printed, as nothing. */
const isEmptyIf = (value: PyValue): boolean => isMissing(value) && value.plain === true;

/**
 * Uses a value and, as far as an expression made it, its items: the user's own data has nothing
 * undefined in it.
 */
function touchItems(value: PyValue): PyValue {
  touch(value);
  if (isPyList(value)) value.forEach(touchInside);
  else if (isTuple(value)) value.items.forEach(touchInside);
  else if (isMade(value)) for (const [, item] of value.entries.values()) touchInside(item);
  return value;
}

function touchInside(value: PyValue): void {
  if (isMissing(value)) touch(value);
  else if (isPyList(value) || isTuple(value) || isMade(value)) touchItems(value);
}

/** The same functions, but undefined items inside their values do not end them. */
export const tolerating = (
  table: Readonly<Record<string, Callable>>,
): Readonly<Record<string, Callable>> =>
  Object.fromEntries(
    Object.entries(table).map(([name, callable]) => [name, { ...callable, tolerant: true }]),
  );
