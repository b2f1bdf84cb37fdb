// Renders values that are needed before any host is contacted, with only the variables of the play
// and -e.
import { compileTemplate, hasTemplate, isLookupKey, type Scope } from '../../expression/index.ts';
import type { Schema } from '../../model/shape/schema.ts';
import type { Mapping, Value } from '../../model/value.ts';
import type { DiagnosticsCollector } from './diagnostics-collector.ts';
import { field } from './fields.ts';
import { checkTemplates, factNames } from './names.ts';
import { entryOf, type MapTree, type Tree } from './tree.ts';
import { treeOfValue } from './yaml.ts';

/** The value of a play's key by its schema, after its templates are rendered. */
export function earlyField<T>(
  collector: DiagnosticsCollector,
  map: MapTree,
  key: string,
  schema: Schema<T>,
  early: Mapping,
): T | undefined {
  const entry = entryOf(map, key);
  if (entry === undefined) return undefined;
  const before = collector.diagnostics.length;
  const value = renderEarly(collector, entry.value, early);
  if (collector.diagnostics.length > before) return undefined;
  const entries = map.entries.map((other) => (other === entry ? { ...entry, value } : other));
  return field(collector, { ...map, entries }, key, schema);
}

/** Renders the templates of a tree. One that cannot be rendered is reported and kept. */
export function renderEarly(collector: DiagnosticsCollector, tree: Tree, early: Mapping): Tree {
  if (tree.kind === 'map')
    return {
      ...tree,
      entries: tree.entries.map((entry) => ({
        ...entry,
        value: renderEarly(collector, entry.value, early),
      })),
    };
  if (tree.kind === 'list')
    return { ...tree, items: tree.items.map((item) => renderEarly(collector, item, early)) };
  if (typeof tree.value !== 'string' || !hasTemplate(tree.value)) return tree;
  const compiled = compileTemplate(tree.value);
  if (compiled.kind === 'problem') {
    checkTemplates(collector, tree, { vars: new Set(), facts: factNames([]), open: true });
    return tree;
  }
  const result = compiled.evaluate(earlyScope(early));
  if (result.kind === 'value') return placed(treeOfValue(result.value), tree.at);
  const why = result.kind === 'error' ? result.message : result.why;
  const detail =
    'this is needed before any host is contacted, so it can use only variables of the play and -e';
  collector.error(tree.at, 'early-template', why, { detail });
  return tree;
}

/** What expressions see before any host is contacted. */
export const earlyScope = (early: Mapping): Scope => ({
  lookup: (name) => lookupEarly(early, name, 0),
});

function lookupEarly(early: Mapping, name: string, depth: number): Value | undefined {
  const raw = Object.hasOwn(early, name) ? early[name] : undefined;
  if (typeof raw !== 'string' || !hasTemplate(raw) || isLookupKey(name) || depth > 20) return raw;
  const compiled = compileTemplate(raw);
  const result =
    compiled.kind === 'problem'
      ? undefined
      : compiled.evaluate({ lookup: (inner) => lookupEarly(early, inner, depth + 1) });
  return result?.kind === 'value' ? result.value : undefined;
}

const placed = (tree: Tree, at: number): Tree => {
  if (tree.kind === 'list')
    return { ...tree, at, items: tree.items.map((item) => placed(item, at)) };
  return tree.kind === 'map'
    ? {
        ...tree,
        at,
        entries: tree.entries.map((entry) => ({ ...entry, value: placed(entry.value, at) })),
      }
    : { ...tree, at };
};
