// Checks expressions at load time: each must parse, and each name in it must exist. So a mistyped
// name is an error before any host is contacted.
import {
  compile,
  compileTemplate,
  type FreeName,
  hasTemplate,
  isUnavailable,
} from '../../expression/index.ts';
import type { Place } from '../../model/diagnostic.ts';
import { nearest } from '../../model/diagnostic.ts';
import type { Condition } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { DiagnosticsCollector } from './diagnostics-collector.ts';
import { placeInside, type ScalarTree, type Tree } from './tree.ts';
import { magicNames } from './variables.ts';

/** The names that an expression may use at one point of a playbook. */
export interface Names {
  /** Variables of the play, its hosts and the loop, and registered results. */
  readonly vars: ReadonlySet<string>;
  /** Dotted names of facts. */
  readonly facts: FactNames;
  /** True without an inventory: an unknown name may be a variable of a host. */
  readonly open: boolean;
}

export interface FactNames {
  /** Every fact and every prefix of one: `kernel`, `kernel.release`. */
  readonly prefixes: ReadonlySet<string>;
  readonly full: ReadonlySet<string>;
  readonly all: readonly string[];
}

/** Leaves out facts with arguments (`package.*.installed`): only modules read these. */
export function factNames(names: readonly string[]): FactNames {
  const plain = names.filter((name) => !name.includes('*'));
  const prefixes = new Set<string>();
  for (const name of plain) {
    const parts = name.split('.');
    for (let length = 1; length <= parts.length; length++)
      prefixes.add(parts.slice(0, length).join('.'));
  }
  return { prefixes, full: new Set(plain), all: plain };
}

export const withVars = (names: Names, more: Iterable<string>): Names => ({
  ...names,
  vars: new Set([...names.vars, ...more]),
});
const magic = new Set(magicNames);

/** Checks a condition (`when`, `until`, ...) and returns it with its place. */
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
  // Ansible renders such a part first; here it would be compared as it is written.
  const braces = /\{\{|\{%/.exec(scalar.text);
  if (braces !== null) {
    const place = placeInside(collector.source, scalar, braces.index);
    collector.errorAt(place, 'condition-braces', 'a condition has no templates in its texts', {
      hint: "use the name without quotes and braces: `x in y`, or join texts: `('a' ~ x) in y`",
    });
    return condition;
  }
  const compiled = compile(scalar.text, 'condition');
  if (compiled.kind === 'problem') reportSyntax(collector, scalar, compiled);
  else checkNames(collector, scalar, compiled.names, names);
  return condition;
}

/** Checks an expression without braces that may give any value: `zone: rack ~ '-' ~ row`. */
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

/** Names that a `when` guards with `X is defined`: the rest of the task may use these names. */
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

const checkNames = (
  collector: DiagnosticsCollector,
  scalar: ScalarTree,
  used: readonly FreeName[],
  names: Names,
): void =>
  checkAt(collector, used, names, (offset) => placeInside(collector.source, scalar, offset));

/** Checks the names of a template that is the whole file of the collector. */
export const checkFileNames = (
  collector: DiagnosticsCollector,
  used: readonly FreeName[],
  names: Names,
): void => checkAt(collector, used, names, (offset) => collector.source.placeAt(offset));

function checkAt(
  collector: DiagnosticsCollector,
  used: readonly FreeName[],
  names: Names,
  placeOf: (offset: number) => Place,
): void {
  const reported = new Set<string>();
  for (const { name, offset, guarded } of used) {
    const first = name.split('.')[0] ?? name;
    if (
      guarded ||
      names.vars.has(first) ||
      names.vars.has(name.split('.').slice(0, 2).join('.')) ||
      magic.has(first) ||
      reported.has(name) ||
      isFact(names.facts, name)
    )
      continue;
    const isFunction = isUnavailable(name);
    if (!isFunction && !names.facts.prefixes.has(first) && names.open) continue;
    reported.add(name);
    if (isFunction) {
      reportUnavailable(collector, placeOf(offset), name);
      continue;
    }
    reportUnknownName(collector, placeOf(offset), name, names);
  }
}

/** A fact, a prefix of one, or a part of its value. */
function isFact(facts: FactNames, name: string): boolean {
  if (facts.prefixes.has(name)) return true;
  const parts = name.split('.');
  return parts.some((_, index) => facts.full.has(parts.slice(0, index + 1).join('.')));
}

/** Also without an inventory: no variable of a host can be such a function. */
function reportUnavailable(collector: DiagnosticsCollector, place: Place, name: string): void {
  collector.errorAt(
    place,
    'unavailable-function',
    `kmend has no \`${name}()\` here: an expression gives the same in the plan and in the run`,
    {
      hint: ['lookup', 'query', 'q'].includes(name)
        ? 'set a variable of the play or the task to it, and use that'
        : 'register the output of a `command` with `read_only: true`, or give the value with -e',
    },
  );
}

function reportUnknownName(
  collector: DiagnosticsCollector,
  place: Place,
  name: string,
  names: Names,
): void {
  const first = name.split('.')[0] ?? name;
  const isFactArea = names.facts.prefixes.has(first);
  const guess =
    nearest(name, names.facts.all) ??
    (isFactArea ? undefined : nearest(first, [...names.vars, ...names.facts.prefixes, ...magic]));
  const missing = isFactArea ? name : first;
  const isTime = first === 'ansible_date_time' || name.startsWith('ansible_facts.date_time');
  const hint = isTime
    ? 'a plan would be stale at once: give a time with `-e stamp=$(date +%F)`, or write `$(date +%F)` in a `shell`'
    : first.startsWith('ansible_')
      ? "of Ansible's facts kmend has the 13 of `kmend docs facts`; for others use `command` with `read_only: true` and `register`"
      : guess === undefined
        ? 'known names: variables of the play and its hosts, registered results, facts (`kmend docs facts`)'
        : `did you mean \`${guess}\`?`;
  collector.errorAt(place, 'unknown-name', `\`${missing}\` is not defined`, { hint });
}
