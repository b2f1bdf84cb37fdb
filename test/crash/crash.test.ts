// kill -9 on the practice fleet at every type of event and at many random moments. Long:
// `KMEND_CRASH_POINTS` says how many seeds (20 unless set),
// `KMEND_CRASH_SEED` the first.
import { describe, expect, it } from 'vitest';
import { crashRun, killAfter, randomKills } from './crash-run.ts';

const points = Number(process.env.KMEND_CRASH_POINTS);
const first = Number(process.env.KMEND_CRASH_SEED ?? 1);

/**
 * Every type that the journal of an uninterrupted run of this play has, and the effects one by one.
 */
const moments = [
  ['run.started', 1],
  ['approved', 1],
  ['wave.started', 1],
  ['host.started', 1],
  ['host.started', 3],
  ['facts.read', 1],
  ['remedy.chosen', 1],
  ['task.planned', 1],
  ['task.planned', 9],
  ['effect.started', 1],
  ['effect.started', 2],
  ['effect.started', 3],
  ['effect.started', 7],
  ['effect.started', 9],
  ['effect.started', 12],
  ['effect.done', 1],
  ['effect.done', 4],
  ['effect.done', 8],
  ['effect.failed', 1],
  ['task.done', 1],
  ['task.done', 5],
  ['task.done', 12],
  ['proof', 1],
  ['host.done', 1],
  ['host.done', 3],
] as const;

describe('kill -9 and resume', () => {
  it.each(moments)(
    'right after %s number %i',
    async (type, nth) => {
      expect(await crashRun(`${type} ${nth}`, killAfter(type, nth, 4))).toHaveLength(1);
    },
    180_000,
  );

  it.each(Array.from({ length: points }, (_none, index) => first + index))(
    'seed %i: five kills',
    async (seed) => {
      await crashRun(`seed ${seed}`, randomKills(seed, 5, 3));
    },
    240_000,
  );
});
