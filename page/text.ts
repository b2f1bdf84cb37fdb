// Times and numbers as the page writes them.
import { duration } from '../src/screens/units.ts';

const whole = new Intl.NumberFormat('en');

export const count = (value: number): string => whole.format(value);

/** Milliseconds as `1h24m`. */
export const lasting = (milliseconds: number): string =>
  duration(
    Math.max(0, milliseconds >= 10_000 ? Math.round(milliseconds / 1000) : milliseconds / 1000),
  );

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const seconds = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const day = new Intl.DateTimeFormat('en-CA', { year: 'numeric', month: '2-digit', day: '2-digit' });
const named = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' });

const zoneAt = (at: number): string =>
  named.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? '';

/** `10:42 CET`; with the day where it is not that of `near`. */
export function time(at: number, near?: number): string {
  const date = day.format(at);
  const there = near !== undefined && day.format(near) === date ? '' : `${date} `;
  return `${there}${clock.format(at)} ${zoneAt(at)}`;
}

/** `10:42:07`, for a list whose head names the zone. */
export const clockTime = (at: number): string => seconds.format(at);

/** `03:23-03:45 CET`. */
export function range(from: number, to: number, near: number): string {
  const end = time(to, near);
  const start = time(from, near);
  if (start === end) return end;
  const sameDay = day.format(from) === day.format(to);
  return sameDay
    ? `${start.replace(/ \S+$/, '')}–${clock.format(to)} ${zoneAt(to)}`
    : `${start} – ${end}`;
}

export const day10 = (at: number): string => day.format(at);

export const utc = (at: number): string => new Date(at).toISOString();
