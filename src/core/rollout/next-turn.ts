// When a job has a turn, by its calendar.
import { present } from '../../model/present.ts';
import { type Fields, readFields, valuesOf } from './calendar.ts';
import { instantOf, localTime, weekday } from './local-time.ts';

/** The last year of calendars, as in systemd. */
const lastYear = 2199;

/**
 * The first turn after `now`; undefined where the text is no calendar, or there is none any more.
 * A time that a clock change skips counts at the change; one that comes twice counts the first time.
 * @param ownZone the IANA zone of this machine, for calendars without one
 */
export function nextTurn(every: string, now: number, ownZone: string): number | undefined {
  const read = readFields(every);
  if (read === undefined) return undefined;
  const { fields, zone = ownZone } = read;
  for (const local of localTurns(fields, localTime(zone, now))) {
    const turn = instantOf(zone, local);
    if (turn > now) return turn;
  }
  return undefined;
}

/**
 * The newest turn that is after `since`, and not after `now`; undefined where there is none. Turns
 * are in the order of time, so it halves the period until the next turn of its start is the newest.
 */
export function newestTurn(
  every: string,
  {
    since,
    now,
    ownZone,
  }: { readonly since: number; readonly now: number; readonly ownZone: string },
): number | undefined {
  let newest = nextTurn(every, since, ownZone);
  if (newest === undefined || newest > now) return undefined;
  let late = now;
  while (late - newest > 0) {
    const middle = newest + Math.floor((late - newest) / 2);
    const turn = nextTurn(every, middle, ownZone);
    if (turn === undefined || turn > now) late = middle;
    else newest = turn;
  }
  return newest;
}

/** Local times of turns after `from`, in their order. */
function* localTurns(fields: Fields, from: number): Generator<number> {
  const hours = valuesOf(fields.hours, 0, 23);
  const minutes = valuesOf(fields.minutes, 0, 59);
  const seconds = valuesOf(fields.seconds, 0, 59);
  for (const day of localDays(fields, from))
    for (const hour of hours) {
      const start = day + 3_600_000 * hour;
      if (start + 3_600_000 <= from) continue;
      for (const minute of minutes)
        for (const second of seconds) {
          const local = start + 1000 * (60 * minute + second);
          if (local > from) yield local;
        }
    }
}

/** Midnights of the days from that of `from` on. */
function* localDays(fields: Fields, from: number): Generator<number> {
  const first = new Date(from);
  const [firstYear, firstMonth] = [first.getUTCFullYear(), first.getUTCMonth() + 1];
  const weekdays = valuesOf(fields.weekdays, 1, 7);
  for (const year of valuesOf(fields.years, firstYear, lastYear))
    for (const month of valuesOf(fields.months, year === firstYear ? firstMonth : 1, 12))
      for (const date of datesIn(fields, year, month)) {
        const day = Date.UTC(year, month - 1, date);
        // 0 is Sunday.
        if (day > from - 86_400_000 && weekdays.includes(weekday(day) || 7)) yield day;
      }
}

function datesIn({ days, fromEnd }: Fields, year: number, month: number): readonly number[] {
  const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (!fromEnd) return valuesOf(days, 1, length);
  const forward = days.map(({ from, to, step }) => {
    // A step goes on towards the end of the month, as in systemd.
    if (to === undefined) return { from: length + 1 - from, ...present({ step }) };
    const farthest = to - ((to - from) % (step ?? 1));
    return { from: length + 1 - farthest, to: length + 1 - from, ...present({ step }) };
  });
  return valuesOf(forward, 1, length);
}
