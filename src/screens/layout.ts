// Layout of text for a terminal: widths, columns, colours, and escapes.
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { harmless } from '../model/text/printable.ts';

/** Colours of a terminal; without colour elsewhere (`NO_COLOR`, a pipe) the same functions. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** The mark of kmend's own colours, random for each process, so that no host can forge it. */
const sign = `\u001b${randomUUID()}`;
const signed = new RegExp(`${sign}\\[(\\d+)m`, 'g');

const code = (on: number, off: number) => (text: string) => `${sign}[${on}m${text}${sign}[${off}m`;
const plain = (text: string): string => text;

export const coloured: Paint = {
  bold: code(1, 22),
  dim: code(2, 22),
  red: code(31, 39),
  green: code(32, 39),
  yellow: code(33, 39),
  cyan: code(36, 39),
};
export const uncoloured: Paint = {
  bold: plain,
  dim: plain,
  red: plain,
  green: plain,
  yellow: plain,
  cyan: plain,
};

/** A line for output: kmend's colours become escape sequences; all other controls are escaped. */
export const printable = (line: string): string =>
  line.includes(sign)
    ? line
        .split(signed)
        .map((part, index) => (index % 2 === 0 ? harmless(part) : `\u001b[${part}m`))
        .join('')
    : harmless(line);

const withoutColours = (text: string): string =>
  text.includes(sign) ? text.replace(signed, '') : text;

/** Of the bundle, which then has the package in it; a module has none. */
declare const require: NodeJS.Require | undefined;

let measuring: ((text: string) => number) | undefined;

/**
 * The package that knows wide characters. It takes 20 ms to make its pattern of all emoji, and most
 * commands print none.
 */
function measure(text: string): number {
  measuring ??= (
    typeof require === 'undefined'
      ? createRequire(import.meta.url)('string-width')
      : require('string-width')
  ).default as (text: string) => number;
  return measuring(text);
}

const asciiOnly = /^[ -~]*$/;

/** Columns of a text as it is printed, without colours. A wide character takes two. */
export function widthOf(text: string): number {
  const shown = harmless(withoutColours(text));
  return asciiOnly.test(shown) ? shown.length : measure(shown);
}

export const padRight = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - widthOf(text)));

/** The text cut to a width, with an ellipsis. A text that is cut loses its colours. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = '';
  let left = width - 1;
  for (const { segment } of new Intl.Segmenter().segment(withoutColours(text))) {
    left -= widthOf(segment);
    if (left < 0) break;
    cut += segment;
  }
  return `${cut}…`;
}

/** The least columns in which a text is folded beside others. */
const narrowest = 24;

/**
 * Rows in columns. On a narrow terminal the last column is folded, or stands below the others; nothing
 * is cut.
 */
export function table(rows: readonly (readonly string[])[], width: number): readonly string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const sizes = rows.map((row) => row.map(widthOf));
  const widths = Array.from({ length: columns }, (_, index) =>
    sizes.reduce((widest, row) => Math.max(widest, row[index] ?? 0), 0),
  );
  const indent = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 0);
  const room = width - indent;
  // A column that begins near the right edge would be folded word by word.
  const below = room < narrowest / 2 && indent > width / 2 && (widths.at(-1) ?? 0) > room;
  return rows.flatMap((row, at) => {
    const cells = row
      .slice(0, columns - 1)
      .map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - (sizes[at]?.[index] ?? 0)));
    const last = row[columns - 1] ?? '';
    if (below) return [cells.join('  ').trimEnd(), ...foldLine(`  ${last}`, width)];
    const [first = '', ...more] = fold(last, Math.max(narrowest, room));
    return [
      [...cells, first].join('  ').trimEnd(),
      ...more.map((line) => ' '.repeat(indent) + line),
    ];
  });
}

/** Commands in a text, which are not folded: between backticks, and those of kmend with options. */
const commands =
  /`[^`]+`|\bkmend (?:audit verify|runs show|[a-z]+)(?: \d{8}-\d{6}-\w{4})?(?: --[a-z-]+ (?:'[^']*'|\\'|[^\s,;)'\\])+| '[^']*'(?:\\''[^']*')*)*/g;
/** What kmend does is no command. */
const sentence = /^kmend (?:cannot|could|did|does|has|is|knows|needs|never|refuses) /;
const kept = '\u0000';

/** Where the command begins that ends a text, behind a colon; else the end of the text. */
function lastCommand(text: string): number {
  const from = Math.max(text.lastIndexOf(','), text.lastIndexOf(';')) + 1;
  const at = text.indexOf(': kmend ', from);
  return at < 0 || sentence.test(text.slice(at + 2)) ? text.length : at + 2;
}

const inOnePiece = (command: string): string => command.replaceAll(' ', kept);

/** Folds at spaces, but not in commands or long words. The first line has `more` columns. */
export function fold(text: string, room: number, more = 0): readonly string[] {
  if (widthOf(text) <= room + more) return [text];
  const lines: string[] = [];
  let line = '';
  const at = lastCommand(text);
  const whole = text.slice(0, at).replace(commands, inOnePiece) + inOnePiece(text.slice(at));
  for (const word of whole.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > room + (lines.length === 0 ? more : 0)) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((folded) => folded.replaceAll(kept, ' '));
}

export { plural } from '../model/text/plural.ts';
export { duration } from './units.ts';

/** A line folded to a width: what does not fit is indented two columns deeper. */
export function foldLine(line: string, width: number): readonly string[] {
  if (widthOf(line) <= width) return [line];
  const text = line.trimStart();
  const by = line.length - text.length;
  return fold(text, Math.max(30, width - by - 2), 2).map(
    (part, index) => ' '.repeat(index === 0 ? by : by + 2) + part,
  );
}

const fields = {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
  timeZoneName: 'short',
} as const;
const formats = new Map<string, Intl.DateTimeFormat>();

function partsOf(at: number, locale: string, timeZone: string | undefined) {
  const key = `${locale} ${timeZone}`;
  const format =
    formats.get(key) ??
    new Intl.DateTimeFormat(locale, timeZone === undefined ? fields : { ...fields, timeZone });
  formats.set(key, format);
  return new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
}

/** @param timeZone the zone of this machine when it is not given */
function localTime(at: number, timeZone?: string) {
  const british = partsOf(at, 'en-GB', timeZone);
  const field = (name: Intl.DateTimeFormatPartTypes): string => british.get(name) ?? '';
  // British English knows the names of European zones, American English those of America. A zone
  // without a name in English is `GMT+5:30`.
  const zone = field('timeZoneName');
  const american = /\d/.test(zone) ? partsOf(at, 'en-US', timeZone).get('timeZoneName') : undefined;
  return {
    day: `${field('year')}-${field('month')}-${field('day')}`,
    minute: `${field('hour')}:${field('minute')}`,
    second: field('second'),
    zone: american ?? zone,
  };
}

/** What goes on now is shown in local time, with its zone: `14:05:09 CET`. */
export function clockTime(at: number, timeZone?: string): string {
  const { minute, second, zone } = localTime(at, timeZone);
  return `${minute}:${second} ${zone}`;
}

/** A range of times, with the date where it is not that of `now`: `14:05-14:20 CET`. */
export function timeRange(from: number, to: number, now: number, timeZone?: string): string {
  const today = localTime(now, timeZone).day;
  const [begin, end] = [localTime(from, timeZone), localTime(to, timeZone)];
  const dated = ({ day, minute }: typeof begin, before: string): string =>
    day === before ? minute : `${day} ${minute}`;
  const [first, last] = [dated(begin, today), dated(end, begin.day)];
  if (begin.zone !== end.zone) return `${first} ${begin.zone} - ${last} ${end.zone}`;
  const separator = begin.day === end.day ? '-' : ' - ';
  return `${first}${first === dated(end, today) ? '' : `${separator}${last}`} ${end.zone}`;
}

/** A time in the future or the past: `14:05 CET`, on another day than `now` with the date. */
export const timeAt = (at: number, now: number, timeZone?: string): string =>
  timeRange(at, at, now, timeZone);

/** Records are shown in UTC, and say so: `2026-11-27 13:05:09 UTC`. */
export const utcTime = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
