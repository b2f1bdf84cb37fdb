// kill -9 of the real controller of six real hosts: one rollout that is killed at every type of
// event, one after the other, and one that is killed at random points. `npm run test:crash` has a
// rollout for each type, and one for each of many random points.
import { describe, expect, it } from 'vitest';
import {
  judge,
  judgeWhole,
  type RolloutEnd,
  randomPoints,
  rollout,
  typesOf,
} from '../crash/real-rollout.ts';
import { labMissing } from './lab.ts';

const missing = labMissing('el7');
const seed = Number(process.env.KMEND_CRASH_SEED ?? 1);

describe.skipIf(missing !== '')(
  `a rollout over six el7 hosts whose controller is killed and resumed (${missing || 'all there'})`,
  () => {
    let whole: RolloutEnd;

    it('is compared with one that nobody interrupts: every host fixed by one reboot, and proven', async () => {
      whole = await rollout([]);
      judgeWhole(whole);
    });

    it('ends the same when it is killed at the first line of every type', async () => {
      const types = typesOf(whole.events);
      expect(types).toEqual(
        expect.arrayContaining([
          'effect.started',
          'effect.failed',
          'block.entered',
          'canary.promoted',
          'host.soaked',
        ]),
      );
      const end = await rollout(types.map((type) => ({ type })));
      judge(end, whole);
      expect(end.killed.map((place) => place.split(' ')[0])).toEqual(types);
    });

    it(`ends the same when it is killed at three random points, seed ${seed}`, async () => {
      judge(await rollout(randomPoints(seed, 3, whole.events)), whole);
    });
  },
);
