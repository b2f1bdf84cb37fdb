// A persistent array of fixed length: setting one element copies a few short arrays and leaves the
// old table unchanged.

const bits = 5;
const width = 1 << bits;
const mask = width - 1;

/** Leaves hold values, the levels above hold leaves: the height says which of them a level is. */
type Level<T> = { readonly leaf: readonly T[] } | { readonly nodes: readonly Level<T>[] };

export interface Table<T> {
  readonly length: number;
  /** Levels above the leaves. */
  readonly height: number;
  readonly root: Level<T>;
}

export function tableOf<T>(values: readonly T[]): Table<T> {
  let level: Level<T>[] = [];
  for (let at = 0; at < values.length; at += width)
    level.push({ leaf: values.slice(at, at + width) });
  let height = 0;
  while (level.length > 1) {
    const above: Level<T>[] = [];
    for (let at = 0; at < level.length; at += width)
      above.push({ nodes: level.slice(at, at + width) });
    level = above;
    height += 1;
  }
  return { length: values.length, height, root: level[0] ?? { leaf: [] } };
}

export function at<T>(table: Table<T>, index: number): T {
  let level: Level<T> | undefined = table.root;
  for (let height = table.height; height > 0; height -= 1) {
    level =
      level !== undefined && 'nodes' in level
        ? level.nodes[(index >>> (height * bits)) & mask]
        : undefined;
  }
  if (index < 0 || index >= table.length || level === undefined || !('leaf' in level))
    throw new Error(`no element ${index} in a table of ${table.length}`);
  return level.leaf[index & mask] as T;
}

export const replaced = <T>(table: Table<T>, index: number, value: T): Table<T> => ({
  ...table,
  root: replacedIn(table.root, table.height, index, value),
});

function replacedIn<T>(level: Level<T>, height: number, index: number, value: T): Level<T> {
  if ('leaf' in level) {
    const leaf = level.leaf.slice();
    leaf[index & mask] = value;
    return { leaf };
  }
  const slot = (index >>> (height * bits)) & mask;
  const below = level.nodes[slot];
  if (below === undefined) throw new Error(`no element ${index} in the table`);
  const nodes = level.nodes.slice();
  nodes[slot] = replacedIn(below, height - 1, index, value);
  return { nodes };
}

export function* values<T>(table: Table<T>): Generator<T, void> {
  for (let index = 0; index < table.length; index += 1) yield at(table, index);
}

/** Indexes whose values differ between two tables of one length. It costs by what differs. */
export const changedIn = <T>(before: Table<T>, after: Table<T>): readonly number[] =>
  changedBelow(before.root, after.root, after.height, 0);

function changedBelow<T>(
  before: Level<T>,
  after: Level<T>,
  height: number,
  from: number,
): readonly number[] {
  if (before === after) return [];
  if ('leaf' in after)
    return after.leaf.flatMap((value, slot) =>
      'leaf' in before && before.leaf[slot] === value ? [] : [from + slot],
    );
  return after.nodes.flatMap((level, slot) =>
    changedBelow(
      'nodes' in before ? (before.nodes[slot] ?? { leaf: [] }) : { leaf: [] },
      level,
      height - 1,
      from + (slot << (height * bits)),
    ),
  );
}
