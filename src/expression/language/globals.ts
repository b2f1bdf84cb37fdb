// The global functions of an expression. Functions that are not pure (lookup, now, query) are refused
// by name.
import { wholeArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { bind, type Callable, define, type Runtime } from '../python/callable.ts';
import { dictEntries, dictOf } from '../python/dicts.ts';
import {
  isDict,
  method,
  namespace,
  omitted,
  orElse,
  type PyValue,
  range,
} from '../python/py-value.ts';
import { walk } from '../python/sequences.ts';

const noRuntime: Runtime = {
  filter: () => fail('a global function has no filters'),
  test: () => fail('a global function has no tests'),
  attribute: () => fail('a global function has no attributes'),
  item: () => fail('a global function has no items'),
  hasFilter: () => false,
  hasTest: () => false,
};

const pairOf = (value: PyValue): readonly [PyValue, PyValue] => {
  const [key, item, more] = walk(value);
  return key === undefined || item === undefined || more !== undefined
    ? fail('dict() takes pairs of a key and a value')
    : [key, item];
};

const functions: Readonly<Record<string, Callable>> = {
  range: define('first second? third?', (_, { at }) => {
    const [first, second, third] = [
      wholeArg(at(0), 'range()'),
      at(1),
      wholeArg(at(2), 'range()', 1),
    ];
    if (third === 0) fail('range() step must not be zero');
    return second === undefined
      ? range(0, first, third)
      : range(first, wholeArg(second, 'range()'), third);
  }),
  dict: define('pairs? **', (_, { at, extra }) => {
    const pairs = orElse(at(0), () => []);
    return dictOf([...(isDict(pairs) ? dictEntries(pairs) : walk(pairs).map(pairOf)), ...extra]);
  }),
  namespace: define('**', (_, { extra }) => namespace(extra)),
};

const impure = ['lookup', 'query', 'q', 'now', 'undef', 'lipsum', 'cycler', 'joiner'];

const table: ReadonlyMap<string, PyValue> = new Map<string, PyValue>([
  ...Object.entries(functions).map(
    ([name, callable]) =>
      [
        name,
        method(name, (args) =>
          callable.run(null, bind(`${name}()`, callable.parameters, args, noRuntime)),
        ),
      ] as const,
  ),
  ...impure.map(
    (name) =>
      [
        name,
        method(name, () =>
          fail(`${name}() is not available: an expression may only use what kmend knows`),
        ),
      ] as const,
  ),
  ['omit', omitted] as const,
]);

export const globalNamed = (name: string): PyValue | undefined => table.get(name);
export const isGlobal = (name: string): boolean => table.has(name);

/** Functions of Ansible that are known by name and refused, because they are not pure. */
export const isUnavailable = (name: string): boolean => impure.includes(name);
