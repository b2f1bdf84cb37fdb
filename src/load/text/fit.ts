// A tree checked against a schema: plain scalars give their source text where text is wanted,
// templates pass for anything until rendered.
import { hasTemplate } from '../../expression/index.ts';
import { present } from '../../model/present.ts';
import type { ArgsSchema } from '../../model/run/change.ts';
import { keysAt, type Problem, problemsOf } from '../../model/shape/schema.ts';
import { isList, isMapping, type Value } from '../../model/value.ts';
import { type DiagnosticsCollector, didYouMean } from './diagnostics-collector.ts';
import { entryOf, nodeAt, plainOf, put, type Tree } from './tree.ts';

export interface Fit<T> {
  /** As written, in the form that the schema wants; templates unrendered. */
  readonly input: Value;
  /** What the schema makes of it; nothing while templates or mistakes stand in the way. */
  readonly data?: T;
}

/**
 * Checks a tree, telling every problem at its place.
 * @param what what the messages call it: "drain", "rollout"
 * @param part what one of its keys is called: "argument", "key"
 */
export function fitTree<T>(
  collector: DiagnosticsCollector,
  tree: Tree,
  schema: ArgsSchema<T>,
  what: string,
  part = 'key',
): Fit<T> {
  // `uncordon:` without anything is `uncordon: {}`.
  let input: Value = tree.kind === 'scalar' && tree.value === null ? {} : plainOf(tree);
  const tried = new Set<string>();
  for (;;) {
    const next = problemsOf(schema, input)
      .flatMap(meant)
      .find((problem) => !tried.has(pathKey(problem)) && replaceable(tree, problem) !== undefined);
    if (next === undefined || tried.size >= most) break;
    tried.add(pathKey(next));
    const replaced = replaceAt(input, replaceable(tree, next) ?? [], textAt(tree, next.path));
    // What stays wrong as text too is told as what it was, unless only a text could be right.
    const after = problemsOf(schema, replaced)
      .flatMap(meant)
      .find((problem) => pathKey(problem) === pathKey(next));
    if (after === undefined || (next.kind === 'type' && after.kind !== 'type')) input = replaced;
  }
  const parsed = schema.safeParse(input);
  if (parsed.success) return { input, data: parsed.data };
  for (const problem of problemsOf(schema, input).flatMap(meant)) {
    if (!isWild(tree, input, problem)) report(collector, tree, schema, problem, what, part);
  }
  return { input };
}

/**
 * Values that are tried as texts, and unknown keys that are reported, of one mapping: each costs a
 * look at all of it.
 */
const most = 100;

const pathKey = ({ path }: Problem): string => path.map(String).join('\0');

const textAt = (tree: Tree, path: readonly PropertyKey[]): string => {
  const { node } = nodeAt(tree, path);
  return node.kind === 'scalar' ? node.text : '';
};

/**
 * Of several forms that a value may have, the one that was meant: the only one that does not want
 * another kind of value altogether. Where there is no such one, the problem speaks for all of them.
 */
function meant(problem: Problem): readonly Problem[] {
  const outer = problem.path.length;
  const forms = (problem.forms ?? []).filter(
    ([first]) => first !== undefined && !(first.kind === 'type' && first.path.length === outer),
  );
  const [only] = forms;
  return only !== undefined && forms.length === 1 ? only.flatMap(meant) : [problem];
}

/**
 * The path of a plain scalar that was read as a number or the like, and could be its source text
 * instead.
 */
function replaceable(tree: Tree, problem: Problem): readonly PropertyKey[] | undefined {
  if (problem.kind === 'missing' || problem.kind === 'unknown-key') return undefined;
  const path = existing(tree, problem.path);
  const { node } = nodeAt(tree, path);
  return node.kind === 'scalar' &&
    node.style === 'plain' &&
    typeof node.value !== 'string' &&
    node.text !== ''
    ? path
    : undefined;
}

/**
 * As much of a path as the tree has. A short form has its parts nowhere: they come from the scalar
 * itself.
 */
function existing(tree: Tree, path: readonly PropertyKey[]): readonly PropertyKey[] {
  for (let length = path.length; length > 0; length--) {
    const part = path.slice(0, length);
    if (nodeAt(tree, part).exact) return part;
  }
  return [];
}

function replaceAt(value: Value, path: readonly PropertyKey[], text: string): Value {
  const [key, ...rest] = path;
  if (key === undefined) return text;
  if (isList(value))
    return value.map((item, index) => (index === key ? replaceAt(item, rest, text) : item));
  if (!isMapping(value)) return value;
  const copy: Record<string, Value> = {};
  for (const [name, item] of Object.entries(value))
    put(copy, name, name === key ? replaceAt(item, rest, text) : item);
  return copy;
}

/**
 * A problem that rendering may solve: the value, or for a rule over several values any of them, is
 * a template.
 */
function isWild(tree: Tree, input: Value, problem: Problem): boolean {
  if (problem.kind === 'forms')
    return (problem.forms ?? []).some(
      (form) => form.length > 0 && form.every((inner) => isWild(tree, input, inner)),
    );
  if (problem.kind === 'unknown-key') return false;
  const { node, exact } = nodeAt(tree, problem.path);
  if (node.kind === 'scalar') return typeof node.value === 'string' && hasTemplate(node.text);
  return exact && problem.kind === 'rule' && holdsTemplate(node);
}

function holdsTemplate(tree: Tree): boolean {
  if (tree.kind === 'map') return tree.entries.some((entry) => holdsTemplate(entry.value));
  if (tree.kind === 'list') return tree.items.some(holdsTemplate);
  return typeof tree.value === 'string' && hasTemplate(tree.text);
}

function report(
  collector: DiagnosticsCollector,
  tree: Tree,
  schema: ArgsSchema<unknown>,
  problem: Problem,
  what: string,
  part: string,
): void {
  const { node, entry } = nodeAt(tree, problem.path);
  const name = problem.path.length === 0 ? '' : ` \`${nameOf(problem.path)}\``;
  if (problem.kind === 'unknown-key') {
    for (const key of problem.keys?.slice(0, most) ?? []) {
      const at = node.kind === 'map' ? (entryOf(node, key)?.keyAt ?? node.at) : node.at;
      const known = keysAt(schema, problem.path);
      const hint =
        didYouMean(key, known).hint ??
        (known.length > 0 && known.length <= 12 ? `known: ${known.join(', ')}` : undefined);
      collector.error(
        at,
        'unknown-argument',
        `${what}${name} has no ${part} \`${key}\``,
        present({ hint }),
      );
    }
    return;
  }
  const at = problem.kind === 'missing' ? (entry?.keyAt ?? node.at) : node.at;
  const code = problem.kind === 'missing' ? 'missing-argument' : 'bad-argument';
  collector.error(
    at,
    code,
    name === '' ? `${what} ${problem.message}` : `${what}:${name} ${problem.message}`,
  );
}

const nameOf = (path: readonly PropertyKey[]): string =>
  path
    .map((key, index) =>
      typeof key === 'number' ? `[${key}]` : index === 0 ? String(key) : `.${String(key)}`,
    )
    .join('');
