// Layout of text for a terminal: widths, columns, colours, and escapes.
import { randomUUID } from 'node:crypto';
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
  line
    .split(signed)
    .map((part, index) => (index % 2 === 0 ? harmless(part) : `\u001b[${part}m`))
    .join('');

/** Columns of a text, without colours. */
export const widthOf = (text: string): number => [...text.replace(signed, '')].length;

export const padRight = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - widthOf(text)));

/** The text cut to a width, with an ellipsis. A text that is cut loses its colours. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return `${[...text.replace(signed, '')].slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** Rows in columns. On a narrow terminal the last column is folded; nothing is cut. */
export function table(rows: readonly (readonly string[])[], width: number): readonly string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, index) =>
    Math.max(0, ...rows.map((row) => widthOf(row[index] ?? ''))),
  );
  const indent = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 0);
  const room = Math.max(24, width - indent);
  return rows.flatMap((row) => {
    const cells = row
      .slice(0, columns - 1)
      .map((cell, index) => padRight(cell, widths[index] ?? 0));
    const [first = '', ...more] = fold(row[columns - 1] ?? '', room);
    return [
      [...cells, first].join('  ').trimEnd(),
      ...more.map((line) => ' '.repeat(indent) + line),
    ];
  });
}

/** Commands in a text, between backticks and those of kmend: they are not folded. */
const commands =
  /`[^`]+`|\bkmend (?:audit verify|runs show|[a-z]+) \d{8}-\d{6}-\w{4}(?: --[a-z-]+ (?:'[^']*'|\\'|[^\s,;)'\\])+| '[^']*'(?:\\''[^']*')*)*/g;
const kept = '\u0000';

/** Folds at spaces, but not in commands or long words. The first line has `more` columns. */
export function fold(text: string, room: number, more = 0): readonly string[] {
  if (widthOf(text) <= room + more) return [text];
  const lines: string[] = [];
  let line = '';
  const whole = text.replace(commands, (command) => command.replaceAll(' ', kept));
  for (const word of whole.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > room + (lines.length === 0 ? more : 0)) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((folded) => folded.replaceAll(kept, ' '));
}

export { plural } from '../model/text/plural.ts';

/** `90` = 1m30s, `3700` = 1h2m, `0.4` = 0.4s. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 === 0 ? `${minutes}m` : `${minutes}m${whole % 60}s`;
  return minutes % 60 === 0
    ? `${Math.floor(minutes / 60)}h`
    : `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}

/** Local clock time `14:05:09`, for lines of a run. */
export const clockTime = (at: number): string => new Date(at).toTimeString().slice(0, 8);
