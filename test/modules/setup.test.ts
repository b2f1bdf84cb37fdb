// setup: accepted, and no change.
import { expect, it } from 'vitest';
import { planOf } from './laws.ts';

it.each([{}, { gather_subset: 'min' }, { gather_subset: ['!all', 'min'], gather_timeout: 5 }])(
  'setup takes %j, and has nothing to do',
  (args) => {
    expect(planOf('setup', { args, facts: {} }).changes).toEqual([]);
  },
);
