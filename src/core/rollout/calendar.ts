// Calendar expressions, in the grammar of systemd.time(7): `Mon..Fri 22:00`, `*-*~1 02:30 UTC`,
// `daily`. Two forms are not read: `@SECONDS`, and fractions of a second.
import { present } from '../../model/present.ts';
import { isTimeZone } from './local-time.ts';

/** One number, a range, or a step: from `from` in steps of `step`, up to `to` or to the end. */
export interface Part {
  readonly from: number;
  readonly to?: number;
  readonly step?: number;
}

/** Parts of one component; none = every value. */
export type Component = readonly Part[];

export interface Fields {
  /** 1 = Monday ... 7 = Sunday. */
  readonly weekdays: Component;
  readonly years: Component;
  readonly months: Component;
  readonly days: Component;
  /** `days` count from the end of the month: 1 = its last day. */
  readonly fromEnd: boolean;
  readonly hours: Component;
  readonly minutes: Component;
  readonly seconds: Component;
}

const words: Readonly<Record<string, string>> = {
  minutely: '*-*-* *:*:00',
  hourly: '*-*-* *:00:00',
  daily: '*-*-* 00:00:00',
  weekly: 'Mon *-*-* 00:00:00',
  monthly: '*-*-01 00:00:00',
  quarterly: '*-01,04,07,10-01 00:00:00',
  semiannually: '*-01,07-01 00:00:00',
  'semi-annually': '*-01,07-01 00:00:00',
  biannually: '*-01,07-01 00:00:00',
  'bi-annually': '*-01,07-01 00:00:00',
  yearly: '*-01-01 00:00:00',
  annually: '*-01-01 00:00:00',
};

/** Reads an expression in which words are separated by one blank; undefined when it is none. */
export function readFields(
  text: string,
): { readonly fields: Fields; readonly zone?: string } | undefined {
  const given = text.split(' ');
  const last = given.at(-1) ?? '';
  const zone = given.length > 1 && /^[A-Za-z]/.test(last) && isTimeZone(last) ? last : undefined;
  const plain = (zone === undefined ? given : given.slice(0, -1)).join(' ');
  const known = plain.toLowerCase();
  const fields = fieldsOf(Object.hasOwn(words, known) ? (words[known] ?? '') : plain);
  return fields && { fields, ...present({ zone }) };
}

const midnight = { hours: [{ from: 0 }], minutes: [{ from: 0 }], seconds: [{ from: 0 }] } as const;
const everyDay = { years: [], months: [], days: [], fromEnd: false } as const;

function fieldsOf(plain: string): Fields | undefined {
  const left = plain.split(' ');
  const weekdays = /^[A-Za-z]/.test(left[0] ?? '') ? weekdaysOf(left.shift() ?? '') : [];
  const time = left.at(-1)?.includes(':') === true ? timeOf(left.pop() ?? '') : midnight;
  const date = left.length > 0 ? dateOf(left.shift() ?? '') : everyDay;
  if (weekdays === undefined || time === undefined || date === undefined || left.length > 0)
    return undefined;
  return { weekdays, ...date, ...time };
}

function timeOf(text: string): Pick<Fields, 'hours' | 'minutes' | 'seconds'> | undefined {
  const [hour = '', minute = '', second = '0', ...more] = text.split(':');
  const hours = componentOf(hour, 0, 23);
  const minutes = componentOf(minute, 0, 59);
  const seconds = componentOf(second, 0, 59);
  if (hours === undefined || minutes === undefined || seconds === undefined || more.length > 0)
    return undefined;
  return { hours, minutes, seconds };
}

/** `[YEAR-]MONTH-DAY`, or `[YEAR-]MONTH~DAY`. */
function dateOf(text: string): Pick<Fields, 'years' | 'months' | 'days' | 'fromEnd'> | undefined {
  const [, year = '*', month = '', mark, day = ''] =
    /^(?:([^-~]+)-)?([^-~]+)([-~])([^-~]+)$/.exec(text) ?? [];
  const years = componentOf(year, 1970, 2199, fullYear);
  const months = componentOf(month, 1, 12);
  const days = componentOf(day, 1, 31);
  if (years === undefined || months === undefined || days === undefined) return undefined;
  return { years, months, days, fromEnd: mark === '~' };
}

const fullYear = (year: number): number =>
  year < 70 ? 2000 + year : year < 100 ? 1900 + year : year;

/** `*`, `3`, `1..5`, `0/15`, `1..9/2`, and lists of them, within `least` and `most`. */
function componentOf(
  text: string,
  least: number,
  most: number,
  whole = (value: number): number => value,
): Component | undefined {
  if (text === '*') return [];
  const parts = text.split(',').map((one): Part | undefined => {
    const [, from = '', to, step] =
      /^(\d{1,4}|\*(?=\/))(?:\.\.(\d{1,4}))?(?:\/(\d{1,4}))?$/.exec(one) ?? [];
    if (from === '') return undefined;
    const part = {
      from: from === '*' ? least : whole(Number(from)),
      ...present({
        to: to === undefined ? undefined : whole(Number(to)),
        step: step === undefined ? undefined : Number(step),
      }),
    };
    const end = part.to ?? part.from;
    return part.from < least || end < part.from || end > most || part.step === 0 ? undefined : part;
  });
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

const dayNames = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

function weekdaysOf(text: string): Component | undefined {
  const parts = text.split(',').map((one): Part | undefined => {
    const ends = one.split(/\.\.|-/).map(dayOf);
    const [from, to] = ends;
    if (from === undefined || ends.includes(undefined) || ends.length > 2) return undefined;
    if (to === undefined) return { from };
    return to < from ? undefined : { from, to };
  });
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

/** 1 = Monday; names in full or by three letters. */
function dayOf(name: string): number | undefined {
  const index = dayNames.findIndex((day) => [day, day.slice(0, 3)].includes(name.toLowerCase()));
  return index < 0 ? undefined : index + 1;
}

/** The values of a component from `least` to `most`, in their order. */
export function valuesOf(component: Component, least: number, most: number): readonly number[] {
  const values = Array.from({ length: most - least + 1 }, (_, index) => least + index);
  return component.length === 0
    ? values
    : values.filter((value) => component.some((part) => includes(part, value)));
}

function includes({ from, to, step }: Part, value: number): boolean {
  const end = to ?? (step === undefined ? from : Number.POSITIVE_INFINITY);
  return value >= from && value <= end && (value - from) % (step ?? 1) === 0;
}
