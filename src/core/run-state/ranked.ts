// A persistent ordered set of host indexes, each with a sort key. Adding and removing cost O(log n)
// and leave the old set unchanged.

export interface Entry {
  readonly key: number;
  readonly index: number;
}

/** Sorted by `key`, then by index. Undefined = the empty set. */
export type Ranked = RankedNode | undefined;

interface RankedNode extends Entry {
  readonly size: number;
  readonly left: Ranked;
  readonly right: Ranked;
}

/**
 * Heap order of the treap: a hash of the index, so that equal sets have equal shapes and the tree
 * stays shallow.
 */
function priority(index: number): number {
  let bits = Math.imul(index + 0x9e3779b9, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

const before = (keyA: number, indexA: number, keyB: number, indexB: number): boolean =>
  keyA < keyB || (keyA === keyB && indexA < indexB);

const node = (key: number, index: number, left: Ranked, right: Ranked): RankedNode => ({
  key,
  index,
  size: 1 + sizeOf(left) + sizeOf(right),
  left,
  right,
});

export const sizeOf = (set: Ranked): number => set?.size ?? 0;

/** The set with this host. Adding a host that is in it already changes nothing. */
export function add(set: Ranked, key: number, index: number): RankedNode {
  if (set === undefined) return node(key, index, undefined, undefined);
  if (set.key === key && set.index === index) return set;
  if (before(key, index, set.key, set.index)) {
    const left = add(set.left, key, index);
    return priority(left.index) > priority(set.index)
      ? node(left.key, left.index, left.left, node(set.key, set.index, left.right, set.right))
      : node(set.key, set.index, left, set.right);
  }
  const right = add(set.right, key, index);
  return priority(right.index) > priority(set.index)
    ? node(right.key, right.index, node(set.key, set.index, set.left, right.left), right.right)
    : node(set.key, set.index, set.left, right);
}

/** A set of many hosts at once: the same as adding each. `sorted` is by key, then by index. */
export function rankedOf(sorted: readonly Entry[], from = 0, to = sorted.length): Ranked {
  const first = sorted[from];
  if (first === undefined || from >= to) return undefined;
  let [top, root, highest] = [from, first, priority(first.index)];
  for (let at = from + 1; at < to; at += 1) {
    const entry = sorted[at] ?? first;
    const own = priority(entry.index);
    if (own > highest) [top, root, highest] = [at, entry, own];
  }
  return node(root.key, root.index, rankedOf(sorted, from, top), rankedOf(sorted, top + 1, to));
}

export const byKey = (a: Entry, b: Entry): number => a.key - b.key || a.index - b.index;

/** The set without this host; the key must be the one with which it was added. */
export function remove(set: Ranked, key: number, index: number): Ranked {
  if (set === undefined) return undefined;
  if (set.key === key && set.index === index) return join(set.left, set.right);
  return before(key, index, set.key, set.index)
    ? node(set.key, set.index, remove(set.left, key, index), set.right)
    : node(set.key, set.index, set.left, remove(set.right, key, index));
}

function join(left: Ranked, right: Ranked): Ranked {
  if (left === undefined) return right;
  if (right === undefined) return left;
  return priority(left.index) > priority(right.index)
    ? node(left.key, left.index, left.left, join(left.right, right))
    : node(right.key, right.index, join(left, right.left), right.right);
}

/** The first host and its key. */
export function first(set: Ranked): Entry | undefined {
  let current = set;
  while (current?.left !== undefined) current = current.left;
  return current;
}

/** Host indexes in order. */
export function* inOrder(set: Ranked): Generator<number, void> {
  const path: RankedNode[] = [];
  let current = set;
  while (current !== undefined || path.length > 0) {
    while (current !== undefined) {
      path.push(current);
      current = current.left;
    }
    const top = path.pop();
    if (top === undefined) return;
    yield top.index;
    current = top.right;
  }
}

/** Adds all hosts and their keys to a list, in order. */
export function entries(set: Ranked, into: Entry[] = []): Entry[] {
  if (set === undefined) return into;
  entries(set.left, into);
  into.push(set);
  return entries(set.right, into);
}

/** The first `count` host indexes. */
export function take(set: Ranked, count: number): number[] {
  const taken: number[] = [];
  if (count <= 0) return taken;
  for (const index of inOrder(set)) {
    taken.push(index);
    if (taken.length >= count) break;
  }
  return taken;
}
