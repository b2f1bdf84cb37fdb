// map, select and reject, which apply another filter or test to each item of a list.
import { textArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { atPath } from '../language/attributes.ts';
import {
  type Bound,
  type Callable,
  define,
  defineLenient,
  tolerating,
} from '../python/callable.ts';
import { truthy } from '../python/order.ts';
import { isMissing, type PyValue } from '../python/py-value.ts';
import { walk } from '../python/sequences.ts';

/** The items of a value; like Jinja2, a false value counts as an empty list. */
const membersOf = (value: PyValue): readonly PyValue[] => (truthy(value) ? walk(value) : []);

/**
 * `map('upper')` or `map(attribute='name', default='')`. An item without the attribute gives an
 * undefined value.
 */
function map(value: PyValue, { rest, extra, runtime }: Bound): PyValue {
  const [name, ...args] = rest;
  if (name === undefined) {
    const attribute = extra.get('attribute') ?? fail('map requires a filter argument');
    const unknownName = [...extra.keys()].find((key) => key !== 'attribute' && key !== 'default');
    if (unknownName !== undefined) fail(`map has no argument '${unknownName}'`);
    const otherwise = extra.get('default');
    return membersOf(value).map((item) => {
      const found = atPath(item, attribute, runtime);
      return isMissing(found) && otherwise !== undefined && otherwise !== null ? otherwise : found;
    });
  }
  const filter = textArg(name, 'the name of the filter');
  if (!runtime.hasFilter(filter))
    return runtime.filter(filter, null, { positional: [], named: new Map() });
  return membersOf(value).map((item) =>
    runtime.filter(filter, item, { positional: args, named: extra }),
  );
}

/** Keeps the items that pass a test, or without a test the true items. */
const selecting = (wanted: boolean): Callable =>
  define('* **', (value, { rest: [name, ...args], extra, runtime }) => {
    const test = name === undefined ? undefined : textArg(name, 'the name of the test');
    return membersOf(value).filter((item) => {
      const holds =
        test === undefined
          ? truthy(item)
          : runtime.test(test, item, { positional: args, named: extra });
      return holds === wanted;
    });
  });

const selectingAttribute = (wanted: boolean): Callable =>
  define('* **', (value, { rest: [path, name, ...args], extra, runtime }) => {
    const attribute = path ?? fail('Missing parameter for attribute name');
    const test = name === undefined ? undefined : textArg(name, 'the name of the test');
    return membersOf(value).filter((item) => {
      const found = atPath(item, attribute, runtime);
      const holds =
        test === undefined
          ? truthy(found)
          : runtime.test(test, found, { positional: args, named: extra });
      return holds === wanted;
    });
  });

export const selectingFilters: Readonly<Record<string, Callable>> = tolerating({
  map: defineLenient('* **', map),
  select: selecting(true),
  reject: selecting(false),
  selectattr: selectingAttribute(true),
  rejectattr: selectingAttribute(false),
});
