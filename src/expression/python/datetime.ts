// Dates and times without a zone, for `to_datetime`, and their differences. Reads no clock.
import { fail } from '../errors.ts';

const second = 1_000_000;
const day = 86_400 * second;
const pad = (value: number, width: number): string => String(value).padStart(width, '0');

export function datetimeText(micros: number): string {
  const whole = Math.floor(micros / second);
  const rest = micros - whole * second;
  const stamp = new Date(whole * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return rest === 0 ? stamp : `${stamp}.${pad(rest, 6)}`;
}

export function durationText(micros: number): string {
  const days = Math.floor(micros / day);
  const inDay = micros - days * day;
  const seconds = Math.floor(inDay / second);
  const rest = inDay - seconds * second;
  const clock = `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}${rest === 0 ? '' : `.${pad(rest, 6)}`}`;
  return days === 0 ? clock : `${days} day${Math.abs(days) === 1 ? '' : 's'}, ${clock}`;
}

export const durationDays = (micros: number): number => Math.floor(micros / day);
export const durationSeconds = (micros: number): number =>
  Math.floor((micros - durationDays(micros) * day) / second);
export const totalSeconds = (micros: number): number => micros / second;

const fields: Readonly<Record<string, { readonly width: number; readonly pattern: RegExp }>> = {
  Y: { width: 4, pattern: /^\d{4}/ },
  m: { width: 2, pattern: /^(1[0-2]|0?[1-9])/ },
  d: { width: 2, pattern: /^(3[01]|[12]\d|0?[1-9]| [1-9])/ },
  H: { width: 2, pattern: /^(2[0-3]|[01]\d|\d)/ },
  M: { width: 2, pattern: /^([0-5]\d|\d)/ },
  S: { width: 2, pattern: /^(6[01]|[0-5]\d|\d)/ },
  f: { width: 6, pattern: /^\d{1,6}/ },
};

/** Parses a time by a strptime format with %Y %m %d %H %M %S %f and %%. */
export function parseDatetime(value: string, format: string): number {
  const read: Record<string, number> = {};
  let rest = value;
  const wrong = (): never => fail(`time data '${value}' does not match format '${format}'`);
  for (let i = 0; i < format.length; i++) {
    const char = format[i] ?? '';
    if (char !== '%') {
      if (/\s/.test(char) ? !/^\s+/.test(rest) : rest[0] !== char) wrong();
      rest = /\s/.test(char) ? rest.trimStart() : rest.slice(1);
      continue;
    }
    const letter = format[++i] ?? '';
    if (letter === '%') {
      if (rest[0] !== '%') wrong();
      rest = rest.slice(1);
      continue;
    }
    const field =
      fields[letter] ?? fail(`to_datetime does not know %${letter}; it knows %Y %m %d %H %M %S %f`);
    const found = field.pattern.exec(rest)?.[0] ?? wrong();
    read[letter] = Number(letter === 'f' ? found.padEnd(6, '0') : found);
    rest = rest.slice(found.length);
  }
  if (rest !== '') fail(`unconverted data remains: ${rest}`);
  const [year, month, date] = [read.Y ?? 1900, read.m ?? 1, read.d ?? 1];
  const millis = Date.UTC(year, month - 1, date, read.H ?? 0, read.M ?? 0, read.S ?? 0);
  if (new Date(Date.UTC(year, month - 1, date)).getUTCDate() !== date)
    fail('day is out of range for month');
  return millis * 1000 + (read.f ?? 0);
}

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** Formats a time by a strftime format, with English names. */
export function formatDatetime(micros: number, format: string): string {
  const date = new Date(Math.floor(micros / 1000));
  const [weekday, month] = [weekdays[date.getUTCDay()] ?? '', months[date.getUTCMonth()] ?? ''];
  const values: Readonly<Record<string, string>> = {
    Y: pad(date.getUTCFullYear(), 4),
    y: pad(date.getUTCFullYear() % 100, 2),
    m: pad(date.getUTCMonth() + 1, 2),
    d: pad(date.getUTCDate(), 2),
    e: String(date.getUTCDate()).padStart(2),
    H: pad(date.getUTCHours(), 2),
    I: pad(date.getUTCHours() % 12 || 12, 2),
    p: date.getUTCHours() < 12 ? 'AM' : 'PM',
    M: pad(date.getUTCMinutes(), 2),
    S: pad(date.getUTCSeconds(), 2),
    f: pad(((micros % second) + second) % second, 6),
    j: pad(
      Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1,
      3,
    ),
    A: weekday,
    a: weekday.slice(0, 3),
    B: month,
    b: month.slice(0, 3),
    s: String(Math.floor(micros / second)),
    '%': '%',
  };
  const dated = format.replace(/%F/g, '%Y-%m-%d').replace(/%T/g, '%H:%M:%S');
  return dated.replace(/%([\s\S])/g, (whole, letter: string) =>
    Object.hasOwn(values, letter)
      ? (values[letter] ?? '')
      : fail(`strftime does not know ${whole}`),
  );
}
