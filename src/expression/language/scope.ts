// Makes scopes from plain data: layers of variables, and facts with dotted names.
import type { Mapping, Value } from '../../model/value.ts';
import type { Scope } from './compile.ts';

/** A name has the value of the first layer that has it; templates in it are not rendered. */
export const scopeOf = (...layers: readonly Mapping[]): Scope => ({
  lookup: (name) => {
    const layer = layers.find((one) => Object.hasOwn(one, name));
    return layer?.[name];
  },
});

/** Nests facts with dotted names, so that `kernel.release` reads the fact of that name. */
export function nestFacts(facts: Mapping): Mapping {
  const root: Tree = new Map();
  for (const [name, value] of Object.entries(facts)) {
    const parts = name.split('.');
    const last = parts.pop() ?? name;
    let tree = root;
    for (const part of parts) {
      const below = tree.get(part);
      const next: Tree = below instanceof Map ? below : new Map();
      tree.set(part, next);
      tree = next;
    }
    if (!(tree.get(last) instanceof Map)) tree.set(last, value);
  }
  return mappingOf(root);
}

type Tree = Map<string, Value | Tree>;

const mappingOf = (tree: Tree): Mapping =>
  Object.fromEntries(
    [...tree].map(([key, value]) => [key, value instanceof Map ? mappingOf(value) : value]),
  );
