// Lists the variables that an expression reads, so that a mistyped name is an error before any task
// runs.
import { isGlobal, isUnavailable } from './globals.ts';
import type { Arguments, Node } from './syntax.ts';

/** A variable that is read, with the constant part of its path: `package.docker-ce.installed`. */
export interface FreeName {
  readonly name: string;
  readonly offset: number;
  /** The expression handles its absence itself (`is defined`, `default`). */
  readonly guarded: boolean;
}

interface Path {
  readonly name: string;
  readonly offset: number;
}

/** The path of `a.b['c'][0]`, where all its keys are constant. */
function pathOf(node: Node): Path | undefined {
  if (node.kind === 'name')
    return isGlobal(node.name) && !isUnavailable(node.name)
      ? undefined
      : { name: node.name, offset: node.offset };
  if (node.kind !== 'attribute' && node.kind !== 'item') return undefined;
  const below = pathOf(node.of);
  if (below === undefined) return undefined;
  if (node.kind === 'attribute') return { ...below, name: `${below.name}.${node.name}` };
  const { key } = node;
  const part =
    key.kind === 'constant' && (typeof key.value === 'string' || typeof key.value === 'number')
      ? String(key.value)
      : undefined;
  return part === undefined ? undefined : { ...below, name: `${below.name}.${part}` };
}

const isWithin = (name: string, root: string): boolean =>
  name === root || name.startsWith(`${root}.`);

export function namesOf(node: Node): readonly FreeName[] {
  const found: FreeName[] = [];
  const asked: string[] = [];
  visit(node, found, asked, false);
  return found.map((name) =>
    asked.some((root) => isWithin(name.name, root)) ? { ...name, guarded: true } : name,
  );
}

const guardingTests = new Set(['defined', 'undefined']);
const guardingFilters = new Set(['default', 'd']);
const short = (name: string): string => name.replace(/^ansible\.builtin\./, '');

function visit(node: Node, found: FreeName[], asked: string[], guarded: boolean): void {
  const go = (child: Node | undefined): void => {
    if (child !== undefined) visit(child, found, asked, false);
  };
  switch (node.kind) {
    case 'constant':
      return;
    case 'name':
    case 'attribute':
    case 'item':
      visitPath(node, found, asked, guarded);
      return;
    case 'slice':
      visit(node.of, found, asked, guarded);
      [node.start, node.stop, node.step].forEach(go);
      return;
    case 'list':
    case 'tuple':
    case 'concat':
      node.items.forEach(go);
      return;
    case 'dict':
      node.pairs.flat().forEach(go);
      return;
    case 'call':
      // In `value.method()` the method is not part of the path.
      if (node.of.kind === 'attribute') visit(node.of.of, found, asked, guarded);
      else go(node.of);
      visitArguments(node.args, go);
      return;
    case 'filter':
      visit(node.of, found, asked, guarded || guardingFilters.has(short(node.name)));
      visitArguments(node.args, go);
      return;
    case 'test': {
      const asks = guardingTests.has(short(node.name));
      const path = asks ? pathOf(node.of) : undefined;
      if (path !== undefined) asked.push(path.name);
      visit(node.of, found, asked, asks);
      visitArguments(node.args, go);
      return;
    }
    case 'unary':
      go(node.of);
      return;
    case 'binary':
      go(node.left);
      go(node.right);
      return;
    case 'compare':
      go(node.first);
      node.rest.forEach(([, child]) => {
        go(child);
      });
      return;
    case 'if':
      [node.test, node.yes, node.no].forEach(go);
      return;
  }
}

function visitPath(
  node: Extract<Node, { readonly kind: 'name' | 'attribute' | 'item' }>,
  found: FreeName[],
  asked: string[],
  guarded: boolean,
): void {
  const path = pathOf(node);
  if (path !== undefined) found.push({ ...path, guarded });
  else if (node.kind !== 'name') {
    visit(node.of, found, asked, guarded);
    if (node.kind === 'item') visit(node.key, found, asked, false);
  }
}

function visitArguments(
  { positional, named, spread, spreadNamed }: Arguments,
  go: (node: Node | undefined) => void,
): void {
  positional.forEach(go);
  for (const [, node] of named) go(node);
  go(spread);
  go(spreadNamed);
}
