// Scopes over plain data: layers of variables, and facts with dotted names.
import type { Mapping, Value } from '../../model/value.ts';
import type { Scope } from './compile.ts';

/** The first layer that has a name gives its value, as it is. */
export const scopeOf = (...layers: readonly Mapping[]): Scope => ({
  lookup: (name) => {
    const layer = layers.find((one) => Object.hasOwn(one, name));
    return layer?.[name];
  },
});

/**
 * Facts with dotted names as nested mappings, so that `kernel.release` reads the fact of that name.
 */
export function nestFacts(facts: Mapping): Mapping {
  const root: Tree = new Map();
  for (const [name, value] of Object.entries(facts)) {
    const words = name.split('.');
    const last = words.pop() ?? name;
    let tree = root;
    for (const word of words) {
      const below = tree.get(word);
      const next: Tree = below instanceof Map ? below : new Map();
      tree.set(word, next);
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
