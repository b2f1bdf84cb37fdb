// The next turn of a job, by its calendar.
import { expect, it } from 'vitest';
import { nextTurn } from '../../src/core/rollout/next-turn.ts';

// A Friday.
const now = Date.parse('2026-11-27T21:30:10Z');
const next = (every: string, zone = 'UTC'): string | undefined => {
  const turn = nextTurn(every, now, zone);
  return turn === undefined ? undefined : new Date(turn).toISOString().slice(0, 16);
};

it.each<[string, string, string]>([
  ['Mon..Fri 22:00', 'UTC', '2026-11-27T22:00'],
  ['Mon..Fri 21:00', 'UTC', '2026-11-30T21:00'],
  ['Mon..Fri 22:00', 'Europe/Berlin', '2026-11-30T21:00'],
  ['Mon..Fri 22:00 America/New_York', 'Europe/Berlin', '2026-11-28T03:00'],
  ['Sat,Sun 02:30', 'UTC', '2026-11-28T02:30'],
  ['Fri..Sun 02:30', 'UTC', '2026-11-28T02:30'],
  ['*:0/20', 'UTC', '2026-11-27T21:40'],
  ['hourly', 'UTC', '2026-11-27T22:00'],
  ['daily', 'UTC', '2026-11-28T00:00'],
  ['weekly', 'UTC', '2026-11-30T00:00'],
  ['monthly', 'UTC', '2026-12-01T00:00'],
])('%s in %s is %s', (every, zone, turn) => expect(next(every, zone)).toBe(turn));

it.each(['quarterly', '*-*-01,15 03:00', 'never'])('%s cannot be foretold', (every) =>
  expect(next(every)).toBeUndefined(),
);

it('a turn in the hour that a clock change skips comes at the change', () => {
  const before = Date.parse('2027-03-27T12:00:00Z');
  expect(nextTurn('daily', before, 'Europe/Berlin')).toBe(Date.parse('2027-03-27T23:00:00Z'));
  expect(nextTurn('Sun 02:30', before, 'Europe/Berlin')).toBe(Date.parse('2027-03-28T01:00:00Z'));
});
