// YAML or JSON as a tree with offsets. The rest of this room reads values and places from it.
import type { Place } from '../../model/diagnostic.ts';
import type { Mapping, Value } from '../../model/value.ts';
import type { Source } from './source.ts';
import { rememberPlace } from './vault.ts';

export interface Entry {
  readonly key: string;
  readonly keyAt: number;
  readonly value: Tree;
}

export interface MapTree {
  readonly kind: 'map';
  readonly at: number;
  readonly entries: readonly Entry[];
  /** Where a value is written that ansible-vault encrypted; the mapping is that value. */
  readonly sealedAt?: Place;
}

interface ListTree {
  readonly kind: 'list';
  readonly at: number;
  readonly items: readonly Tree[];
}

export interface ScalarTree {
  readonly kind: 'scalar';
  readonly at: number;
  /** The value that Ansible reads: `off` is false, `20.10` is 20.1. */
  readonly value: null | boolean | number | string;
  /** The text as written: `off`, `20.10`; without the quotes of a quoted scalar. */
  readonly text: string;
  /** Only a plain scalar can be another type than text. */
  readonly style: 'plain' | 'single' | 'double' | 'block';
}

export type Tree = MapTree | ListTree | ScalarTree;

/** The plain data of a tree. */
export function plainOf(tree: Tree): Value {
  if (tree.kind === 'scalar') return tree.value;
  return tree.kind === 'list' ? tree.items.map(plainOf) : mappingOf(tree);
}

export function mappingOf(tree: MapTree): Mapping {
  const result: Record<string, Value> = {};
  for (const { key, value } of tree.entries) put(result, key, plainOf(value));
  if (tree.sealedAt !== undefined) rememberPlace(result, tree.sealedAt);
  return result;
}

/** Sets an own property under any name: a variable named `__proto__` is data like any other. */
export function put<T>(target: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  else target[key] = value;
}

export const entryOf = (tree: MapTree, key: string): Entry | undefined =>
  tree.entries.find((entry) => entry.key === key);

/** The node at this path, or its nearest ancestor that exists. */
export function nodeAt(
  tree: Tree,
  path: readonly PropertyKey[],
): { readonly node: Tree; readonly entry?: Entry; readonly exact: boolean } {
  let node = tree;
  let entry: Entry | undefined;
  for (const key of path) {
    const found: Entry | undefined = node.kind === 'map' ? entryOf(node, String(key)) : undefined;
    const next: Tree | undefined =
      found?.value ??
      (node.kind === 'list' && typeof key === 'number' ? node.items[key] : undefined);
    if (next === undefined) return { node, ...(entry && { entry }), exact: false };
    [node, entry] = [next, found];
  }
  return { node, ...(entry && { entry }), exact: true };
}

/**
 * The place of one character of a scalar. Written text and read text differ in quotes, escapes,
 * folds and indentation, so both are walked in parallel. The result is exact, except after an
 * escape such as `\x41`.
 */
export function placeInside(source: Source, scalar: ScalarTree, offset: number): Place {
  const raw = source.text;
  let at = scalar.at;
  if (scalar.style === 'single' || scalar.style === 'double') at += 1;
  if (scalar.style === 'block') {
    at = raw.indexOf('\n', at) + 1;
    while (raw[at] === ' ') at++;
  }
  const end = Math.min(offset, scalar.text.length);
  const limit = Math.min(raw.length, scalar.at + 4 * scalar.text.length + 4_096);
  for (let read = 0; read < end && at < limit; ) {
    const written = raw[at] ?? '';
    const wanted = scalar.text[read] ?? '';
    if (written === wanted) {
      const doubled = scalar.style === 'single' && written === "'";
      at += doubled ? 2 : 1;
      read++;
    } else if (/\s/.test(written)) {
      while (/\s/.test(raw[at] ?? '') && at < limit) at++;
      if (/\s/.test(wanted)) read++;
    } else {
      if (scalar.style === 'double' && written === '\\') read++;
      at += scalar.style === 'double' && written === '\\' ? 2 : 1;
    }
  }
  // The character itself may follow the indentation of the next line.
  const wanted = scalar.text[end];
  if (wanted !== undefined && !/\s/.test(wanted))
    while (/\s/.test(raw[at] ?? '') && at < limit) at++;
  return source.placeAt(at);
}
