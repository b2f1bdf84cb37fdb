// Filters that merge mappings, and convert between mappings and lists.
import { flagArg, printedArg, textArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { type Callable, define } from '../python/callable.ts';
import { dictEntries, dictGet, dictOf, dictSize, dictValues } from '../python/dicts.ts';
import { equals } from '../python/order.ts';
import { text } from '../python/printing.ts';
import {
  isDict,
  isPyList,
  isTuple,
  orElse,
  type PyValue,
  touch,
  tuple,
  typeName,
} from '../python/py-value.ts';
import { walk } from '../python/sequences.ts';
import { sorted } from './lists.ts';

type Entries = readonly (readonly [PyValue, PyValue])[];

const entriesOf = (value: PyValue, what: string): Entries =>
  isDict(value) ? dictEntries(value) : fail(`${what} needs a mapping, not ${typeName(value)}`);

const listMerges: Readonly<
  Record<string, (old: readonly PyValue[], next: readonly PyValue[]) => readonly PyValue[]>
> = {
  replace: (_, next) => next,
  keep: (old) => old,
  append: (old, next) => [...old, ...next],
  prepend: (old, next) => [...next, ...old],
  append_rp: (old, next) => [
    ...old.filter((item) => !next.some((other) => equals(item, other))),
    ...next,
  ],
  prepend_rp: (old, next) => [
    ...next,
    ...old.filter((item) => !next.some((other) => equals(item, other))),
  ],
};

function merge(
  old: PyValue,
  next: PyValue,
  recursive: boolean,
  lists: (a: readonly PyValue[], b: readonly PyValue[]) => readonly PyValue[],
): PyValue {
  const merged = entriesOf(next, 'combine').map(([key, value]) => {
    const before = isDict(old) ? dictGet(old, key) : undefined;
    if (before === undefined) return [key, value] as const;
    if (recursive && isDict(before) && isDict(value))
      return [key, merge(before, value, recursive, lists)] as const;
    return [key, isPyList(before) && isPyList(value) ? lists(before, value) : value] as const;
  });
  return dictOf([...entriesOf(old, 'combine'), ...merged]);
}

function combine(values: readonly PyValue[], recursive: boolean, listMerge: string): PyValue {
  const lists = Object.hasOwn(listMerges, listMerge) ? listMerges[listMerge] : undefined;
  if (lists === undefined)
    return fail(`list_merge must be one of ${Object.keys(listMerges).join(', ')}`);
  const all = values
    .flatMap((value) => (isPyList(touch(value)) ? walk(value) : [value]))
    .filter((value) => value !== null && value !== 'None' && value !== 'null');
  const [first, ...rest] = all;
  return first === undefined
    ? dictOf([])
    : rest.reduce((old, next) => merge(old, next, recursive, lists), first);
}

function subelements(value: PyValue, path: readonly string[], skipMissing: boolean): PyValue[] {
  const elements = isDict(value)
    ? dictValues(value)
    : isPyList(value)
      ? value
      : fail('subelements needs a list or a mapping');
  return elements.flatMap((element) => {
    let found: PyValue = element;
    for (const key of path) {
      const next = isDict(found)
        ? dictGet(found, key)
        : fail(`subelements: the key '${key}' should point to a mapping`);
      if (next === undefined) {
        if (skipMissing) return [];
        return fail(`subelements: could not find '${key}' in an element`);
      }
      found = next;
    }
    return isPyList(found)
      ? found.map((item) => tuple([element, item]))
      : fail(`subelements: the key '${path.at(-1)}' should point to a list`);
  });
}

function rekey(value: PyValue, key: string, overwrite: boolean): PyValue {
  const elements = isDict(value)
    ? dictValues(value)
    : isPyList(value)
      ? value
      : fail('rekey_on_member needs a list or a mapping');
  const pairs = elements.map((element) => {
    const found = isDict(element)
      ? dictGet(element, key)
      : fail('rekey_on_member needs mappings inside');
    return [
      orElse(found, () => fail(`rekey_on_member: the key '${key}' was not found`)),
      element,
    ] as const;
  });
  const made = dictOf(pairs);
  return overwrite || dictSize(made) === pairs.length
    ? made
    : fail('rekey_on_member: the key is not unique');
}

function toDict(value: PyValue, keyName: PyValue, valueName: PyValue): PyValue {
  if (!isPyList(value) && !isTuple(value))
    return fail(`items2dict needs a list, not ${typeName(value)}`);
  return dictOf(
    walk(value).map((item) => {
      const [key, of] = isDict(item) ? [dictGet(item, keyName), dictGet(item, valueName)] : [];
      return key === undefined || of === undefined
        ? fail(
            `items2dict needs the keys '${text(keyName)}' and '${text(valueName)}' in each mapping`,
          )
        : ([key, of] as const);
    }),
  );
}

export const mappingFilters: Readonly<Record<string, Callable>> = {
  combine: define('* recursive? list_merge?', (value, { at, rest }) =>
    combine([value, ...rest], flagArg(at(0)), textArg(at(1), 'list_merge', 'replace')),
  ),
  dict2items: define('key_name? value_name?', (value, { at }) =>
    entriesOf(value, 'dict2items').map(([key, of]) =>
      dictOf([
        [orElse(at(0), () => 'key'), key],
        [orElse(at(1), () => 'value'), of],
      ]),
    ),
  ),
  items2dict: define('key_name? value_name?', (value, { at }) =>
    toDict(
      value,
      orElse(at(0), () => 'key'),
      orElse(at(1), () => 'value'),
    ),
  ),
  items: define('', (value) => entriesOf(value, 'items').map(tuple)),
  dictsort: define('case_sensitive? by? reverse?', (value, { at }) => {
    const [exact, by] = [flagArg(at(0)), textArg(at(1), 'by', 'key')];
    if (by !== 'key' && by !== 'value') fail('dictsort sorts by key or by value');
    const key = (pair: PyValue): PyValue => {
      const of = (isTuple(pair) ? pair.items[by === 'key' ? 0 : 1] : null) ?? null;
      return typeof of === 'string' && !exact ? of.toLowerCase() : of;
    };
    return sorted(entriesOf(value, 'dictsort').map(tuple), key, flagArg(at(2)));
  }),
  subelements: define('subelements skip_missing?', (value, { at }) => {
    const path = at(0) ?? '';
    return subelements(
      value,
      typeof path === 'string' ? path.split('.') : walk(path).map((part) => printedArg(part)),
      flagArg(at(1)),
    );
  }),
  rekey_on_member: define('key duplicates?', (value, { at }) =>
    rekey(value, textArg(at(0), 'key'), textArg(at(1), 'duplicates', 'error') === 'overwrite'),
  ),
  extract: define('container morekeys?', (value, { at, runtime }) => {
    const more = at(1);
    const keys: readonly PyValue[] =
      more === undefined || more === null ? [] : isPyList(more) ? more : [more];
    return [value, ...keys].reduce((of, key) => runtime.item(of, key), at(0) ?? null);
  }),
};
