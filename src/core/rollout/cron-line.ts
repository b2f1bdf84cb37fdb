// Calendar expressions of jobs: the form of systemd, and the five fields of cron where cron can
// express it.
import { present } from '../../model/present.ts';

export interface Calendar {
  /** In the form of systemd: `Mon..Fri 22:00`, `daily`, `*-*-* 02:30:00 Europe/Berlin`. */
  readonly every: string;
  /** Five fields of cron; absent where cron cannot express it. */
  readonly cron?: string;
  /** IANA zone at its end; absent = the machine's own. */
  readonly zone?: string;
}

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const words: Readonly<Record<string, string>> = {
  hourly: '0 * * * *',
  daily: '0 0 * * *',
  weekly: '0 0 * * 1',
  monthly: '0 0 1 * *',
};

/**
 * Characters of a calendar expression and of a zone. Others could have a meaning of their own in a
 * unit file.
 */
const allowed = /^[A-Za-z0-9*.,:/~+_ -]+$/;

/** Reads the text; undefined when it is no calendar expression. */
export function readCalendar(text: string): Calendar | undefined {
  const every = text.trim().replace(/\s+/g, ' ');
  if (every === '' || !allowed.test(every)) return undefined;
  const zone = /\s([A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)+|UTC)$/.exec(every)?.[1];
  const plain = zone === undefined ? every : every.slice(0, -zone.length).trim();
  const cron = Object.hasOwn(words, plain.toLowerCase())
    ? words[plain.toLowerCase()]
    : fieldsOf(plain);
  if (
    cron === undefined &&
    !/\d|\*/.test(plain) &&
    !/^(?:minutely|quarterly|semiannually|yearly|annually)$/i.test(plain)
  )
    return undefined;
  return { every, ...present({ cron, zone }) };
}

/**
 * `[DAYS ][*-*-* ]HH:MM[:00]`. Hours and minutes are a number, `*`, a list, or `*` or `0` with a
 * step.
 */
function fieldsOf(text: string): string | undefined {
  const parts = /^(?:([A-Za-z.,]+) )?(?:\*-\*-\* )?([\d*,/]+):([\d*,/]+)(?::0?0)?$/.exec(text);
  if (parts === null) return undefined;
  const [, on, hour = '', minute = ''] = parts;
  const [week, h, m] = [on === undefined ? '*' : weekOf(on), timeOf(hour, 23), timeOf(minute, 59)];
  return week === undefined || h === undefined || m === undefined
    ? undefined
    : `${m} ${h} * * ${week}`;
}

function timeOf(text: string, most: number): string | undefined {
  const step = /^(?:\*|0?0)\/(\d+)$/.exec(text)?.[1];
  if (step !== undefined)
    return Number(step) >= 1 && Number(step) <= most ? `*/${Number(step)}` : undefined;
  if (text === '*') return '*';
  const numbers = text.split(',');
  return numbers.every((number) => /^\d{1,2}$/.test(number) && Number(number) <= most)
    ? numbers.map(Number).join(',')
    : undefined;
}

function weekOf(text: string): string | undefined {
  const parts = text.split(',').map((part) => {
    const ends = part.split('..').map((name) => days.indexOf(name.slice(0, 3).toLowerCase()));
    const [from = -1, to = from] = ends;
    if (ends.length > 2 || from < 0 || to < 0) return undefined;
    // In cron 7 is Sunday too: a range can end with Sunday without beginning with it.
    return ends.length === 1 ? String(from) : `${from}-${to < from ? to + 7 : to}`;
  });
  if (parts.some((part) => part === undefined || /-(?:[89]|1\d)$/.test(part))) return undefined;
  return parts.join(',');
}
