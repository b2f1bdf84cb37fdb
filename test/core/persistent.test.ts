// The persistent table and set against plain arrays.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  add,
  first,
  inOrder,
  type Ranked,
  remove,
  sizeOf,
  take,
} from '../../src/core/run-state/ranked.ts';
import { at, replaced, tableOf, values } from '../../src/core/run-state/table.ts';

it('a set holds what was added and not removed, in order, and old sets stay as they were', () => {
  const step = fc.record({
    index: fc.integer({ min: 0, max: 40 }),
    key: fc.integer({ min: -3, max: 3 }),
    remove: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let set: Ranked;
      const model = new Map<number, number>();
      for (const one of steps) {
        const before = set;
        const contents = [...inOrder(before)];
        const known = model.get(one.index);
        if (one.remove && known !== undefined) {
          set = remove(set, known, one.index);
          model.delete(one.index);
        } else if (known === undefined) {
          set = add(set, one.key, one.index);
          model.set(one.index, one.key);
        }
        expect([...inOrder(before)]).toEqual(contents);
        const sorted = [...model]
          .sort(([a, keyA], [b, keyB]) => keyA - keyB || a - b)
          .map(([index]) => index);
        expect([...inOrder(set)]).toEqual(sorted);
        expect(sizeOf(set)).toBe(model.size);
        expect(first(set)?.index).toBe(sorted[0]);
        expect(take(set, 3)).toEqual(sorted.slice(0, 3));
      }
    }),
  );
});

it('taking no hosts takes none', () => {
  expect(take(add(undefined, 1, 1), 0)).toEqual([]);
});

it('a set of 100,000 hosts added in order is not deep', () => {
  let set: Ranked;
  for (let index = 0; index < 100_000; index += 1) set = add(set, index, index);
  const depth = (place: Ranked): number =>
    place === undefined ? 0 : 1 + Math.max(depth(place.left), depth(place.right));
  expect(depth(set)).toBeLessThan(60);
});

it.each([0, 1, 31, 32, 33, 1024, 1025, 40_000])(
  'a table of %i elements keeps them, and old tables stay as they were',
  (length) => {
    const numbers = Array.from({ length }, (_, index) => index);
    const table = tableOf(numbers);
    expect([...values(table)]).toEqual(numbers);
    for (const index of [0, 31, 32, length - 1].filter((place) => place >= 0 && place < length)) {
      const changed = replaced(table, index, -1);
      expect(at(changed, index)).toBe(-1);
      expect(at(table, index)).toBe(index);
      expect([...values(changed)]).toEqual(numbers.with(index, -1));
    }
  },
);

it.each([-1, 3])('there is no element %i in a table of 3', (index) => {
  expect(() => at(tableOf([1, 2, 3]), index)).toThrow('no element');
});
