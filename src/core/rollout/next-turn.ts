// When a job has its next turn, by the five fields of cron that its calendar has.
import { type Calendar, readCalendar } from './cron-line.ts';
import { instantOf, midnight, minutes, weekday } from './local-time.ts';

/** Days that are searched: a monthly turn is within them. */
const horizon = 32;

/**
 * The first turn after `now`; undefined where cron cannot express the calendar.
 * @param ownZone the IANA zone of this machine, for calendars without one
 */
export function nextTurn(every: string, now: number, ownZone: string): number | undefined {
  const calendar = readCalendar(every);
  const fields = calendar && fieldsOf(calendar);
  if (calendar === undefined || fields === undefined) return undefined;
  const zone = calendar.zone ?? ownZone;
  for (let day = 0; day <= horizon; day++) {
    const start = midnight(zone, now, day);
    const isDay =
      fields.weekdays.includes(weekday(start)) &&
      fields.dates.includes(new Date(start).getUTCDate());
    if (!isDay) continue;
    for (const hour of fields.hours)
      for (const minute of fields.minutes) {
        const turn = instantOf(zone, start + minutes(60 * hour + minute));
        if (turn > now) return turn;
      }
  }
  return undefined;
}

interface Fields {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly dates: readonly number[];
  readonly weekdays: readonly number[];
}

function fieldsOf({ cron }: Calendar): Fields | undefined {
  if (cron === undefined) return undefined;
  const [minute = '*', hour = '*', date = '*', , weekdays = '*'] = cron.split(' ');
  return {
    minutes: numbersOf(minute, 0, 59),
    hours: numbersOf(hour, 0, 23),
    dates: numbersOf(date, 1, 31),
    // In cron 7 is Sunday too.
    weekdays: numbersOf(weekdays, 0, 7).map((day) => day % 7),
  };
}

/** The numbers of `*`, `*` with a step, `3`, `1-5` and lists of them, in their order. */
function numbersOf(field: string, least: number, most: number): readonly number[] {
  const found = field.split(',').flatMap((part) => {
    const [range = '', step = '1'] = part.split('/');
    const [from = '', to = from] = range === '*' ? [`${least}`, `${most}`] : range.split('-');
    return upTo(Number(from), Number(to), Number(step));
  });
  return [...new Set(found)].sort((a, b) => a - b);
}

const upTo = (from: number, to: number, step: number): readonly number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
