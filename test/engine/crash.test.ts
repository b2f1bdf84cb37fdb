// kill -9 at a few random moments and at the moments that matter most; test/crash has many more.
import { describe, expect, it } from 'vitest';
import { crashRun, killAfter, randomKills } from '../crash/crash-run.ts';

describe('kill -9 and resume: the run ends as if there had been none', () => {
  it.each([12])(
    'six kills at random moments, seed %i',
    async (seed) => {
      await crashRun(`seed ${seed}`, randomKills(seed, 6, 2));
    },
    120_000,
  );

  it.each([['effect.done', 1]] as const)(
    'a kill right after %s number %i',
    async (type, nth) => {
      expect(await crashRun(`${type} ${nth}`, killAfter(type, nth, 1))).toHaveLength(1);
    },
    60_000,
  );
});
