// Scopes over plain data: layers of variables whose texts may be templates themselves, and facts with dotted names.
import { isUnknown, type Mapping, unknown, type Value } from '../model/value.ts';
import type { Scope } from './compile.ts';
import { hasTemplate, orThrow, renderParts } from './template.ts';

/** The first layer that has a name gives its value, as it is. */
export const scopeOf = (...layers: readonly Mapping[]): Scope => ({
  lookup: (name) => {
    const layer = layers.find((one) => Object.hasOwn(one, name));
    return layer?.[name];
  },
});

/**
 * As `scopeOf`, for variables that are templates: each is rendered when it is first read, in this same scope, and kept.
 * Variables that refer to each other in a circle are an error of the expression that reads them.
 */
export function variableScope(...layers: readonly Mapping[]): Scope {
  const raw = scopeOf(...layers);
  const done = new Map<string, Value>();
  const scope: Scope = {
    lookup: (name) => {
      const kept = done.get(name);
      if (kept !== undefined) return kept;
      const value = raw.lookup(name);
      if (value === undefined || isUnknown(value) || !needsRendering(value)) return value;
      const result = renderParts(value, scope);
      const rendered = result.kind === 'unknown' ? unknown(result.why) : orThrow(result);
      done.set(name, rendered);
      return rendered;
    },
  };
  return scope;
}

const needsRendering = (value: Value): boolean => {
  if (typeof value === 'string') return hasTemplate(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(needsRendering);
};

/** Facts with dotted names as nested mappings, so that `kernel.release` reads the fact of that name. */
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
  Object.fromEntries([...tree].map(([key, value]) => [key, value instanceof Map ? mappingOf(value) : value]));
