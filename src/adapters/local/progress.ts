// Progress on a terminal: lines that are drawn anew in their place. Pipes and logs never get it.
import { harmless } from '../../model/text/printable.ts';

/** Milliseconds between two draws. */
const drawEvery = 100;

const esc = '\u001b';
const restOfRow = `${esc}[K`;
const restOfScreen = `${esc}[J`;

export interface Progress {
  /**
   * Draws these lines in place of those before. Of several calls within `drawEvery`
   * the latest is drawn, and only its lines are made.
   */
  readonly show: (lines: () => readonly string[]) => void;
  /** Removes what is drawn, for good. */
  readonly end: () => void;
  /** Removes what is drawn, so that something else can be printed; the next text is drawn below. */
  readonly hide: () => void;
}

/**
 * @param widthOf columns that a text takes
 */
export function progressLines(
  output: NodeJS.WriteStream,
  widthOf: (text: string) => number,
): Progress {
  if (output.isTTY !== true) return { show: () => {}, end: () => {}, hide: () => {} };
  let drawn: readonly string[] = [];
  let drawnAt = 0;
  let later: NodeJS.Timeout | undefined;
  /** Rows that are drawn. A terminal that became narrow has folded lines. */
  const rowsNow = (): number => {
    const columns = Math.max(1, output.columns);
    const rows = drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)),
      0,
    );
    return Math.min(rows, output.rows);
  };
  const draw = (lines: readonly string[]): void => {
    const rows = rowsNow();
    drawnAt = lines.length === 0 ? 0 : Date.now();
    drawn = lines.slice(-Math.max(1, output.rows - 1));
    output.write(redrawn(rows, drawn, (line) => harmless(line)));
  };
  const hide = (): void => {
    if (drawn.length > 0) draw([]);
  };
  return {
    show: (lines) => {
      clearTimeout(later);
      const left = drawnAt + drawEvery - Date.now();
      if (left <= 0) draw(lines());
      else later = setTimeout(() => draw(lines()), left).unref();
    },
    end: () => {
      clearTimeout(later);
      hide();
    },
    hide,
  };
}

/**
 * Replaces so many rows by these lines. Some terminals keep what is cleared from their first row on,
 * so no clearing begins there.
 */
function redrawn(rows: number, drawn: readonly string[], safe: (line: string) => string): string {
  const lines = drawn.map(safe);
  const up = rows > 1 ? `${esc}[${rows - 1}A` : '';
  if (lines.length > 0) return `\r${up}${lines.join(`${restOfRow}\r\n`)}${restOfScreen}`;
  return `\r${up}${rows > 1 ? `${restOfRow}\r\n${restOfScreen}${esc}[1A` : restOfRow}`;
}
