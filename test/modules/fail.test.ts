// fail as a table.
import { expect, it } from 'vitest';
import { planOf } from './laws.ts';

it.each<[unknown, string]>([
  [{ msg: 'not here' }, 'not here'],
  ['not here', 'not here'],
  [null, 'failed as the play asked for'],
])('fail: %j ends the host with "%s"', (args, evidence) => {
  expect(planOf('fail', { args, facts: {} }).unmet).toEqual({ kind: 'not_converged', evidence });
});
