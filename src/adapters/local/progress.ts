// A progress line on a terminal. Pipes and logs never get it.
import { harmless } from '../../model/text/printable.ts';

/** Milliseconds between two draws. */
const drawEvery = 200;

/** The empty text removes the line. Of several texts within `drawEvery` the latest is drawn. */
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
