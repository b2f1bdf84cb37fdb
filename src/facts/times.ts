// Times of files: scripts name the files in H, and the area machine prints their times.
import { type Fields, wholeNumber } from './fields.ts';

/** When a file was changed last, its metadata included, and its content; then its path. */
export const times = { area: 'machine', lines: /^at \d+ \d+ .*$/gm };

/** Epoch seconds when this file was changed last, its metadata included; 0 where nobody said. */
export const changedAt = (fields: Fields, path: string): number =>
  wholeNumber(fields.all('at').find((line) => path !== '' && line.endsWith(path)) ?? '') ?? 0;
