// The persistent table and set against plain arrays.
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Draft, put, putAll } from '../../src/core/run-state/counters.ts';
import {
  add,
  byKey,
  entries,
  first,
  inOrder,
  type Ranked,
  rankedOf,
  remove,
  sizeOf,
  take,
} from '../../src/core/run-state/ranked.ts';
import { hostAt } from '../../src/core/run-state/state.ts';
import { at, replaced, tableOf, values } from '../../src/core/run-state/table.ts';
import { begin, hostFor, stateAfter, wave } from './fleet.ts';

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

it('a set that is made at once is the one that many additions make', () => {
  const entry = fc.record({ key: fc.integer({ min: -3, max: 3 }), index: fc.nat(5000) });
  fc.assert(
    fc.property(fc.uniqueArray(entry, { maxLength: 300, selector: (one) => one.index }), (all) => {
      const added = all.reduce<Ranked>((set, { key, index }) => add(set, key, index), undefined);
      const sorted = all.toSorted(byKey);
      expect(rankedOf(sorted)).toEqual(added);
      expect(entries(added).map(({ key, index }) => ({ key, index }))).toEqual(sorted);
    }),
  );
});

describe('many hosts that are put at once', () => {
  const hosts = Array.from({ length: 400 }, (_, index) =>
    hostFor(`h${index}`, {
      zone: `z${index % 3}`,
      estimate: index % 7,
      down: index % 11 === 0,
      ...(index % 13 === 0 ? { nothing: true } : {}),
      ...(index % 17 === 0 ? { refused: 'no' } : {}),
    }),
  );
  const begun = stateAfter(begin(hosts), [
    0,
    wave(
      1,
      [...hosts.keys()].filter((at) => at % 2 === 0).map((at) => `h${at}`),
    ),
  ]);
  const time = fc.integer({ min: 1, max: 50 });
  const becomes = fc.record({
    status: fc.constantFrom('waiting', 'running', 'soaking', 'done', 'failed', 'planned' as const),
    down: fc.boolean(),
    missing: fc.boolean(),
    keepsSlot: fc.boolean(),
    changed: fc.boolean(),
    starts: fc.nat(2),
    failures: fc.nat(2),
    unreachableFailures: fc.nat(1),
    wave: fc.constantFrom(0, 1),
    startedAt: time,
    doneAt: time,
    endedAt: time,
  });
  const some = fc
    .uniqueArray(fc.tuple(fc.nat(399), becomes), {
      minLength: 190,
      maxLength: 300,
      selector: ([at]) => at,
    })
    // A wave takes hosts that wait.
    .map((all) =>
      all.map(([index, { wave: taken, ...change }]) => ({
        ...hostAt(begun, index),
        ...change,
        ...(change.status === 'waiting' ? { wave: taken } : {}),
      })),
    );

  it('are the state that one after the other makes', () => {
    fc.assert(
      fc.property(some, some, (first, second) => {
        const [single, bulk]: readonly [Draft, Draft] = [{ ...begun }, { ...begun }];
        for (const changed of [first, second]) {
          for (const host of changed) put(single, host);
          putAll(bulk, changed);
        }
        // Their texts would be megabytes.
        const differ = Object.entries(single).filter(
          ([name, value]) => !isDeepStrictEqual(value, bulk[name as keyof Draft]),
        );
        expect(differ.map(([name]) => name)).toEqual([]);
      }),
      { numRuns: 30, endOnFailure: true },
    );
  });

  it('leave the state before as it was', () => {
    const before = structuredClone({ ...begun, indexOf: new Map() });
    putAll(
      { ...begun },
      [...hosts.keys()].map((index) => ({ ...hostAt(begun, index), status: 'done' as const })),
    );
    expect({ ...begun, indexOf: new Map() }).toEqual(before);
  });
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
