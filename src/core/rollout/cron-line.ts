// Calendar expressions of jobs: the form of systemd, and the five fields of cron where cron can
// express it.
import { present } from '../../model/present.ts';
import { type Component, type Fields, type Part, readFields } from './calendar.ts';

export interface Calendar {
  /** In the form of systemd: `Mon..Fri 22:00`, `daily`, `*-*-* 02:30:00 Europe/Berlin`. */
  readonly every: string;
  /** Five fields of cron; absent where cron cannot express it. */
  readonly cron?: string;
  /** IANA zone at its end; absent = the machine's own. */
  readonly zone?: string;
}

/**
 * Characters of a calendar expression and of a zone. Others could have a meaning of their own in a
 * unit file.
 */
const allowed = /^[A-Za-z0-9*.,:/~+_ -]+$/;

/** Reads the text; undefined when it is no calendar expression. */
export function readCalendar(text: string): Calendar | undefined {
  const every = text.trim().replace(/\s+/g, ' ');
  const read = allowed.test(every) ? readFields(every) : undefined;
  if (read === undefined) return undefined;
  return { every, ...present({ cron: cronOf(read.fields), zone: read.zone }) };
}

/**
 * Cron has no years, no seconds, and no days from the end of a month; where it is given days and
 * weekdays, one of the two is enough for it.
 */
function cronOf({ weekdays, years, months, days, ...rest }: Fields): string | undefined {
  const { fromEnd, hours, minutes, seconds } = rest;
  const [second] = seconds;
  const isFullMinute =
    seconds.length === 1 &&
    second?.from === 0 &&
    second.to === undefined &&
    second.step === undefined;
  if (!isFullMinute || years.length > 0 || fromEnd || (weekdays.length > 0 && days.length > 0))
    return undefined;
  return [
    field(minutes, 0, 59),
    field(hours, 0, 23),
    field(days, 1, 31),
    field(months, 1, 12),
    // A single Sunday is 0; cron has a range that ends with 7.
    field(
      weekdays.map((part) => (part.to === undefined ? { from: part.from % 7 } : part)),
      0,
      7,
    ),
  ].join(' ');
}

const field = (component: Component, least: number, most: number): string =>
  component.length === 0 ? '*' : component.map((part) => cronPart(part, least, most)).join(',');

function cronPart({ from, to, step }: Part, least: number, most: number): string {
  if (step === undefined) return to === undefined ? String(from) : `${from}-${to}`;
  const range = from === least && to === undefined ? '*' : `${from}-${to ?? most}`;
  return `${range}/${step}`;
}
