// One line on a terminal that is drawn over; a pipe or a log never sees it.
import { harmless } from '../../model/text/printable.ts';

/** Milliseconds between two draws. */
const drawEvery = 200;

/**
 * The empty text takes the line away. Of texts that come too fast the latest is drawn: nothing more
 * may come for a long time.
 */
export function progressLine(output: NodeJS.WriteStream): (text: string) => void {
  if (output.isTTY !== true) return () => {};
  let drawn = 0;
  let later: NodeJS.Timeout | undefined;
  const draw = (text: string): void => {
    drawn = text === '' ? 0 : Date.now();
    output.write(`\r\u001b[K${harmless(text).slice(0, Math.max(10, output.columns - 1))}`);
  };
  return (text) => {
    clearTimeout(later);
    const left = text === '' ? 0 : drawn + drawEvery - Date.now();
    if (left <= 0) draw(text);
    else later = setTimeout(draw, left, text).unref();
  };
}
