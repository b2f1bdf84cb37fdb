// Makes scopes from plain data: layers of variables, and facts with dotted names.
import { remembered } from '../../model/remembered.ts';
import type { Mapping, Value } from '../../model/value.ts';
import type { Scope } from './compile.ts';

/** A name has the value of the first layer that has it; templates in it are not rendered. */
export const scopeOf = (...layers: readonly Mapping[]): Scope => ({
  lookup: (name) => {
    const layer = layers.find((one) => Object.hasOwn(one, name));
    return layer?.[name];
  },
});

/**
 * Nests facts with dotted names, so that `kernel.release` reads the fact of that name. Its mappings
 * have no prototype, so that any name is a name of its own. What is below a name is nested when the
 * name is read: expressions read few of them.
 * @param isShown facts that are left out where it is false
 */
export function nestFacts(
  facts: Mapping,
  isShown: (name: string) => boolean = () => true,
): Mapping {
  const shown = Object.keys(facts).filter(isShown);
  const seen = new Set<string | symbol>();
  const grow = (tree: Tree, key: string | symbol): void => {
    if (typeof key !== 'string' || seen.has(key)) return;
    seen.add(key);
    const below = `${key}.`;
    const names = shown.filter((name) => name === key || name.startsWith(below));
    Object.assign(tree, nestNames(facts, names));
  };
  return new Proxy(newTree(), {
    get: (tree, key) => {
      grow(tree, key);
      return typeof key === 'string' ? tree[key] : undefined;
    },
    has: (tree, key) => {
      grow(tree, key);
      return Object.hasOwn(tree, key);
    },
    getOwnPropertyDescriptor: (tree, key) => {
      grow(tree, key);
      return Object.getOwnPropertyDescriptor(tree, key);
    },
    ownKeys: (tree) => {
      for (const name of shown) grow(tree, name.split('.', 1)[0] ?? '');
      return Object.keys(tree);
    },
  });
}

function nestNames(facts: Mapping, names: readonly string[]): Tree {
  const root = newTree();
  const branches = new Map<string, Tree>();
  for (const name of names) {
    const { path, last } = partsOf(name);
    const tree = path === '' ? root : (branches.get(path) ?? branchOf(path, root, branches));
    if (!branches.has(name)) tree[last] = facts[name] ?? null;
  }
  return root;
}

/** The names of facts are few, and each host has all of them. */
const partsOf = remembered((name) => {
  const end = name.lastIndexOf('.');
  return { path: name.slice(0, Math.max(0, end)), last: name.slice(end + 1) };
});

type Tree = Record<string, Value>;

const newTree = (): Tree => Object.create(null);

/** The mapping of these names; one that replaces a value of the same name. */
function branchOf(path: string, root: Tree, branches: Map<string, Tree>): Tree {
  const known = branches.get(path);
  if (known !== undefined) return known;
  const end = path.lastIndexOf('.');
  const above = end < 0 ? root : branchOf(path.slice(0, end), root, branches);
  const made = newTree();
  above[path.slice(end + 1)] = made;
  branches.set(path, made);
  return made;
}
