// Checks a tree against a schema. A plain scalar gives its source text where the schema wants text;
// a template passes for any type, because only rendering shows its value.
import { hasTemplate } from '../../expression/index.ts';
import { present } from '../../model/present.ts';
import type { ArgsSchema } from '../../model/run/change.ts';
import { keysAt, type Problem, problemsOf } from '../../model/shape/schema.ts';
import { isList, isMapping, type Value } from '../../model/value.ts';
import { type DiagnosticsCollector, didYouMean } from './diagnostics-collector.ts';
import { entryOf, nodeAt, plainOf, put, type Tree } from './tree.ts';

export interface Fit<T> {
  /** The value as written, in the form that the schema wants; templates are not rendered. */
  readonly input: Value;
  /** The parsed value; absent when the tree has errors or unrendered templates. */
  readonly data?: T;
}

/**
 * Checks a tree and reports every problem at its place.
 * @param what the name of the tree in messages: "drain", "rollout"
 * @param part the name of one of its keys in messages: "argument", "key"
 */
export function fitTree<T>(
  collector: DiagnosticsCollector,
  tree: Tree,
  schema: ArgsSchema<T>,
  what: string,
  part = 'key',
): Fit<T> {
  // `uncordon:` without a value means `uncordon: {}`.
  let input: Value = tree.kind === 'scalar' && tree.value === null ? {} : plainOf(tree);
  const tried = new Set<string>();
  for (;;) {
    const next = problemsOf(schema, input)
      .flatMap(meant)
      .find((problem) => !tried.has(pathKey(problem)) && replaceable(tree, problem) !== undefined);
    if (next === undefined || tried.size >= most) break;
    tried.add(pathKey(next));
    const replaced = replaceAt(input, replaceable(tree, next) ?? [], textAt(tree, next.path));
    // A value that is wrong as text too keeps its first form, unless only a text can be right.
    const after = problemsOf(schema, replaced)
      .flatMap(meant)
      .find((problem) => pathKey(problem) === pathKey(next));
    if (after === undefined || (next.kind === 'type' && after.kind !== 'type')) input = replaced;
  }
  const parsed = schema.safeParse(input);
  if (parsed.success) return { input, data: parsed.data };
  for (const problem of problemsOf(schema, input).flatMap(meant)) {
    if (!isRenderedLater(tree, input, problem))
      report({ collector, tree, schema, what, part }, problem);
  }
  return { input };
}

/**
 * Limits, for one mapping, the values that are retried as text and the unknown keys that are
 * reported: each of these reads the whole mapping.
 */
const most = 100;

const pathKey = ({ path }: Problem): string => path.map(String).join('\0');

const textAt = (tree: Tree, path: readonly PropertyKey[]): string => {
  const { node } = nodeAt(tree, path);
  return node.kind === 'scalar' ? node.text : '';
};

/**
 * Where a value may have several forms, finds the form that was meant: the only form whose type
 * matches. Without such a form, the problem itself is reported.
 */
function meant(problem: Problem): readonly Problem[] {
  const outer = problem.path.length;
  const forms = (problem.forms ?? []).filter(
    ([first]) => first !== undefined && !(first.kind === 'type' && first.path.length === outer),
  );
  const [only] = forms;
  return only !== undefined && forms.length === 1 ? only.flatMap(meant) : [problem];
}

/** The path of a plain scalar that was read as another type, and can be read as text instead. */
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

/** The longest part of a path that the tree has: a short form has one scalar for several keys. */
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
 * True where rendering may solve the problem: the value is a template, or a rule over several
 * values has a template in one of these values.
 */
function isRenderedLater(tree: Tree, input: Value, problem: Problem): boolean {
  if (problem.kind === 'forms')
    return (problem.forms ?? []).some(
      (form) => form.length > 0 && form.every((inner) => isRenderedLater(tree, input, inner)),
    );
  if (problem.kind === 'unknown-key') return false;
  const { node, exact } = nodeAt(tree, problem.path);
  if (node.kind === 'map' && node.sealedAt !== undefined) return true;
  if (node.kind === 'scalar') return typeof node.value === 'string' && hasTemplate(node.text);
  return exact && problem.kind === 'rule' && holdsTemplate(node);
}

function holdsTemplate(tree: Tree): boolean {
  if (tree.kind === 'map')
    return tree.sealedAt !== undefined || tree.entries.some(({ value }) => holdsTemplate(value));
  if (tree.kind === 'list') return tree.items.some(holdsTemplate);
  return typeof tree.value === 'string' && hasTemplate(tree.text);
}

interface Check {
  readonly collector: DiagnosticsCollector;
  readonly tree: Tree;
  readonly schema: ArgsSchema<unknown>;
  readonly what: string;
  readonly part: string;
}

function report({ collector, tree, schema, what, part }: Check, problem: Problem): void {
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
