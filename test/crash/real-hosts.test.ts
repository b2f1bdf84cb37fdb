// kill -9 on real hosts, the long way: one rollout for each type of event, and one for each random
// point (`KMEND_CRASH_POINTS` of them, the first with the seed `KMEND_CRASH_SEED`).
import { beforeAll, describe, expect, it } from 'vitest';
import type { EventType } from '../../src/model/run/event.ts';
import { labMissing } from '../hosts/lab.ts';
import {
  judge,
  judgeWhole,
  type RolloutEnd,
  randomPoints,
  rollout,
  typesOf,
} from './real-rollout.ts';

const missing = labMissing('el7');
const points = Number(process.env.KMEND_CRASH_POINTS);
const first = Number(process.env.KMEND_CRASH_SEED ?? 1);

/** What the journal of an uninterrupted rollout has; the first test holds this list to it. */
const types: readonly EventType[] = [
  'run.started',
  'approved',
  'wave.started',
  'gate.read',
  'host.started',
  'facts.read',
  'remedy.chosen',
  'task.planned',
  'effect.started',
  'effect.done',
  'task.done',
  'block.entered',
  'proof',
  'effect.failed',
  'host.done',
  'host.soaked',
  'canary.promoted',
  'wave.done',
  'run.finished',
  'run.closed',
];

describe.skipIf(missing !== '')(
  `a rollout over six real hosts, killed once (${missing || 'all there'})`,
  () => {
    let whole: RolloutEnd;
    beforeAll(async () => {
      whole = await rollout([]);
      judgeWhole(whole);
    }, 300_000);

    it('its journal has these types of events', () => {
      expect(typesOf(whole.events).toSorted()).toEqual(types.toSorted());
    });

    it.each(types)(
      'at the first %s',
      async (type) => {
        const end = await rollout([{ type }]);
        judge(end, whole);
        expect(end.killed).toHaveLength(1);
      },
      300_000,
    );

    it.each(Array.from({ length: points }, (_none, index) => first + index))(
      'at a random point, seed %i',
      async (seed) => {
        judge(await rollout(randomPoints(seed, 1, whole.events)), whole);
      },
      300_000,
    );
  },
);
