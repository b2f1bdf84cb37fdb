// After which failures of a task the `rescue` of its block runs.
import { expect, it } from 'vitest';
import { failureKinds, isRescuable } from '../../src/model/run/failure.ts';

it('only a failure that leaves a known state', () => {
  expect(failureKinds.filter((kind) => isRescuable({ kind, message: '' }))).toEqual([
    'timeout',
    'exit',
    'not_converged',
    'not_verified',
  ]);
});

it.each([{ transport: true }, { resumable: true as const }, { ongoing: true as const }])(
  '%j is not rescued',
  (more) => {
    expect(isRescuable({ kind: 'exit', message: '', ...more })).toBe(false);
  },
);
