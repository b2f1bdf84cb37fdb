// The turns of a job, by its calendar.
import { expect, it } from 'vitest';
import { newestTurn, nextTurn } from '../../src/core/rollout/next-turn.ts';

// A Friday.
const now = Date.parse('2026-11-27T21:30:10Z');
const text = (turn: number | undefined): string | undefined =>
  turn === undefined ? undefined : new Date(turn).toISOString().slice(0, 16);
const next = (every: string, zone = 'UTC'): string | undefined => text(nextTurn(every, now, zone));

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
  ['quarterly', 'UTC', '2027-01-01T00:00'],
  ['*-*-01,15 03:00', 'UTC', '2026-12-01T03:00'],
  ['*-*~1 23:00', 'UTC', '2026-11-30T23:00'],
  ['Sun *-02-29', 'UTC', '2032-02-29T00:00'],
])('%s in %s is %s', (every, zone, turn) => expect(next(every, zone)).toBe(turn));

it.each(['never', '2025-01-01', '*-02-30'])('%s never comes', (every) =>
  expect(next(every)).toBeUndefined(),
);

it('a turn in the hour that a clock change skips comes at the change', () => {
  const before = Date.parse('2027-03-27T12:00:00Z');
  expect(nextTurn('daily', before, 'Europe/Berlin')).toBe(Date.parse('2027-03-27T23:00:00Z'));
  expect(nextTurn('Sun 02:30', before, 'Europe/Berlin')).toBe(Date.parse('2027-03-28T01:00:00Z'));
});

it('a turn in the hour that comes twice comes once', () => {
  const first = Date.parse('2026-10-25T00:30:00Z');
  expect(nextTurn('02:30', first - 1, 'Europe/Berlin')).toBe(first);
  const second = first + 3_600_000;
  for (const since of [first, second - 600_000, second])
    expect(nextTurn('02:30', since, 'Europe/Berlin')).toBe(Date.parse('2026-10-26T01:30:00Z'));
});

it.each<[string, string, string | undefined]>([
  ['Mon..Fri 22:00', '2026-11-20T22:00', '2026-11-26T22:00'],
  ['Mon..Fri 22:00', '2026-11-26T22:00', undefined],
  ['Mon..Fri 21:30', '2026-11-27T21:29', '2026-11-27T21:30'],
  ['minutely', '2025-01-01T00:00', '2026-11-27T21:30'],
  ['*:*:*', '2026-01-01T00:00', '2026-11-27T21:30'],
])('%s: since %s the newest turn is %s', (every, since, turn) =>
  expect(text(newestTurn(every, { since: Date.parse(`${since}Z`), now, ownZone: 'UTC' }))).toBe(
    turn,
  ),
);
