// wait_for_connection: only its delay is a wait.
import { expect, it } from 'vitest';
import { noContext, planOf } from './laws.ts';

const acted = { done: { ...noContext.done, acted: true } };

it('wait_for_connection has nothing to do but its delay, on a host that was changed', () => {
  const plan = (args: object, context = {}) =>
    planOf('wait_for_connection', { args, facts: {}, context }).changes.map(({ what }) => what);
  expect(plan({ timeout: 300 }, acted)).toEqual([]);
  expect(plan({ delay: 10 }, acted)).toEqual(['wait 10 s']);
  expect(plan({ delay: 10 })).toEqual([]);
});
