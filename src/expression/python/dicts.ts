// Reads and makes mappings. Keys of the user's data are looked up as own properties only, never on a
// prototype.
import type { Mapping } from '../../model/value.ts';
import { fail } from '../errors.ts';
import {
  brand,
  type Dict,
  isFloatBox,
  isMade,
  isTuple,
  kindOf,
  type PyValue,
  typeName,
} from './py-value.ts';

/**
 * A text that is equal for keys that are equal in Python (`1`, `1.0` and `true`); undefined for a
 * type that cannot be a key.
 */
export function keyText(key: PyValue): string | undefined {
  const kind = kindOf(key);
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'boolean') return key ? 'n1' : 'n0';
  if (typeof key === 'number') return `n${key + 0}`;
  if (typeof key === 'bigint') return `n${key}`;
  if (isFloatBox(key)) return `n${BigInt(key.value)}`;
  if (kind === 'none') return 'N';
  if (!isTuple(key)) return undefined;
  const parts = key.items.map(keyText);
  return parts.includes(undefined) ? undefined : `t${JSON.stringify(parts)}`;
}

const hashed = (key: PyValue): string =>
  keyText(key) ?? fail(`unhashable type: '${typeName(key)}'`);

export function dictOf(pairs: Iterable<readonly [PyValue, PyValue]>): Dict {
  const entries = new Map<string, readonly [PyValue, PyValue]>();
  for (const [key, value] of pairs) {
    const id = hashed(key);
    entries.set(id, [entries.get(id)?.[0] ?? key, value]);
  }
  return { [brand]: 'dict', entries };
}

export const dictSize = (dict: Mapping | Dict): number =>
  isMade(dict) ? dict.entries.size : Object.keys(dict).length;

/** Keys such as `__name__` are refused, even where a mapping has them: no user data needs them. */
export const isForbidden = (name: string): boolean => name.startsWith('__');

export function dictGet(dict: Mapping | Dict, key: PyValue): PyValue | undefined {
  if (typeof key === 'string' && isForbidden(key)) return undefined;
  if (isMade(dict)) return dict.entries.get(hashed(key))?.[1];
  return typeof key === 'string'
    ? Object.hasOwn(dict, key)
      ? dict[key]
      : undefined
    : void hashed(key);
}

export const dictKeys = (dict: Mapping | Dict): PyValue[] =>
  isMade(dict) ? [...dict.entries.values()].map(([key]) => key) : Object.keys(dict);

export const dictValues = (dict: Mapping | Dict): PyValue[] =>
  isMade(dict)
    ? [...dict.entries.values()].map(([, value]) => value)
    : (Object.values(dict) as PyValue[]);

export const dictEntries = (dict: Mapping | Dict): (readonly [PyValue, PyValue])[] =>
  isMade(dict) ? [...dict.entries.values()] : Object.entries(dict);
