// Variables of a play that refer to themselves, directly or through others.
import { compileTemplate, hasTemplate } from '../../expression/index.ts';
import type { Mapping, Value } from '../../model/value.ts';
import type { DiagnosticsCollector } from '../text/diagnostics-collector.ts';
import type { MapTree, Tree } from '../text/tree.ts';

/** Reports each cycle once, at its first variable. Those that `-e` gives refer to nothing. */
export function reportCycles(collector: DiagnosticsCollector, vars: MapTree, given: Mapping): void {
  const uses = new Map(
    vars.entries.map(({ key, value }) => [key, Object.hasOwn(given, key) ? [] : namesIn(value)]),
  );
  const done = new Set<string>();
  for (const entry of vars.entries) {
    const cycle = cycleFrom(entry.key, uses, [], done);
    if (cycle === undefined) continue;
    for (const name of cycle) done.add(name);
    collector.error(
      entry.keyAt,
      'cyclic-variable',
      `the variable ${entry.key} refers to itself: ${cycle.join(' -> ')}`,
    );
  }
}

function cycleFrom(
  name: string,
  uses: ReadonlyMap<string, readonly string[]>,
  trail: readonly string[],
  done: Set<string>,
): readonly string[] | undefined {
  if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
  if (done.has(name)) return undefined;
  for (const next of uses.get(name) ?? []) {
    const found = cycleFrom(next, uses, [...trail, name], done);
    if (found !== undefined) return found;
  }
  done.add(name);
  return undefined;
}

function namesIn(tree: Tree): readonly string[] {
  if (tree.kind === 'map') return tree.entries.flatMap((entry) => namesIn(entry.value));
  if (tree.kind === 'list') return tree.items.flatMap(namesIn);
  return namesInText(tree.value);
}

function namesInText(value: Value): readonly string[] {
  if (typeof value !== 'string' || !hasTemplate(value)) return [];
  const compiled = compileTemplate(value);
  return compiled.kind === 'problem'
    ? []
    : compiled.names.map(({ name }) => name.split('.')[0] ?? name);
}
