// Two worlds, one tree: kmend's answer for random hosts whose truth the model knows. KMEND_SLOW=1
// for the nightly number, KMEND_SEED=N for other worlds.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derive } from '../../src/facts/index.ts';
import type { Mapping, Value } from '../../src/model/value.ts';
import { factsOf } from './facts-of.ts';
import { randomWorld } from './generator.ts';
import { brokenLaw, caseOf, laws } from './laws.ts';
import { probeHost } from './on-disk.ts';
import { replay } from './world.ts';

const slow = process.env.KMEND_SLOW !== undefined;
const worlds = slow ? 20_000 : 1_000;
const trees = slow ? 400 : 40;
const seed = Number(
  process.env.KMEND_SEED ?? (slow ? Math.floor(Math.random() * 2 ** 31) : 20_261_126),
);

/** Lists whose order means nothing, in one order. */
const sorted = (value: Value | undefined): Value =>
  Array.isArray(value)
    ? [...value].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    : (value ?? null);

describe(`worlds of seed ${seed}`, () => {
  it(`keep every law (${worlds} worlds)`, () => {
    const applied = new Map(laws.map(({ name }) => [name, 0]));
    fc.assert(
      fc.property(randomWorld, (world) => {
        const some = caseOf(world);
        for (const { name } of laws.filter((law) => law.applies(some)))
          applied.set(name, (applied.get(name) ?? 0) + 1);
        expect(brokenLaw(some, derive)).toBeUndefined();
      }),
      { numRuns: worlds, seed },
    );
    // None is kept because it never applied.
    expect([...applied].filter(([, times]) => times < worlds / 300)).toEqual([]);
  }, 1_800_000);

  it(`are seen by the real probe as the model says (${trees} trees)`, () => {
    for (const world of fc.sample(randomWorld, { numRuns: trees, seed })) {
      const model = factsOf(replay(world));
      const probed: Mapping = probeHost(replay(world));
      // The examples are a choice; each must be a group as the model has it.
      const { 'kmem.groups': groups, ...others } = model;
      expect(sorted(groups)).toEqual(
        expect.arrayContaining((probed['kmem.groups'] as readonly Mapping[]).slice()),
      );
      for (const [name, value] of Object.entries(others))
        expect([name, sorted(probed[name])]).toEqual([name, sorted(value)]);
    }
  }, 1_800_000);
});
