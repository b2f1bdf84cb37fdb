// One line on a terminal that is drawn over; a pipe or a log never sees it.
import { harmless } from '../model/printable.ts';

/** Milliseconds between two draws. */
const drawEvery = 200;

/** The empty text takes the line away. */
export function progressLine(output: NodeJS.WriteStream): (text: string) => void {
  if (output.isTTY !== true) return () => {};
  let drawn = 0;
  return (text) => {
    if (text !== '' && Date.now() - drawn < drawEvery) return;
    drawn = text === '' ? 0 : Date.now();
    output.write(`\r\u001b[K${harmless(text).slice(0, Math.max(10, output.columns - 1))}`);
  };
}
