// Windows and freezes on the wall clocks of four zones, with the days on which clocks change.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instantOf, isTimeZone, localTime } from '../../src/core/rollout/local-time.ts';
import { nextFit, stretchAt } from '../../src/core/rollout/window.ts';
import type { Freeze, Window } from '../../src/model/playbook.ts';

const [sun, mon, tue, wed, thu, fri, sat] = [0, 1, 2, 3, 4, 5, 6] as const;
const weekdays = [mon, tue, wed, thu, fri];
const everyDay = [sun, ...weekdays, sat];

const clock = (text: string): number => {
  const [hours = '0', minutes = '0'] = text.split(':');
  return Number(hours) * 60 + Number(minutes);
};
const window = (days: readonly number[], from: string, to: string, tz = 'UTC'): Window => ({
  days,
  from: clock(from),
  to: clock(to),
  tz,
});
const schedule = (...windows: readonly Window[]) => ({ windows, freeze: [] as readonly Freeze[] });
const at = (text: string): number => Date.parse(text);
const iso = (time: number | undefined): string =>
  time === undefined || !Number.isFinite(time)
    ? 'never'
    : new Date(time).toISOString().replace('.000Z', 'Z');

describe('a window is open', () => {
  const office = window(weekdays, '09:00', '17:00');
  const night = window([fri], '22:00', '04:00');
  const always = window(everyDay, '00:00', '00:00');
  const toMidnight = window(everyDay, '20:00', '24:00');
  const berlin = window([sat], '01:00', '05:00', 'Europe/Berlin');
  const newYork = window([sun], '23:00', '01:00', 'America/New_York');
  const kolkata = window([mon], '00:00', '00:30', 'Asia/Kolkata');

  // 2026-01-14 is a Wednesday.
  it.each([
    ['office hours', office, '2026-01-14T08:59:59Z', false],
    ['office hours', office, '2026-01-14T09:00:00Z', true],
    ['office hours', office, '2026-01-14T16:59:59Z', true],
    ['office hours', office, '2026-01-14T17:00:00Z', false],
    ['office hours on a Saturday', office, '2026-01-17T12:00:00Z', false],
    ['over midnight, its own evening', night, '2026-01-16T22:00:00Z', true],
    ['over midnight, the morning after', night, '2026-01-17T03:59:59Z', true],
    ['over midnight, the end', night, '2026-01-17T04:00:00Z', false],
    ['over midnight, the morning before', night, '2026-01-16T03:00:00Z', false],
    ['over midnight, the next evening', night, '2026-01-17T22:00:00Z', false],
    ['all day', always, '2026-01-14T00:00:00Z', true],
    ['all day', always, '2026-01-14T23:59:59Z', true],
    ['until 24:00', toMidnight, '2026-01-14T23:59:59Z', true],
    ['until 24:00', toMidnight, '2026-01-15T00:00:00Z', false],
    ['Berlin winter time', berlin, '2026-01-16T23:59:59Z', false],
    ['Berlin winter time', berlin, '2026-01-17T00:00:00Z', true],
    ['Berlin winter time', berlin, '2026-01-17T04:00:00Z', false],
    ['Berlin summer time', berlin, '2026-07-17T22:59:59Z', false],
    ['Berlin summer time', berlin, '2026-07-17T23:00:00Z', true],
    ['Berlin summer time', berlin, '2026-07-18T03:00:00Z', false],
    ['New York, a Monday in UTC', newYork, '2026-01-19T04:00:00Z', true],
    ['New York, over midnight', newYork, '2026-01-19T05:59:59Z', true],
    ['New York, over midnight', newYork, '2026-01-19T06:00:00Z', false],
    ['Kolkata, a Sunday in UTC', kolkata, '2026-01-18T18:30:00Z', true],
    ['Kolkata, a Sunday in UTC', kolkata, '2026-01-18T19:00:00Z', false],
  ])('%s: %o at %s: %s', (_name, one, time, open) => {
    expect(stretchAt(schedule(one), at(time)).open).toBe(open);
  });

  it('always, where there are none', () => {
    expect(stretchAt(schedule(), 0)).toMatchObject({ open: true, until: Number.POSITIVE_INFINITY });
  });
});

describe('what is left of a window', () => {
  it('goes on where another window takes over without a break', () => {
    const both = schedule(
      window([wed], '09:00', '12:00'),
      window([wed], '12:00', '13:00'),
      window([wed], '12:30', '14:00'),
    );
    expect(iso(stretchAt(both, at('2026-01-14T09:30:00Z')).until)).toBe('2026-01-14T14:00:00Z');
  });

  it('goes on over midnight into the next day', () => {
    const both = schedule(window([wed], '20:00', '00:00'), window([thu], '00:00', '02:00'));
    expect(iso(stretchAt(both, at('2026-01-14T21:00:00Z')).until)).toBe('2026-01-15T02:00:00Z');
  });

  it('is far off where it is always open', () => {
    const always = stretchAt(
      schedule(window(everyDay, '00:00', '00:00')),
      at('2026-01-14T21:00:00Z'),
    );
    expect(always.until - at('2026-01-14T21:00:00Z')).toBeGreaterThan(13 * 86_400_000);
  });

  it('ends where a freeze begins', () => {
    const freeze = [
      { from: '2026-01-14T11:00', to: '2026-01-20T00:00', tz: 'Europe/Berlin', why: 'sale' },
    ];
    expect(iso(stretchAt({ windows: [], freeze }, at('2026-01-14T09:30:00Z')).until)).toBe(
      '2026-01-14T10:00:00Z',
    );
  });
});

describe('when clocks change', () => {
  // Berlin 2026: 29 March 02:00 -> 03:00, 25 October 03:00 -> 02:00. New York 2026: 8 March, 1
  // November. Sydney 2026: 5 April back, 4 October forward.
  it.each([
    [
      'Berlin spring: the night is an hour shorter',
      window([sun], '01:00', '05:00', 'Europe/Berlin'),
      '2026-03-29T00:00:00Z',
      '2026-03-29T03:00:00Z',
    ],
    [
      'Berlin spring: a beginning that is left out is the moment of the change',
      window([sun], '02:30', '04:00', 'Europe/Berlin'),
      '2026-03-29T01:00:00Z',
      '2026-03-29T02:00:00Z',
    ],
    [
      'Berlin spring: an end that is left out is the moment of the change',
      window([sun], '01:00', '02:30', 'Europe/Berlin'),
      '2026-03-29T00:00:00Z',
      '2026-03-29T01:00:00Z',
    ],
    [
      'Berlin autumn: the night is an hour longer',
      window([sun], '01:00', '05:00', 'Europe/Berlin'),
      '2026-10-24T23:00:00Z',
      '2026-10-25T04:00:00Z',
    ],
    [
      'Berlin autumn: an end that comes twice is the first',
      window([sun], '01:00', '02:30', 'Europe/Berlin'),
      '2026-10-24T23:00:00Z',
      '2026-10-25T00:30:00Z',
    ],
    [
      'Berlin autumn: a beginning that comes twice is the first',
      window([sun], '02:30', '03:30', 'Europe/Berlin'),
      '2026-10-25T00:30:00Z',
      '2026-10-25T02:30:00Z',
    ],
    [
      'New York spring',
      window([sun], '01:00', '04:00', 'America/New_York'),
      '2026-03-08T06:00:00Z',
      '2026-03-08T08:00:00Z',
    ],
    [
      'New York autumn',
      window([sun], '00:30', '03:00', 'America/New_York'),
      '2026-11-01T04:30:00Z',
      '2026-11-01T08:00:00Z',
    ],
    [
      'New York autumn, over midnight from the evening before',
      window([sat], '23:00', '03:00', 'America/New_York'),
      '2026-11-01T03:00:00Z',
      '2026-11-01T08:00:00Z',
    ],
    [
      'Sydney autumn (April)',
      window([sun], '01:00', '04:00', 'Australia/Sydney'),
      '2026-04-04T14:00:00Z',
      '2026-04-04T18:00:00Z',
    ],
    [
      'Sydney spring (October)',
      window([sun], '01:00', '04:00', 'Australia/Sydney'),
      '2026-10-03T15:00:00Z',
      '2026-10-03T17:00:00Z',
    ],
  ])('%s', (_name, one, opens, closes) => {
    expect(stretchAt(schedule(one), at(opens) - 1)).toMatchObject({
      open: false,
      until: at(opens),
    });
    expect(iso(stretchAt(schedule(one), at(opens)).until)).toBe(closes);
    expect(stretchAt(schedule(one), at(closes)).open).toBe(false);
  });

  it('a window that lies in the hour that is left out does not open on that day', () => {
    const lost = schedule(window([sun], '02:10', '02:50', 'Europe/Berlin'));
    expect(iso(nextFit(lost, at('2026-03-28T12:00:00Z'), 60))).toBe('2026-04-05T00:10:00Z');
  });
});

describe('the next window that is long enough', () => {
  const nights = window([wed], '01:00', '03:00', 'Europe/Berlin');

  it('is now, where enough is left', () => {
    expect(iso(nextFit(schedule(nights), at('2026-01-14T01:00:00Z'), 3600))).toBe(
      '2026-01-14T01:00:00Z',
    );
  });

  it('is next week, where it is not', () => {
    expect(iso(nextFit(schedule(nights), at('2026-01-14T01:00:01Z'), 3600))).toBe(
      '2026-01-21T00:00:00Z',
    );
  });

  it('skips a window that a freeze covers or cuts', () => {
    const freeze = [
      { from: '2026-01-21T02:00', to: '2026-01-27T12:00', tz: 'Europe/Berlin', why: 'sale' },
    ];
    expect(iso(nextFit({ windows: [nights], freeze }, at('2026-01-14T12:00:00Z'), 7200))).toBe(
      '2026-01-28T00:00:00Z',
    );
  });

  it('does not exist for what takes longer than any window', () => {
    expect(nextFit(schedule(nights), at('2026-01-14T12:00:00Z'), 7201)).toBeUndefined();
  });

  it('does not exist for a window without days', () => {
    expect(
      nextFit(schedule(window([], '01:00', '03:00')), at('2026-01-14T12:00:00Z'), 1),
    ).toBeUndefined();
  });
});

describe('local time', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'Pacific/Apia',
    'America/Sao_Paulo',
  ];
  const instants = fc.integer({ min: Date.UTC(2015, 0, 1), max: Date.UTC(2035, 0, 1) });

  it('the first instant that shows a local time or a later one is just that', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), instants, (tz, now) => {
        const local = localTime(tz, now);
        const first = instantOf(tz, local);
        expect(first).toBeLessThanOrEqual(now);
        expect(localTime(tz, first)).toBe(local);
      }),
      { numRuns: 2000 },
    );
  });

  it('a time that no clock shows becomes the moment of the change', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), instants, (tz, local) => {
        const first = instantOf(tz, local);
        expect(localTime(tz, first)).toBeGreaterThanOrEqual(local);
        expect(localTime(tz, first - 1)).toBeLessThan(local);
      }),
      { numRuns: 2000 },
    );
  });

  it('knows zones by name', () => {
    expect([isTimeZone('Europe/Berlin'), isTimeZone('Europe/Nowhere')]).toEqual([true, false]);
  });
});

it('the remembered answer is the same as a fresh one', () => {
  const windows = [
    window(weekdays, '22:00', '04:00', 'Europe/Berlin'),
    window([sat], '10:00', '11:30', 'America/New_York'),
  ];
  const shared = schedule(...windows);
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: at('2026-03-20T00:00:00Z'), max: at('2026-04-10T00:00:00Z') }), {
        minLength: 2,
        maxLength: 8,
      }),
      (times) => {
        for (const time of times) {
          const fresh = stretchAt(schedule(...windows), time);
          expect(stretchAt(shared, time)).toMatchObject({ open: fresh.open, until: fresh.until });
        }
      },
    ),
    { numRuns: 300 },
  );
});
