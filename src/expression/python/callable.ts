// Defines and calls filters, tests and methods, which have Python-like parameters.
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

/** Services of the evaluation for its functions. */
export interface Runtime {
  /** Applies a filter or test by its name, as `map('upper')` and `select('odd')` do. */
  readonly filter: (name: string, value: PyValue, args: Args) => PyValue;
  readonly test: (name: string, value: PyValue, args: Args) => boolean;
  /** Evaluates `value.name` and `value[key]`. */
  readonly attribute: (value: PyValue, name: string) => PyValue;
  readonly item: (value: PyValue, key: PyValue) => PyValue;
  readonly hasFilter: (name: string) => boolean;
  readonly hasTest: (name: string) => boolean;
}

/** Arguments bound to parameters: `at(0)` is the first parameter after the value. */
export interface Bound {
  readonly at: (index: number) => PyValue | undefined;
  /** More positional arguments, for a function with `*`. */
  readonly rest: readonly PyValue[];
  /** Named arguments without a parameter, for a function with `**`. */
  readonly extra: ReadonlyMap<string, PyValue>;
  readonly runtime: Runtime;
}

interface Parameters {
  readonly names: readonly string[];
  /** How many parameters can be given by position: those before a `*`. */
  readonly byPlace: number;
  readonly required: number;
  readonly rest: boolean;
  readonly extra: boolean;
}

export interface Callable {
  readonly parameters: Parameters;
  /** Accepts undefined values itself (`default`, `is defined`); other functions fail on them. */
  readonly lenient: boolean;
  /** Accepts undefined items inside a list or mapping, because it may not read them. */
  readonly tolerant?: boolean;
  /** The first argument is a regular expression. A constant one is checked before the run. */
  readonly takesPattern?: boolean;
  readonly run: (value: PyValue, bound: Bound) => PyValue;
}

/**
 * Parses `'old new count?'`: two required parameters and an optional one. `*` and `**` take all
 * other arguments. Parameters after `*` can be given by name only.
 */
export function parameters(spec: string): Parameters {
  const parts = spec.split(' ').filter((part) => part !== '');
  const names = parts.filter((part) => !part.startsWith('*'));
  return {
    names: names.map((name) => name.replace('?', '')),
    byPlace: parts.includes('*') ? parts.slice(0, parts.indexOf('*')).length : names.length,
    required: names.filter((name) => !name.endsWith('?')).length,
    rest: parts.includes('*'),
    extra: parts.includes('**'),
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

/** The error in the number or the names of a call's arguments. */
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

/** Calls a filter or test. An undefined argument makes the result undefined, unless `lenient`. */
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
    // Only after the run: `default` may not hide the error about a value of the wrong type.
    if (!callable.lenient && callable.tolerant !== true) all.forEach(touchItems);
    return result;
  });
}

/** The result of `run`; undefined when it uses an undefined value. */
export function orUndefined(run: () => PyValue): PyValue {
  try {
    return run();
  } catch (error) {
    if (error instanceof UndefinedError) return missing(error.message);
    throw error;
  }
}

/** The value of an `if` without `else`, which prints as nothing. */
const isEmptyIf = (value: PyValue): boolean => isMissing(value) && value.plain === true;

/**
 * Uses a value and its items, which fails on undefined ones. Skips the user's own data, which has no
 * undefined items.
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

/** The same functions, but tolerant of undefined items inside their values. */
export const tolerating = (
  table: Readonly<Record<string, Callable>>,
): Readonly<Record<string, Callable>> =>
  Object.fromEntries(
    Object.entries(table).map(([name, callable]) => [name, { ...callable, tolerant: true }]),
  );
