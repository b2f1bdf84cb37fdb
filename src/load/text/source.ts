// A text with its path; turns offsets into line and column.
import type { Place } from '../../model/diagnostic.ts';

export interface Source {
  readonly path: string;
  readonly text: string;
  /** Line and column of an offset, both from 1. */
  readonly placeAt: (offset: number) => Place;
}

/** Counts the lines on the first call only: most files have no diagnostics. */
export function sourceOf(path: string, text: string): Source {
  let starts: number[] | undefined;
  const placeAt = (offset: number): Place => {
    starts ??= lineStarts(text);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { file: path, line: low + 1, column: Math.max(0, offset - (starts[low] ?? 0)) + 1 };
  };
  return { path, text, placeAt };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
