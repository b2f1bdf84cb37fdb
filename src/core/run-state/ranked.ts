// A persistent ordered set of host indexes, each with a sort key. Adding and removing cost O(log n)
// and leave the old set unchanged.

/** Sorted by `key`, then by index. Undefined = the empty set. */
export type Ranked = RankedNode | undefined;

interface RankedNode {
  readonly key: number;
  readonly index: number;
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
export function first(set: Ranked): { readonly key: number; readonly index: number } | undefined {
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
