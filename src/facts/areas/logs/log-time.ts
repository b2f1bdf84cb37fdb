// Time of a log line: from its text, and from the time of its file where the text is incomplete.
import type { PastSource } from '../../../model/facts/values.ts';

export interface Dating {
  readonly source: PastSource;
  /** When the file was last written, seconds since 1970; 0 = not known. */
  readonly fileTime: number;
  /** The last line of the log. Kernel times count from the boot, so it gives the reference. */
  readonly lastLine: string;
  /** Seconds that the host's zone is ahead of UTC. */
  readonly zone: number;
}

/** `+0800` in seconds. */
export function zoneOf(text: string): number {
  const [, sign = '+', hours = '0', minutes = '0'] = /^([+-])(\d\d):?(\d\d)$/.exec(text) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

/** Seconds since 1970. 0 = not known, or not a plausible time for a log. */
export function timeOf(line: string, dating: Dating): number {
  const seconds = secondsOf(line, dating);
  return seconds > 0 && seconds < 10_000_000_000 ? seconds : 0;
}

function secondsOf(line: string, { source, fileTime, lastLine, zone }: Dating): number {
  const own =
    isoTime(line, zone) ?? (source === 'messages' ? syslogTime(line, fileTime, zone) : undefined);
  if (own !== undefined) return own;
  if (source === 'messages' || source === 'journal' || fileTime === 0) return 0;
  const [stamp, end] = [kernelStamp(line), kernelStamp(lastLine)];
  return stamp === undefined || end === undefined || end < stamp
    ? fileTime
    : Math.round(fileTime - (end - stamp));
}

/**
 * The time in the name of kdump's directory (`127.0.0.1-2018-11-05-10:24:33`). It counts where the
 * file is of another day, since the file was copied then.
 */
export function dumpTime(path: string, fileTime: number, zone: number): number {
  const [, year, month, date, time] =
    /-(\d{4})[-.](\d\d)[-.](\d\d)-(\d\d:\d\d:\d\d)\//.exec(path) ?? [];
  const named = Date.parse(`${year}-${month}-${date}T${time}Z`) / 1000 - zone;
  return Number.isFinite(named) && Math.abs(named - fileTime) > day ? named : fileTime;
}

/** `[12345.678901]`. */
const kernelStamp = (line: string): number | undefined => {
  const digits = /^(?:<\d+>)?\[ {0,12}(\d{1,12}\.\d{1,9})\]/.exec(line)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** `2018-11-05T10:24:33+0800`, `2018-11-05T10:24:33.123456+08:00`. */
function isoTime(line: string, zone: number): number | undefined {
  const [, date, time, offset] =
    /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?/.exec(line) ?? [];
  if (date === undefined || time === undefined) return undefined;
  const seconds = Date.parse(`${date}T${time}Z`) / 1000;
  if (!Number.isFinite(seconds)) return undefined;
  return seconds - (offset === undefined ? zone : zoneOf(offset));
}

const day = 86_400;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Nov  5 10:24:33` has no year: it is the last such day before the time of its file. */
function syslogTime(line: string, fileTime: number, zone: number): number | undefined {
  const [, name = '', date, hours, minutes, seconds] =
    /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)/.exec(line) ?? [];
  const month = months.indexOf(name);
  if (month < 0 || fileTime === 0) return undefined;
  const year = new Date((fileTime + zone) * 1000).getUTCFullYear();
  const inYear = (one: number): number =>
    Date.UTC(one, month, Number(date), Number(hours), Number(minutes), Number(seconds)) / 1000 -
    zone;
  return inYear(year) > fileTime + day ? inYear(year - 1) : inYear(year);
}
