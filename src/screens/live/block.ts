// Parts of the live view, and how many lines each of them gets.
import { cutTo, type Paint } from '../layout.ts';

/** What the view may take, at most. */
export interface Screen {
  readonly rows: number;
  readonly columns: number;
  readonly now: number;
  readonly paint: Paint;
  /** Of the times; absent = that of this machine. */
  readonly timeZone?: string;
}

export interface Block {
  /** Lines that it asks for; those of the lowest rank are given first. */
  readonly wants: readonly { readonly rank: number; readonly lines: number }[];
  /** Draws at most as many lines as it is given. */
  readonly draw: (room: number) => readonly string[];
}

/** Lines that matter alike. */
export const fixed = (lines: readonly string[], rank: number): Block => ({
  wants: [{ rank, lines: lines.length }],
  draw: (room) => lines.slice(0, room),
});

/**
 * Rows of which the first matter most. Where not all have room, the last line says how many there
 * are more.
 * @param row each may take several lines
 */
export function list<Row>(
  rows: readonly Row[],
  row: (one: Row) => readonly string[],
  more: (count: number) => string,
  ...wants: readonly { readonly rank: number; readonly rows: number }[]
): Block {
  // No terminal shows more.
  const drawn = rows.slice(0, 200).map(row);
  const linesOf = (count: number): number =>
    drawn.slice(0, count).reduce((sum, lines) => sum + lines.length, 0);
  const needed = (count: number): number => linesOf(count) + (count < rows.length ? 1 : 0);
  return {
    wants: wants.map(({ rank, rows: count }, index) => ({
      rank,
      lines: needed(count) - (index === 0 ? 0 : needed(wants[index - 1]?.rows ?? 0)),
    })),
    draw: (room) => {
      let count = drawn.length;
      while (count > 0 && needed(count) > room) count -= 1;
      return [
        ...drawn.slice(0, count).flat(),
        ...(count < rows.length && room > 0 ? [more(rows.length - count)] : []),
      ];
    },
  };
}

/** How many lines each block gets. */
export function allot(blocks: readonly Block[], rows: number): readonly number[] {
  const given = blocks.map(() => 0);
  let left = rows;
  const wants = blocks
    .flatMap(({ wants: own }, index) => own.map((want) => ({ ...want, index })))
    .sort((a, b) => a.rank - b.rank);
  for (const { index, lines } of wants) {
    const room = Math.max(0, Math.min(left, lines));
    given[index] = (given[index] ?? 0) + room;
    left -= room;
  }
  return given;
}

/** Text in one line: a tab or a line end of a host would be wider than a column. */
export const lineOf = (text: string, columns: number): string =>
  cutTo(text.replace(/[\t\r\n]+/g, ' '), columns);
