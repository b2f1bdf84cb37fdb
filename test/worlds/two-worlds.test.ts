// Two worlds, one tree: kmend's answer for random hosts whose truth the model knows. KMEND_SLOW=1 for the nightly number, KMEND_SEED to replay one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derive } from '../../src/facts/index.ts';
import { factsOf } from './facts-of.ts';
import { randomWorld } from './generator.ts';
import { brokenLaw, caseOf, laws } from './laws.ts';
import { probeHost } from './on-disk.ts';
import { replay } from './world.ts';

const slow = process.env.KMEND_SLOW !== undefined;
const worlds = slow ? 20_000 : 1_000;
const trees = slow ? 400 : 40;
const seed = Number(process.env.KMEND_SEED ?? (slow ? Math.floor(Math.random() * 2 ** 31) : 20_261_126));

describe(`worlds of seed ${seed}`, () => {
  it(`keep every law (${worlds} worlds)`, () => {
    const applied = new Map(laws.map(({ name }) => [name, 0]));
    fc.assert(
      fc.property(randomWorld, (world) => {
        const some = caseOf(world);
        for (const { name } of laws.filter((law) => law.applies(some))) applied.set(name, (applied.get(name) ?? 0) + 1);
        expect(brokenLaw(some, derive)).toBeUndefined();
      }),
      { numRuns: worlds, seed },
    );
    // Each law had something to say: none is kept because it never applied.
    expect([...applied].filter(([, times]) => times < worlds / 200)).toEqual([]);
  }, 600_000);
});
