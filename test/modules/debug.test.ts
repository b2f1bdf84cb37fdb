// debug as a table.
import { expect, it } from 'vitest';
import { planOf } from './laws.ts';

it.each<[unknown, string]>([
  [{ msg: 'hello' }, 'hello'],
  ['hello', 'hello'],
  [{ msg: ['a', 1] }, '["a",1]'],
])('debug of %j says %s', (args, note) => {
  expect(planOf('debug', { args, facts: {} })).toMatchObject({ changes: [], note });
});
