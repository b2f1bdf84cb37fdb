// Local time of IANA zones, by Intl alone: the local time at an instant, and the instant of a local
// time.

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(tz: string): Intl.DateTimeFormat {
  const known = formatters.get(tz);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: tz,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formatters.set(tz, made);
  return made;
}

/** Does this machine know the zone? */
export function isTimeZone(tz: string): boolean {
  try {
    formatterOf(tz);
    return true;
  } catch {
    return false;
  }
}

const minute = 60_000;
const day = 86_400_000;

/** Local time as milliseconds since 1970 on the local clock (not an instant). */
export function localTime(tz: string, now: number): number {
  const fields: Record<string, number> = {};
  for (const part of formatterOf(tz).formatToParts(now)) fields[part.type] = Number(part.value);
  const { year = 0, month = 1, day: date = 1, hour = 0, minute: minutes = 0, second = 0 } = fields;
  return Date.UTC(year, month - 1, date, hour, minutes, second) + (((now % 1000) + 1000) % 1000);
}

const offset = (tz: string, now: number): number => localTime(tz, now) - now;

/**
 * The first instant at which the local clock shows this time or a later one. For a time that a
 * clock change skips, that is the instant of the change. For a time that comes twice, it is the
 * first.
 */
export function instantOf(tz: string, local: number): number {
  const early = local - offset(tz, local - day);
  const late = local - offset(tz, local + day);
  const candidates = early < late ? [early, late] : [late, early];
  for (const instant of candidates) if (localTime(tz, instant) === local) return instant;
  return changeBetween(tz, Math.min(early, late), Math.max(early, late));
}

/** The instant at which the zone's offset changes, to the millisecond. */
function changeBetween(tz: string, from: number, to: number): number {
  const before = offset(tz, from);
  let low = from;
  let high = to;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offset(tz, middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

/** Local midnight `days` days after the local day of `now`. */
export const midnight = (tz: string, now: number, days: number): number =>
  Math.floor(localTime(tz, now) / day) * day + days * day;

/** 0 = Sunday ... 6 = Saturday. */
export const weekday = (local: number): number => (((Math.floor(local / day) + 4) % 7) + 7) % 7;

/** `2026-12-20T00:00` (or with seconds, or a date alone) as local time; NaN for any other text. */
export const parseLocal = (text: string): number =>
  Date.parse(`${text.length === 10 ? `${text}T00:00` : text}Z`);

export const minutes = (count: number): number => count * minute;
