// Expressions at load time: they must parse, and every name in them must be one that exists; a typo
// is told before anything is touched.
import { compile, compileTemplate, type FreeName, hasTemplate } from '../../expression/index.ts';
import { nearest } from '../../model/diagnostic.ts';
import type { Condition } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { DiagnosticsCollector } from './diagnostics-collector.ts';
import { placeInside, type ScalarTree, type Tree } from './tree.ts';
import { magicNames } from './variables.ts';

/** The names that an expression may use at one point of a playbook. */
export interface Names {
  /** Variables: of the play, of its hosts, registered, the loop's. */
  readonly vars: ReadonlySet<string>;
  /** Dotted names of facts. */
  readonly facts: FactNames;
  /** No inventory is given: a name may be a variable of hosts that we do not see. */
  readonly open: boolean;
}

export interface FactNames {
  /** Every fact and everything above one: `kernel`, `kernel.release`. */
  readonly prefixes: ReadonlySet<string>;
  readonly full: ReadonlySet<string>;
  readonly all: readonly string[];
}

/** Facts with arguments (`package.*.installed`) are read by modules, not by expressions. */
export function factNames(names: readonly string[]): FactNames {
  const plain = names.filter((name) => !name.includes('*'));
  const prefixes = new Set<string>();
  for (const name of plain) {
    const words = name.split('.');
    for (let length = 1; length <= words.length; length++)
      prefixes.add(words.slice(0, length).join('.'));
  }
  return { prefixes, full: new Set(plain), all: plain };
}

export const withVars = (names: Names, more: Iterable<string>): Names => ({
  ...names,
  vars: new Set([...names.vars, ...more]),
});
const magic = new Set(magicNames);

/** Checks a condition (`when`, `until`, ...), and gives it with its place. */
export function conditionOf(
  collector: DiagnosticsCollector,
  scalar: ScalarTree,
  names: Names,
): Condition {
  const condition = { source: scalar.text, place: placeInside(collector.source, scalar, 0) };
  if (/^\s*\{\{.*\}\}\s*$/s.test(scalar.text)) {
    collector.error(scalar.at, 'condition-braces', 'a condition is an expression already', {
      hint: 'leave out the {{ and }}',
    });
    return condition;
  }
  const compiled = compile(scalar.text, 'condition');
  if (compiled.kind === 'problem') reportSyntax(collector, scalar, compiled);
  else checkNames(collector, scalar, compiled.names, names);
  return condition;
}

/** Checks one expression without braces that may give any value: `zone: rack ~ '-' ~ row`. */
export function checkExpression(
  collector: DiagnosticsCollector,
  scalar: ScalarTree,
  names: Names,
): void {
  const compiled = compile(scalar.text, 'template');
  if (compiled.kind === 'problem') reportSyntax(collector, scalar, compiled);
  else checkNames(collector, scalar, compiled.names, names);
}

/** Checks every template in a tree. */
export function checkTemplates(collector: DiagnosticsCollector, tree: Tree, names: Names): void {
  if (tree.kind === 'map')
    for (const entry of tree.entries) checkTemplates(collector, entry.value, names);
  else if (tree.kind === 'list')
    for (const item of tree.items) checkTemplates(collector, item, names);
  else if (typeof tree.value === 'string' && hasTemplate(tree.value)) {
    const compiled = compileTemplate(tree.value);
    if (compiled.kind === 'problem') reportSyntax(collector, tree, compiled);
    else checkNames(collector, tree, compiled.names, names);
  }
}

/** Names that `X is defined` asks about in a `when`: what stands behind it may use them. */
export function guardedNames(
  conditions: readonly { readonly source: string }[],
): readonly string[] {
  return conditions.flatMap(({ source }) =>
    [...source.matchAll(/\b([A-Za-z_]\w*)\s+is\s+(?:not\s+)?(?:un)?defined\b/g)].flatMap(
      (match) => match[1] ?? [],
    ),
  );
}

function reportSyntax(
  collector: DiagnosticsCollector,
  scalar: ScalarTree,
  problem: { message: string; offset: number; hint?: string },
): void {
  const place = placeInside(collector.source, scalar, problem.offset);
  collector.errorAt(place, 'expression-syntax', problem.message, present({ hint: problem.hint }));
}

function checkNames(
  collector: DiagnosticsCollector,
  scalar: ScalarTree,
  used: readonly FreeName[],
  names: Names,
): void {
  const reported = new Set<string>();
  for (const { name, offset, guarded } of used) {
    const first = name.split('.')[0] ?? name;
    if (
      guarded ||
      names.vars.has(first) ||
      magic.has(first) ||
      reported.has(name) ||
      isFact(names.facts, name)
    )
      continue;
    if (!names.facts.prefixes.has(first) && names.open) continue;
    reported.add(name);
    reportUnknownName(collector, scalar, name, offset, names);
  }
}

/** A fact, something above one, or something inside of one. */
function isFact(facts: FactNames, name: string): boolean {
  if (facts.prefixes.has(name)) return true;
  const words = name.split('.');
  return words.some((_, index) => facts.full.has(words.slice(0, index + 1).join('.')));
}

function reportUnknownName(
  collector: DiagnosticsCollector,
  scalar: ScalarTree,
  name: string,
  offset: number,
  names: Names,
): void {
  const first = name.split('.')[0] ?? name;
  const isFactArea = names.facts.prefixes.has(first);
  const guess =
    nearest(name, names.facts.all) ??
    (isFactArea ? undefined : nearest(first, [...names.vars, ...names.facts.prefixes, ...magic]));
  const missing = isFactArea ? name : first;
  const hint =
    guess === undefined
      ? 'known are the variables of the play and its hosts, registered results and the facts of `kmend docs facts`'
      : `did you mean \`${guess}\`?`;
  collector.errorAt(
    placeInside(collector.source, scalar, offset),
    'unknown-name',
    `\`${missing}\` is not defined`,
    { hint },
  );
}
