// Laws of calendars: their turns are those that one finds minute by minute on a wall clock, and
// the wall times are those of systemd, but for the times that a clock change skips.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newestTurn, nextTurn } from '../../src/core/rollout/next-turn.ts';

/** Zones, and days on which their clocks change. */
const changes: Readonly<Record<string, readonly string[]>> = {
  UTC: [],
  'Europe/Berlin': ['2026-10-25', '2027-03-28'],
  'America/New_York': ['2026-11-01', '2027-03-14'],
  // Half an hour.
  'Australia/Lord_Howe': ['2027-04-04', '2027-10-03'],
  // At midnight.
  'America/Havana': ['2026-11-01', '2027-03-14'],
};
const zones = Object.keys(changes);
const otherDays = ['2026-12-31', '2027-02-28', '2028-02-29', '2026-11-27'];

/** A component as text, and which numbers it has, found without the program's own reader. */
interface Piece {
  readonly text: string;
  readonly has: (value: number) => boolean;
}

const two = (value: number): string => String(value).padStart(2, '0');

function piece(least: number, most: number): fc.Arbitrary<Piece> {
  const value = fc.integer({ min: least, max: most });
  const single = value.map((one): Piece => ({ text: two(one), has: (v) => v === one }));
  const range = fc.tuple(value, value).map(([a, b]): Piece => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    return { text: `${two(from)}..${two(to)}`, has: (v) => from <= v && v <= to };
  });
  const step = fc.tuple(value, fc.integer({ min: 1, max: 12 })).map(
    ([from, by]): Piece => ({
      text: `${two(from)}/${by}`,
      has: (v) => v >= from && (v - from) % by === 0,
    }),
  );
  const one = fc.oneof(single, range, step);
  const list = fc.array(one, { minLength: 1, maxLength: 3 }).map(
    (pieces): Piece => ({
      text: pieces.map((part) => part.text).join(','),
      has: (v) => pieces.some((part) => part.has(v)),
    }),
  );
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant({ text: '*', has: () => true }) },
    { weight: 1, arbitrary: list },
  );
}

const names = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const weekdays = fc.oneof(
  fc.constant<Piece>({ text: '', has: () => true }),
  fc.subarray(names, { minLength: 1 }).map(
    (some): Piece => ({
      text: `${some.join(',')} `,
      has: (v) => some.includes(names[v] ?? ''),
    }),
  ),
);

interface Made {
  readonly every: string;
  readonly zone: string;
  /** Does a wall clock show a turn? `2026-11-27 22:00`. */
  readonly shows: (wall: string) => boolean;
}

const calendars: fc.Arbitrary<Made> = fc
  .record({
    week: weekdays,
    month: fc.oneof(fc.constant<Piece>({ text: '*', has: () => true }), piece(1, 12)),
    day: piece(1, 31),
    fromEnd: fc.boolean(),
    hour: piece(0, 23),
    minute: piece(0, 59),
    zone: fc.constantFrom(...zones),
  })
  .map(({ week, month, day, fromEnd, hour, minute, zone }) => {
    // A step from the end runs the other way: it has a test of its own.
    const isFromEnd = fromEnd && !day.text.includes('/') && day.text !== '*';
    const every = `${week.text}*-${month.text}${isFromEnd ? '~' : '-'}${day.text} ${hour.text}:${minute.text} ${zone}`;
    const shows = (wall: string): boolean => {
      const [y = 0, mo = 0, d = 0, h = 0, mi = 0] = wall.split(/[- :]/).map(Number);
      const weekday = (new Date(Date.UTC(y, mo - 1, d)).getUTCDay() + 6) % 7;
      const length = new Date(Date.UTC(y, mo, 0)).getUTCDate();
      return (
        week.has(weekday) &&
        month.has(mo) &&
        day.has(isFromEnd ? length - d + 1 : d) &&
        hour.has(h) &&
        minute.has(mi)
      );
    };
    return { every, zone, shows };
  });

const formatters = new Map(
  zones.map((zone) => [
    zone,
    new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' }),
  ]),
);
const wallAt = (zone: string, now: number): string => formatters.get(zone)?.format(now) ?? '';

const minute = 60_000;
const asLocal = (wall: string): number => Date.parse(`${wall.replace(' ', 'T')}Z`);
const asWall = (local: number): string =>
  new Date(local).toISOString().slice(0, 16).replace('T', ' ');

/** The latest time that a clock has shown within a day before. */
function highestAt(zone: string, from: number): number {
  let highest = asLocal(wallAt(zone, from));
  for (let back = 1; back <= 1440; back += 1)
    highest = Math.max(highest, asLocal(wallAt(zone, from - back * minute)));
  return highest;
}

/**
 * All turns in a period: a wall clock is read each minute, and a time counts when it is shown or
 * passed for the first time.
 */
function enumerated({ zone, shows }: Made, from: number, until: number): readonly number[] {
  const turns: number[] = [];
  let highest = highestAt(zone, from);
  for (let now = from + minute; now <= until; now += minute) {
    const local = asLocal(wallAt(zone, now));
    let isTurn = false;
    for (let passed = highest + minute; passed <= local; passed += minute)
      isTurn ||= shows(asWall(passed));
    if (isTurn) turns.push(now);
    highest = Math.max(highest, local);
  }
  return turns;
}

function turnsOf(every: string, from: number, until: number): readonly number[] {
  const turns: number[] = [];
  for (let now = from; ; ) {
    const turn = nextTurn(every, now, 'UTC');
    if (turn === undefined || turn > until) return turns;
    turns.push(turn);
    now = turn;
  }
}

/** A calendar, and when to begin: often near a clock change of its zone. */
const cases = calendars.chain((made) => {
  const own = changes[made.zone] ?? [];
  const days = fc.oneof(
    fc.constantFrom(...otherDays),
    fc.constantFrom(...(own.length > 0 ? own : otherDays)),
  );
  return fc
    .tuple(days, fc.integer({ min: -1440, max: 1440 }))
    .map(([day, minutes]) => ({ made, from: Date.parse(`${day}T00:00Z`) + minutes * minute }));
});

it('the turns are those that a wall clock shows, each once', () => {
  fc.assert(
    fc.property(cases, ({ made, from }) => {
      const until = from + 36 * 60 * minute;
      const expected = enumerated(made, from, until);
      expect([made.every, turnsOf(made.every, from, until)]).toEqual([made.every, expected]);
      expect(newestTurn(made.every, { since: from, now: until, ownZone: 'UTC' })).toBe(
        expected.at(-1),
      );
    }),
    { numRuns: 60 },
  );
});

const analyze = '/usr/bin/systemd-analyze';
const there = existsSync(analyze);

/** The next turns by systemd; undefined where it takes the calendar for none. */
function bySystemd(every: string, from: number, count: number): readonly number[] | undefined {
  const base = new Date(from).toISOString().slice(0, 19).replace('T', ' ');
  const ran = spawnSync(
    analyze,
    ['calendar', `--base-time=${base} UTC`, `--iterations=${count}`, every],
    { encoding: 'utf8', env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' } },
  );
  if (ran.status !== 0) return undefined;
  return [...ran.stdout.matchAll(/(?:Next elapse|Iteration #\d+): \w+ (\S+) (\S+) UTC/g)].map(
    ([, day, time]) => Date.parse(`${day}T${time}Z`),
  );
}

/** The day before a midnight that is shown twice. */
const midnight = {
  made: {
    every: '*-*-01 *:01,43 America/Havana',
    zone: 'America/Havana',
    shows: (wall: string): boolean => /-01 \d\d:(?:01|43)$/.test(wall),
  },
  from: Date.parse('2026-11-01T00:00Z'),
};

/**
 * A wall time that a clock change repeats is one turn, of kmend the first of the two. systemd takes
 * the second when it comes from the day before and the clock goes back at midnight: walls are compared.
 */
it.skipIf(!there)(
  `the wall times are those of systemd, but for times that a change skips (${there ? 'there' : 'needs systemd-analyze'})`,
  () => {
    fc.assert(
      fc.property(cases, ({ made, from }) => {
        // Asked within an hour that is shown again, systemd says its times twice.
        fc.pre(highestAt(made.zone, from) === asLocal(wallAt(made.zone, from)));
        const expected = bySystemd(made.every, from, 8);
        if (expected === undefined) return;
        const until = expected.at(-1) ?? from + 36 * 60 * minute;
        const walls = (turns: readonly number[]) => turns.map((turn) => wallAt(made.zone, turn));
        const all = walls(turnsOf(made.every, from, until)).filter(made.shows);
        const hasSteps = made.every.includes('/');
        const own = hasSteps ? all : all.slice(0, expected.length);
        // A step that leads over the end of an hour makes systemd leave out a turn at midnight.
        const alike = hasSteps ? expect.arrayContaining(walls(expected)) : walls(expected);
        expect([made.every, own]).toEqual([made.every, alike]);
      }),
      { numRuns: 60, examples: [[midnight]] },
    );
  },
);

it
  .skipIf(!there)
  .each([
    ...[
      '*-*~10/3',
      '*-*~10..20/3',
      'Mon *-05~07/1',
      '*-*~*',
      '*-02~01',
      'Sun *-02-29',
      'bi-annually',
    ],
    ...['monday..Wednesday,SUN', 'Mon-Fri', '27..30/2-1/3-05', '*:*:0/7', '1..5/2:00', '2030-1-1'],
    ...['weekly', 'minutely', '22:00 utc', '3:00 CET', '*-*-31 3:00', '*-1..2-30,31 6:0:5..9/2'],
  ])('%s means what it means to systemd', (every) => {
  const from = Date.parse('2027-01-15T12:00Z');
  const expected = bySystemd(every, from, 6) ?? [];
  expect(expected).not.toEqual([]);
  expect(turnsOf(every, from, expected.at(-1) ?? 0)).toEqual(expected);
});
